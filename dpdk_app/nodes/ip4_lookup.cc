// ip4_lookup: longest-prefix match on the destination.
// In: data() is a validated IPv4 header.  Out: meta.next_hop is the hop to take.
#include "nodes/intercept.h"
#include "nodes/nodes.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/steering.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t {
  kForward,
  kOutput,
  kLocal,
  kService,
  kGuard,
  kNatWithoutFlow,
  kNoRoute,
  kUnreachable,
  kBlackhole,
  kSubnetBroadcast,
};
constexpr auto kNetwork = static_cast<uint8_t>(wire::Icmp4Unreachable::kNetwork);
constexpr EdgeSpec kEdges[] = {
    to("ip4_forward"),
    to("ip4_output"),
    to("ip4_local"),
    to("ip4_service"),
    to("ip4_guard"),
    drop("no_nat_flow", "to an own address of nat, and of no flow: late, or a scan"),
    refuse4("no_route", "no route to the destination: one is missing, or a sender is astray",
            wire::Icmp4Type::kUnreachable, kNetwork),
    refuse4("links_down", "every link towards the destination is down",
            wire::Icmp4Type::kUnreachable, kNetwork),
    drop("blackhole", "a route with action drop"),
    drop("subnet_broadcast", "a subnet's broadcast or network address: not forwarded (RFC 2644)"),
};
static_assert(std::size(kEdges) == static_cast<size_t>(Edge::kSubnetBroadcast) + 1);

// The same path for all packets of a flow, in both directions. The hash's low bits chose the
// worker already, so it is mixed before it chooses again.
uint32_t choose(const l3::Hop& group, Packet packet) {
  const uint32_t hash = wire::steer_ipv4(packet.head());
  return group.group_first + ((hash * 0x9e3779b1u) >> 16) % group.group_size;
}

// What we send ourselves has its TTL already; only an echo reply that leaves by a smaller link
// than its request came by still has to meet the MTU there.
Edge own_edge(Packet packet, const l3::Hop& hop, const l3::Topology& topology) {
  return packet.size() <= topology.interface(hop.interface).mtu ? Edge::kOutput : Edge::kForward;
}

// Whether a flow has to be let in before the packet may go on: flows of guarded workloads, those
// that they open themselves too, so that the answers are known.
bool is_guarded(Packet packet, const l3::Hop& hop, const Worker& worker) {
  const auto& guards = worker.policy->guards;
  if (guards.empty() || packet.meta().has(packet::Flag::kTracked)) [[likely]]
    return false;
  const auto guarded = [&](InterfaceId id) {
    return id.index() < guards.size() && guards[id.index()] != nullptr;
  };
  return guarded(hop.interface) || guarded(packet.meta().rx_interface);
}

Edge lookup(Packet packet, Worker& worker) {
  const l3::Topology& topology = *worker.topology;
  uint32_t slot = topology.fib4.lookup(wire::Ipv4View(packet.data()).destination());
  if (slot == l3::Lpm<wire::Ipv4Address>::kNoRoute) [[unlikely]]
    return Edge::kNoRoute;
  const l3::Hop* hop = &topology.hops[slot];
  if (hop->kind == l3::HopKind::kGroup) {
    slot = choose(*hop, packet);
    hop = &topology.hops[slot];
  }
  packet.meta().next_hop = slot;
  switch (hop->kind) {
    case l3::HopKind::kConnected:
    case l3::HopKind::kVia:
      if (packet.meta().has(packet::Flag::kOriginated)) return own_edge(packet, *hop, topology);
      if (is_intercepted<wire::Ipv4Address>(packet, worker)) return Edge::kService;
      return is_guarded(packet, *hop, worker) ? Edge::kGuard : Edge::kForward;
    case l3::HopKind::kLocal:
      return Edge::kLocal;
    case l3::HopKind::kService:
      return Edge::kService;
    case l3::HopKind::kNat:
      return Edge::kNatWithoutFlow;
    case l3::HopKind::kDrop:
      return Edge::kBlackhole;
    case l3::HopKind::kBroadcast:
      return Edge::kSubnetBroadcast;
    case l3::HopKind::kGroup:
    case l3::HopKind::kUnreachable:
      break;
  }
  return Edge::kUnreachable;
}

}  // namespace

const NodeSpec ip4_lookup{"ip4_lookup", each_packet<lookup>, kEdges};

}  // namespace heddle::app
