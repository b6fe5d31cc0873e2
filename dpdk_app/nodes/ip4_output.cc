// ip4_output: from next hop to Ethernet frame.
// In: data() is an IPv4 header, meta.next_hop leads to a neighbour.  Out: data() is the frame.
#include "nodes/link_layer.h"
#include "nodes/nodes.h"
#include "wire/ipv4.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t { kPortTx, kResolve };
constexpr EdgeSpec kEdges[] = {to("port_tx"), to("arp_resolve")};

Edge output(Packet packet, Worker& worker) {
  const l3::Hop& hop = worker.topology->hops[packet.meta().next_hop];
  const wire::Ipv4Address address = neighbour_of<wire::Ipv4Address>(packet, hop, worker);
  auto* neighbour = worker.neighbours4.find(hop.interface, address);
  if (neighbour == nullptr || !l3::is_settled(neighbour->state)) [[unlikely]]
    return Edge::kResolve;
  neighbour->used = true;
  const l3::Interface& out = worker.topology->interface(hop.interface);
  write_link_layer(packet, out, neighbour->mac, out.tail4);
  return Edge::kPortTx;
}

}  // namespace

const NodeSpec ip4_output{"ip4_output", each_packet<output>, kEdges};

}  // namespace heddle::app
