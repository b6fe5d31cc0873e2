// Node: one running data plane, made of ports, workers and the topology they share. It also
// answers what the control side asks (server::NodeView).
//
// Threads: open(), launch(), housekeep() and the destructor belong to the main thread, install()
// to one other at a time. The NodeView functions may be called from any thread between them.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "app/node_config.h"
#include "core/rcu.h"
#include "core/result.h"
#include "graph/graph.h"
#include "node/topology_builder.h"
#include "packet/pool.h"
#include "ports/port.h"
#include "server/node_view.h"
#include "server/policy_target.h"
#include "worker/loop.h"
#include "worker/tcp.h"

namespace heddle::app {

class Node : public server::NodeView, public server::PolicyTarget {
 public:
  // Who uses the workers' transports: makes one's user, and may tune how its connections are run.
  struct TcpUse {
    std::function<std::unique_ptr<TcpUser>(Worker&, Instant start)> make_user;
    std::function<void(tcp::Profile&)> tune;
  };
  // Of a data plane: what policy names is relayed.
  static TcpUse relaying();

  // Opens the ports and makes the workers. EAL is up; `config` outlives the node.
  static Result<std::unique_ptr<Node>> open(const NodeConfig& config,
                                            const TcpUse& use = relaying());
  // Lets the workers run: policy that is to be there before the first packet is installed before.
  Result<> launch();
  ~Node() override;  // drains the workers, closes the ports

  // Called about every 100 ms: link changes, reclaiming, the last second's rates.
  void housekeep();

  server::VersionInfo version() override;
  std::vector<server::PortInfo> ports() override;
  std::vector<server::WorkerInfo> workers() override;
  std::vector<server::GraphNodeInfo> graph() override;
  std::vector<server::DropInfo> drops() override;
  std::vector<server::NeighborInfo> neighbors() override;
  std::vector<server::RouteInfo> routes() override;
  server::FlowWalk walk_flows(const server::FlowFilter& filter, const server::GoOn& go_on,
                              const TakeFlow& take) override;
  server::FlowWalk flush_flows(const server::FlowFilter& filter, const server::GoOn& go_on,
                               bool reset) override;

  server::FlowWalk walk_connections(const server::ConnectionFilter& filter,
                                    const server::GoOn& go_on, const TakeConnection& take) override;
  server::ConnectionSums connection_sums() override;
  std::vector<server::ListenerInfo> listeners() override;
  std::vector<server::TcpCounterInfo> tcp_counters() override;
  std::vector<server::TcpCounterInfo> tls_counters() override;
  std::vector<server::TcpCounterInfo> dns_counters() override;

  server::RequestTotals request_totals() override;
  void want_records(double log_share, bool watched) override;
  size_t take_records(size_t most, const server::TakeRecord& take) override;
  double records_fill() override;
  server::RecordDrops records_dropped() override;
  std::string_view fault_name(uint8_t fault) override;

  void install(const policy::Compiled& compiled) override;
  std::vector<uint64_t> worker_versions() override;
  bool is_live(uint64_t version) override;
  bool is_on_link(const policy::IpAddress& address) override;
  std::vector<server::FrontendCounts> frontend_counts(std::span<const uint32_t> slots) override;
  std::vector<server::EndpointCounts> endpoint_counts(std::span<const uint32_t> slots) override;
  std::vector<server::AccessCounts> access_counts(std::span<const uint32_t> slots) override;
  std::vector<uint64_t> outbound_refused() override;
  std::vector<uint64_t> network_counts(std::span<const uint32_t> slots) override;
  std::vector<server::JwtCounts> jwt_counts(std::span<const uint32_t> slots) override;
  std::vector<server::JwtOutcomeText> jwt_outcomes() override;
  Instant worker_now() override { return clock_.now(); }
  void forget_requests(std::span<const uint32_t> frontends,
                       std::span<const uint32_t> rules) override;
  uint64_t flows_cut() override;
  uint64_t requests_cut() override;
  bool has_swept(uint32_t generation) override;

 private:
  // What one worker counted at a moment, for rates.
  struct Sample {
    uint64_t busy = 0, idle = 0, sleep = 0, packets = 0;
  };
  struct Rates {
    Sample last, delta;
    uint64_t longest_turn = 0;  // cycles
  };

  explicit Node(const NodeConfig& config);
  Result<> open_ports();
  Result<> check_mtus() const;
  Result<> make_workers(const TcpUse& use);
  Result<> add_static_neighbours(Worker& worker) const;
  Result<> make_loops();
  void assign_queues(const Port& port, uint16_t port_number);
  const Port& port_of(size_t config_index) const;
  std::vector<PortFacts> facts() const;
  void watch_links();
  Result<> make_tcp(Worker& worker, const TcpUse& use) const;
  void rotate_secrets(Instant now);
  void publish(std::shared_ptr<const l3::Topology> topology,
               std::shared_ptr<const policy::Snapshot> policy);
  void measure_rates();
  // The lock is for one piece at a time: others who ask come in between.
  template <class Question>
  bool ask_worker(size_t worker, Question&& question) {
    const std::lock_guard lock(asking_);
    return loops_[worker]->mailbox().ask(std::forward<Question>(question));
  }

  const NodeConfig& config_;
  uint64_t start_cycles_;
  Clock clock_;
  std::unique_ptr<packet::PacketPool> pool_;
  std::vector<std::unique_ptr<Port>> ports_;  // by config.ports; none for a VLAN
  std::vector<bool> links_;                   // by config.ports, as last seen by the main thread

  // Guarded by publishing_ while the workers run: the main thread publishes when links change, the
  // policy thread when policy does.
  std::mutex publishing_;
  RcuDomain rcu_;
  Installed installed_now_;  // what the cell holds
  std::shared_ptr<const policy::Attachments> attachments_;
  std::unique_ptr<RcuCell<Installed>> installed_;
  uint64_t generation_ = 0;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::unique_ptr<Graph>> graphs_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::atomic<bool> running_{false};
  size_t records_from_ = 0;  // the worker whose records are taken first; who takes them writes it
  bool launched_ = false;

  std::mutex ethdev_;  // DPDK's control calls on ports are not safe beside each other
  std::mutex state_;   // rates_ and routes_: written by the main thread, read by gRPC threads
  std::vector<Rates> rates_;
  std::vector<l3::RouteLine> routes_;
  Instant rates_at_;
  Instant secrets_at_;  // when the cookie key was last replaced
  Instant tickets_at_;  // and the key of TLS tickets
  std::mutex asking_;   // one question to the workers at a time
};

}  // namespace heddle::app
