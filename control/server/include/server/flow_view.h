// Flows as the control side asks for them: which ones, and what is told of each. Plain values
// without text, as there may be millions.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "flow/state.h"
#include "policy/ip.h"
#include "policy/snapshot.h"
#include "wire/ip_protocol.h"

namespace heddle::server {

enum class FlowProtocol : uint8_t { kTcp, kUdp, kIcmp };

// All of what is given must fit; nothing given: every flow.
struct FlowFilter {
  std::optional<policy::IpPrefix> source;       // who opened it
  std::optional<policy::IpPrefix> destination;  // as it was addressed
  uint16_t port = 0;                            // of that; 0: any
  std::optional<FlowProtocol> protocol;         // kIcmp: of either family
  std::optional<flow::State> state;
  std::optional<std::vector<bool>> frontends;  // by slot: to one of these
  std::optional<policy::IpAddress> endpoint;   // who answers
  std::optional<uint16_t> worker;

  // Whether a flow to the frontend of this slot fits; policy::kNoSlot: to none.
  bool takes_frontend(uint32_t slot) const {
    return !frontends || (slot < frontends->size() && (*frontends)[slot]);
  }
};

struct FlowEnd {
  policy::IpAddress address;
  uint16_t port = 0;  // of ICMP queries the identifier
  friend auto operator<=>(const FlowEnd&, const FlowEnd&) = default;
};

struct FlowInfo {
  wire::IpProtocol protocol{};
  flow::State state{};
  bool source_translated = false;
  FlowEnd client, destination;  // as the client sends
  FlowEnd source, endpoint;     // as it goes on, and who answers
  uint32_t frontend = policy::kNoSlot;
  uint32_t idle_ms = 0;
  uint32_t age_ms = 0;
  uint32_t expires_ms = 0;  // without a further packet
  uint16_t worker = 0;
};

// How a walk over the flows ended.
struct FlowWalk {
  bool complete = true;          // false: it was stopped
  uint64_t flushed = 0;          // of flush_flows
  std::vector<uint16_t> silent;  // workers that did not answer
};

// Between two pieces of a walk: false ends it.
using GoOn = std::function<bool()>;

}  // namespace heddle::server
