// Graph: one worker's instance of the packet graph, and what the control side reads of it.
//
// graph.cc holds THE list of nodes. Registration happens once a process; a Graph is immutable
// once made.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "graph/node.h"

namespace heddle::app {

struct NodeStats {
  const NodeSpec* node;  // the node, or the one that a drop belongs to
  const EdgeSpec* drop;  // nullptr for a node
  uint64_t calls = 0;
  uint64_t packets = 0;
  uint64_t cycles = 0;
};

// Which sources feed the graph and where its packets end: the real ones, or a test's.
struct GraphEnds {
  const NodeSpec* source = nullptr;  // nullptr: the ports (rx)
};

class Graph {
 public:
  static Result<std::unique_ptr<Graph>> create(Worker& worker, const GraphEnds& ends = {});
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  void walk() { rte_graph_walk(graph_); }

  // Any thread may read: the counters are words that one worker writes.
  std::vector<NodeStats> stats() const;

 private:
  Graph() = default;
  rte_graph_t id_ = RTE_GRAPH_ID_INVALID;
  rte_graph* graph_ = nullptr;
};

// All nodes, in the order in which a packet meets them.
std::span<const NodeSpec* const> all_nodes();

}  // namespace heddle::app
