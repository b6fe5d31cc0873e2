// nd_resolve: packets whose next hop's MAC is not known or must be asked for again.
// In: data() is an IPv6 header, meta.next_hop leads to a neighbour.
// Out: a frame, or the packet waits in the neighbour table.
#include "nodes/link_layer.h"
#include "nodes/nd_sink.h"
#include "nodes/neighbour_drops.h"
#include "nodes/nodes.h"
#include "wire/icmp.h"
#include "wire/ipv6.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t { kPortTx, kTimeout, kQueueFull, kUnreachable, kTableFull };
constexpr auto kAddressCode = static_cast<uint8_t>(wire::Icmp6Unreachable::kAddress);
constexpr EdgeSpec kEdges[] = {
    to("port_tx"),
    refuse6(kNeighbourTimeout.name, kNeighbourTimeout.help, wire::Icmp6Type::kUnreachable,
            kAddressCode),
    drop(kNeighbourQueueFull.name, kNeighbourQueueFull.help),
    refuse6(kNeighbourFailed.name, kNeighbourFailed.help, wire::Icmp6Type::kUnreachable,
            kAddressCode),
    drop(kNeighbourTableFull.name, kNeighbourTableFull.help),
};
constexpr NdSink::Edges kSinkEdges{0, 1, 2};

void resolve(Packet packet, Worker& worker, Emitter& out) {
  using Held = l3::NeighbourTable<wire::Ipv6Address>::Held;
  const l3::Hop& hop = worker.topology->hops[packet.meta().next_hop];
  const wire::Ipv6Address address = neighbour_of<wire::Ipv6Address>(packet, hop, worker);
  NdSink sink(worker, out, kSinkEdges);
  switch (worker.neighbours6.use(hop.interface, address, packet, worker.now, sink)) {
    case Held::kWaiting:
      return;
    case Held::kFailed:
      return out.send(Edge::kUnreachable, packet);
    case Held::kTableFull:
      return out.send(Edge::kTableFull, packet);
    case Held::kSettled: {
      const auto* neighbour = worker.neighbours6.find(hop.interface, address);
      return sink.release(*neighbour, packet);
    }
  }
}

}  // namespace

const NodeSpec nd_resolve{"nd_resolve", each_packet_emitting<resolve>, kEdges};

}  // namespace heddle::app
