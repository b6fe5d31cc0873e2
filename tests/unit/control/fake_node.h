// A NodeView that answers with fixed values, chosen so that each shows up in a table.
#pragma once

#include <mutex>

#include "server/node_view.h"

namespace heddle::server {

class FakeNode : public NodeView {
 public:
  // Called before and after a command, by who sets or reads what is here: a thread sanitizer sees
  // no order in what goes through gRPC.
  void settle() { const std::lock_guard lock(guard_); }

  // A node that has just started and has nothing.
  bool empty = false;
  bool tls = false;  // one of the connections has TLS

  VersionInfo version() override;
  std::vector<PortInfo> ports() override;
  std::vector<WorkerInfo> workers() override;
  std::vector<GraphNodeInfo> graph() override;
  std::vector<DropInfo> drops() override;
  std::vector<NeighborInfo> neighbors() override;
  std::vector<RouteInfo> routes() override;
  FlowWalk walk_flows(const FlowFilter& filter, const GoOn& go_on, const TakeFlow& take) override;
  FlowWalk flush_flows(const FlowFilter& filter, const GoOn& go_on, bool reset) override;
  FlowWalk walk_connections(const ConnectionFilter& filter, const GoOn& go_on,
                            const TakeConnection& take) override;
  ConnectionSums connection_sums() override;
  std::vector<ListenerInfo> listeners() override;
  std::vector<TcpCounterInfo> tcp_counters() override;
  std::vector<TcpCounterInfo> tls_counters() override;

  // What it was asked for last; written by the server, read after its answer.
  FlowFilter filter;
  ConnectionFilter connection_filter;
  bool reset = false;
  uint32_t copies = 1;  // each flow and connection comes so many times
  FlowWalk end;         // how a walk ends

 private:
  std::mutex guard_;
};

}  // namespace heddle::server
