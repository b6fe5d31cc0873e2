// ip6_local: what is addressed to the node itself, or to a group that it is in.
// In: data() is a validated IPv6 header with a well-formed chain of extension headers.
#include "nodes/dns_packets.h"
#include "nodes/local_tcp.h"
#include "nodes/nodes.h"
#include "wire/icmp.h"
#include "wire/ipv6.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t {
  kIcmp,
  kHost,
  kTcp,
  kDns,
  kFragment,
  kUnknownOption,
  kUnknownOptionReported,
  kRoutingHeader,
  kPortUnreachable,
  kUnknownNextHeader,
};
constexpr EdgeSpec kEdges[] = {
    to("icmp6_input"),
    to("ip6_forward"),
    to("ip6_tcp_listen"),
    to("dns_input"),
    drop("fragment", "a fragment for the node itself, which has no host port to put it together"),
    drop("unknown_option", "an unknown option whose type says to discard the packet"),
    refuse6("unknown_option_reported", "an unknown option whose type says to report it",
            wire::Icmp6Type::kParameterProblem,
            static_cast<uint8_t>(wire::Icmp6Parameter::kOption)),
    refuse6("routing_header", "a routing header that wants to be forwarded on (RFC 5095)",
            wire::Icmp6Type::kParameterProblem,
            static_cast<uint8_t>(wire::Icmp6Parameter::kHeaderField)),
    refuse6("port_unreachable", "TCP or UDP for the node itself, which has no host port",
            wire::Icmp6Type::kUnreachable, static_cast<uint8_t>(wire::Icmp6Unreachable::kPort)),
    refuse6("unknown_next_header", "a protocol that nothing on this node speaks",
            wire::Icmp6Type::kParameterProblem,
            static_cast<uint8_t>(wire::Icmp6Parameter::kNextHeader)),
};
static_assert(std::size(kEdges) == static_cast<size_t>(Edge::kUnknownNextHeader) + 1);

// RFC 8200 4.2: what an option that we do not know asks for.
std::optional<Edge> check_option(const wire::Ipv6UnknownOption& option, Packet packet) {
  using Action = wire::Ipv6OptionAction;
  if (option.action == Action::kSkip) return std::nullopt;
  const bool multicast = wire::Ipv6View(packet.data()).destination().is_multicast();
  if (option.action == Action::kDiscard ||
      (option.action == Action::kDiscardAndReportUnlessMulticast && multicast))
    return Edge::kUnknownOption;
  packet.meta().refusal.argument = option.offset;
  return Edge::kUnknownOptionReported;
}

// The offset of the next-header field that named the payload.
uint32_t naming_field(std::span<const uint8_t> packet, uint16_t payload_offset) {
  uint32_t field = 6;
  uint32_t header = wire::kIpv6HeaderSize;
  while (header < payload_offset) {
    const auto kind = static_cast<wire::IpProtocol>(packet[field]);
    field = header;
    const uint32_t length = packet[header + 1];
    if (kind == wire::IpProtocol::kFragment)
      header += 8;
    else if (kind == wire::IpProtocol::kAh)
      header += (length + 2) * 4;
    else
      header += (length + 1) * 8;
  }
  return field;
}

bool belongs_to_host(const l3::Topology& topology, Packet packet,
                     const wire::Ipv6Address& destination) {
  // What we make ourselves came by no interface.
  const bool by_host =
      topology.interface(packet.meta().rx_interface).role == l3::InterfaceRole::kHost &&
      !packet.meta().has(packet::Flag::kOriginated);
  return topology.host_hop != l3::Topology::kNoHop && !by_host && !destination.is_multicast() &&
         !destination.is_link_local();
}

Edge deliver(Packet packet, Worker& worker) {
  wire::Ipv6Payload payload;
  if (wire::walk_quoted_ipv6_chain(packet.head(), payload) != wire::Ipv6ChainFault::kNone)
    return Edge::kUnknownOption;  // not reached: ip6_input has walked it
  if (const auto edge = check_option(payload.hop_by_hop, packet)) return *edge;
  if (const auto edge = check_option(payload.destination, packet)) return *edge;
  if (payload.has_routing && payload.routing_segments_left > 0) {
    packet.meta().refusal.argument = payload.routing_offset + 2u;
    return Edge::kRoutingHeader;
  }
  if (payload.protocol == wire::IpProtocol::kIcmpv6 && !payload.is_fragment) return Edge::kIcmp;
  if (is_for_our_tcp<wire::Ipv6Address>(packet, worker)) return Edge::kTcp;
  if (!payload.is_fragment && is_dns_answer<wire::Ipv6Address>(packet, worker)) return Edge::kDns;
  const l3::Topology& topology = *worker.topology;
  const wire::Ipv6View ip(packet.data());
  if (belongs_to_host(topology, packet, ip.destination())) {
    packet.meta().next_hop = topology.host_hop;
    packet.meta().set(packet::Flag::kDelivered);
    return Edge::kHost;
  }
  if (payload.is_fragment) return Edge::kFragment;
  if (payload.protocol == wire::IpProtocol::kTcp || payload.protocol == wire::IpProtocol::kUdp)
    return Edge::kPortUnreachable;
  packet.meta().refusal.argument = naming_field(packet.head(), payload.offset);
  return Edge::kUnknownNextHeader;
}

}  // namespace

const NodeSpec ip6_local{"ip6_local", each_packet<deliver>, kEdges};

}  // namespace heddle::app
