#include <cstring>

#include "graph/node.h"

namespace heddle::app {

namespace {

bool all_equal(const uint8_t* edges, uint16_t count) {
  // Equal to its own shift by one byte means all bytes are the same.
  return std::memcmp(edges, edges + 1, count - 1u) == 0;
}

}  // namespace

void distribute(rte_graph* graph, rte_node* node, void** objs, const uint8_t* edges,
                uint16_t count) {
  if (count == 0) return;
  if (all_equal(edges, count) && edges[0] != kKept && count == node->idx) [[likely]] {
    rte_node_next_stream_move(graph, node, edges[0]);
    return;
  }
  for (uint16_t begin = 0; begin < count;) {
    uint16_t end = begin;
    while (++end < count && edges[end] == edges[begin]) {
    }
    if (edges[begin] != kKept)
      rte_node_enqueue(graph, node, edges[begin], objs + begin, static_cast<uint16_t>(end - begin));
    begin = end;
  }
}

}  // namespace heddle::app
