// ip4_tunnel: puts a packet into another one to its endpoint (RFC 2003).
// In: data() is a validated IPv4 header; Flag::kDirect says who the endpoint is.
// Out: data() is the outer header, from an own address.
#include "flows/standing.h"
#include "nodes/link_layer.h"
#include "nodes/nodes.h"
#include "wire/icmp.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t { kLookup, kNoWay, kNoHeadroom, kTtlExpired, kTooBig };
constexpr EdgeSpec kEdges[] = {
    to("ip4_lookup"),
    drop("no_way", "no route leads to the endpoint that is to get the packet in a tunnel"),
    drop("no_headroom", "no room before the packet for the tunnel's header"),
    refuse4("ttl_expired", "TTL used up at the entrance of a tunnel: traceroute, or a loop",
            wire::Icmp4Type::kTimeExceeded, 0),
    refuse4("too_big",
            "larger than the tunnel's MTU with \"don't fragment\" set: path MTU discovery",
            wire::Icmp4Type::kUnreachable,
            static_cast<uint8_t>(wire::Icmp4Unreachable::kFragmentationNeeded)),
};
constexpr uint16_t kLinkLayerRoom = 18;

Edge encapsulate(Packet packet, Worker& worker) {
  const wire::Ipv4Address endpoint = direct_endpoint<wire::Ipv4Address>(packet, worker);
  const InterfaceId out = interface_towards(*worker.topology, endpoint);
  if (out == kNoInterface) return Edge::kNoWay;
  const wire::Ipv4MutView inner(packet.data());
  if (inner.ttl() <= 1) return Edge::kTtlExpired;
  const l3::Interface& interface = worker.topology->interface(out);
  const auto size = static_cast<uint32_t>(packet.size() + wire::kIpv4HeaderSize);
  const bool whole = inner.dont_fragment();
  if (size > interface.mtu && whole) {
    packet.meta().refusal.argument = interface.mtu - static_cast<uint32_t>(wire::kIpv4HeaderSize);
    return Edge::kTooBig;
  }
  if (size > UINT16_MAX || packet.mbuf()->data_off < wire::kIpv4HeaderSize + kLinkLayerRoom)
    return Edge::kNoHeadroom;
  inner.decrement_ttl();
  const wire::Ipv4 outer{.dscp = inner.dscp(),
                         .ecn = inner.ecn(),
                         .payload_length = static_cast<uint16_t>(packet.size()),
                         .identification = worker.next_identification++,
                         .dont_fragment = whole,
                         .ttl = 64,
                         .protocol = wire::IpProtocol::kIpip,
                         .source = worker.topology->source4(interface),
                         .destination = endpoint};
  outer.emit(packet.prepend(wire::kIpv4HeaderSize));
  packet.meta().clear(packet::Flag::kDirect);
  packet.meta().set(packet::Flag::kOriginated);
  return Edge::kLookup;
}

}  // namespace

const NodeSpec ip4_tunnel{"ip4_tunnel", each_packet<encapsulate>, kEdges};

}  // namespace heddle::app
