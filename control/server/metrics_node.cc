// Metrics of the node: ports, workers, the graph, drops, TCP and TLS.
#include <algorithm>

#include "metrics_page.h"

namespace heddle::server {
namespace {

using telemetry::MetricsText;
using telemetry::MetricType;

// One family with a sample for each of `all`.
template <class Info, class Value>
void each(const std::vector<Info>& all, std::string_view name, std::string_view help, Value value,
          MetricsText& to) {
  to.family(name, name.ends_with("_total") ? MetricType::kCounter : MetricType::kGauge, help);
  for (const Info& info : all) value(info, to);
}

// Members that have a family of their own, with one label.
template <class Info, class Number>
struct Member {
  std::string_view name, help;
  Number Info::* member;
};

template <class Info, class Number, size_t kCount>
void add_members(const std::vector<Info>& all, const Member<Info, Number> (&members)[kCount],
                 std::string_view label, std::string (*say)(const Info&), MetricsText& to) {
  for (const auto& member : members)
    each(
        all, member.name, member.help,
        [&](const Info& info, MetricsText& text) {
          text.add({{label, say(info)}}, info.*member.member);
        },
        to);
}

std::string label_of(const PortInfo& port) { return port.name; }
std::string label_of(const WorkerInfo& worker) { return std::to_string(worker.id); }
std::string label_of(const GraphNodeInfo& node) { return node.name; }

using PortMember = Member<PortInfo, uint64_t>;
constexpr PortMember kPortCounters[] = {
    {"heddle_port_received_packets_total", "Packets from the port.", &PortInfo::rx_packets},
    {"heddle_port_received_bytes_total", "Bytes from the port.", &PortInfo::rx_bytes},
    {"heddle_port_receive_missed_total", "The device had no free descriptor.",
     &PortInfo::rx_missed},
    {"heddle_port_receive_errors_total", "The device received a broken frame.",
     &PortInfo::rx_errors},
    {"heddle_port_receive_no_buffer_total", "There was no free packet buffer.",
     &PortInfo::rx_no_buffer},
    {"heddle_port_sent_packets_total", "Packets to the port.", &PortInfo::tx_packets},
    {"heddle_port_sent_bytes_total", "Bytes to the port.", &PortInfo::tx_bytes},
    {"heddle_port_send_errors_total", "The device could not send.", &PortInfo::tx_errors},
};

using WorkerMember = Member<WorkerInfo, uint64_t>;
constexpr WorkerMember kWorkerNumbers[] = {
    {"heddle_worker_turns_total", "Turns of the worker's loop.", &WorkerInfo::turns},
    {"heddle_worker_packets_total", "Packets that the worker has received.", &WorkerInfo::packets},
    {"heddle_worker_handed_out_total", "Packets given to the worker that owns their flow.",
     &WorkerInfo::handed_out},
    {"heddle_worker_handed_in_total", "Packets taken from other workers.", &WorkerInfo::handed_in},
    {"heddle_worker_busy_cycles_total", "Cycles of turns that moved a packet.",
     &WorkerInfo::busy_cycles},
    {"heddle_worker_idle_cycles_total", "Cycles of other turns, and of sleep.",
     &WorkerInfo::idle_cycles},
    {"heddle_worker_flows", "Flows that live.", &WorkerInfo::flows},
    {"heddle_worker_flows_opened_total", "Flows opened.", &WorkerInfo::flows_opened},
    {"heddle_worker_flows_cut_total", "Flows cut by policy.", &WorkerInfo::flows_cut},
    {"heddle_worker_flows_not_learned_total", "Flows without a place, for want of room or time.",
     &WorkerInfo::flows_not_learned},
    {"heddle_worker_guard_denied_total",
     "Packets that would have opened a flow to a guarded workload.", &WorkerInfo::guard_denied},
    {"heddle_worker_guard_audited_total", "What AUDIT rules and dry runs of guards met.",
     &WorkerInfo::guard_audited},
    {"heddle_worker_policy_version", "Version of the policy that the last turn ran under.",
     &WorkerInfo::policy_version},
};

using Share = Member<WorkerInfo, double>;
constexpr Share kWorkerShares[] = {
    {"heddle_worker_busy_ratio", "Share of the last second in turns that moved a packet.",
     &WorkerInfo::busy_share},
    {"heddle_worker_sleep_ratio", "Share of the last second asleep.", &WorkerInfo::sleep_share},
};

using NodeMember = Member<GraphNodeInfo, uint64_t>;
constexpr NodeMember kGraphCounters[] = {
    {"heddle_graph_calls_total", "Bursts that the graph's node has processed.",
     &GraphNodeInfo::calls},
    {"heddle_graph_packets_total", "Packets that it has processed.", &GraphNodeInfo::packets},
    {"heddle_graph_cycles_total", "Cycles that it has taken.", &GraphNodeInfo::cycles},
};

}  // namespace

void add_node(const VersionInfo& info, MetricsText& to) {
  to.family("heddle_build_info", MetricType::kGauge, "1; the labels say what runs.");
  to.add({{"node", info.node},
          {"version", info.version},
          {"commit", info.commit},
          {"dpdk", info.dpdk}},
         uint64_t{1});
  to.family("heddle_uptime_seconds", MetricType::kGauge, "Since heddled started.");
  to.add({}, static_cast<double>(info.uptime_ms) / 1e3);
}

void add_ports(const std::vector<PortInfo>& ports, MetricsText& to) {
  each(
      ports, "heddle_port_up", "1 when the port's link is up.",
      [](const PortInfo& port, MetricsText& text) {
        text.add({{"port", port.name}, {"role", port.role}}, uint64_t{port.link_up});
      },
      to);
  // A VLAN has its parent's counters.
  std::vector<PortInfo> devices = ports;
  std::erase_if(devices, [](const PortInfo& port) { return !port.parent.empty(); });
  add_members(devices, kPortCounters, "port", label_of, to);
}

void add_workers(const std::vector<WorkerInfo>& workers, MetricsText& to) {
  add_members(workers, kWorkerNumbers, "worker", label_of, to);
  add_members(workers, kWorkerShares, "worker", label_of, to);
  each(
      workers, "heddle_worker_longest_turn_seconds",
      "The longest turn of the last second, of those that moved a packet.",
      [](const WorkerInfo& worker, MetricsText& text) {
        text.add({{"worker", label_of(worker)}}, worker.longest_turn_us / 1e6);
      },
      to);
}

void add_graph(const std::vector<GraphNodeInfo>& nodes, MetricsText& to) {
  std::vector<GraphNodeInfo> working = nodes;
  std::erase_if(working, [](const GraphNodeInfo& node) { return node.is_drop; });
  add_members(working, kGraphCounters, "node", label_of, to);
}

void add_drops(const std::vector<DropInfo>& drops, MetricsText& to) {
  each(
      drops, "heddle_drops_total",
      "Packets dropped, by the reason; heddlectl show drops says more.",
      [](const DropInfo& drop, MetricsText& text) {
        text.add({{"node", drop.node}, {"drop", drop.drop}}, drop.packets);
      },
      to);
}

void add_counters(std::string_view prefix, const std::vector<TcpCounterInfo>& counters,
                  MetricsText& to) {
  for (const TcpCounterInfo& counter : counters) {
    to.family(fmt::format("heddle_{}_{}_total", prefix, counter.name), MetricType::kCounter,
              counter.help);
    to.add({}, counter.value);
  }
}

}  // namespace heddle::server
