// arp_resolve: packets whose next hop's MAC is not known or must be asked for again.
// In: data() is an IPv4 header, meta.next_hop leads to a neighbour.
// Out: a frame, or the packet waits in the neighbour table.
#include "nodes/arp_sink.h"
#include "nodes/link_layer.h"
#include "nodes/neighbour_drops.h"
#include "nodes/nodes.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t { kPortTx, kTimeout, kQueueFull, kUnreachable, kTableFull };
constexpr auto kUnreachableCode = static_cast<uint8_t>(wire::Icmp4Unreachable::kHost);
constexpr EdgeSpec kEdges[] = {
    to("port_tx"),
    refuse4(kNeighbourTimeout.name, kNeighbourTimeout.help, wire::Icmp4Type::kUnreachable,
            kUnreachableCode),
    drop(kNeighbourQueueFull.name, kNeighbourQueueFull.help),
    refuse4(kNeighbourFailed.name, kNeighbourFailed.help, wire::Icmp4Type::kUnreachable,
            kUnreachableCode),
    drop(kNeighbourTableFull.name, kNeighbourTableFull.help),
};
constexpr ArpSink::Edges kSinkEdges{0, 1, 2};

void resolve(Packet packet, Worker& worker, Emitter& out) {
  using Held = l3::NeighbourTable<wire::Ipv4Address>::Held;
  const l3::Hop& hop = worker.topology->hops[packet.meta().next_hop];
  const wire::Ipv4Address address = neighbour_of<wire::Ipv4Address>(packet, hop, worker);
  ArpSink sink(worker, out, kSinkEdges);
  switch (worker.neighbours4.use(hop.interface, address, packet, worker.now, sink)) {
    case Held::kWaiting:
      return;
    case Held::kFailed:
      return out.send(Edge::kUnreachable, packet);
    case Held::kTableFull:
      return out.send(Edge::kTableFull, packet);
    case Held::kSettled: {
      const auto* neighbour = worker.neighbours4.find(hop.interface, address);
      return sink.release(*neighbour, packet);
    }
  }
}

}  // namespace

const NodeSpec arp_resolve{"arp_resolve", each_packet_emitting<resolve>, kEdges};

}  // namespace heddle::app
