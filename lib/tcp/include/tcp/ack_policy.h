// When to acknowledge: at once, or with the next data or after a delay (RFC 1122 4.2.3.2,
// RFC 5681 4.2).
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/time.h"

namespace heddle::tcp {

class AckPolicy {
 public:
  void begin(uint8_t quick) { quick_ = quick; }

  // Payload came in order. At least every second full segment is acknowledged at once; a segment
  // that the port put together from many counts as many (by bytes, not by number).
  void on_data(uint32_t bytes, uint32_t mss, Instant now, Duration delay) {
    pending_ += bytes;
    if (quick_ > 0) {
      --quick_;
      now_ = true;
    }
    if (pending_ > mss) now_ = true;
    if (!now_ && due_ == kNever) due_ = now + delay;
  }
  void at_once() { now_ = true; }
  void set_quick(uint8_t n) { quick_ = std::max(quick_, n); }

  bool wanted() const { return now_; }
  Instant due() const { return due_; }
  bool waiting() const { return due_ != kNever; }
  // Any segment that leaves carries the acknowledgment.
  void sent() {
    pending_ = 0;
    now_ = false;
    due_ = kNever;
  }

 private:
  Instant due_ = kNever;
  uint32_t pending_ = 0;
  uint8_t quick_ = 0;
  bool now_ = false;
};

}  // namespace heddle::tcp
