// A typed wrapper around rte_graph: what a node is, and how its packets reach the next one.
//
// A node is a NodeSpec: a name, a list of edges in the order of its `enum class Edge`, and a
// process function, mostly each_packet<f> with a pure function f(Packet, Worker&) -> Edge.
// An edge leads to another node or is a drop with a name. A drop becomes a graph node of its
// own, "node.drop", so rte_graph's packet count is the drop's counter.
#pragma once

#include <rte_graph.h>
#include <rte_graph_worker.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "packet/packet.h"

namespace heddle::app {

struct Worker;
using packet::Packet;

enum class EdgeKind : uint8_t {
  kNode,
  kDrop,     // counted and freed
  kRefuse4,  // counted and answered with an ICMP error
  kRefuse6,  // counted and answered with an ICMPv6 error
};

struct EdgeSpec {
  EdgeKind kind;
  const char* name;  // of the next node, or of the drop
  const char* help;  // a drop: what a count here says to an operator
  uint8_t icmp_type = 0;
  uint8_t icmp_code = 0;
};

constexpr EdgeSpec to(const char* node) { return {EdgeKind::kNode, node, nullptr}; }
constexpr EdgeSpec drop(const char* name, const char* help) {
  return {EdgeKind::kDrop, name, help};
}
template <class Type>
constexpr EdgeSpec refuse4(const char* name, const char* help, Type type, uint8_t code) {
  return {EdgeKind::kRefuse4, name, help, static_cast<uint8_t>(type), code};
}
template <class Type>
constexpr EdgeSpec refuse6(const char* name, const char* help, Type type, uint8_t code) {
  return {EdgeKind::kRefuse6, name, help, static_cast<uint8_t>(type), code};
}

struct NodeSpec {
  const char* name;
  rte_node_process_t process;
  std::span<const EdgeSpec> edges;
  bool is_source = false;
};

// The worker that runs this instance of the node; set when the graph is made.
inline Worker& worker_of(rte_node* node) { return **reinterpret_cast<Worker**>(node->ctx); }

inline constexpr rte_edge_t kNoEdge = RTE_EDGE_ID_INVALID;

// An edge value for packets that the function has kept or passed on by itself.
inline constexpr uint8_t kKept = 0xff;

// Hands packets on one by one, for nodes that also make packets or let go of kept ones.
class Emitter {
 public:
  Emitter(rte_graph* graph, rte_node* node) : graph_(graph), node_(node) {}
  template <class Edge>
  void send(Edge edge, Packet packet) {
    rte_node_enqueue_x1(graph_, node_, static_cast<rte_edge_t>(edge), packet.mbuf());
    ++sent_;
  }
  uint16_t sent() const { return sent_; }

 private:
  rte_graph* graph_;
  rte_node* node_;
  uint16_t sent_ = 0;
};

// Sends objs[i] along edges[i], in order. Packets of one burst mostly share an edge: then the
// whole stream moves by a swap of two pointers.
void distribute(rte_graph* graph, rte_node* node, void** objs, const uint8_t* edges,
                uint16_t count);

inline constexpr uint16_t kBurst = RTE_GRAPH_BURST_SIZE;

// The batch loop around a function of one packet. A stream is longer than a burst only when
// several nodes fed it; then it goes in pieces. One call site, so that the function is inlined.
template <auto kOne>
uint16_t each_packet(rte_graph* graph, rte_node* node, void** objs, uint16_t count) {
  Worker& worker = worker_of(node);
  std::array<uint8_t, kBurst> edges;
  for (uint16_t begin = 0; begin < count;) {
    const uint16_t piece = count - begin < kBurst ? static_cast<uint16_t>(count - begin) : kBurst;
    for (uint16_t i = 0; i < piece; ++i)
      edges[i] = static_cast<uint8_t>(kOne(Packet(objs[begin + i]), worker));
    distribute(graph, node, objs + begin, edges.data(), piece);
    begin = static_cast<uint16_t>(begin + piece);
  }
  return count;
}

// The same for a function f(Packet, Worker&, Emitter&) that sends by itself.
template <auto kOne>
uint16_t each_packet_emitting(rte_graph* graph, rte_node* node, void** objs, uint16_t count) {
  Worker& worker = worker_of(node);
  Emitter out(graph, node);
  for (uint16_t i = 0; i < count; ++i) kOne(Packet(objs[i]), worker, out);
  return count;
}

}  // namespace heddle::app
