// ip4_forward: decrements the TTL (RFC 1812 5.3.1) and minds the outgoing MTU (4.2.2.7).
// In: data() is a validated IPv4 header, meta.next_hop leads out of an interface. What goes to
// the host port has arrived: it passes for the MTU alone.
// Out: TTL >= 1, checksum valid, no longer than the interface's MTU (or to ip4_fragment).
#include "nodes/nodes.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t { kOutput, kFragment, kTtlExpired, kTooBig };
constexpr EdgeSpec kEdges[] = {
    to("ip4_output"),
    to("ip4_fragment"),
    refuse4("ttl_expired", "TTL used up on the way: traceroute, or a routing loop",
            wire::Icmp4Type::kTimeExceeded, 0),
    refuse4("too_big",
            "larger than the next link's MTU with \"don't fragment\" set: path MTU discovery",
            wire::Icmp4Type::kUnreachable,
            static_cast<uint8_t>(wire::Icmp4Unreachable::kFragmentationNeeded)),
};

Edge forward(Packet packet, Worker& worker) {
  const wire::Ipv4MutView ip(packet.data());
  const bool delivered = packet.meta().has(packet::Flag::kDelivered);
  if (ip.ttl() <= 1 && !delivered) [[unlikely]]
    return Edge::kTtlExpired;
  const l3::Topology& topology = *worker.topology;
  const uint16_t mtu = topology.interface(topology.hops[packet.meta().next_hop].interface).mtu;
  Edge edge = Edge::kOutput;
  if (packet.size() > mtu) [[unlikely]] {
    if (ip.dont_fragment()) {
      packet.meta().refusal.argument = mtu;
      return Edge::kTooBig;
    }
    edge = Edge::kFragment;
  }
  if (!delivered) [[likely]]
    ip.decrement_ttl();
  return edge;
}

}  // namespace

const NodeSpec ip4_forward{"ip4_forward", each_packet<forward>, kEdges};

}  // namespace heddle::app
