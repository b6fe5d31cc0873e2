// ip6_guard: who may open flows to workloads that an AccessPolicy guards, and where workloads may
// open theirs by their OutboundPolicy.
// In: data() is a validated IPv6 header of no flow, meta.next_hop leads out of an interface.
// Out: the same, and a flow that is known from now on.
#include "nodes/guard.h"
#include "wire/icmp.h"

namespace heddle::app {

namespace {

using Edge = GuardEdge;
constexpr EdgeSpec kEdges[] = {
    to("ip6_forward"),
    to("flow_refused"),
    drop("denied", kGuardDenied),
    // Communication administratively prohibited (RFC 4443 3.1).
    refuse6("denied_told", kGuardDenied, wire::Icmp6Type::kUnreachable, uint8_t{1}),
    drop("outbound", kGuardOutbound),
    refuse6("outbound_told", kGuardOutbound, wire::Icmp6Type::kUnreachable, uint8_t{1}),
};
static_assert(std::size(kEdges) == static_cast<size_t>(Edge::kOutboundTold) + 1);

Edge guard(Packet packet, Worker& worker) {
  return Guarding<wire::Ipv6Address>(packet, worker).run();
}

}  // namespace

const NodeSpec ip6_guard{"ip6_guard", each_packet<guard>, kEdges};

}  // namespace heddle::app
