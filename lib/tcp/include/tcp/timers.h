// A connection's deadlines. The owner keeps one timer for the earliest of them.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/time.h"

namespace heddle::tcp {

// What the one timer for losses waits for: RFC 8985 8 runs one at a time.
enum class LossTimer : uint8_t { kNone, kReorder, kProbe, kRetransmit, kPersist };

struct Timers {
  Instant loss = kNever;
  Instant delayed_ack = kNever;
  Instant keepalive = kNever;
  Instant linger = kNever;  // FIN-WAIT-2, and the end of the connection attempt
  Instant pace = kNever;
  LossTimer loss_kind = LossTimer::kNone;

  Instant earliest() const { return std::min({loss, delayed_ack, keepalive, linger, pace}); }
  void stop_all() { *this = Timers(); }
};

}  // namespace heddle::tcp
