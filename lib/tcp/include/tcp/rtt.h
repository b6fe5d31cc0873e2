// Round trip and retransmission time-out (RFC 6298), and the minimum over a sliding window, which
// RACK's reordering window and the spurious loss checks need.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/time.h"

namespace heddle::tcp {

struct RttLimits {
  Duration initial_rto = seconds(1);
  Duration min_rto = milliseconds(200);  // beyond the smoothed round trip
  Duration max_rto = seconds(60);
};

class Rtt {
 public:
  bool has_sample() const { return srtt_.ns() > 0; }
  Duration srtt() const { return srtt_; }
  Duration rttvar() const { return rttvar_; }
  Duration latest() const { return latest_; }
  // The lowest of the last ten seconds or so; 0 without a sample.
  Duration min_rtt() const { return min_; }

  void sample(Duration rtt, Instant now) {
    rtt = std::max(rtt, nanoseconds(1));
    latest_ = rtt;
    if (!has_sample()) {
      srtt_ = rtt;
      rttvar_ = rtt / 2;
    } else {
      const Duration error = srtt_ > rtt ? srtt_ - rtt : rtt - srtt_;
      rttvar_ = rttvar_ + (error - rttvar_) / 4;
      srtt_ = srtt_ + (rtt - srtt_) / 8;
    }
    note_min(rtt, now);
  }

  // Without back-off; the caller doubles it for each time-out in a row (RFC 6298 5.5).
  Duration rto(const RttLimits& limits) const {
    if (!has_sample()) return limits.initial_rto;
    // The lower limit is on the margin, not on the sum: where the round trip hardly varies, four
    // times its variation is nothing, and any delay would count as a loss.
    return std::min(srtt_ + std::max(limits.min_rto, rttvar_ * 4), limits.max_rto);
  }
  Duration rto(const RttLimits& limits, uint32_t backoff) const {
    const int64_t factor = int64_t{1} << std::min<uint32_t>(backoff, 20);
    return std::min(rto(limits) * factor, limits.max_rto);
  }

  // A handshake that needed the timer: its first data starts carefully (RFC 6298 5.7).
  void forget() { *this = Rtt(); }

 private:
  static constexpr Duration kMinWindow = seconds(10);

  // Two halves of the window: the lowest of this half and of the one before.
  void note_min(Duration rtt, Instant now) {
    if (min_.ns() == 0 || now - half_began_ > kMinWindow / 2) {
      before_ = min_.ns() == 0 ? rtt : current_;
      current_ = rtt;
      half_began_ = now;
    }
    current_ = std::min(current_, rtt);
    min_ = std::min(before_, current_);
  }

  Duration srtt_;
  Duration rttvar_;
  Duration latest_;
  Duration min_;
  Duration before_;
  Duration current_;
  Instant half_began_;
};

}  // namespace heddle::tcp
