// originate: what the worker sends of its own accord: neighbour questions that are due again,
// and announcements of our addresses when an interface comes up (RFC 5227 2.3, RFC 4861 7.2.6).
#include "nodes/arp_sink.h"
#include "nodes/nd_sink.h"
#include "nodes/neighbour_drops.h"
#include "nodes/nodes.h"
#include "wire/icmp.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t { kPortTx, kTimeout4, kTimeout6, kQueueFull };
constexpr EdgeSpec kEdges[] = {
    to("port_tx"),
    refuse4(kNeighbourTimeout.name, kNeighbourTimeout.help, wire::Icmp4Type::kUnreachable,
            static_cast<uint8_t>(wire::Icmp4Unreachable::kHost)),
    refuse6("neighbour_timeout6", kNeighbourTimeout.help, wire::Icmp6Type::kUnreachable,
            static_cast<uint8_t>(wire::Icmp6Unreachable::kAddress)),
    drop(kNeighbourQueueFull.name, kNeighbourQueueFull.help),
};
constexpr ArpSink::Edges kArpEdges{0, 1, 3};
constexpr NdSink::Edges kNdEdges{0, 2, 3};

// Timers handled in one turn, so that a thousand that fire together do not hold up packets.
constexpr uint32_t kTimersPerTurn = 32;

void announce(const l3::Interface& interface, Worker& worker, Emitter& out) {
  for (const auto& own : interface.own4) {
    const wire::Arp arp{.operation = wire::ArpOperation::kRequest,
                        .sender_mac = interface.mac,
                        .sender_ip = own.address,
                        .target_mac = {},
                        .target_ip = own.address};
    const Packet packet = make_arp(worker, interface, arp, wire::MacAddress::broadcast());
    if (packet) out.send(Edge::kPortTx, packet);
  }
  for (const auto& own : interface.own6) {
    const NdPath path{.source = own.address,
                      .destination = wire::kAllNodes,
                      .mac = wire::multicast_mac(wire::kAllNodes)};
    const wire::NeighborAdvertisement message{.target = own.address,
                                              .router = true,
                                              .solicited = false,
                                              .override_flag = true,
                                              .target_link_layer = interface.mac};
    const Packet packet = make_nd(worker, interface, path, message);
    if (packet) out.send(Edge::kPortTx, packet);
  }
}

// One worker speaks for all.
void announce_new_links(Worker& worker, Emitter& out) {
  const l3::Topology& topology = *worker.topology;
  if (worker.id != WorkerId(0) || worker.announced_generation == topology.generation) return;
  worker.announced_generation = topology.generation;
  for (const l3::Interface& interface : topology.interfaces) {
    const size_t at = interface.id.index();
    if (at >= worker.announced_up.size()) continue;
    if (interface.up && !worker.announced_up[at]) announce(interface, worker, out);
    worker.announced_up[at] = interface.up;
  }
}

uint16_t process(rte_graph* graph, rte_node* node, void**, uint16_t) {
  Worker& worker = worker_of(node);
  Emitter out(graph, node);
  announce_new_links(worker, out);
  ArpSink arp(worker, out, kArpEdges);
  worker.neighbours4.advance(worker.now, kTimersPerTurn, arp);
  NdSink nd(worker, out, kNdEdges);
  worker.neighbours6.advance(worker.now, kTimersPerTurn, nd);
  return 0;
}

}  // namespace

const NodeSpec originate{"originate", process, kEdges, true};

}  // namespace heddle::app
