// What all congestion controls share: the window, and what they are told.
#pragma once

#include <cstdint>

#include "core/time.h"

namespace heddle::tcp::cc {

// In bytes.
struct Window {
  uint32_t cwnd = 0;
  uint32_t ssthresh = UINT32_MAX;
  uint32_t mss = 0;

  bool slow_start() const { return cwnd < ssthresh; }
};

// An acknowledgment outside of recovery.
struct Ack {
  uint32_t acked = 0;    // bytes newly delivered
  bool limited = false;  // the window was what kept us from sending more
  bool round = false;    // the first of a new round trip
  bool paced = false;
  Duration rtt;  // of this acknowledgment; 0 when it gave none
  Duration srtt;
  Instant now;
};

}  // namespace heddle::tcp::cc
