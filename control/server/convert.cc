#include "convert.h"

#include "utf8.h"

namespace heddle::server {
namespace {

void convert(const PortInfo& from, v1::Port& to) {
  to.set_name(valid_utf8(from.name));
  to.set_role(valid_utf8(from.role));
  to.set_device(valid_utf8(from.device));
  to.set_driver(valid_utf8(from.driver));
  to.set_mac(valid_utf8(from.mac));
  to.set_parent(valid_utf8(from.parent));
  to.set_vlan(from.vlan);
  to.set_mtu(from.mtu);
  to.set_link_up(from.link_up);
  to.set_speed_mbps(from.speed_mbps);
  to.set_rx_queues(from.rx_queues);
  to.set_tx_queues(from.tx_queues);
  to.set_steering(valid_utf8(from.steering));
  for (const std::string& address : from.addresses) to.add_addresses(valid_utf8(address));
  to.set_rx_packets(from.rx_packets);
  to.set_rx_bytes(from.rx_bytes);
  to.set_rx_missed(from.rx_missed);
  to.set_rx_errors(from.rx_errors);
  to.set_rx_no_buffer(from.rx_no_buffer);
  to.set_tx_packets(from.tx_packets);
  to.set_tx_bytes(from.tx_bytes);
  to.set_tx_errors(from.tx_errors);
}

void convert(const WorkerInfo& from, v1::Worker& to) {
  to.set_id(from.id);
  to.set_cpu(from.cpu);
  for (const std::string& queue : from.queues) to.add_queues(valid_utf8(queue));
  to.set_busy_share(from.busy_share);
  to.set_idle_share(from.idle_share);
  to.set_sleep_share(from.sleep_share);
  to.set_packets_per_second(from.packets_per_second);
  to.set_cycles_per_packet(from.cycles_per_packet);
  to.set_longest_turn_us(from.longest_turn_us);
  to.set_policy_version(from.policy_version);
  to.set_flows_opened(from.flows_opened);
  to.set_flows_cut(from.flows_cut);
  to.set_flows_not_learned(from.flows_not_learned);
  to.set_guard_denied(from.guard_denied);
  to.set_guard_audited(from.guard_audited);
  to.set_flows(from.flows);
  to.set_turns(from.turns);
  to.set_packets(from.packets);
  to.set_handed_out(from.handed_out);
  to.set_handed_in(from.handed_in);
  to.set_busy_cycles(from.busy_cycles);
  to.set_idle_cycles(from.idle_cycles);
}

}  // namespace

void convert(const VersionInfo& from, v1::VersionResponse& to) {
  to.set_version(valid_utf8(from.version));
  to.set_commit(valid_utf8(from.commit));
  to.set_dpdk(valid_utf8(from.dpdk));
  to.set_node(valid_utf8(from.node));
  to.set_pid(from.pid);
  to.set_uptime_ms(from.uptime_ms);
}

void convert(const std::vector<PortInfo>& from, v1::ListPortsResponse& to) {
  for (const PortInfo& port : from) convert(port, *to.add_ports());
}

void convert(const std::vector<WorkerInfo>& from, v1::ListWorkersResponse& to) {
  for (const WorkerInfo& worker : from) convert(worker, *to.add_workers());
}

void convert(const std::vector<GraphNodeInfo>& from, v1::GetGraphResponse& to) {
  for (const GraphNodeInfo& info : from) {
    v1::GraphNode& node = *to.add_nodes();
    node.set_name(valid_utf8(info.name));
    node.set_is_drop(info.is_drop);
    for (const std::string& next : info.next) node.add_next(valid_utf8(next));
    node.set_calls(info.calls);
    node.set_packets(info.packets);
    node.set_cycles(info.cycles);
  }
}

void convert(const std::vector<DropInfo>& from, v1::ListDropsResponse& to) {
  for (const DropInfo& info : from) {
    v1::Drop& drop = *to.add_drops();
    drop.set_node(valid_utf8(info.node));
    drop.set_drop(valid_utf8(info.drop));
    drop.set_help(valid_utf8(info.help));
    drop.set_packets(info.packets);
  }
}

void convert(const std::vector<NeighborInfo>& from, v1::ListNeighborsResponse& to) {
  for (const NeighborInfo& info : from) {
    v1::Neighbor& neighbor = *to.add_neighbors();
    neighbor.set_interface(valid_utf8(info.interface));
    neighbor.set_address(valid_utf8(info.address));
    neighbor.set_mac(valid_utf8(info.mac));
    neighbor.set_state(valid_utf8(info.state));
    neighbor.set_age_ms(info.age_ms);
    neighbor.set_queued(info.queued);
    neighbor.set_worker(info.worker);
  }
}

void convert(const std::vector<RouteInfo>& from, v1::ListRoutesResponse& to) {
  for (const RouteInfo& info : from) {
    v1::RouteLine& route = *to.add_routes();
    route.set_prefix(valid_utf8(info.prefix));
    route.set_action(valid_utf8(info.action));
    route.set_source(valid_utf8(info.source));
    for (const std::string& via : info.via) route.add_via(valid_utf8(via));
    route.set_active(info.active);
  }
}

namespace {

template <class Response>
void convert_counters(const std::vector<TcpCounterInfo>& from, Response& to) {
  for (const TcpCounterInfo& info : from) {
    v1::TcpCounter& counter = *to.add_counters();
    counter.set_name(valid_utf8(info.name));
    counter.set_help(valid_utf8(info.help));
    counter.set_value(info.value);
  }
}

}  // namespace

void convert(const std::vector<TcpCounterInfo>& from, v1::ListTcpCountersResponse& to) {
  convert_counters(from, to);
}

void convert(const std::vector<TcpCounterInfo>& from, v1::ListTlsCountersResponse& to) {
  convert_counters(from, to);
}

}  // namespace heddle::server
