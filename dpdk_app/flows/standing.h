// Whether flows still stand under the policy of now: looked at when a packet of theirs comes, and,
// so that none lives on unseen, by a sweep over the whole table after each change that may cut.
#pragma once

#include <cstdint>

#include "policy/decide.h"
#include "worker/worker.h"

namespace heddle::app {

// What policy says of a flow that was decided under an older one.
policy::Rechecked standing_of(const Worker& worker, uint32_t slot);

// Removes it, by policy's order; its ends are told if `how` says so.
void cut_flow(Worker& worker, uint32_t slot, policy::Refusal how);

// A piece of the sweep, if one is due. True: there is more to do.
bool sweep_flows(Worker& worker);

// For `show`, `flush` and tests: the interface behind which an address lives, or kNoInterface.
template <class Address>
InterfaceId interface_towards(const l3::Topology& topology, const Address& address);

// What policy calls a flow: as its initiator sends it. What has no ports fits no rule that names
// one: an echo's identifier is its sender's choice.
template <class Address>
policy::Flow policy_flow(const flow::Key<Address>& key, FlowOrigin origin) {
  const bool udp = key.protocol() == wire::IpProtocol::kUdp;
  const bool has_ports = udp || key.protocol() == wire::IpProtocol::kTcp;
  return {.source = policy::IpAddress(key.source()),
          .destination = policy::IpAddress(key.destination()),
          .protocol = udp ? policy::Protocol::kUdp : policy::Protocol::kTcp,
          .source_port = has_ports ? key.source_port().host() : uint16_t{0},
          .destination_port = has_ports ? key.destination_port().host() : uint16_t{0},
          .in = origin.in(),
          .identified = origin.identified()};
}

}  // namespace heddle::app
