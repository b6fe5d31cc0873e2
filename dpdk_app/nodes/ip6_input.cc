// ip6_input: decides whether a packet is one (RFC 8200) and may come from here.
// In: data() is what follows an EtherType of IPv6; meta.rx_interface is set.
// Out: data() is a validated IPv6 header, its extension headers are well formed, the packet
// ends where the header says.
#include <algorithm>

#include "nodes/dns_packets.h"
#include "nodes/nodes.h"
#include "wire/icmp.h"
#include "wire/ipv6.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t {
  kLookup,
  kFlow,
  kTcp,
  kLocal,
  kDns,
  kTruncated,
  kBadVersion,
  kBadPayloadLength,
  kBadExtensionHeader,
  kTooManyExtensionHeaders,
  kBroadcastFrame,
  kMartianSource,
  kMartianDestination,
  kLinkLocal,
  kMulticast,
  kOwnSource,
  kSpoofedSource,
};
constexpr EdgeSpec kEdges[] = {
    to("ip6_lookup"),
    to("ip6_conntrack"),
    to("ip6_tcp_input"),
    to("ip6_local"),
    to("dns_input"),
    drop("truncated", "fewer bytes than an IPv6 header: cut on its way, or a broken sender"),
    drop("bad_version", "an IPv6 EtherType before something that is not IPv6"),
    drop("bad_payload_length", "a payload length that the packet does not have, or a jumbogram"),
    drop("bad_extension_header",
         "extension headers cut short, out of order, or with broken options"),
    drop("too_many_extension_headers", "more than eight extension headers, which only attacks use"),
    drop("broadcast_frame", "a unicast destination in a multicast frame (RFC 1122 3.3.6)"),
    drop("martian_source", "a source that no sender can have (multicast, loopback, v4-mapped, ::)"),
    drop("martian_destination", "a destination that is never on a wire (loopback, ::, v4-mapped)"),
    drop("link_local", "a link-local destination that is not ours on this link"),
    drop("multicast", "multicast, which is not routed here, to a group that we are not in"),
    drop("own_source", "our own address as the source: spoofing, a loop, or a duplicate address"),
    drop("spoofed_source", "a source that is not this workload's (or not the host's) address"),
};
static_assert(std::size(kEdges) == static_cast<size_t>(Edge::kSpoofedSource) + 1);

Edge check_header(Packet packet) {
  if (packet.contiguous() < wire::kIpv6HeaderSize) return Edge::kTruncated;
  switch (wire::check_ipv6({packet.data(), packet.size()})) {
    case wire::Ipv6Fault::kNone:
      return Edge::kLookup;
    case wire::Ipv6Fault::kTruncated:
      return Edge::kTruncated;
    case wire::Ipv6Fault::kVersion:
      return Edge::kBadVersion;
    case wire::Ipv6Fault::kPayloadLength:
      break;
  }
  return Edge::kBadPayloadLength;
}

constexpr bool is_upper_layer(wire::IpProtocol protocol) {
  return protocol == wire::IpProtocol::kTcp || protocol == wire::IpProtocol::kUdp ||
         protocol == wire::IpProtocol::kIcmpv6;
}

// Of a chain of segments the first must hold the whole chain of headers.
Edge check_chain(Packet packet) {
  // A length of zero before hop-by-hop options means a jumbogram (RFC 2675 3), which we refuse.
  const wire::Ipv6View ip(packet.data());
  if (ip.payload_length() == 0 && ip.next_header() == wire::IpProtocol::kHopByHop)
    return Edge::kBadPayloadLength;
  wire::Ipv6Payload payload;
  const auto fault = packet.is_chain() ? wire::walk_quoted_ipv6_chain(packet.head(), payload)
                                       : wire::walk_ipv6_chain(packet.head(), payload);
  if (fault == wire::Ipv6ChainFault::kNone) return Edge::kLookup;
  return fault == wire::Ipv6ChainFault::kTooLong ? Edge::kTooManyExtensionHeaders
                                                 : Edge::kBadExtensionHeader;
}

bool is_martian(const wire::Ipv6Address& address) {
  return address.is_loopback() || address.is_v4_mapped() || address.is_unspecified();
}

Edge check_source(const wire::Ipv6Address& source, const l3::Interface& in,
                  const l3::Topology& topology) {
  if (source == in.link_local) return Edge::kOwnSource;
  if (in.role == l3::InterfaceRole::kUplink)
    return topology.is_own(source) ? Edge::kOwnSource : Edge::kLookup;
  // Link-local and :: speak to us only; ip6_forward lets neither through.
  if (source == l3::kGateway6) return Edge::kOwnSource;
  if (source.is_link_local() || source.is_unspecified()) return Edge::kLookup;
  if (in.role == l3::InterfaceRole::kHost)
    return topology.is_own(source) ? Edge::kLookup : Edge::kSpoofedSource;
  const bool known = std::ranges::find(in.workload6, source) != in.workload6.end() ||
                     std::ranges::find(in.also_from6, source) != in.also_from6.end();
  return known ? Edge::kLookup : Edge::kSpoofedSource;
}

// Groups that neighbor discovery and ping use on a link; icmp6_input looks closer.
bool is_our_group(const wire::Ipv6Address& group) {
  return group == wire::kAllNodes || group == wire::kAllRouters || group.is_solicited_node();
}

Edge check_link_local(const wire::Ipv6Address& destination, const l3::Interface& in) {
  const bool gateway = destination == l3::kGateway6 && in.role != l3::InterfaceRole::kUplink;
  return gateway || destination == in.link_local ? Edge::kLocal : Edge::kLinkLocal;
}

Edge input(Packet packet, Worker& worker) {
  Edge edge = check_header(packet);
  if (edge != Edge::kLookup) [[unlikely]]
    return edge;
  const wire::Ipv6View ip(packet.data());
  packet.truncate(wire::kIpv6HeaderSize + ip.payload_length());
  if (!is_upper_layer(ip.next_header())) [[unlikely]] {
    edge = check_chain(packet);
    if (edge != Edge::kLookup) return edge;
  }
  const wire::Ipv6Address source = ip.source();
  const wire::Ipv6Address destination = ip.destination();
  const l3::Interface& in = worker.topology->interface(packet.meta().rx_interface);
  if (source.is_multicast() || source.is_loopback() || source.is_v4_mapped()) [[unlikely]]
    return Edge::kMartianSource;
  edge = check_source(source, in, *worker.topology);
  if (edge != Edge::kLookup) [[unlikely]]
    return edge;
  if (destination.is_multicast()) [[unlikely]]
    return is_our_group(destination) ? Edge::kLocal : Edge::kMulticast;
  if (source.is_unspecified()) [[unlikely]]
    return Edge::kMartianSource;
  if (is_martian(destination)) [[unlikely]]
    return Edge::kMartianDestination;
  if (packet.meta().has(packet::Flag::kLinkBroadcast)) [[unlikely]]
    return Edge::kBroadcastFrame;
  if (worker.dns != nullptr && is_dns_query<wire::Ipv6Address>(packet, in, worker))
    return Edge::kDns;
  if (destination.is_link_local()) [[unlikely]]
    return check_link_local(destination, in);
  if (worker.ends_tcp) return Edge::kTcp;
  return worker.tracks ? Edge::kFlow : Edge::kLookup;
}

}  // namespace

const NodeSpec ip6_input{"ip6_input", each_packet<input>, kEdges};

}  // namespace heddle::app
