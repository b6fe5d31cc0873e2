// Stamp: the time of a record, in 32 bits of milliseconds. It goes round after 49 days, so two
// of them are compared by their distance, which is right up to 24 days.
#pragma once

#include <cstdint>

#include "core/time.h"

namespace heddle::flow {

class Stamp {
 public:
  constexpr Stamp() = default;
  constexpr explicit Stamp(uint32_t ms) : ms_(ms) {}
  constexpr explicit Stamp(Instant at) : ms_(static_cast<uint32_t>(at.ns() / 1'000'000)) {}

  constexpr uint32_t ms() const { return ms_; }

  // Milliseconds from `other` to this; negative when it is earlier.
  constexpr int32_t since(Stamp other) const { return static_cast<int32_t>(ms_ - other.ms_); }
  constexpr Stamp plus(uint32_t ms) const { return Stamp(ms_ + ms); }

  friend constexpr bool operator==(Stamp, Stamp) = default;

 private:
  uint32_t ms_ = 0;
};

}  // namespace heddle::flow
