// handoff: takes what other workers have passed to this one.
// Out: as the passing worker left the packet, at the edge that it named.
#include "nodes/handoff_edge.h"
#include "nodes/nodes.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

constexpr EdgeSpec kEdges[] = {to("ethernet_input"), to("arp_input"),     to("nd_input"),
                               to("port_tx"),        to("ip4_conntrack"), to("ip6_conntrack")};

uint16_t process(rte_graph* graph, rte_node* node, void**, uint16_t) {
  Worker& worker = worker_of(node);
  if (worker.inbox == nullptr) return 0;
  void* packets[64];
  const auto count = static_cast<uint16_t>(
      rte_ring_sc_dequeue_burst(worker.inbox, packets, std::size(packets), nullptr));
  for (uint16_t i = 0; i < count; ++i)
    rte_node_enqueue_x1(graph, node, Packet(packets[i]).meta().handoff_edge, packets[i]);
  worker.counters.handed_in.add(count);
  worker.received += count;
  return count;
}

}  // namespace

const NodeSpec handoff{"handoff", process, kEdges, true};

}  // namespace heddle::app
