// Counts this thread's heap allocations between two marks: malloc and operator new, whoever
// calls them. Under a sanitizer its own hooks count.
#pragma once

#include <cstdint>

namespace heddle::rig {

class AllocationCount {
 public:
  AllocationCount();
  ~AllocationCount();
  AllocationCount(const AllocationCount&) = delete;
  AllocationCount& operator=(const AllocationCount&) = delete;

  // Since construction.
  uint64_t value() const;
};

}  // namespace heddle::rig
