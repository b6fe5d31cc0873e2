// L4 services in memory, the whole graph of one worker without port I/O: packets of established
// flows, new connections, and what a SYN flood leaves. Prints one JSON object.
//
//   bench_l4_memory established | cps | full | flood
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "core/check.h"
#include "l4_node.h"

namespace {

using namespace heddle;
using namespace heddle::bench;
using wire::IpProtocol;
using wire::TcpFlag;

constexpr uint32_t kTable = 1'000'000;
constexpr int kRounds = 21;

double median(std::vector<double>& values) {
  std::ranges::nth_element(values, values.begin() + static_cast<ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

// One connection, from its opening to its end.
constexpr uint32_t kClientStart = 1000, kEndpointStart = 5000;
constexpr uint16_t kData = 6;
constexpr Segment kConnection[] = {
    {Side::kClient, IpProtocol::kTcp, TcpFlag::kSyn, kClientStart, 0},
    {Side::kEndpoint, IpProtocol::kTcp, TcpFlag::kSyn | TcpFlag::kAck, kEndpointStart,
     kClientStart + 1},
    {Side::kClient, IpProtocol::kTcp, TcpFlag::kAck, kClientStart + 1, kEndpointStart + 1},
    {Side::kClient, IpProtocol::kTcp, TcpFlag::kPsh | TcpFlag::kAck, kClientStart + 1,
     kEndpointStart + 1, kData},
    {Side::kClient, IpProtocol::kTcp, TcpFlag::kFin | TcpFlag::kAck, kClientStart + 1 + kData,
     kEndpointStart + 1},
    {Side::kEndpoint, IpProtocol::kTcp, TcpFlag::kFin | TcpFlag::kAck, kEndpointStart + 1,
     kClientStart + 2 + kData},
    {Side::kClient, IpProtocol::kTcp, TcpFlag::kAck, kClientStart + 2 + kData, kEndpointStart + 2},
};
constexpr uint32_t kStages = std::size(kConnection);
constexpr uint32_t kOpenStages = 3;
constexpr Segment kClientData = kConnection[3];
constexpr Segment kEndpointData{Side::kEndpoint,    IpProtocol::kTcp, TcpFlag::kPsh | TcpFlag::kAck,
                                kEndpointStart + 1, kClientStart + 1, kData};

// Opens `flows` connections with all that belongs to that.
void open_all(L4Node& node, uint32_t flows, IpProtocol protocol) {
  const std::vector<Segment> segments =
      protocol == IpProtocol::kTcp
          ? std::vector<Segment>(kConnection, kConnection + kOpenStages)
          : std::vector<Segment>{{Side::kClient, protocol}, {Side::kEndpoint, protocol}};
  for (uint32_t first = 0; first < flows; first += L4Node::kRing) {
    const uint32_t count = std::min(L4Node::kRing, flows - first);
    for (const Segment& segment : segments) {
      for (uint32_t i = 0; i < count; ++i) node.put(first + i, segment);
      node.expect_all_out(node.walk(milliseconds(1)));
    }
  }
  HEDDLE_CHECK(
      node.worker().flows->tracker.table().count(flow::EvictionClass::kEstablished) == flows,
      "every flow must be established");
}

void put_established(L4Node& node, Random& random, uint32_t flows, IpProtocol protocol) {
  const bool reply = (random.next() >> 40 & 1) != 0;
  if (protocol == IpProtocol::kTcp)
    node.put(random.below(flows), reply ? kEndpointData : kClientData);
  else
    node.put(random.below(flows), {reply ? Side::kEndpoint : Side::kClient, protocol});
}

std::string nodes_json(const app::Graph& graph) {
  std::string text;
  for (const app::NodeStats& stats : graph.stats()) {
    if (stats.packets < 1000 || stats.drop != nullptr) continue;
    text += fmt::format("{}\"{}\": {:.1f}", text.empty() ? "" : ", ", stats.node->name,
                        static_cast<double>(stats.cycles) / static_cast<double>(stats.packets));
  }
  return "{" + text + "}";
}

// Cycles a packet of flows picked at random, half of them answers.
double established(uint32_t flows, IpProtocol protocol, std::string* nodes) {
  L4Node node({.flows = kTable, .new_flows = 100'000'000});
  open_all(node, flows, protocol);
  Random random(7);
  std::vector<double> rounds;
  for (int round = 0; round < kRounds; ++round) {
    Walked all;
    for (int turn = 0; turn < 200; ++turn) {
      while (!node.full()) put_established(node, random, flows, protocol);
      all += node.walk_in_own_time();
    }
    node.expect_all_out(all);
    rounds.push_back(all.cycles_each());
  }
  *nodes = nodes_json(node.graph());
  return median(rounds);
}

void measure_established() {
  std::string nodes, ignored;
  const double udp = established(kTable, IpProtocol::kUdp, &nodes);
  const double few = established(1'000, IpProtocol::kUdp, &ignored);
  const double tcp = established(kTable, IpProtocol::kTcp, &ignored);
  fmt::print(R"({{"udp_1m": {:.1f}, "udp_1k": {:.1f}, "tcp_1m": {:.1f}, "nodes": {}}})"
             "\n",
             udp, few, tcp, nodes);
}

// Connections that follow each other. Between two packets of one lie kSpread others, as at a
// million connections a second with round trips of some 30 milliseconds.
class Connections {
 public:
  static constexpr uint32_t kSpread = 16'384;

  explicit Connections(L4Node& node) : node_(node) {}

  // Puts in all packets of `steps` steps, each of which opens one connection and ends another.
  Walked run(uint32_t steps, Duration tick) {
    Walked all;
    for (const uint64_t end = step_ + steps; step_ < end; ++step_) {
      for (uint32_t stage = 0; stage < kStages; ++stage) {
        if (step_ < uint64_t{stage} * kSpread) break;
        node_.put(static_cast<uint32_t>(step_ - stage * kSpread), kConnection[stage]);
        if (node_.full()) all += node_.walk(tick);
      }
    }
    return all += node_.walk(tick);
  }

 private:
  L4Node& node_;
  uint64_t step_ = 0;
};

// In the steady state: a connection that has ended is remembered for 240 seconds, so the clock runs
// as much faster as lets the table hold nine tenths of what it can (those under way included), and
// timers end as many as begin.
void measure_cps() {
  constexpr double kHeld = 0.8 * kTable;
  constexpr double kPerBurst = double{L4Node::kBurst} / kStages;
  constexpr Duration kTick = nanoseconds(static_cast<int64_t>(240e9 / kHeld * kPerBurst));
  L4Node node({.flows = kTable, .new_flows = 100'000'000});
  Connections connections(node);
  node.expect_all_out(connections.run(3 * kTable / 2, kTick));
  std::vector<double> rounds;
  for (int round = 0; round < kRounds; ++round) {
    const Walked all = connections.run(32'768, kTick);
    node.expect_all_out(all);
    rounds.push_back(all.cycles_each() * kStages);
  }
  const double cycles = median(rounds);
  fmt::print(R"({{"cps": {:.0f}, "cycles": {:.0f}, "held": {}, "nodes": {}}})"
             "\n",
             L4Node::hz() / cycles, cycles, node.worker().flows->tracker.table().size(),
             nodes_json(node.graph()));
}

// The same by the real clock: nothing that has ended is forgotten in time, so the table is full.
std::string full_table(const app::FlowSettings& settings) {
  L4Node node(settings);
  Connections connections(node);
  connections.run(kTable, Duration());
  const auto evicted = [&](flow::EvictionClass in) {
    return node.worker().flows->tracker.table().counters().evicted[static_cast<size_t>(in)].value();
  };
  const uint64_t before = evicted(flow::EvictionClass::kHalfOpen);
  constexpr uint32_t kSteps = kTable / 4;
  const Walked all = connections.run(kSteps, Duration());
  return fmt::format(
      R"({{"lost_share": {:.4f}, "half_open_evicted": {:.4f}}})",
      1 - static_cast<double>(all.out) / static_cast<double>(all.packets),
      static_cast<double>(evicted(flow::EvictionClass::kHalfOpen) - before) / kSteps);
}

// As heddled.yaml has it when it says nothing, where a namespace may have the whole table; and
// with more than that, where a new connection takes the place of another.
void measure_full_table() {
  const app::FlowSettings usual{.flows = kTable, .new_flows = 100'000'000};
  app::FlowSettings evicting = usual;
  evicting.flows_per_namespace = 2 * kTable;
  fmt::print(R"({{"usual": {}, "evicting": {}}})"
             "\n",
             full_table(usual), full_table(evicting));
}

// Established traffic at full speed with SYNs of strangers among it, by a clock that the worker's
// own cycles move.
class Flood {
 public:
  static constexpr uint32_t kFlows = 500'000;

  Flood() : node_({.flows = kTable}) { open_all(node_, kFlows, IpProtocol::kTcp); }

  // Established packets a second with `rate` SYNs a second beside them.
  double run(double rate, double for_seconds) {
    const Instant start = node_.now();
    double established = 0, flooded = 0, passed = 0;
    while (passed < for_seconds) {
      const auto wanted =
          static_cast<uint32_t>(std::clamp(passed * rate - flooded, 0., L4Node::kRing / 2.));
      uint32_t given = 0;
      for (uint32_t i = 0; i < L4Node::kRing; ++i) {
        if (given * L4Node::kRing < wanted * i) {
          node_.put(strangers_++, kConnection[0], true);
          ++given;
        } else {
          put_established(node_, random_, kFlows, IpProtocol::kTcp);
        }
      }
      const Walked walked = node_.walk_in_own_time();
      const double share = static_cast<double>(walked.timed) / L4Node::kRing;
      flooded += given * share;
      established += (L4Node::kRing - given) * share;
      HEDDLE_CHECK(walked.out >= L4Node::kRing - given, "established flows lose nothing");
      passed = static_cast<double>((node_.now() - start).ns()) / 1e9;
    }
    HEDDLE_CHECK(flooded >= 0.98 * rate * passed, "as many SYNs as are asked for");
    return established / passed;
  }
  uint32_t count(flow::EvictionClass in) { return node_.worker().flows->tracker.table().count(in); }

 private:
  L4Node node_;
  Random random_{11};
  uint32_t strangers_ = 0;
};

void measure_flood() {
  constexpr double kRate = 1e6, kPiece = 0.05;
  Flood flood;
  std::vector<double> without, learning, refusing;
  flood.run(0, kPiece);
  // A quarter of a second: half-open flows still have room. Between the pieces the same without.
  for (int i = 0; i < 4; ++i) {
    without.push_back(flood.run(0, kPiece));
    learning.push_back(flood.run(kRate, kPiece));
  }
  const uint32_t learned = flood.count(flow::EvictionClass::kHalfOpen);
  flood.run(kRate, 2 * kPiece);
  for (int i = 0; i < 7; ++i) {
    refusing.push_back(flood.run(kRate, kPiece));
    without.push_back(flood.run(0, kPiece));
  }
  const double left = flood.count(flow::EvictionClass::kEstablished);
  fmt::print(R"({{"mpps": {:.3f}, "learning_mpps": {:.3f}, "refusing_mpps": {:.3f}, )"
             R"("flood_mpps": {:.3f}, "learned": {}, "half_open": {}, "flows_left": {:.4f}}})"
             "\n",
             median(without) / 1e6, median(learning) / 1e6, median(refusing) / 1e6, kRate / 1e6,
             learned, flood.count(flow::EvictionClass::kHalfOpen), left / Flood::kFlows);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc == 2 ? argv[1] : "";
  void (*measure)() = what == "established" ? measure_established
                      : what == "cps"       ? measure_cps
                      : what == "full"      ? measure_full_table
                      : what == "flood"     ? measure_flood
                                            : nullptr;
  if (measure == nullptr) {
    std::fprintf(stderr, "usage: bench_l4_memory established | cps | full | flood\n");
    return 2;
  }
  if (!start()) {
    std::fprintf(stderr, "needs root and 256 MiB of free hugepages (tools/dev setup)\n");
    return 2;
  }
  measure();
  return 0;
}
