// tcp_output: the worker's TCP, once a turn: timers that are due, what has happened to connections
// for who uses them, and the segments that leave.
// Out: data() is an IP header of ours, finished; meta.next_hop is set on the edges to *_output.
#include "nodes/nodes.h"
#include "tcp_io/packet_output.h"
#include "worker/tcp.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

constexpr EdgeSpec kEdges[] = {
    to("ip4_output"),
    to("ip6_output"),
    to("ip4_lookup"),
    to("ip6_lookup"),
};
static_assert(std::size(kEdges) == static_cast<size_t>(TcpOutputEdge::kIp6Lookup) + 1);

// In one turn, so that packets wait for neither.
constexpr uint32_t kTimers = 256;
constexpr uint32_t kNotes = 1024;

uint16_t process(rte_graph* graph, rte_node* node, void**, uint16_t) {
  Worker& worker = worker_of(node);
  if (worker.tcp == nullptr) return 0;
  Tcp& tcp = *worker.tcp;
  const Instant now = worker.now;
  tcp.busy = tcp.listeners.follow(*worker.policy, tcp.transport);
  tcp.transport.on_timer(now, kTimers);
  if (tcp.user != nullptr) {
    tcp.transport.drain(
        now, [&](const tcp::EventNote& note) { tcp.user->on_note(note, now); }, kNotes);
    tcp.busy |= tcp.user->on_turn(now);
  }
  Emitter out(graph, node);
  if (tcp.transport.wants_output()) {
    PacketOutput output(worker, out);
    tcp.transport.emit(now, output);
  }
  return out.sent();
}

}  // namespace

const NodeSpec tcp_output{"tcp_output", process, kEdges, true};

}  // namespace heddle::app
