// ip6_service: packets to a service's address that belong to no flow yet, and those of flows whose
// packets go on unchanged; each to the endpoint that policy chooses.
// In: data() is a validated IPv6 header with a well-formed chain, whose destination is a
// service's address.
// Out: translated, to ip6_lookup; or unchanged, with the way to the endpoint in meta.
#include "nodes/service.h"

namespace heddle::app {

namespace {

using Edge = ServiceEdge;
constexpr auto code_of = [](wire::Icmp6Unreachable code) { return static_cast<uint8_t>(code); };
constexpr EdgeSpec kEdges[] = {
    to("ip6_lookup"),
    to("ip6_forward"),
    to("ip6_tunnel"),
    to("icmp6_input"),
    to("flow_refused"),
    to("ip6_tcp_listen"),
    drop("unrelated_error", kServiceUnrelatedError),
    drop("denied", kServiceDenied),
    drop("endpoint_not_on_link", kServiceNotOnLink),
    drop("no_endpoint_silent", kServiceNoEndpoint),
    drop("no_way", kServiceNoWay),
    drop("fragment", kServiceFragment),
    drop("tcp_off", kServiceTcpOff),
    refuse6("no_port", kServiceNoPort, wire::Icmp6Type::kUnreachable,
            code_of(wire::Icmp6Unreachable::kPort)),
    refuse6("no_endpoint", kServiceNoEndpoint, wire::Icmp6Type::kUnreachable,
            code_of(wire::Icmp6Unreachable::kAddress)),
    refuse6("denied_told", kServiceDenied, wire::Icmp6Type::kUnreachable, uint8_t{1}),
    drop("unknown_protocol", kServiceUnknownProtocol),
    drop("outbound", kServiceOutbound),
    refuse6("outbound_told", kServiceOutbound, wire::Icmp6Type::kUnreachable,
            code_of(wire::Icmp6Unreachable::kProhibited)),
};
static_assert(std::size(kEdges) == static_cast<size_t>(Edge::kOutboundTold) + 1);

Edge service(Packet packet, Worker& worker) {
  return Serving<wire::Ipv6Address>(packet, worker).run();
}

}  // namespace

const NodeSpec ip6_service{"ip6_service", each_packet<service>, kEdges};

}  // namespace heddle::app
