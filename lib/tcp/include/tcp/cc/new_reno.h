// NewReno's window (RFC 5681 3.1): one segment a round trip, half of it after a loss.
#pragma once

#include "tcp/cc/window.h"

namespace heddle::tcp::cc {

class NewReno {
 public:
  void avoid(Window& window, const Ack& ack);
  void on_congestion(Window& window, Instant now);
  void on_timeout() { acked_ = 0; }

 private:
  uint32_t acked_ = 0;  // bytes since the window last grew (RFC 3465)
};

}  // namespace heddle::tcp::cc
