// The states of a flow, all protocols in one list, and what goes with them: how long a flow may
// be silent in each, and which goes first when the table is full.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/time.h"
#include "wire/ip_protocol.h"

namespace heddle::flow {

// Initiator is who sent the first packet of the flow, responder who answers.
enum class State : uint8_t {
  kNone,          // no flow
  kSynSent,       // the initiator's SYN
  kSynReceived,   // and the responder's SYN with its ACK
  kSimultaneous,  // a SYN of each, neither acknowledged (RFC 9293 3.5)
  kMidstream,     // picked up without its SYN; only the first sender was seen
  kEstablished,
  kFinInitiator,  // the initiator has closed its half
  kFinResponder,
  kFinBoth,   // both have, not all is acknowledged
  kTimeWait,  // all is acknowledged
  kReset,     // by a RST that was believed
  kUdpOneWay,
  kUdpTwoWay,
  kQueryOneWay,  // ICMP and ICMPv6 echo and timestamp
  kQueryTwoWay,
  kOtherOneWay,  // by addresses alone
  kOtherTwoWay,
};
inline constexpr size_t kStates = 17;
inline constexpr size_t kTcpStates = 11;  // the first ones

const char* name(State state);

enum class Direction : uint8_t { kOriginal, kReply };
constexpr Direction opposite(Direction direction) {
  return direction == Direction::kOriginal ? Direction::kReply : Direction::kOriginal;
}

// In the order in which a full table gives flows up.
enum class EvictionClass : uint8_t { kHalfOpen, kClosing, kOneWay, kEstablished };
inline constexpr uint32_t kEvictionClasses = 4;

constexpr EvictionClass eviction_class(State state) {
  switch (state) {
    case State::kNone:
    case State::kSynSent:
    case State::kSynReceived:
    case State::kSimultaneous:
    case State::kMidstream:
      return EvictionClass::kHalfOpen;
    case State::kFinInitiator:
    case State::kFinResponder:
    case State::kFinBoth:
    case State::kTimeWait:
    case State::kReset:
      return EvictionClass::kClosing;
    case State::kUdpOneWay:
    case State::kQueryOneWay:
    case State::kOtherOneWay:
      return EvictionClass::kOneWay;
    case State::kEstablished:
    case State::kUdpTwoWay:
    case State::kQueryTwoWay:
    case State::kOtherTwoWay:
      return EvictionClass::kEstablished;
  }
  return EvictionClass::kHalfOpen;
}

// The state in which a flow begins that is not TCP, and the one after its first answer.
constexpr State first_state(wire::IpProtocol protocol) {
  switch (protocol) {
    case wire::IpProtocol::kTcp:
      return State::kSynSent;
    case wire::IpProtocol::kUdp:
      return State::kUdpOneWay;
    case wire::IpProtocol::kIcmp:
    case wire::IpProtocol::kIcmpv6:
      return State::kQueryOneWay;
    default:
      return State::kOtherOneWay;
  }
}
constexpr State answered(State state) {
  switch (state) {
    case State::kUdpOneWay:
      return State::kUdpTwoWay;
    case State::kQueryOneWay:
      return State::kQueryTwoWay;
    case State::kOtherOneWay:
      return State::kOtherTwoWay;
    default:
      return state;
  }
}

// How long a flow may be silent. The defaults are the least that the RFCs for address
// translators allow, or what they recommend.
struct Timeouts {
  Duration tcp_half_open = seconds(240);     // RFC 5382 REQ-5: transitory, not below 4 minutes
  Duration tcp_established = seconds(7440);  // RFC 5382 REQ-5: not below 2 hours 4 minutes
  Duration tcp_half_closed = seconds(7440);  // RFC 5382: one FIN leaves it established
  Duration tcp_closing = seconds(240);       // RFC 5382 REQ-5
  Duration tcp_time_wait = seconds(240);     // RFC 5382 REQ-5
  Duration tcp_reset = seconds(240);         // RFC 7857 2.2
  Duration udp_one_way = seconds(120);       // RFC 4787 REQ-5: not below 2 minutes
  Duration udp_two_way = seconds(300);       // RFC 4787 REQ-5 c: 5 minutes recommended
  Duration query = seconds(60);              // RFC 5508 REQ-1: not below 60 s
  Duration other = seconds(300);
  Duration fragments = seconds(30);

  Duration of(State state) const;
};

// Nothing may be silent for longer: the clock of a record is 32 bits of milliseconds.
inline constexpr Duration kLongestTimeout = seconds(10 * 24 * 3600);

// The same in milliseconds, indexed by state.
using TimeoutTable = std::array<uint32_t, kStates>;
TimeoutTable timeout_table(const Timeouts& timeouts);

}  // namespace heddle::flow
