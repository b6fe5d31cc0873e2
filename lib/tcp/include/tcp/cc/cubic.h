// CUBIC (RFC 9438): the window is a cubic function of the time since the last reduction, never
// below what Reno would have. In integers, so that all machines agree.
#pragma once

#include "tcp/cc/window.h"

namespace heddle::tcp::cc {

class Cubic {
 public:
  void avoid(Window& window, const Ack& ack);
  void on_congestion(Window& window, Instant now);
  void on_timeout() { epoch_ = {}; }
  // Time in which the window was not used does not count (5.8).
  void on_unused(Duration time) {
    if (epoch_.ns() != 0) epoch_ = epoch_ + time;
  }

  // The cubic root, rounded down.
  static uint32_t cube_root(uint64_t x);

 private:
  void begin(const Window& window, Instant now);
  int64_t window_at(const Window& window, Duration since_epoch) const;
  void grow_reno(const Window& window, uint32_t acked);

  Instant epoch_;            // 0: a new one begins with the next acknowledgment
  uint32_t w_max_ = 0;       // bytes, before the last reduction
  uint32_t k_ms_ = 0;        // when the plateau is reached
  uint32_t origin_ = 0;      // bytes, the plateau
  uint32_t w_est_ = 0;       // bytes, Reno's window
  uint32_t prior_ = 0;       // bytes, cwnd before the last reduction
  uint64_t est_credit_ = 0;  // not yet a byte of w_est_
  uint64_t credit_ = 0;      // not yet a byte of cwnd
};

}  // namespace heddle::tcp::cc
