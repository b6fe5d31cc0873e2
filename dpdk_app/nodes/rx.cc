// rx: receives a burst from each own queue.
// Out: data() is an Ethernet frame as the port gave it, meta is cleared.
#include <rte_ethdev.h>

#include "nodes/nodes.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t { kEthernetInput, kSteer };
constexpr EdgeSpec kEdges[] = {to("ethernet_input"), to("steer")};

// At most this from one queue and in one turn: what follows stays in the caches, and no stream
// of the graph outgrows its burst.
constexpr uint16_t kPerQueue = 64;
constexpr uint16_t kPerTurn = RTE_GRAPH_BURST_SIZE;

// Not every driver says which port a packet came by: net_ring does not.
void prepare(void** packets, uint16_t count, PortId port) {
  for (uint16_t i = 0; i < count; ++i) {
    const Packet packet(packets[i]);
    packet.prefetch_data();
    packet.mbuf()->port = port.value();
    packet.meta() = {};
  }
}

uint16_t process(rte_graph* graph, rte_node* node, void**, uint16_t) {
  Worker& worker = worker_of(node);
  const auto queues = static_cast<uint32_t>(worker.rx_queues.size());
  uint16_t total = 0;
  uint32_t at = worker.first_rx_queue;
  for (uint32_t i = 0; i < queues && total + kPerQueue <= kPerTurn; ++i) {
    const RxQueue& queue = worker.rx_queues[at];
    if (++at == queues) at = 0;
    const auto edge = static_cast<rte_edge_t>(queue.steer ? Edge::kSteer : Edge::kEthernetInput);
    void** stream = rte_node_next_stream_get(graph, node, edge, kPerQueue);
    const uint16_t count = rte_eth_rx_burst(queue.port.value(), queue.queue,
                                            reinterpret_cast<rte_mbuf**>(stream), kPerQueue);
    if (count == 0) continue;
    prepare(stream, count, queue.port);
    rte_node_next_stream_put(graph, node, edge, count);
    total = static_cast<uint16_t>(total + count);
  }
  worker.first_rx_queue = at;
  worker.received += total;
  return total;
}

}  // namespace

const NodeSpec rx{"rx", process, kEdges, true};

}  // namespace heddle::app
