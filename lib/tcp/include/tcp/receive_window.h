// The window that we offer. Its right edge never moves back: back-pressure is a window that
// closes as data comes in. It opens in steps that are worth a segment (RFC 9293 3.8.6.2.2), and
// grows with the speed of the reader.
#pragma once

#include <cstdint>

#include "core/time.h"
#include "tcp/seq.h"

namespace heddle::tcp {

class ReceiveWindow {
 public:
  void begin(Seq rcv_nxt, uint32_t capacity, uint32_t max, uint8_t scale);
  void set_scale(uint8_t scale) { scale_ = scale; }
  uint8_t scale() const { return scale_; }
  uint32_t capacity() const { return capacity_; }
  // All before it may be sent to us.
  Seq right() const { return right_; }
  uint32_t size(Seq rcv_nxt) const { return span_of(rcv_nxt, right_); }

  // The window field for a segment that leaves now, scaled unless it is a SYN's. `charged` are
  // the bytes that the connection holds.
  uint16_t advertise(Seq rcv_nxt, uint32_t charged, uint16_t mss);
  uint16_t advertise_in_syn(Seq rcv_nxt);
  // Reading has opened it by so much that the peer should hear of it.
  bool worth_telling(Seq rcv_nxt, uint32_t charged, uint16_t mss) const;

  // The reader took `n` bytes: when it takes half a window a round trip, the window is what
  // limits, and doubles (Fisk and Feng 2001).
  void on_read(uint32_t n, Duration rtt, Instant now);

  // The smallest shift with which `max` fits, at most 14 (RFC 7323 2.3).
  static uint8_t scale_for(uint32_t max);

 private:
  uint32_t unit() const { return 1u << scale_; }

  Seq right_;
  Seq honest_;  // where the right edge would be without rounding
  uint32_t capacity_ = 0;
  uint32_t max_ = 0;
  uint32_t read_ = 0;
  Instant round_;
  uint8_t scale_ = 0;
};

}  // namespace heddle::tcp
