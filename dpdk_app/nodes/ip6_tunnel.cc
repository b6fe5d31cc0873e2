// ip6_tunnel: puts a packet into another one to its endpoint (RFC 2473).
// In: data() is a validated IPv6 header; Flag::kDirect says who the endpoint is.
// Out: data() is the outer header, from an own address.
#include <algorithm>

#include "flows/standing.h"
#include "nodes/link_layer.h"
#include "nodes/nodes.h"
#include "wire/icmp.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t { kLookup, kNoWay, kNoHeadroom, kLinkTooSmall, kHopLimit, kTooBig };
constexpr EdgeSpec kEdges[] = {
    to("ip6_lookup"),
    drop("no_way", "no route leads to the endpoint that is to get the packet in a tunnel"),
    drop("no_headroom", "no room before the packet for the tunnel's header"),
    drop("link_too_small",
         "a packet that every link takes, and a tunnel over a link of 1,280 does not: give the "
         "link towards the endpoint an MTU of 1,320"),
    refuse6("hop_limit_exceeded", "hop limit used up at the entrance of a tunnel",
            wire::Icmp6Type::kTimeExceeded, 0),
    refuse6("too_big", "larger than the tunnel's MTU: path MTU discovery",
            wire::Icmp6Type::kPacketTooBig, 0),
};
constexpr uint16_t kLinkLayerRoom = 18;

Edge encapsulate(Packet packet, Worker& worker) {
  const wire::Ipv6Address endpoint = direct_endpoint<wire::Ipv6Address>(packet, worker);
  const InterfaceId out = interface_towards(*worker.topology, endpoint);
  if (out == kNoInterface) return Edge::kNoWay;
  const wire::Ipv6MutView inner(packet.data());
  if (inner.hop_limit() <= 1) return Edge::kHopLimit;
  const l3::Interface& interface = worker.topology->interface(out);
  const uint32_t room = interface.mtu - static_cast<uint32_t>(wire::kIpv6HeaderSize);
  if (packet.size() > room) {
    if (packet.size() <= wire::kIpv6MinMtu) return Edge::kLinkTooSmall;
    packet.meta().refusal.argument = std::max<uint32_t>(room, wire::kIpv6MinMtu);
    return Edge::kTooBig;
  }
  if (packet.mbuf()->data_off < wire::kIpv6HeaderSize + kLinkLayerRoom) return Edge::kNoHeadroom;
  inner.decrement_hop_limit();
  const wire::Ipv6 outer{.traffic_class = inner.traffic_class(),
                         .flow_label = inner.flow_label(),
                         .payload_length = static_cast<uint16_t>(packet.size()),
                         .next_header = wire::IpProtocol::kIpv6,
                         .hop_limit = 64,
                         .source = worker.topology->source6(interface),
                         .destination = endpoint};
  outer.emit(packet.prepend(wire::kIpv6HeaderSize));
  packet.meta().clear(packet::Flag::kDirect);
  packet.meta().set(packet::Flag::kOriginated);
  return Edge::kLookup;
}

}  // namespace

const NodeSpec ip6_tunnel{"ip6_tunnel", each_packet<encapsulate>, kEdges};

}  // namespace heddle::app
