// Backoff: what a worker does when there is nothing to do: pauses at first, then sleeps for longer
// and longer, at most 0.85 ms, so that a packet after a quiet time is answered within one.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/time.h"

namespace heddle::app {

class Backoff {
 public:
  explicit Backoff(bool may_sleep) : may_sleep_(may_sleep) {}

  void worked() { quiet_since_ = kNever; }

  // How long to sleep now: zero while it is too early, or when told to spin.
  Duration rest(Instant now) {
    if (!may_sleep_) return {};
    if (quiet_since_ == kNever) {
      quiet_since_ = now;
      next_ = kFirst;
    }
    if (now - quiet_since_ < kPatience) return {};
    const Duration sleep = next_;
    next_ = std::min(next_ * 2, kLongest);
    return sleep;
  }

 private:
  static constexpr Duration kPatience = microseconds(100);
  static constexpr Duration kFirst = microseconds(20);
  static constexpr Duration kLongest = microseconds(850);

  bool may_sleep_;
  Instant quiet_since_ = kNever;
  Duration next_ = kFirst;
};

}  // namespace heddle::app
