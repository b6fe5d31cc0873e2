// For `show flows` and `flows flush`: a piece of a worker's flows at a time, between two of its
// turns. What a piece may cost is bounded, so that packets wait for less than 30 us.
#pragma once

#include <array>
#include <cstdint>

#include "policy/decide.h"
#include "server/flow_view.h"
#include "worker/worker.h"

namespace heddle::app {

// What one piece found. Made before, so that the worker takes no memory.
struct FlowPiece {
  static constexpr uint32_t kMost = 96;

  uint32_t next = 0;  // where to go on; flow::kNoFlow at the end
  uint32_t count = 0;
  std::array<server::FlowInfo, kMost> flows;
};

// Copies flows that fit, from slot piece.next on.
void copy_flows(const Worker& worker, const server::FlowFilter& filter, FlowPiece& piece);

struct FlushPiece {
  uint32_t next = 0;
  uint32_t flushed = 0;
};

// Removes flows that fit; with Refusal::kReset their ends are told.
void flush_flows(Worker& worker, const server::FlowFilter& filter, policy::Refusal how,
                 FlushPiece& piece);

}  // namespace heddle::app
