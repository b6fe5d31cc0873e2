#include "graph/graph.h"

#include <rte_errno.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <string_view>

#include "core/check.h"
#include "nodes/nodes.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

// THE list of nodes. What leads where stands in each node's edges.
constexpr const NodeSpec* kNodes[] = {
    // Where packets enter.
    &rx,
    &handoff,
    &originate,
    &tcp_output,
    // Link layer.
    &steer,
    &ethernet_input,
    &arp_input,
    // IPv4.
    &ip4_input,
    &ip4_tcp_input,
    &ip4_conntrack,
    &ip4_lookup,
    &ip4_forward,
    &ip4_fragment,
    &ip4_local,
    &ip4_service,
    &ip4_tcp_listen,
    &ip4_guard,
    &ip4_tunnel,
    &icmp4_input,
    &icmp4_error,
    &ip4_output,
    &arp_resolve,
    // IPv6.
    &ip6_input,
    &ip6_tcp_input,
    &ip6_conntrack,
    &ip6_lookup,
    &ip6_forward,
    &ip6_local,
    &ip6_service,
    &ip6_tcp_listen,
    &ip6_guard,
    &ip6_tunnel,
    &icmp6_input,
    &nd_input,
    &icmp6_error,
    &ip6_output,
    &nd_resolve,
    // Of both.
    &dns_input,
    &flow_refused,
    // Where they leave.
    &port_tx,
};

// Drop nodes by rte_graph's node id, so that the one process function finds its refusal.
struct DropEntry {
  const NodeSpec* node;
  const EdgeSpec* edge;
};
std::map<rte_node_t, DropEntry>& drop_entries() {
  static std::map<rte_node_t, DropEntry> entries;
  return entries;
}

uint16_t free_all(rte_graph*, rte_node*, void** objs, uint16_t count) {
  rte_pktmbuf_free_bulk(reinterpret_cast<rte_mbuf**>(objs), count);
  return count;
}

// The instance's context holds the refusal; its one edge leads to the error node.
uint16_t refuse_all(rte_graph* graph, rte_node* node, void** objs, uint16_t count) {
  const uint8_t type = node->ctx[0];
  const uint8_t code = node->ctx[1];
  for (uint16_t i = 0; i < count; ++i) {
    packet::Refusal& refusal = Packet(objs[i]).meta().refusal;
    refusal.type = type;
    refusal.code = code;
  }
  rte_node_enqueue(graph, node, 0, objs, count);
  return count;
}

std::string drop_name(const NodeSpec& node, const EdgeSpec& edge) {
  return std::string(node.name) + "." + edge.name;
}

rte_node_t register_node(const std::string& name, rte_node_process_t process, bool is_source,
                         const std::vector<std::string>& next) {
  const size_t bytes = sizeof(rte_node_register) + next.size() * sizeof(char*);
  auto* spec = static_cast<rte_node_register*>(std::calloc(1, bytes));
  HEDDLE_CHECK(spec != nullptr && name.size() < RTE_NODE_NAMESIZE, "node registration");
  std::memcpy(spec->name, name.c_str(), name.size() + 1);
  spec->flags = is_source ? RTE_NODE_SOURCE_F : 0;
  spec->process = process;
  spec->parent_id = RTE_NODE_ID_INVALID;
  spec->nb_edges = static_cast<rte_edge_t>(next.size());
  for (size_t i = 0; i < next.size(); ++i) spec->next_nodes[i] = next[i].c_str();
  const rte_node_t id = __rte_node_register(spec);
  HEDDLE_CHECK(!rte_node_is_invalid(id), "rte_graph refused a node");
  std::free(spec);
  return id;
}

void register_one(const NodeSpec& node) {
  std::vector<std::string> next;
  for (const EdgeSpec& edge : node.edges) {
    if (edge.kind == EdgeKind::kNode) {
      next.emplace_back(edge.name);
      continue;
    }
    next.push_back(drop_name(node, edge));
    rte_node_t id = 0;
    if (edge.kind == EdgeKind::kDrop)
      id = register_node(next.back(), free_all, false, {});
    else
      id = register_node(next.back(), refuse_all, false,
                         {edge.kind == EdgeKind::kRefuse4 ? icmp4_error.name : icmp6_error.name});
    drop_entries()[id] = {&node, &edge};
  }
  register_node(node.name, node.process, node.is_source, next);
}

// rte_graph keeps its nodes for the life of the process.
void register_all_once() {
  static const bool done = [] {
    for (const NodeSpec* node : kNodes) register_one(*node);
    return true;
  }();
  (void)done;
}

const NodeSpec* spec_of(const char* name) {
  for (const NodeSpec* node : kNodes)
    if (std::strcmp(node->name, name) == 0) return node;
  return nullptr;
}

// rte_graph_foreach_node, which is C.
template <class Visit>
void for_each_node(rte_graph* graph, Visit&& visit) {
  rte_graph_off_t offset = graph->nodes_start;
  for (rte_node_t i = 0; i < graph->nb_nodes; ++i) {
    auto* node = reinterpret_cast<rte_node*>(reinterpret_cast<char*>(graph) + offset);
    visit(*node);
    offset = node->next;
  }
}

void set_contexts(rte_graph* graph, Worker& worker) {
  for_each_node(graph, [&](rte_node& node) {
    const auto drop = drop_entries().find(node.id);
    if (drop == drop_entries().end()) {
      Worker* self = &worker;
      std::memcpy(node.ctx, &self, sizeof(self));
    } else {
      node.ctx[0] = drop->second.edge->icmp_type;
      node.ctx[1] = drop->second.edge->icmp_code;
    }
  });
}

uint64_t read_word(const uint64_t& word) { return __atomic_load_n(&word, __ATOMIC_RELAXED); }

}  // namespace

std::span<const NodeSpec* const> all_nodes() { return kNodes; }

Result<std::unique_ptr<Graph>> Graph::create(Worker& worker, const GraphEnds& ends) {
  register_all_once();
  if (ends.source != nullptr && rte_node_is_invalid(rte_node_from_name(ends.source->name)))
    register_one(*ends.source);
  const char* sources[] = {ends.source != nullptr ? ends.source->name : rx.name, handoff.name,
                           originate.name, tcp_output.name};
  const std::string name = "worker-" + std::to_string(worker.id.value());
  rte_graph_param parameters{};
  parameters.socket_id = SOCKET_ID_ANY;
  parameters.nb_node_patterns = std::size(sources);
  parameters.node_patterns = sources;
  std::unique_ptr<Graph> graph(new Graph);
  graph->id_ = rte_graph_create(name.c_str(), &parameters);
  if (rte_graph_is_invalid(graph->id_))
    return fail("cannot make the packet graph of {}: {}", name, rte_strerror(rte_errno));
  graph->graph_ = rte_graph_lookup(name.c_str());
  HEDDLE_CHECK(graph->graph_ != nullptr, "a graph that was just made");
  set_contexts(graph->graph_, worker);
  return graph;
}

Graph::~Graph() {
  if (!rte_graph_is_invalid(id_)) rte_graph_destroy(id_);
}

std::vector<NodeStats> Graph::stats() const {
  std::vector<NodeStats> all;
  for_each_node(graph_, [&](const rte_node& node) {
    NodeStats stats{};
    const auto drop = drop_entries().find(node.id);
    if (drop != drop_entries().end()) {
      stats.node = drop->second.node;
      stats.drop = drop->second.edge;
    } else {
      stats.node = spec_of(node.name);
      if (stats.node == nullptr) return;  // a test's source
    }
    stats.calls = read_word(node.total_calls);
    stats.packets = read_word(node.total_objs);
    stats.cycles = read_word(node.total_cycles);
    all.push_back(stats);
  });
  return all;
}

}  // namespace heddle::app
