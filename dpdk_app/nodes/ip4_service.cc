// ip4_service: packets to a service's address that belong to no flow yet, and those of flows whose
// packets go on unchanged; each to the endpoint that policy chooses.
// In: data() is a validated IPv4 header whose destination is a service's address.
// Out: translated, to ip4_lookup; or unchanged, with the way to the endpoint in meta.
#include "nodes/service.h"
#include "wire/ipv4.h"

namespace heddle::app {

namespace {

using Edge = ServiceEdge;
constexpr auto code_of = [](wire::Icmp4Unreachable code) { return static_cast<uint8_t>(code); };
constexpr EdgeSpec kEdges[] = {
    to("ip4_lookup"),
    to("ip4_forward"),
    to("ip4_tunnel"),
    to("icmp4_input"),
    to("flow_refused"),
    to("ip4_tcp_listen"),
    drop("unrelated_error", kServiceUnrelatedError),
    drop("denied", kServiceDenied),
    drop("endpoint_not_on_link", kServiceNotOnLink),
    drop("no_endpoint_silent", kServiceNoEndpoint),
    drop("no_way", kServiceNoWay),
    drop("fragment", kServiceFragment),
    drop("tcp_off", kServiceTcpOff),
    refuse4("no_port", kServiceNoPort, wire::Icmp4Type::kUnreachable,
            code_of(wire::Icmp4Unreachable::kPort)),
    refuse4("no_endpoint", kServiceNoEndpoint, wire::Icmp4Type::kUnreachable,
            code_of(wire::Icmp4Unreachable::kHost)),
    refuse4("denied_told", kServiceDenied, wire::Icmp4Type::kUnreachable, uint8_t{13}),
    refuse4("unknown_protocol", kServiceUnknownProtocol, wire::Icmp4Type::kUnreachable,
            code_of(wire::Icmp4Unreachable::kProtocol)),
    drop("outbound", kServiceOutbound),
    refuse4("outbound_told", kServiceOutbound, wire::Icmp4Type::kUnreachable,
            code_of(wire::Icmp4Unreachable::kProhibited)),
};
static_assert(std::size(kEdges) == static_cast<size_t>(Edge::kOutboundTold) + 1);

Edge service(Packet packet, Worker& worker) {
  return Serving<wire::Ipv4Address>(packet, worker).run();
}

}  // namespace

const NodeSpec ip4_service{"ip4_service", each_packet<service>, kEdges};

}  // namespace heddle::app
