#include "tcp/cc/new_reno.h"

#include <algorithm>

namespace heddle::tcp::cc {

void NewReno::avoid(Window& window, const Ack& ack) {
  acked_ += ack.acked;
  if (acked_ < window.cwnd) return;
  acked_ -= window.cwnd;
  window.cwnd += window.mss;
}

void NewReno::on_congestion(Window& window, Instant) {
  window.ssthresh = std::max(window.cwnd / 2, 2 * window.mss);
  acked_ = 0;
}

}  // namespace heddle::tcp::cc
