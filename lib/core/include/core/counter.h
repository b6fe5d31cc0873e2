// Counter: written by one thread, read by any. The increment is a plain add in machine code;
// the relaxed atomic only tells the compiler and the thread sanitizer that readers exist.
#pragma once

#include <atomic>
#include <cstdint>

namespace heddle {

class Counter {
 public:
  void add(uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace heddle
