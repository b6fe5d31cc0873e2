// ip6_output: from next hop to Ethernet frame.
// In: data() is an IPv6 header, meta.next_hop leads to a neighbour.  Out: data() is the frame.
#include "nodes/link_layer.h"
#include "nodes/nodes.h"
#include "wire/ipv6.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t { kPortTx, kResolve };
constexpr EdgeSpec kEdges[] = {to("port_tx"), to("nd_resolve")};

Edge output(Packet packet, Worker& worker) {
  const l3::Hop& hop = worker.topology->hops[packet.meta().next_hop];
  const wire::Ipv6Address address = neighbour_of<wire::Ipv6Address>(packet, hop, worker);
  auto* neighbour = worker.neighbours6.find(hop.interface, address);
  if (neighbour == nullptr || !l3::is_settled(neighbour->state)) [[unlikely]]
    return Edge::kResolve;
  neighbour->used = true;
  const l3::Interface& out = worker.topology->interface(hop.interface);
  write_link_layer(packet, out, neighbour->mac, out.tail6);
  return Edge::kPortTx;
}

}  // namespace

const NodeSpec ip6_output{"ip6_output", each_packet<output>, kEdges};

}  // namespace heddle::app
