// What Node answers to the control side.
#include <rte_cycles.h>
#include <rte_version.h>
#include <unistd.h>

#include <map>

#include "node/node.h"
#include "node/version.h"

namespace heddle::app {

namespace {

const char* role_name(Role role) {
  switch (role) {
    case Role::kUplink:
      return "uplink";
    case Role::kWorkload:
      return "workload";
    case Role::kHost:
      return "host";
  }
  return "";
}

const char* state_name(l3::NeighbourState state) {
  switch (state) {
    case l3::NeighbourState::kReachable:
      return "reachable";
    case l3::NeighbourState::kProbe:
      return "probe";
    case l3::NeighbourState::kStatic:
      return "static";
    case l3::NeighbourState::kStale:
      return "stale";
    case l3::NeighbourState::kIncomplete:
      return "incomplete";
    case l3::NeighbourState::kFailed:
      return "failed";
  }
  return "";
}

std::vector<std::string> address_names(const PortConfig& port, const l3::Interface& interface) {
  std::vector<std::string> all;
  for (const auto& own : port.addresses4)
    all.push_back(fmt::format("{}/{}", own.address, own.prefix_length));
  for (const auto& own : port.addresses6)
    all.push_back(fmt::format("{}/{}", own.address, own.prefix_length));
  for (const auto& address : interface.workload4) all.push_back(fmt::format("{}", address));
  for (const auto& address : interface.workload6) all.push_back(fmt::format("{}", address));
  return all;
}

// What a worker copies, in the middle of its work: no text, no memory to get.
template <class Address>
struct NeighbourCopy {
  Address address;
  InterfaceId interface;
  l3::NeighbourState state;
  wire::MacAddress mac;
  uint8_t held;
  Duration age;
};

constexpr uint32_t kSlotsPerQuestion = 256;

template <class Address>
server::NeighborInfo describe(const NeighbourCopy<Address>& copy, const NodeConfig& config,
                              size_t worker) {
  server::NeighborInfo info;
  info.interface = config.ports[copy.interface.index()].name;
  info.address = to_string(copy.address);
  info.state = state_name(copy.state);
  info.queued = copy.held;
  info.worker = static_cast<uint16_t>(worker);
  if (copy.state >= l3::NeighbourState::kIncomplete) return info;
  info.mac = to_string(copy.mac);
  info.age_ms = static_cast<uint64_t>(copy.age.ms());
  return info;
}

// One worker's table, a few slots a question. False when the worker did not come round.
template <class Address>
bool list_neighbours(Mailbox& mailbox, std::vector<NeighbourCopy<Address>>& all) {
  uint32_t capacity = kSlotsPerQuestion;
  for (uint32_t first = 0; first < capacity; first += kSlotsPerQuestion) {
    all.reserve(all.size() + kSlotsPerQuestion);
    const bool answered = mailbox.ask([&](Worker& worker) {
      const auto& table = worker.neighbours<Address>();
      capacity = table.capacity();
      table.for_each(first, kSlotsPerQuestion, [&](const l3::Neighbour<Address>& neighbour) {
        all.push_back({neighbour.address, neighbour.interface, neighbour.state, neighbour.mac,
                       neighbour.held_count, worker.now - neighbour.confirmed});
      });
    });
    if (!answered) return false;
  }
  return true;
}

}  // namespace

server::VersionInfo Node::version() {
  server::VersionInfo info;
  info.version = kVersion;
  info.commit = kCommit;
  info.dpdk = std::string(rte_version()).substr(std::string_view("DPDK ").size());
  info.node = config_.node;
  info.pid = static_cast<uint32_t>(getpid());
  info.uptime_ms = static_cast<uint64_t>((clock_.now() - Instant()).ms());
  return info;
}

std::vector<server::PortInfo> Node::ports() {
  std::shared_ptr<const l3::Topology> topology;
  {
    const std::lock_guard lock(publishing_);
    topology = installed_now_.topology;
  }
  const std::lock_guard lock(ethdev_);
  std::vector<server::PortInfo> all;
  for (size_t i = 0; i < config_.ports.size(); ++i) {
    const PortConfig& config = config_.ports[i];
    const Port& port = port_of(i);
    server::PortInfo info;
    info.name = config.name;
    info.role = role_name(config.role);
    info.device = config.device ? config.device->text : "";
    info.driver = port.driver();
    info.mac = to_string(port.mac());
    info.parent = config.parent;
    info.vlan = config.vlan.value();
    info.mtu = config.mtu.value_or(port.mtu());
    info.link_up = port.link_up();
    info.speed_mbps = port.speed_mbps();
    info.rx_queues = port.rx_queues();
    info.tx_queues = port.tx_queues();
    info.steering = port.has_rss() ? "rss" : "software";
    info.addresses = address_names(config, topology->interfaces[i]);
    if (config.device) {
      const PortStats stats = port.stats();
      info.rx_packets = stats.rx_packets;
      info.rx_bytes = stats.rx_bytes;
      info.rx_missed = stats.rx_missed;
      info.rx_errors = stats.rx_errors;
      info.rx_no_buffer = stats.rx_no_buffer;
      info.tx_packets = stats.tx_packets;
      info.tx_bytes = stats.tx_bytes;
      info.tx_errors = stats.tx_errors;
    }
    all.push_back(std::move(info));
  }
  return all;
}

std::vector<server::WorkerInfo> Node::workers() {
  const std::lock_guard lock(state_);
  std::vector<server::WorkerInfo> all;
  for (size_t i = 0; i < workers_.size(); ++i) {
    const Worker& worker = *workers_[i];
    server::WorkerInfo info;
    info.id = worker.id.value();
    info.cpu = static_cast<uint16_t>(config_.cores[i]);
    for (const RxQueue& queue : worker.rx_queues) {
      for (size_t p = 0; p < ports_.size(); ++p)
        if (ports_[p] != nullptr && ports_[p]->id() == queue.port)
          info.queues.push_back(fmt::format("{}:{}", config_.ports[p].name, queue.queue));
    }
    const Sample& delta = rates_[i].delta;
    const auto total = static_cast<double>(delta.busy + delta.idle);
    if (total > 0) {
      info.busy_share = static_cast<double>(delta.busy) / total;
      info.idle_share = static_cast<double>(delta.idle) / total;
      info.sleep_share = static_cast<double>(delta.sleep) / total;
      info.packets_per_second = static_cast<uint64_t>(
          static_cast<double>(delta.packets) * static_cast<double>(rte_get_tsc_hz()) / total);
    }
    if (delta.packets > 0)
      info.cycles_per_packet = static_cast<double>(delta.busy) / static_cast<double>(delta.packets);
    info.longest_turn_us =
        static_cast<double>(rates_[i].longest_turn) * 1e6 / static_cast<double>(rte_get_tsc_hz());
    info.policy_version = worker.counters.policy_version.value();
    info.flows_opened = worker.flows->counters.opened.value();
    info.flows_cut = worker.flows->counters.cut.value();
    info.flows_not_learned = worker.flows->counters.not_learned.value();
    info.guard_denied = worker.guard_counters.denied.value();
    info.guard_audited = worker.guard_counters.audited.value();
    info.flows = worker.flows->counters.live.value();
    info.turns = worker.counters.turns.value();
    info.packets = worker.counters.packets.value();
    info.handed_out = worker.counters.handed_out.value();
    info.handed_in = worker.counters.handed_in.value();
    info.busy_cycles = worker.counters.busy_cycles.value();
    info.idle_cycles = worker.counters.idle_cycles.value();
    all.push_back(std::move(info));
  }
  return all;
}

std::vector<server::GraphNodeInfo> Node::graph() {
  std::vector<server::GraphNodeInfo> all;
  std::map<std::string, size_t> position;
  const auto entry = [&](const std::string& name) -> server::GraphNodeInfo& {
    const auto [at, fresh] = position.try_emplace(name, all.size());
    if (fresh) all.emplace_back().name = name;
    return all[at->second];
  };
  for (const NodeSpec* node : all_nodes()) {
    auto& info = entry(node->name);
    for (const EdgeSpec& edge : node->edges)
      info.next.push_back(
          edge.kind == EdgeKind::kNode ? edge.name : fmt::format("{}.{}", node->name, edge.name));
  }
  for (const auto& graph : graphs_) {
    for (const NodeStats& stats : graph->stats()) {
      const bool is_drop = stats.drop != nullptr;
      auto& info = entry(is_drop ? fmt::format("{}.{}", stats.node->name, stats.drop->name)
                                 : std::string(stats.node->name));
      info.is_drop = is_drop;
      if (is_drop && stats.drop->kind != EdgeKind::kDrop)
        info.next = {stats.drop->kind == EdgeKind::kRefuse4 ? "icmp4_error" : "icmp6_error"};
      info.calls += stats.calls;
      info.packets += stats.packets;
      info.cycles += stats.cycles;
    }
  }
  return all;
}

std::vector<server::DropInfo> Node::drops() {
  std::map<const EdgeSpec*, uint64_t> counts;
  for (const auto& graph : graphs_)
    for (const NodeStats& stats : graph->stats())
      if (stats.drop != nullptr) counts[stats.drop] += stats.packets;
  std::vector<server::DropInfo> all;
  for (const NodeSpec* node : all_nodes()) {
    for (const EdgeSpec& edge : node->edges) {
      if (edge.kind == EdgeKind::kNode) continue;
      all.push_back({node->name, edge.name, edge.help, counts[&edge]});
    }
  }
  return all;
}

std::vector<server::NeighborInfo> Node::neighbors() {
  const std::lock_guard lock(asking_);
  std::vector<server::NeighborInfo> all;
  for (size_t i = 0; i < loops_.size(); ++i) {
    std::vector<NeighbourCopy<wire::Ipv4Address>> four;
    std::vector<NeighbourCopy<wire::Ipv6Address>> six;
    Mailbox& mailbox = loops_[i]->mailbox();
    if (!list_neighbours(mailbox, four) || !list_neighbours(mailbox, six))
      fmt::print(stderr, "heddled: worker {} does not answer\n", i);
    for (const auto& copy : four) all.push_back(describe(copy, config_, i));
    for (const auto& copy : six) all.push_back(describe(copy, config_, i));
  }
  return all;
}

std::vector<server::RouteInfo> Node::routes() {
  const std::lock_guard lock(state_);
  std::vector<server::RouteInfo> all;
  for (const l3::RouteLine& line : routes_)
    all.push_back({line.prefix, line.action, line.source, line.via, line.active});
  return all;
}

}  // namespace heddle::app
