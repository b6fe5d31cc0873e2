// NodeView: all that the control side may ask of the data plane, as plain values. The data
// plane implements it; the gRPC service turns the answers into messages. Neither knows the other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/connection_view.h"
#include "server/flow_view.h"
#include "server/request_view.h"

namespace heddle::server {

struct VersionInfo {
  std::string version, commit, dpdk, node;
  uint32_t pid = 0;
  uint64_t uptime_ms = 0;
};

struct PortInfo {
  std::string name, role, device, driver, mac, parent;
  uint16_t vlan = 0;  // 0: untagged
  uint32_t mtu = 0;
  bool link_up = false;
  uint32_t speed_mbps = 0;  // 0: unknown
  uint16_t rx_queues = 0, tx_queues = 0;
  std::string steering;  // "rss" (by the device) or "software"
  std::vector<std::string> addresses;
  uint64_t rx_packets = 0, rx_bytes = 0, rx_missed = 0, rx_errors = 0, rx_no_buffer = 0;
  uint64_t tx_packets = 0, tx_bytes = 0, tx_errors = 0;
};

struct WorkerInfo {
  uint16_t id = 0;
  uint16_t cpu = 0;
  std::vector<std::string> queues;  // "wan:0"
  // Shares of the last second; busy + idle = 1, and of the idle share the part spent asleep.
  double busy_share = 0, idle_share = 0, sleep_share = 0;
  uint64_t packets_per_second = 0;
  double cycles_per_packet = 0;  // busy cycles of the last second; 0 without packets
  double longest_turn_us = 0;    // of the last second, of those that moved a packet
  uint64_t policy_version = 0;   // of the policy that the last turn ran under
  uint64_t flows = 0;            // that live
  // Since start.
  uint64_t turns = 0, packets = 0, handed_out = 0, handed_in = 0;
  uint64_t busy_cycles = 0, idle_cycles = 0;
  uint64_t flows_opened = 0;
  uint64_t flows_cut = 0;          // by policy
  uint64_t flows_not_learned = 0;  // for want of room or time
  // Packets that would have opened a flow to a guarded workload, and what AUDIT and dry runs met.
  uint64_t guard_denied = 0, guard_audited = 0;
};

struct GraphNodeInfo {
  std::string name;
  bool is_drop = false;
  std::vector<std::string> next;  // names of the nodes that its edges lead to
  // Since start, over all workers.
  uint64_t calls = 0, packets = 0, cycles = 0;
};

struct DropInfo {
  std::string node, drop, help;  // help: one sentence on what a non-zero count means
  uint64_t packets = 0;
};

struct NeighborInfo {
  std::string interface, address, mac, state;  // mac empty while unknown
  uint64_t age_ms = 0;                         // since last confirmed
  uint32_t queued = 0;                         // packets that wait for it
  uint16_t worker = 0;                         // each worker keeps its own table
};

struct RouteInfo {
  std::string prefix;
  std::string action;            // forward, connected, local, drop
  std::string source;            // connected, static, gateway, workload, local
  std::vector<std::string> via;  // "192.0.2.1 wan", or "wan" alone when connected
  bool active = true;            // false: withdrawn, its links are down
};

// Thread-safe: gRPC threads call these at any time. neighbors() and those on flows and
// connections ask the workers and wait for their next turns; the others read what is there.
class NodeView {
 public:
  virtual ~NodeView() = default;
  virtual VersionInfo version() = 0;
  virtual std::vector<PortInfo> ports() = 0;
  virtual std::vector<WorkerInfo> workers() = 0;
  virtual std::vector<GraphNodeInfo> graph() = 0;
  virtual std::vector<DropInfo> drops() = 0;  // every drop there is, also those at 0
  virtual std::vector<NeighborInfo> neighbors() = 0;
  virtual std::vector<RouteInfo> routes() = 0;

  // Walk over the flows in small pieces, so that no worker is held up: up to some seconds where
  // there are millions. `take` gets each that fits, on the caller's thread.
  using TakeFlow = std::function<void(const FlowInfo&)>;
  virtual FlowWalk walk_flows(const FlowFilter& filter, const GoOn& go_on,
                              const TakeFlow& take) = 0;
  // Removes those that fit. `reset`: the ends of TCP connections are told.
  virtual FlowWalk flush_flows(const FlowFilter& filter, const GoOn& go_on, bool reset) = 0;

  // Who terminates no TCP has none of these. The walk is as walk_flows().
  using TakeConnection = std::function<void(const ConnectionInfo&)>;
  virtual FlowWalk walk_connections(const ConnectionFilter& /*filter*/, const GoOn& /*go_on*/,
                                    const TakeConnection& /*take*/) {
    return {};
  }
  virtual ConnectionSums connection_sums() { return {}; }
  virtual std::vector<ListenerInfo> listeners() { return {}; }       // summed over workers
  virtual std::vector<TcpCounterInfo> tcp_counters() { return {}; }  // also those at 0
  virtual std::vector<TcpCounterInfo> tls_counters() { return {}; }  // the same
  // None where no names are answered.
  virtual std::vector<TcpCounterInfo> dns_counters() { return {}; }

  // Who proxies no HTTP has none of these.
  virtual RequestTotals request_totals() { return {}; }
  // From now on: a share (0 to 1) of all requests leaves a record to be logged and, where somebody
  // watches, each of them one.
  virtual void want_records(double /*log_share*/, bool /*watched*/) {}
  // The records that wait, but no more than `most`; one thread at a time. How many there were.
  virtual size_t take_records(size_t /*most*/, const TakeRecord& /*take*/) { return 0; }
  // How full the fullest worker's room for records is, 0 to 1. Who takes them.
  virtual double records_fill() { return 0; }
  virtual RecordDrops records_dropped() { return {}; }  // any thread; since start
  virtual std::string_view fault_name(uint8_t /*fault*/) { return {}; }
};

}  // namespace heddle::server
