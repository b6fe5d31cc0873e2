// port_tx: puts frames before their port's transmit queue; they leave after the walk.
// In: data() is a whole Ethernet frame, meta.tx_interface is set.
#include "nodes/handoff_edge.h"
#include "nodes/nodes.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t { kQueueFull, kHandoffFull, kScattered, kPassed = kKept };
constexpr EdgeSpec kEdges[] = {
    drop("queue_full",
         "the port takes packets more slowly than they come: its link or peer is the limit"),
    drop("handoff_full", "the worker that sends for this port does not keep up"),
    drop("scattered", "a frame in several buffers, for a port that sends only whole ones"),
};

Edge send(Packet packet, Worker& worker) {
  const PortId port = worker.topology->interface(packet.meta().tx_interface).port;
  const TxQueue& queue = worker.tx_queues[port.index()];
  if (queue.own && packet.is_chain() && !queue.chains) [[unlikely]]
    return Edge::kScattered;
  if (queue.own) [[likely]]
    return worker.tx[port.index()]->push(packet) ? Edge::kPassed : Edge::kQueueFull;
  const bool passed =
      worker.hand_off(packet, queue.owner.value(), static_cast<uint8_t>(HandoffEdge::kPortTx));
  return passed ? Edge::kPassed : Edge::kHandoffFull;
}

}  // namespace

const NodeSpec port_tx{"port_tx", each_packet<send>, kEdges};

}  // namespace heddle::app
