// TokenBucket: `rate` tokens a second, at most `burst` at once. The clock is an argument.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/time.h"

namespace heddle {

class TokenBucket {
 public:
  constexpr TokenBucket(uint32_t rate, uint32_t burst)
      : cost_ns_(1'000'000'000 / std::max<uint32_t>(rate, 1)), depth_ns_(cost_ns_ * burst) {}

  // Takes one token if there is one. A clock that stands still or goes back gives none.
  constexpr bool take(Instant now) {
    // The bucket is kept as the moment at which it was empty, so refilling costs nothing.
    const int64_t oldest = now.ns() - depth_ns_;
    const int64_t empty_at = std::max(empty_at_ns_, oldest) + cost_ns_;
    if (empty_at > now.ns()) return false;
    empty_at_ns_ = empty_at;
    return true;
  }

 private:
  int64_t cost_ns_;
  int64_t depth_ns_;
  int64_t empty_at_ns_ = INT64_MIN / 2;
};

}  // namespace heddle
