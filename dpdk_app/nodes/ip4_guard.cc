// ip4_guard: who may open flows to workloads that an AccessPolicy guards, and where workloads may
// open theirs by their OutboundPolicy.
// In: data() is a validated IPv4 header of no flow, meta.next_hop leads out of an interface.
// Out: the same, and a flow that is known from now on.
#include "nodes/guard.h"
#include "wire/icmp.h"

namespace heddle::app {

namespace {

using Edge = GuardEdge;
constexpr EdgeSpec kEdges[] = {
    to("ip4_forward"),
    to("flow_refused"),
    drop("denied", kGuardDenied),
    // Communication administratively prohibited (RFC 1812 5.2.7.1).
    refuse4("denied_told", kGuardDenied, wire::Icmp4Type::kUnreachable, uint8_t{13}),
    drop("outbound", kGuardOutbound),
    refuse4("outbound_told", kGuardOutbound, wire::Icmp4Type::kUnreachable, uint8_t{13}),
};
static_assert(std::size(kEdges) == static_cast<size_t>(Edge::kOutboundTold) + 1);

Edge guard(Packet packet, Worker& worker) {
  return Guarding<wire::Ipv4Address>(packet, worker).run();
}

}  // namespace

const NodeSpec ip4_guard{"ip4_guard", each_packet<guard>, kEdges};

}  // namespace heddle::app
