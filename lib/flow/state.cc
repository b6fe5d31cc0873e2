#include "flow/state.h"

#include "core/check.h"

namespace heddle::flow {

const char* name(State state) {
  constexpr std::array<const char*, kStates> kNames = {
      "none",          "syn_sent",      "syn_received",  "simultaneous",  "midstream",
      "established",   "fin_initiator", "fin_responder", "fin_both",      "time_wait",
      "reset",         "udp_one_way",   "udp_two_way",   "query_one_way", "query_two_way",
      "other_one_way", "other_two_way"};
  return kNames[static_cast<size_t>(state)];
}

Duration Timeouts::of(State state) const {
  switch (state) {
    case State::kNone:
    case State::kSynSent:
    case State::kSynReceived:
    case State::kSimultaneous:
    case State::kMidstream:
      return tcp_half_open;
    case State::kEstablished:
      return tcp_established;
    case State::kFinInitiator:
    case State::kFinResponder:
      return tcp_half_closed;
    case State::kFinBoth:
      return tcp_closing;
    case State::kTimeWait:
      return tcp_time_wait;
    case State::kReset:
      return tcp_reset;
    case State::kUdpOneWay:
      return udp_one_way;
    case State::kUdpTwoWay:
      return udp_two_way;
    case State::kQueryOneWay:
    case State::kQueryTwoWay:
      return query;
    case State::kOtherOneWay:
    case State::kOtherTwoWay:
      return other;
  }
  return tcp_half_open;
}

TimeoutTable timeout_table(const Timeouts& timeouts) {
  TimeoutTable table{};
  for (size_t i = 0; i < kStates; ++i) {
    const Duration timeout = timeouts.of(static_cast<State>(i));
    HEDDLE_CHECK(timeout.ns() > 0 && timeout <= kLongestTimeout, "a timeout out of range");
    table[i] = static_cast<uint32_t>(timeout.ms());
  }
  return table;
}

}  // namespace heddle::flow
