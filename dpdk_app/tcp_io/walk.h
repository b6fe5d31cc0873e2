// For `show connections`: a piece of a worker's connections at a time, between two of its turns.
#pragma once

#include <array>
#include <cstdint>

#include "server/connection_view.h"
#include "worker/worker.h"

namespace heddle::app {

// What one piece found. Made before, so that the worker takes no memory.
struct ConnectionPiece {
  static constexpr uint32_t kMost = 64;

  uint32_t next = 0;  // where to go on; kNoSlot at the end
  uint32_t count = 0;
  std::array<server::ConnectionInfo, kMost> connections;
};

// Copies connections that fit, from slot piece.next on. Nothing where no TCP ends.
void copy_connections(const Worker& worker, const server::ConnectionFilter& filter,
                      ConnectionPiece& piece);

struct SumPiece {
  uint32_t next = 0;
  server::ConnectionSums sums;  // added to
};

void sum_connections(const Worker& worker, SumPiece& piece);

// A worker's share of a listener's counts, by frontend; false: it has no such listener.
bool count_listener(const Worker& worker, uint32_t frontend, server::ListenerInfo& info);

}  // namespace heddle::app
