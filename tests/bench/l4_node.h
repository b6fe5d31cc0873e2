// L4Node: the whole graph of one worker with an L4 service in it, in memory: no ports, and a clock
// that the benchmark moves. Clients are behind port 0, the service's endpoints on port 1.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "app/node_config.h"
#include "core/random.h"
#include "graph/graph.h"
#include "node/topology_builder.h"
#include "packet/pool.h"
#include "policy/model.h"
#include "wire/tcp.h"
#include "worker/worker.h"

namespace heddle::bench {

// DPDK with huge pages on one CPU. False when that is not possible.
bool start();

enum class Side : uint8_t { kClient, kEndpoint };

// What a packet of a connection is, besides whose.
struct Segment {
  Side from = Side::kClient;
  wire::IpProtocol protocol = wire::IpProtocol::kUdp;
  wire::TcpFlags flags;
  uint32_t sequence = 0, acknowledgment = 0;
  uint16_t payload = 0;  // of TCP
};

// A burst that took longer than kInterrupted had its processor taken away. It is not timed.
struct Walked {
  uint64_t packets = 0;  // put in
  uint64_t out = 0;      // that left by a port
  uint64_t timed = 0;    // of those put in
  uint64_t cycles = 0;   // that these took in the graph
  Walked& operator+=(const Walked& more) {
    packets += more.packets;
    out += more.out;
    timed += more.timed;
    cycles += more.cycles;
    return *this;
  }
  double cycles_each() const { return static_cast<double>(cycles) / static_cast<double>(timed); }
};
inline constexpr Duration kInterrupted = microseconds(150);

class L4Node {
 public:
  static constexpr uint16_t kBurst = 64;
  // Written together, then walked in bursts: headers come from the second-level cache.
  static constexpr uint32_t kRing = 1024;

  explicit L4Node(const app::FlowSettings& flows);
  ~L4Node();
  L4Node(const L4Node&) = delete;
  L4Node& operator=(const L4Node&) = delete;

  // Connection `number` of a client to the service, as its client or its endpoint sends it.
  // Numbers are below 2^28, and there is a second range of them for strangers.
  void put(uint32_t number, const Segment& segment, bool stranger = false);
  bool full() const { return filled_ == kRing; }
  // Walks what was put in. The clock passes `tick` for each burst, or the time that it took.
  Walked walk(Duration tick);
  Walked walk_in_own_time() { return walk(Duration()); }

  Instant now() const { return now_; }
  app::Worker& worker() { return worker_; }
  const app::Graph& graph() const { return *graph_; }

  static double hz();
  // Fails, with all drops by name, unless everything came out.
  void expect_all_out(const Walked& walked) const;
  void print_drops() const;

 private:
  friend uint16_t inject(rte_graph*, rte_node*, void**, uint16_t);

  app::NodeConfig config_;
  policy::Model model_;
  policy::Compiled policy_;
  std::unique_ptr<const l3::Topology> topology_;
  Instant now_{seconds(1000).ns()};
  app::Worker worker_;
  std::unique_ptr<app::Graph> graph_;
  std::array<packet::Packet, kRing> ring_;
  uint32_t filled_ = 0, walked_ = 0;
};

}  // namespace heddle::bench
