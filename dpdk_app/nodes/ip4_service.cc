// ip4_service: packets to a service's address, each to the endpoint that policy chooses.
// In: data() is a validated IPv4 header whose destination is a service's address.
// Out: unchanged; meta.next_hop and meta.direct_* lead to the endpoint.
#include "nodes/nodes.h"
#include "nodes/service.h"
#include "wire/ipv4.h"

namespace heddle::app {

namespace {

using Edge = ServiceEdge;
constexpr auto code_of = [](wire::Icmp4Unreachable code) { return static_cast<uint8_t>(code); };
constexpr EdgeSpec kEdges[] = {
    to("ip4_forward"),
    to("icmp4_input"),
    drop("truncated", kServiceTruncated),
    drop("fragment", kServiceFragment),
    drop("unrelated_error", kServiceUnrelatedError),
    drop("denied", kServiceDenied),
    drop("endpoint_not_on_link", kServiceNotOnLink),
    refuse4("no_port", kServiceNoPort, wire::Icmp4Type::kUnreachable,
            code_of(wire::Icmp4Unreachable::kPort)),
    refuse4("no_endpoint", kServiceNoEndpoint, wire::Icmp4Type::kUnreachable,
            code_of(wire::Icmp4Unreachable::kHost)),
    refuse4("unknown_protocol", kServiceUnknownProtocol, wire::Icmp4Type::kUnreachable,
            code_of(wire::Icmp4Unreachable::kProtocol)),
};
static_assert(std::size(kEdges) == static_cast<size_t>(Edge::kUnknownProtocol) + 1);

// The quote has the service's address as its source (RFC 792: header and 64 bits).
Edge error(Packet packet, Worker& worker, size_t offset) {
  const auto quote = packet.head().subspan(offset + wire::kIcmpHeaderSize);
  if (quote.size() < wire::kIpv4HeaderSize) return Edge::kUnrelatedError;
  const wire::Ipv4View inner(quote.data());
  const bool readable = quote[0] >> 4 == 4 && inner.header_length() >= wire::kIpv4HeaderSize &&
                        inner.header_length() <= quote.size() && inner.fragment_offset() == 0;
  if (!readable || inner.source() != wire::Ipv4View(packet.data()).destination())
    return Edge::kUnrelatedError;
  policy::Flow flow{.source = policy::IpAddress(inner.destination()),
                    .destination = policy::IpAddress(inner.source())};
  return serve_error<wire::Ipv4Address>(packet, worker, flow, inner.protocol(),
                                        quote.subspan(inner.header_length()));
}

Edge service(Packet packet, Worker& worker) {
  const wire::Ipv4View ip(packet.data());
  if (ip.is_fragment()) return Edge::kFragment;
  const size_t offset = ip.header_length();
  if (ip.protocol() == wire::IpProtocol::kIcmp &&
      packet.contiguous() >= offset + wire::kIcmpHeaderSize &&
      wire::is_error(wire::IcmpView(packet.data() + offset).type4()))
    return error(packet, worker, offset);
  policy::Flow flow{.source = policy::IpAddress(ip.source()),
                    .destination = policy::IpAddress(ip.destination())};
  return serve<wire::Ipv4Address>(packet, worker, flow,
                                  {ip.protocol(), static_cast<uint32_t>(offset)});
}

}  // namespace

const NodeSpec ip4_service{"ip4_service", each_packet<service>, kEdges};

}  // namespace heddle::app
