// ip6_forward: decrements the hop limit and minds scope and the outgoing MTU (RFC 8200 5).
// In: data() is a validated IPv6 header, meta.next_hop leads out of an interface. What goes to
// the host port has arrived: it passes for scope and MTU alone.
// Out: hop limit >= 1, no longer than the interface's MTU.
#include "nodes/nodes.h"
#include "wire/icmp.h"
#include "wire/ipv6.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t { kOutput, kHopLimitExceeded, kTooBig, kBeyondScope };
constexpr EdgeSpec kEdges[] = {
    to("ip6_output"),
    refuse6("hop_limit_exceeded", "hop limit used up on the way: traceroute, or a routing loop",
            wire::Icmp6Type::kTimeExceeded, 0),
    refuse6("too_big", "larger than the next link's MTU: path MTU discovery",
            wire::Icmp6Type::kPacketTooBig, 0),
    refuse6("beyond_scope", "a link-local source that wants to leave its link (RFC 4007 9)",
            wire::Icmp6Type::kUnreachable,
            static_cast<uint8_t>(wire::Icmp6Unreachable::kBeyondScope)),
};

Edge forward(Packet packet, Worker& worker) {
  const wire::Ipv6MutView ip(packet.data());
  const bool delivered = packet.meta().has(packet::Flag::kDelivered);
  if (ip.source().is_link_local()) [[unlikely]]
    return Edge::kBeyondScope;
  if (ip.hop_limit() <= 1 && !delivered) [[unlikely]]
    return Edge::kHopLimitExceeded;
  const l3::Topology& topology = *worker.topology;
  const uint16_t mtu = topology.interface(topology.hops[packet.meta().next_hop].interface).mtu;
  if (packet.size() > mtu) [[unlikely]] {
    packet.meta().refusal.argument = mtu;
    return Edge::kTooBig;
  }
  if (!delivered) [[likely]]
    ip.decrement_hop_limit();
  return Edge::kOutput;
}

}  // namespace

const NodeSpec ip6_forward{"ip6_forward", each_packet<forward>, kEdges};

}  // namespace heddle::app
