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
    case Role::kUplink: return "uplink";
    case Role::kWorkload: return "workload";
    case Role::kHost: return "host";
  }
  return "";
}

const char* state_name(l3::NeighbourState state) {
  switch (state) {
    case l3::NeighbourState::kReachable: return "reachable";
    case l3::NeighbourState::kProbe: return "probe";
    case l3::NeighbourState::kStatic: return "static";
    case l3::NeighbourState::kStale: return "stale";
    case l3::NeighbourState::kIncomplete: return "incomplete";
    case l3::NeighbourState::kFailed: return "failed";
  }
  return "";
}

std::vector<std::string> address_names(const PortConfig& port) {
  std::vector<std::string> all;
  for (const auto& own : port.addresses4)
    all.push_back(fmt::format("{}/{}", own.address, own.prefix_length));
  for (const auto& own : port.addresses6)
    all.push_back(fmt::format("{}/{}", own.address, own.prefix_length));
  for (const auto& address : port.workload4) all.push_back(fmt::format("{}", address));
  for (const auto& address : port.workload6) all.push_back(fmt::format("{}", address));
  return all;
}

template <class Address>
void copy_neighbours(const Worker& worker, const l3::NeighbourTable<Address>& table,
                     std::vector<server::NeighborInfo>& out) {
  table.for_each([&](const l3::Neighbour<Address>& neighbour) {
    server::NeighborInfo info;
    info.interface = worker.topology->interface(neighbour.interface).name;
    info.address = to_string(neighbour.address);
    const bool known = neighbour.state < l3::NeighbourState::kIncomplete;
    if (known) info.mac = to_string(neighbour.mac);
    info.state = state_name(neighbour.state);
    if (known) info.age_ms = static_cast<uint64_t>((worker.now - neighbour.confirmed).ms());
    info.queued = neighbour.held_count;
    info.worker = worker.id.value();
    out.push_back(std::move(info));
  });
}

}  // namespace

server::VersionInfo Node::version() {
  server::VersionInfo info;
  info.version = kVersion;
  info.commit = kCommit;
  info.dpdk = rte_version();
  info.node = config_.node;
  info.pid = static_cast<uint32_t>(getpid());
  info.uptime_ms = static_cast<uint64_t>((clock_.now() - Instant()).ms());
  return info;
}

std::vector<server::PortInfo> Node::ports() {
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
    info.addresses = address_names(config);
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
      info.packets_per_second = static_cast<uint64_t>(static_cast<double>(delta.packets) *
                                                      static_cast<double>(rte_get_tsc_hz()) / total);
    }
    if (delta.packets > 0)
      info.cycles_per_packet = static_cast<double>(delta.busy) / static_cast<double>(delta.packets);
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
      info.next.push_back(edge.kind == EdgeKind::kNode ? edge.name
                                                       : fmt::format("{}.{}", node->name, edge.name));
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
  for (auto& loop : loops_) {
    loop->mailbox().ask([&](Worker& worker) {
      copy_neighbours(worker, worker.neighbours4, all);
      copy_neighbours(worker, worker.neighbours6, all);
    });
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
