// The state machine of RFC 9293 3.3.2 as a table. What is not in it is a drop with a name.
#pragma once

#include <cstdint>
#include <string_view>

namespace heddle::tcp {

enum class State : uint8_t {
  kClosed,
  kListen,
  kSynSent,
  kSynReceived,
  kEstablished,
  kFinWait1,
  kFinWait2,
  kCloseWait,
  kClosing,
  kLastAck,
  kTimeWait,
};
inline constexpr int kStates = 11;

enum class Event : uint8_t {
  kListen,    // the user waits for connections
  kConnect,   // the user opens one
  kSyn,       // a SYN without an acceptable ACK
  kSynAck,    // a SYN with an ACK of ours
  kAckOfSyn,  // our SYN is acknowledged, by a segment without SYN
  kShutdown,  // the user has nothing more to send
  kFin,       // the peer has nothing more to send
  kAckOfFin,  // our FIN is acknowledged
  kReset,     // a valid RST, or the user aborts
  kTimeout,   // 2 MSL are over, or the peer is given up
};
inline constexpr int kEvents = 10;

std::string_view name_of(State state);
std::string_view name_of(Event event);

struct Step {
  State next;
  bool valid;  // false: the event has no place in the state and changes nothing
};

Step step(State state, Event event);

// Our SYN has been acknowledged, and sequence numbers on both sides are known.
constexpr bool is_synchronized(State state) { return state >= State::kEstablished; }
// We may still send data that was not sent before.
constexpr bool can_send(State state) {
  return state == State::kEstablished || state == State::kCloseWait;
}
// The peer may still send data that we have not seen.
constexpr bool can_receive(State state) {
  return state == State::kEstablished || state == State::kFinWait1 || state == State::kFinWait2;
}

}  // namespace heddle::tcp
