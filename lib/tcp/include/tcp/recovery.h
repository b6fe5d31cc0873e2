// Where a connection stands in repairing losses, and what it needs to take a response back.
#pragma once

#include <cstdint>

#include "core/time.h"
#include "tcp/cc/congestion.h"
#include "tcp/prr.h"
#include "tcp/seq.h"

namespace heddle::tcp {

enum class Phase : uint8_t {
  kOpen,
  kRecovery,  // losses found by acknowledgments (RFC 6675, RFC 6582)
  kLoss,      // a time-out (RFC 5681 3.1)
};

struct Recovery {
  Phase phase = Phase::kOpen;
  Seq point;  // recovery ends when all before it is acknowledged
  Prr prr;

  // For undo (RFC 4015): the window before, and when the first retransmission left.
  cc::Congestion before;
  bool can_undo = false;
  bool by_timeout = false;   // a time-out was among what found the losses
  bool stamped = false;      // `stamp` is valid
  uint32_t stamp = 0;        // timestamp of the first retransmission (RFC 3522)
  uint32_t outstanding = 0;  // retransmissions that no D-SACK has reported yet
  Seq undo_from;             // D-SACKs before it are older

  // F-RTO (RFC 5682) after a time-out.
  bool frto = false;
  // Without SACK: duplicate acknowledgments, each of which means a segment has arrived.
  uint32_t duplicates = 0;
  bool had_point = false;  // RFC 6582 3.2: `point` is of an episode whose ACKs may linger

  // Tail loss probe (RFC 8985 7).
  bool probing = false;
  bool probe_is_retransmission = false;
  Seq probe_end;

  // ECN: one response a round trip (RFC 3168 6.1.2).
  bool reduced = false;
  Seq reduced_until;
};

}  // namespace heddle::tcp
