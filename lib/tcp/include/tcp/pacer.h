// Pacer: spreads what the window allows over the round trip, in bursts that are large enough to
// be cheap. On paths with a round trip of a millisecond or so a whole window is one burst.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/time.h"

namespace heddle::tcp {

class Pacer {
 public:
  // Bytes a second; 0 does not pace.
  void set_rate(uint64_t rate) { rate_ = rate; }
  uint64_t rate() const { return rate_; }

  bool may_send(Instant now) const { return rate_ == 0 || now >= next_; }
  Instant next() const { return rate_ == 0 ? Instant() : next_; }

  // `burst` bytes may go out at once, so the bill is due that much later.
  void sent(uint32_t bytes, uint32_t burst, Instant now) {
    if (rate_ == 0) return;
    const auto cost = [this](uint64_t n) {
      return nanoseconds(static_cast<int64_t>(n * 1'000'000'000 / rate_));
    };
    // Credit is what `next_` lies in the past by, at most one burst.
    next_ = std::max(next_, now - cost(burst)) + cost(bytes);
  }

  // As Linux does it: twice the window a round trip in slow start, 1.2 times after it.
  static uint64_t rate_of(uint32_t cwnd, Duration srtt, bool slow_start) {
    if (srtt.ns() <= 0) return 0;
    const double bytes = static_cast<double>(cwnd) * (slow_start ? 2.0 : 1.2);
    return static_cast<uint64_t>(bytes * 1e9 / static_cast<double>(srtt.ns()));
  }

 private:
  uint64_t rate_ = 0;
  Instant next_;
};

}  // namespace heddle::tcp
