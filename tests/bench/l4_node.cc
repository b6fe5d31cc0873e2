#include "l4_node.h"

#include <rte_cycles.h>
#include <rte_eal.h>

#include <cstdio>

#include "core/check.h"
#include "node/flow_options.h"
#include "node/policy_facts.h"
#include "nodes/nodes.h"
#include "wire/ethernet.h"
#include "wire/ipv4.h"
#include "wire/udp.h"

namespace heddle::bench {

namespace {

using app::EdgeSpec;
using app::NodeSpec;
using packet::Packet;
using wire::IpProtocol;
using wire::Ipv4Address;

constexpr uint32_t kEndpoints = 16;
constexpr uint16_t kFrame = 60;  // and 4 of checksum, which is not in memory
constexpr uint16_t kPort = 80;
constexpr uint64_t kSeed = 0x5eed;
const Ipv4Address kService(198, 18, 0, 1);
const wire::MacAddress kPeer({2, 0, 0, 0, 1, 0});

wire::MacAddress own_mac(uint8_t port) { return wire::MacAddress({2, 0, 0, 0, 0, port}); }
wire::MacAddress endpoint_mac(uint32_t i) {
  return wire::MacAddress({2, 0, 0, 0, 2, static_cast<uint8_t>(i)});
}
Ipv4Address endpoint(uint32_t i) { return Ipv4Address(192, 0, 3, static_cast<uint8_t>(2 + i)); }

// Sixteen connections of an address, by different ports; strangers are in another network.
Ipv4Address client(uint32_t number, bool stranger) {
  return Ipv4Address::from_host((stranger ? 0x6400'0000u : 0x0a00'0000u) + 2 + number / 16);
}
uint16_t client_port(uint32_t number) { return static_cast<uint16_t>(1024 + number % 16 * 4001); }

packet::PacketPool& pool() {
  static packet::PacketPool made = [] {
    auto pool = packet::PacketPool::create("l4", 8191);
    HEDDLE_CHECK(pool.has_value(), "packet buffers");
    return std::move(*pool);
  }();
  return made;
}

app::NodeConfig make_config(const app::FlowSettings& flows) {
  app::NodeConfig config;
  config.flows = flows;
  config.ports.resize(2);
  config.ports[0].name = "clients";
  config.ports[0].addresses4 = {{Ipv4Address(192, 0, 2, 1), 24}};
  config.ports[1].name = "endpoints";
  config.ports[1].addresses4 = {{Ipv4Address(192, 0, 3, 1), 24}};
  for (const uint8_t network : {uint8_t{10}, uint8_t{100}})
    config.routes4.push_back({{Ipv4Address(network, 0, 0, 0), 8}, {Ipv4Address(192, 0, 2, 2)}});
  return config;
}

std::vector<policy::Edit> service() {
  policy::Service web{
      .addresses = {policy::IpAddress(kService)},
      .ports = {{"http", kPort, policy::Protocol::kTcp}, {"dns", kPort, policy::Protocol::kUdp}}};
  policy::EndpointSet set{.service = "web", .endpoints = {}};
  for (uint32_t i = 0; i < kEndpoints; ++i)
    set.endpoints.push_back({.address = policy::IpAddress(endpoint(i)), .labels = {}});
  std::vector<policy::Edit> edits;
  const auto add = [&](policy::Resource resource) {
    edits.push_back({resource.key, std::make_shared<const policy::Resource>(std::move(resource))});
  };
  add({{policy::Kind::kService, "shop", "web"}, {}, std::move(web)});
  add({{policy::Kind::kEndpointSet, "shop", "web"}, {}, std::move(set)});
  return edits;
}

L4Node* current = nullptr;

}  // namespace

bool start() {
  static const bool started = [] {
    std::vector<std::string> text = {"bench",        "--in-memory", "--no-pci", "--no-telemetry",
                                     "--lcores=0@0", "-m",          "256",      "--log-level=1"};
    std::vector<char*> argv;
    for (auto& word : text) argv.push_back(word.data());
    return rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0 && packet::reserve_meta();
  }();
  return started;
}

// What rx does, but for the port.
uint16_t inject(rte_graph* graph, rte_node* node, void**, uint16_t) {
  void* burst[L4Node::kBurst];
  const uint32_t left = current->filled_ - current->walked_;
  const auto count = static_cast<uint16_t>(std::min<uint32_t>(left, L4Node::kBurst));
  for (uint16_t i = 0; i < count; ++i) {
    const Packet packet = current->ring_[current->walked_ + i];
    packet.prefetch_data();
    packet.meta() = {};
    burst[i] = packet.mbuf();
  }
  current->walked_ += count;
  current->worker_.received += count;
  if (count != 0) rte_node_enqueue(graph, node, 0, burst, count);
  return count;
}

namespace {
constexpr EdgeSpec kEdges[] = {app::to("ethernet_input")};
const NodeSpec l4_source{"l4_source", inject, kEdges, true};
}  // namespace

double L4Node::hz() { return static_cast<double>(rte_get_tsc_hz()); }

L4Node::L4Node(const app::FlowSettings& flows)
    : config_(make_config(flows)),
      model_(app::policy_facts(config_), {}),
      policy_(model_.commit(0)),
      worker_(WorkerId(0), kSeed, now_) {
  HEDDLE_CHECK(model_.stage(service()).empty(), "the service is right");
  policy_ = model_.commit(1);
  const app::PortFacts facts[] = {{PortId(0), own_mac(0), 1500, true},
                                  {PortId(1), own_mac(1), 1500, true}};
  topology_ = app::build_topology(config_, facts, 1, *policy_.attachments);
  worker_.pool = &pool();
  worker_.tx_queues.assign(2, app::TxQueue{.own = true, .chains = true});
  worker_.tx.resize(2);
  for (auto& outlet : worker_.tx) outlet = std::make_unique<app::Outlet>();
  worker_.flows = std::make_unique<app::Flows>(app::flow_options(config_.flows, worker_, 1),
                                               policy::Limits(), kSeed, now_);
  worker_.neighbours4.add_static(InterfaceId(0), Ipv4Address(192, 0, 2, 2), kPeer, now_);
  for (uint32_t i = 0; i < kEndpoints; ++i)
    worker_.neighbours4.add_static(InterfaceId(1), endpoint(i), endpoint_mac(i), now_);
  auto graph = app::Graph::create(worker_, {.source = &l4_source});
  HEDDLE_CHECK(graph.has_value(), "a graph");
  graph_ = std::move(*graph);
  walk(milliseconds(1));  // with what a node says when it comes up
}

L4Node::~L4Node() { graph_.reset(); }

void L4Node::put(uint32_t number, const Segment& segment, bool stranger) {
  const bool tcp = segment.protocol == IpProtocol::kTcp;
  const bool forth = segment.from == Side::kClient;
  Ipv4Address far = kService;
  const Ipv4Address near = client(number, stranger);
  const uint16_t port = client_port(number);
  if (!forth) {
    const policy::Flow flow{.source = policy::IpAddress(near),
                            .destination = policy::IpAddress(kService),
                            .protocol = tcp ? policy::Protocol::kTcp : policy::Protocol::kUdp,
                            .source_port = port,
                            .destination_port = kPort,
                            .in = InterfaceId(0)};
    far = policy::decide_endpoint(*policy_.snapshot, flow).endpoint->address.v4();
  }
  const Packet packet = pool().allocate();
  HEDDLE_CHECK(bool(packet), "packet buffers");
  uint8_t* at = packet.append(kFrame);
  const Ipv4Address source = forth ? near : far, destination = forth ? far : near;
  const Be16 source_port(forth ? port : kPort), destination_port(forth ? kPort : port);
  const auto upper = static_cast<uint16_t>(tcp ? 20 + segment.payload : kFrame - 34);
  wire::Ethernet{own_mac(forth ? 0 : 1), kPeer, wire::EtherType::kIpv4}.emit(at);
  if (tcp) {
    wire::Tcp{.source_port = source_port,
              .destination_port = destination_port,
              .sequence = Be32(segment.sequence),
              .acknowledgment = Be32(segment.acknowledgment),
              .flags = segment.flags,
              .window = 65'535,
              .options = {}}
        .emit(source, destination, {at + 34, upper});
  } else {
    wire::Udp{source_port, destination_port}.emit(source, destination, {at + 34, upper});
  }
  wire::Ipv4{.payload_length = upper,
             .protocol = segment.protocol,
             .source = source,
             .destination = destination}
      .emit(at + 14);
  packet.mbuf()->port = forth ? 0 : 1;
  ring_[filled_++] = packet;
}

Walked L4Node::walk(Duration tick) {
  current = this;
  Walked all{.packets = filled_};
  do {
    const uint32_t before = walked_;
    const uint64_t start = rte_rdtsc();
    worker_.now = now_;
    worker_.begin_turn(*topology_, *policy_.snapshot);
    graph_->walk();
    const uint64_t cycles = rte_rdtsc() - start;
    const Duration took(static_cast<int64_t>(static_cast<double>(cycles) / hz() * 1e9));
    if (took < kInterrupted) {
      all.cycles += cycles;
      all.timed += walked_ - before;
    }
    now_ = now_ + (tick != Duration() ? tick : took < kInterrupted ? took : Duration());
    for (auto& outlet : worker_.tx) {
      all.out += outlet->size();
      outlet->clear();
    }
  } while (walked_ < filled_);
  filled_ = walked_ = 0;
  return all;
}

void L4Node::print_drops() const {
  for (const app::NodeStats& stats : graph_->stats())
    if (stats.drop != nullptr && stats.packets != 0)
      std::fprintf(stderr, "%s.%s: %lu\n", stats.node->name, stats.drop->name, stats.packets);
}

void L4Node::expect_all_out(const Walked& walked) const {
  if (walked.out == walked.packets) return;
  print_drops();
  HEDDLE_CHECK(false, "every packet must come out");
}

}  // namespace heddle::bench
