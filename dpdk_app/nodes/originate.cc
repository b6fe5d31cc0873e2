// originate: what the worker does of its own accord: neighbour questions that are due again,
// announcements of our addresses when an interface comes up (RFC 5227 2.3, RFC 4861 7.2.6),
// queries for the next resolver, and the end of packets that a port would not take.
#include "flows/standing.h"
#include "nodes/arp_sink.h"
#include "nodes/dns_packets.h"
#include "nodes/nd_sink.h"
#include "nodes/neighbour_drops.h"
#include "nodes/nodes.h"
#include "wire/icmp.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t {
  kPortTx,
  kTimeout4,
  kTimeout6,
  kPortStuck,
  kIp4Lookup,
  kIp6Lookup,
  kFragmentTimeout,
};
constexpr EdgeSpec kEdges[] = {
    to("port_tx"),
    refuse4(kNeighbourTimeout.name, kNeighbourTimeout.help, wire::Icmp4Type::kUnreachable,
            static_cast<uint8_t>(wire::Icmp4Unreachable::kHost)),
    refuse6("neighbour_timeout6", kNeighbourTimeout.help, wire::Icmp6Type::kUnreachable,
            static_cast<uint8_t>(wire::Icmp6Unreachable::kAddress)),
    drop("port_stuck", "a port took no packet for a while and lost what waited: its peer is gone"),
    to("ip4_lookup"),
    to("ip6_lookup"),
    drop("fragment_timeout",
         "fragments that waited for a first one which never came, or behind which another was "
         "refused"),
};
constexpr ArpSink::Edges kArpEdges{.port_tx = 0, .timeout = 1};
constexpr NdSink::Edges kNdEdges{.port_tx = 0, .timeout = 2};

// Timers handled in one turn, so that a thousand that fire together do not hold up packets.
constexpr uint32_t kTimersPerTurn = 32;

void announce4(const l3::Interface& interface, const wire::Ipv4Address& address, Worker& worker,
               Emitter& out) {
  const wire::Arp arp{.operation = wire::ArpOperation::kRequest,
                      .sender_mac = interface.mac,
                      .sender_ip = address,
                      .target_mac = {},
                      .target_ip = address};
  const Packet packet = make_arp(worker, interface, arp, wire::MacAddress::broadcast());
  if (packet) out.send(Edge::kPortTx, packet);
}

void announce6(const l3::Interface& interface, const wire::Ipv6Address& address, Worker& worker,
               Emitter& out) {
  const NdPath path{.source = address,
                    .destination = wire::kAllNodes,
                    .mac = wire::multicast_mac(wire::kAllNodes)};
  const wire::NeighborAdvertisement message{.target = address,
                                            .router = true,
                                            .solicited = false,
                                            .override_flag = true,
                                            .target_link_layer = interface.mac};
  const Packet packet = make_nd(worker, interface, path, message);
  if (packet) out.send(Edge::kPortTx, packet);
}

void announce(const l3::Interface& interface, Worker& worker, Emitter& out) {
  for (const auto& own : interface.own4) announce4(interface, own.address, worker, out);
  for (const auto& own : interface.own6) announce6(interface, own.address, worker, out);
  if (interface.role == l3::InterfaceRole::kUplink) return;
  announce4(interface, l3::kGateway4, worker, out);
  announce6(interface, l3::kGateway6, worker, out);
}

// What was behind a link that went down may be another station when it comes back. Coming up is
// announced, by one worker for all.
void mind_links(Worker& worker, Emitter& out) {
  const l3::Topology& topology = *worker.topology;
  if (worker.seen_generation == topology.generation) return;
  worker.seen_generation = topology.generation;
  ArpSink arp(worker, out, kArpEdges);
  NdSink nd(worker, out, kNdEdges);
  for (const l3::Interface& interface : topology.interfaces) {
    const size_t at = interface.id.index();
    if (at >= worker.seen_up.size() || interface.up == worker.seen_up[at]) continue;
    worker.seen_up[at] = interface.up;
    if (interface.up) {
      if (worker.id == WorkerId(0)) announce(interface, worker, out);
      continue;
    }
    worker.neighbours4.flush(interface.id, arp);
    worker.neighbours6.flush(interface.id, nd);
  }
}

void drop_undeliverable(Worker& worker, Emitter& out) {
  if (worker.undeliverable.size() == 0) [[likely]]
    return;
  worker.undeliverable.flush([&](rte_mbuf** packets, uint16_t count) {
    for (uint16_t i = 0; i < count; ++i) out.send(Edge::kPortStuck, Packet(packets[i]));
    return count;
  });
}

// Fragments of datagrams that are looked at in one turn.
constexpr uint32_t kDatagramsPerTurn = 8;

template <class Address>
void mind_fragments(Worker& worker, Emitter& out) {
  HeldFragments& held = worker.flows->held<Address>();
  worker.flows->fragments<Address>().advance(worker.now, kDatagramsPerTurn, held);
  held.lost.flush([&](rte_mbuf** packets, uint16_t count) {
    for (uint16_t i = 0; i < count; ++i) out.send(Edge::kFragmentTimeout, Packet(packets[i]));
    return count;
  });
}

void mind_flows(Worker& worker, Emitter& out) {
  Flows& flows = *worker.flows;
  flows.tracker.table().advance(worker.now, kTimersPerTurn);
  mind_fragments<wire::Ipv4Address>(worker, out);
  mind_fragments<wire::Ipv6Address>(worker, out);
  worker.sweeping = sweep_flows(worker);
  worker.made.flush([&](rte_mbuf** packets, uint16_t count) {
    for (uint16_t i = 0; i < count; ++i) {
      const Packet packet(packets[i]);
      out.send(packet.data()[0] >> 4 == 4 ? Edge::kIp4Lookup : Edge::kIp6Lookup, packet);
    }
    return count;
  });
}

// Queries in one turn that no resolver has answered, and that go to the next.
constexpr uint32_t kQueriesPerTurn = 32;

void mind_dns(Worker& worker, Emitter& out) {
  if (worker.dns == nullptr) [[likely]]
    return;
  std::array<uint8_t, dns::kMaxForwarded> room;
  for (uint32_t i = 0; i < kQueriesPerTurn; ++i) {
    const dns::ToResolver query = worker.dns->forwarder.on_timer(worker.now, room);
    if (query.size == 0) return;
    const Packet packet = worker.pool->allocate();
    if (!packet) return;  // as if it had been lost on its way
    packet.meta().rx_interface = InterfaceId(0);
    const OurDatagram sent{.source = query.source,
                           .destination = query.resolver,
                           .source_port = query.source_port,
                           .destination_port = dns::kPort,
                           .payload = std::span(room).first(query.size)};
    HEDDLE_CHECK(write_datagram(packet, sent, worker), "a query fits an empty buffer");
    out.send(query.resolver.is_v4_mapped() ? Edge::kIp4Lookup : Edge::kIp6Lookup, packet);
  }
}

uint16_t process(rte_graph* graph, rte_node* node, void**, uint16_t) {
  Worker& worker = worker_of(node);
  Emitter out(graph, node);
  mind_links(worker, out);
  drop_undeliverable(worker, out);
  mind_flows(worker, out);
  mind_dns(worker, out);
  ArpSink arp(worker, out, kArpEdges);
  worker.neighbours4.advance(worker.now, kTimersPerTurn, arp);
  NdSink nd(worker, out, kNdEdges);
  worker.neighbours6.advance(worker.now, kTimersPerTurn, nd);
  return out.sent();
}

}  // namespace

const NodeSpec originate{"originate", process, kEdges, true};

}  // namespace heddle::app
