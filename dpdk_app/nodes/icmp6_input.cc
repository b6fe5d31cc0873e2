// icmp6_input: answers echo requests (RFC 4443 4.2) in place and passes neighbor discovery on;
// other messages to the node are the kernel's behind the host port.
// In: data() is a validated IPv6 header; the payload is ICMPv6, not a fragment.
#include <cstring>

#include "nodes/nodes.h"
#include "wire/icmp.h"
#include "wire/ipv6.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t {
  kReply,
  kReplyOnLink,
  kNeighbor,
  kHost,
  kTruncated,
  kBadChecksum,
  kRouterDiscovery,
  kNotWanted,
};
constexpr EdgeSpec kEdges[] = {
    to("ip6_lookup"),
    to("ip6_output"),
    to("nd_input"),
    to("ip6_forward"),
    drop("truncated", "fewer than the eight bytes of an ICMPv6 header"),
    drop("bad_checksum", "ICMPv6 checksum wrong: damaged on its way, or a broken sender"),
    drop("router_discovery",
         "a router solicitation, advertisement or redirect: routes here are configured"),
    drop("not_wanted",
         "an ICMPv6 message to the node that asks for nothing we give (MLD, for one)"),
};
static_assert(std::size(kEdges) == static_cast<size_t>(Edge::kNotWanted) + 1);

bool checksum_ok(Packet packet, uint16_t offset) {
  const wire::Ipv6View ip(packet.data());
  const auto head = packet.head().subspan(offset);
  if (!packet.is_chain()) return wire::icmp6_checksum_ok(ip.source(), ip.destination(), head);
  wire::ChecksumAccumulator sum;
  sum.add_pseudo_header(ip.source(), ip.destination(), wire::IpProtocol::kIcmpv6,
                        packet.size() - offset);
  sum.add(head);
  for (rte_mbuf* next = packet.mbuf()->next; next != nullptr; next = next->next)
    sum.add({rte_pktmbuf_mtod(next, const uint8_t*), next->data_len});
  return sum.checksum() == 0;
}

// Extension headers were the request's: the reply goes without them.
void strip_extension_headers(Packet packet, uint16_t offset) {
  const auto extra = static_cast<uint16_t>(offset - wire::kIpv6HeaderSize);
  if (extra == 0) return;
  const wire::Ipv6MutView ip(packet.data());
  ip.set_payload_length(static_cast<uint16_t>(ip.payload_length() - extra));
  ip.set_next_header(wire::IpProtocol::kIcmpv6);
  std::memmove(packet.data() + extra, packet.data(), wire::kIpv6HeaderSize);
  packet.strip(extra);
}

// Swaps the ends; a group's answer comes from our own address. The addresses are part of the
// checksum, so a changed one is accounted for there.
Edge make_reply(Packet packet, uint16_t offset, Worker& worker) {
  strip_extension_headers(packet, offset);
  const wire::Ipv6MutView ip(packet.data());
  const wire::IcmpMutView icmp(packet.data() + wire::kIpv6HeaderSize);
  const l3::Topology& topology = *worker.topology;
  const l3::Interface& in = topology.interface(packet.meta().rx_interface);
  const wire::Ipv6Address peer = ip.source();
  const wire::Ipv6Address asked = ip.destination();
  const wire::Ipv6Address own = !asked.is_multicast()  ? asked
                                : peer.is_link_local() ? in.link_local
                                                       : topology.source6(in);
  icmp.set_type(wire::Icmp6Type::kEchoReply);
  store_be<uint16_t>(icmp.data() + 2, wire::update_checksum(icmp.checksum(), asked, own));
  ip.set_source(own);
  ip.set_destination(peer);
  ip.set_hop_limit(64);
  packet.meta().set(packet::Flag::kOriginated);
  if (!peer.is_link_local() && !own.is_link_local()) return Edge::kReply;
  packet.meta().next_hop = topology.connected_hop(in.id);
  return Edge::kReplyOnLink;
}

Edge to_host(Packet packet, Worker& worker) {
  const l3::Topology& topology = *worker.topology;
  const wire::Ipv6Address destination = wire::Ipv6View(packet.data()).destination();
  // As in icmp4_input: the host gets our answers to it, but not its own packets.
  const auto role = topology.interface(packet.meta().rx_interface).role;
  const bool by_host =
      role == l3::InterfaceRole::kHost && !packet.meta().has(packet::Flag::kOriginated);
  if (topology.host_hop == l3::Topology::kNoHop || by_host || destination.is_multicast() ||
      destination.is_link_local())
    return Edge::kNotWanted;
  packet.meta().next_hop = topology.host_hop;
  packet.meta().set(packet::Flag::kDelivered);
  return Edge::kHost;
}

Edge input(Packet packet, Worker& worker) {
  wire::Ipv6Payload payload;
  if (wire::walk_quoted_ipv6_chain(packet.head(), payload) != wire::Ipv6ChainFault::kNone ||
      packet.contiguous() < payload.offset + wire::kIcmpHeaderSize)
    return Edge::kTruncated;
  if (!checksum_ok(packet, payload.offset)) return Edge::kBadChecksum;
  const wire::Ipv6View ip(packet.data());
  switch (wire::IcmpView(packet.data() + payload.offset).type6()) {
    case wire::Icmp6Type::kEchoRequest:
      return ip.source().is_unspecified() ? Edge::kNotWanted
                                          : make_reply(packet, payload.offset, worker);
    case wire::Icmp6Type::kNeighborSolicitation:
    case wire::Icmp6Type::kNeighborAdvertisement:
      return Edge::kNeighbor;
    case wire::Icmp6Type::kRouterSolicitation:
    case wire::Icmp6Type::kRouterAdvertisement:
    case wire::Icmp6Type::kRedirect:
      return Edge::kRouterDiscovery;
    default:
      return to_host(packet, worker);
  }
}

}  // namespace

const NodeSpec icmp6_input{"icmp6_input", each_packet<input>, kEdges};

}  // namespace heddle::app
