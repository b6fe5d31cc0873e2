// Cycles a packet of plain IPv4 and IPv6 forwarding: the whole graph from ethernet_input to the
// transmit buffers, in memory, without port I/O. Prints one JSON object.
//
// 1,024 packets of 64 bytes go round in bursts of 64, so that headers come from the second-level
// cache as they do behind a port. 256 destinations behind 32 neighbours, 1,000 routes beside.
#include <rte_cycles.h>
#include <rte_eal.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "node/flow_options.h"
#include "node/topology_builder.h"
#include "nodes/nodes.h"
#include "wire/ethernet.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/udp.h"
#include "worker/worker.h"

namespace {

using namespace heddle;
using namespace heddle::app;

constexpr uint32_t kPackets = 1024;
constexpr uint16_t kBurst = 64;
constexpr uint32_t kDestinations = 256;
constexpr uint32_t kNeighbours = 32;
constexpr int kRounds = 21;
constexpr int kTurnsPerRound = 4000;

std::vector<Packet> ring;
size_t ring_at = 0;

// What rx does, but for the port.
uint16_t inject(rte_graph* graph, rte_node* node, void**, uint16_t) {
  void* burst[kBurst];
  for (uint16_t i = 0; i < kBurst; ++i) {
    const Packet packet = ring[ring_at + i];
    packet.prefetch_data();
    packet.meta() = {};
    burst[i] = packet.mbuf();
  }
  ring_at = (ring_at + kBurst) % kPackets;
  rte_node_enqueue(graph, node, 0, burst, kBurst);
  return kBurst;
}
constexpr EdgeSpec kEdges[] = {to("ethernet_input")};
const NodeSpec bench_source{"bench_source", inject, kEdges, true};

const wire::MacAddress kPeer({2, 0, 0, 0, 0, 1});
const wire::MacAddress kOwn({2, 0, 0, 0, 0, 2});

wire::Ipv4Address neighbour4(uint32_t i) { return wire::Ipv4Address(10, 2, 0, uint8_t(2 + i)); }
wire::Ipv6Address neighbour6(uint32_t i) {
  return wire::Ipv6Address::from_host(0xfd02'0000'0000'0000, 2 + i);
}
wire::Ipv4Address destination4(uint32_t i) {
  return wire::Ipv4Address(172, 16, uint8_t(i % kDestinations), 1);
}
wire::Ipv6Address destination6(uint32_t i) {
  return wire::Ipv6Address::from_host(0xfd10'0000'0000'0000 | uint64_t{i % kDestinations} << 16, 1);
}

NodeConfig make_config() {
  NodeConfig config;
  config.ports.resize(2);
  config.ports[0].name = "in";
  config.ports[0].addresses4 = {{wire::Ipv4Address(10, 1, 0, 1), 24}};
  config.ports[0].addresses6 = {{wire::Ipv6Address::from_host(0xfd01'0000'0000'0000, 1), 64}};
  config.ports[1].name = "out";
  config.ports[1].addresses4 = {{wire::Ipv4Address(10, 2, 0, 1), 24}};
  config.ports[1].addresses6 = {{wire::Ipv6Address::from_host(0xfd02'0000'0000'0000, 1), 64}};
  for (uint32_t i = 0; i < kDestinations; ++i) {
    config.routes4.push_back(
        {{wire::network_of(destination4(i), 24), 24}, {neighbour4(i % kNeighbours)}});
    config.routes6.push_back(
        {{wire::network_of(destination6(i), 48), 48}, {neighbour6(i % kNeighbours)}});
  }
  for (uint32_t i = 0; i < 744; ++i) {
    config.routes4.push_back(
        {{wire::Ipv4Address(192, uint8_t(i / 250), uint8_t(i % 250), 0), 24}, {neighbour4(0)}});
    config.routes6.push_back(
        {{wire::Ipv6Address::from_host(0xfd20'0000'0000'0000 | uint64_t{i} << 16, 0), 48},
         {neighbour6(0)}});
  }
  return config;
}

void write_packet(Packet packet, bool v6, uint32_t i) {
  rte_pktmbuf_reset(packet.mbuf());
  const uint16_t payload = 64 - 4 - 14 - (v6 ? 40 : 20);
  uint8_t* at = packet.append(64 - 4);
  wire::Ethernet{kOwn, kPeer, v6 ? wire::EtherType::kIpv6 : wire::EtherType::kIpv4}.emit(at);
  if (v6) {
    wire::Ipv6{.payload_length = payload,
               .next_header = wire::IpProtocol::kUdp,
               .hop_limit = 64,
               .source = wire::Ipv6Address::from_host(0xfd01'0000'0000'0000, 2 + i),
               .destination = destination6(i * 7)}
        .emit(at + 14);
  } else {
    wire::Ipv4{.payload_length = payload,
               .ttl = 64,
               .protocol = wire::IpProtocol::kUdp,
               .source = wire::Ipv4Address(10, 3, uint8_t(i >> 8), uint8_t(i)),
               .destination = destination4(i * 7)}
        .emit(at + 14);
  }
  packet.mbuf()->port = 0;
}

// All that went elsewhere, by name, so that a wrong set-up shows itself.
void expect_all_out(const Graph& graph, uint64_t out, uint64_t in) {
  if (out == in) return;
  for (const NodeStats& stats : graph.stats())
    if (stats.drop != nullptr && stats.packets != 0)
      std::fprintf(stderr, "%s.%s: %lu\n", stats.node->name, stats.drop->name, stats.packets);
  HEDDLE_CHECK(out == in, "every packet must come out");
}

// Median over the rounds of the mean cycles of a packet.
double measure(Worker& worker, Graph& graph, bool v6) {
  std::vector<double> rounds;
  for (int round = 0; round < kRounds; ++round) {
    uint64_t cycles = 0;
    uint64_t packets = 0;
    for (int turn = 0; turn < kTurnsPerRound; ++turn) {
      const size_t first = ring_at;
      for (uint16_t i = 0; i < kBurst; ++i)
        write_packet(ring[first + i], v6, static_cast<uint32_t>(first) + i);
      const uint64_t start = rte_rdtsc();
      worker.begin_turn(*worker.topology, *worker.policy);
      graph.walk();
      cycles += rte_rdtsc() - start;
      packets += worker.tx[1]->flush([](rte_mbuf**, uint16_t count) { return count; });
    }
    expect_all_out(graph, packets, uint64_t{kTurnsPerRound} * kBurst);
    rounds.push_back(static_cast<double>(cycles) / static_cast<double>(packets));
  }
  std::ranges::nth_element(rounds, rounds.begin() + kRounds / 2);
  return rounds[kRounds / 2];
}

}  // namespace

int main() {
  std::vector<std::string> text = {"bench",        "--in-memory", "--no-pci", "--no-telemetry",
                                   "--lcores=0@0", "-m",          "256",      "--log-level=1"};
  std::vector<char*> argv;
  for (auto& t : text) argv.push_back(t.data());
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0 || !packet::reserve_meta()) {
    std::fprintf(stderr, "needs root and 256 MiB of free hugepages (tools/dev setup)\n");
    return 2;
  }
  auto pool = packet::PacketPool::create("bench", 8191);
  HEDDLE_CHECK(pool.has_value(), "pool");
  const NodeConfig config = make_config();
  const PortFacts facts[] = {{PortId(0), kOwn, 1500, true}, {PortId(1), kOwn, 1500, true}};
  const auto topology = build_topology(config, facts, 1);
  Worker worker(WorkerId(0), 42, Instant(0));
  worker.pool = &*pool;
  worker.topology = topology.get();
  const policy::Snapshot policy;
  worker.policy = &policy;
  worker.flows = std::make_unique<Flows>(flow_options(config.flows, worker, 1), policy::Limits(),
                                         42, worker.now);
  worker.tx_queues.assign(2, TxQueue{.own = true, .chains = true});
  worker.tx.resize(2);
  for (auto& outlet : worker.tx) outlet = std::make_unique<Outlet>();
  for (uint32_t i = 0; i < kNeighbours; ++i) {
    const wire::MacAddress mac({2, 0, 0, 0, 1, uint8_t(i)});
    worker.neighbours4.add_static(InterfaceId(1), neighbour4(i), mac, worker.now);
    worker.neighbours6.add_static(InterfaceId(1), neighbour6(i), mac, worker.now);
  }
  auto graph = Graph::create(worker, {&bench_source});
  HEDDLE_CHECK(graph.has_value(), "graph");
  for (uint32_t i = 0; i < kPackets; ++i) ring.push_back(pool->allocate());

  const double v4 = measure(worker, **graph, false);
  const double v6 = measure(worker, **graph, true);
  const double ghz = static_cast<double>(rte_get_tsc_hz()) / 1e9;
  std::printf(
      "{\"ipv4_cycles\": %.1f, \"ipv4_ns\": %.2f, \"ipv6_cycles\": %.1f, \"ipv6_ns\": %.2f, "
      "\"nodes\": {",
      v4, v4 / ghz, v6, v6 / ghz);
  bool first = true;
  for (const NodeStats& stats : (*graph)->stats()) {
    if (stats.packets < 1000 || stats.drop != nullptr) continue;
    std::printf("%s\"%s\": %.1f", first ? "" : ", ", stats.node->name,
                static_cast<double>(stats.cycles) / static_cast<double>(stats.packets));
    first = false;
  }
  std::printf("}}\n");
  return 0;
}
