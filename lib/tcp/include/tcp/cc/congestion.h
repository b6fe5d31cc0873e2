// Congestion: the narrow door between a connection and its congestion control. It is fed with
// events and the time, and asked for nothing but the window. Plain data.
#pragma once

#include <cstdint>
#include <variant>

#include "tcp/cc/cubic.h"
#include "tcp/cc/hystart.h"
#include "tcp/cc/new_reno.h"
#include "tcp/profile.h"

namespace heddle::tcp::cc {

class Congestion {
 public:
  void begin(CongestionKind kind, uint32_t mss, uint32_t initial_segments);

  uint32_t cwnd() const { return window_.cwnd; }
  uint32_t ssthresh() const { return window_.ssthresh; }
  bool slow_start() const { return window_.slow_start(); }
  uint32_t mss() const { return window_.mss; }
  void set_mss(uint32_t mss) { window_.mss = mss; }
  // During recovery the window is proportional rate reduction's.
  void set_cwnd(uint32_t cwnd);

  void on_ack(const Ack& ack);
  // A round trip, measured while SND.UNA stood still: the window does not grow by it.
  void on_round_trip(Duration rtt) {
    if (window_.slow_start()) hystart_.on_round_trip(rtt);
  }
  // A loss or a congestion mark, with `flight` bytes outstanding: ssthresh is new, the window is
  // the caller's to lower.
  void on_congestion(uint32_t flight, Instant now);
  // A time-out. `first`: of its data; further ones in a row leave ssthresh (RFC 5681 3.1).
  void on_timeout(uint32_t flight, Instant now, bool first);
  // Nothing was sent for `idle`: each time-out's length of it halves the window down to the
  // initial one (RFC 2861), and ssthresh remembers.
  void on_idle(Duration idle, Duration rto);
  // The response was to a loss that was none.
  void undo(const Congestion& before);

 private:
  Window window_;
  uint32_t initial_ = 0;
  HyStart hystart_;
  Instant last_ack_;
  std::variant<Cubic, NewReno> algorithm_;
};

}  // namespace heddle::tcp::cc
