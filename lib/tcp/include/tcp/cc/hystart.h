// HyStart++ (RFC 9406): leaves slow start when round trips grow, by way of a conservative phase
// that finds out whether that was by chance.
#pragma once

#include <cstdint>

#include "tcp/cc/window.h"

namespace heddle::tcp::cc {

class HyStart {
 public:
  // Called for each acknowledgment in slow start. Returns by how many bytes the window grows.
  uint32_t on_ack(const Window& window, const Ack& ack);
  // A round trip that an acknowledgment told without moving SND.UNA, by SACK.
  void on_round_trip(Duration rtt) { look(rtt); }
  // Slow start is over: ssthresh is to be cwnd.
  bool done() const { return done_; }
  void restart() { *this = HyStart(); }
  bool conservative() const { return css_rounds_ > 0; }

 private:
  void begin_round();
  void look(Duration rtt);

  Duration last_min_;
  Duration current_min_;
  Duration baseline_;
  uint8_t samples_ = 0;
  uint8_t css_rounds_ = 0;  // 0: slow start, else the number of this conservative round
  bool done_ = false;
};

}  // namespace heddle::tcp::cc
