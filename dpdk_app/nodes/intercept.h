// Which TCP to an address that is no service's ends here: that to this node's workloads in the
// mesh, and that of this node's workloads to workloads of others, and to destinations of
// ExternalServices; but for what belongs to a flow.
#pragma once

#include "flow/parse.h"
#include "nodes/flow_head.h"
#include "nodes/nodes.h"
#include "policy/decide.h"
#include "tcp_io/policy_view.h"
#include "tcp_io/segments.h"
#include "worker/flow_note.h"
#include "worker/worker.h"

namespace heddle::app {

// What others send to what is on the way is led on as it is: it may be another node's, which speaks
// TLS already.
inline bool is_taken(const Worker& worker, InterfaceId in, const policy::IpAddress& to,
                     uint16_t port) {
  const policy::Snapshot& policy = *worker.policy;
  const uint32_t slot = policy.frontend_table->find({to, policy::Protocol::kTcp, port});
  if (slot == policy::kNoSlot) return false;
  const policy::Frontend& frontend = *policy.frontends[slot];
  if (!frontend.on_the_way) return frontend.of_workload;
  if (worker.topology->interface(in).role != l3::InterfaceRole::kWorkload) return false;
  return !policy::is_foreign(policy, frontend, {.destination = to, .in = in, .identified = true});
}

// May be TCP although locate_tcp does not take it.
inline bool may_be_odd_tcp(packet::Packet packet, wire::Ipv4Address) {
  return wire::Ipv4View(packet.data()).protocol() == wire::IpProtocol::kTcp;
}
inline bool may_be_odd_tcp(packet::Packet packet, wire::Ipv6Address) {
  const wire::IpProtocol next = wire::Ipv6View(packet.data()).next_header();
  return next != wire::IpProtocol::kUdp && next != wire::IpProtocol::kIcmpv6;
}

// A workload's TCP in fragments, or behind headers that are not taken here, must not go past what
// would be taken whole: it goes to the service, which drops it by name. Its ports are in the first
// fragment, and the others are nothing without it. What cannot be read goes there, too.
template <class Address>
[[gnu::cold]] bool is_odd_way_out(packet::Packet packet, const Worker& worker) {
  const InterfaceId in = packet.meta().rx_interface;
  if (worker.topology->interface(in).role != l3::InterfaceRole::kWorkload) return false;
  if (is_scattered<Address>(packet)) return true;
  flow::Parsed<Address> parsed;
  flow::parse({packet.data(), packet.size()}, parsed);
  flow::Key<Address> key = parsed.key;
  if (parsed.kind == flow::PacketKind::kRefused) {
    if (parsed.drop == flow::Drop::kExtensionHeaders) return true;
    if (parsed.drop != flow::Drop::kTinyFragment) return false;
    if (parsed.l4_length < sizeof(uint32_t)) return true;
    key = flow::with_ports(key, flow::internal::load<uint32_t>(parsed.l4()));
  } else if (!parsed.tracked()) {
    return false;
  }
  if (key.protocol() != wire::IpProtocol::kTcp) return false;
  return is_taken(worker, in, policy::IpAddress(key.destination()), key.destination_port().host());
}

template <class Address>
bool is_intercepted(packet::Packet packet, const Worker& worker) {
  const policy::Snapshot& policy = *worker.policy;
  if (!policy.intercepts || packet.meta().has(packet::Flag::kTracked)) [[likely]]
    return false;
  TcpPlace place;
  if (locate_tcp<Address>(packet, place)) [[likely]]
    return is_taken(worker, packet.meta().rx_interface, policy_address(place.tuple.local.address),
                    place.tuple.local.port.host());
  return may_be_odd_tcp(packet, Address()) && is_odd_way_out<Address>(packet, worker);
}

}  // namespace heddle::app
