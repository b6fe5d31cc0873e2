// The TCP state machine of somebody in the middle, as one constant table.
#pragma once

#include <cstdint>

#include "flow/state.h"
#include "wire/tcp.h"

namespace heddle::flow {

// What a segment is to the state machine.
enum class TcpKind : uint8_t {
  kSyn,
  kSynAck,
  kAck,      // data, or an acknowledgment alone
  kLastAck,  // the ACK after which all of both sides is acknowledged, their FINs included
  kFin,
  kRst,
  kBad,  // flags that no TCP sends together; has no column in the table
};
inline constexpr size_t kTcpKinds = 6;

constexpr TcpKind tcp_kind(wire::TcpFlags flags) {
  using enum wire::TcpFlag;
  const bool syn = flags.has(kSyn), fin = flags.has(kFin), rst = flags.has(kRst);
  if (syn + fin + rst > 1) return TcpKind::kBad;
  if (rst) return TcpKind::kRst;
  if (syn) return flags.has(kAck) ? TcpKind::kSynAck : TcpKind::kSyn;
  if (!flags.has(kAck)) return TcpKind::kBad;  // RFC 9293 3.10.7.4: dropped by every receiver
  return fin ? TcpKind::kFin : TcpKind::kAck;
}

enum class TcpAction : uint8_t {
  kUnexpected,  // refused: the name of every cell that says nothing else
  kOpen,        // begins a flow
  kPickUp,      // begins one in its middle, if policy allows
  kPass,        // checked, learnt from, and the state changes
  kIgnore,      // passes without being believed: the receiver will challenge it (RFC 5961)
  kRestart,     // the tuple is used anew: the flow goes, and the SYN is looked at as the first
};

struct TcpCell {
  State next = State::kNone;
  TcpAction action = TcpAction::kUnexpected;
  friend constexpr bool operator==(const TcpCell&, const TcpCell&) = default;
};

// Total over the TCP states, both directions and all kinds but kBad.
TcpCell tcp_transition(State state, Direction direction, TcpKind kind);

}  // namespace heddle::flow
