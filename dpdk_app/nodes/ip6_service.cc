// ip6_service: packets to a service's address, each to the endpoint that policy chooses.
// In: data() is a validated IPv6 header with a well-formed chain, whose destination is a
// service's address.
// Out: unchanged; meta.next_hop and meta.direct_* lead to the endpoint.
#include "nodes/nodes.h"
#include "nodes/service.h"
#include "wire/ipv6_chain.h"

namespace heddle::app {

namespace {

using Edge = ServiceEdge;
constexpr EdgeSpec kEdges[] = {
    to("ip6_forward"),
    to("icmp6_input"),
    drop("truncated", kServiceTruncated),
    drop("fragment", kServiceFragment),
    drop("unrelated_error", kServiceUnrelatedError),
    drop("denied", kServiceDenied),
    drop("endpoint_not_on_link", kServiceNotOnLink),
    refuse6("no_port", kServiceNoPort, wire::Icmp6Type::kUnreachable,
            static_cast<uint8_t>(wire::Icmp6Unreachable::kPort)),
    refuse6("no_endpoint", kServiceNoEndpoint, wire::Icmp6Type::kUnreachable,
            static_cast<uint8_t>(wire::Icmp6Unreachable::kAddress)),
    drop("unknown_protocol", kServiceUnknownProtocol),
};
static_assert(std::size(kEdges) == static_cast<size_t>(Edge::kUnknownProtocol) + 1);

// The quote has the service's address as its source (RFC 4443 3).
Edge error(Packet packet, Worker& worker, size_t offset) {
  const auto quote = packet.head().subspan(offset + wire::kIcmpHeaderSize);
  wire::Ipv6Payload payload;
  if (wire::walk_quoted_ipv6_chain(quote, payload) != wire::Ipv6ChainFault::kNone ||
      payload.fragment_offset != 0 || payload.offset > quote.size())
    return Edge::kUnrelatedError;
  const wire::Ipv6View inner(quote.data());
  if (inner.source() != wire::Ipv6View(packet.data()).destination()) return Edge::kUnrelatedError;
  policy::Flow flow{.source = policy::IpAddress(inner.destination()),
                    .destination = policy::IpAddress(inner.source())};
  return serve_error<wire::Ipv6Address>(packet, worker, flow, payload.protocol,
                                        quote.subspan(payload.offset));
}

Edge service(Packet packet, Worker& worker) {
  wire::Ipv6Payload payload;
  if (wire::walk_quoted_ipv6_chain(packet.head(), payload) != wire::Ipv6ChainFault::kNone)
    return Edge::kTruncated;  // not reached but by chains over several buffers
  if (payload.is_fragment) return Edge::kFragment;
  if (payload.protocol == wire::IpProtocol::kIcmpv6 &&
      packet.contiguous() >= payload.offset + wire::kIcmpHeaderSize &&
      wire::is_error(wire::IcmpView(packet.data() + payload.offset).type6()))
    return error(packet, worker, payload.offset);
  const wire::Ipv6View ip(packet.data());
  policy::Flow flow{.source = policy::IpAddress(ip.source()),
                    .destination = policy::IpAddress(ip.destination())};
  return serve<wire::Ipv6Address>(packet, worker, flow, {payload.protocol, payload.offset});
}

}  // namespace

const NodeSpec ip6_service{"ip6_service", each_packet<service>, kEdges};

}  // namespace heddle::app
