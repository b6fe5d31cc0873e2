// Walks over the flows of all workers, for people.
#include <memory>

#include "flows/walk.h"
#include "node/node.h"

namespace heddle::app {

namespace {

// Asks one worker for piece after piece. `ask`: false when it did not come round.
template <class Piece, class Ask, class Take>
void walk_worker(uint16_t worker, Piece& piece, const server::GoOn& go_on, server::FlowWalk& walk,
                 Ask&& ask, Take&& take) {
  piece.next = 0;
  while (piece.next != flow::kNoFlow) {
    if (!go_on()) {
      walk.complete = false;
      return;
    }
    if (!ask()) {
      walk.silent.push_back(worker);
      return;
    }
    take();
  }
}

}  // namespace

server::FlowWalk Node::walk_flows(const server::FlowFilter& filter, const server::GoOn& go_on,
                                  const TakeFlow& take) {
  server::FlowWalk walk;
  const auto piece = std::make_unique<FlowPiece>();
  for (uint16_t i = 0; i < loops_.size() && walk.complete; ++i) {
    if (filter.worker && *filter.worker != i) continue;
    walk_worker(
        i, *piece, go_on, walk,
        [&] { return ask_worker(i, [&](Worker& worker) { copy_flows(worker, filter, *piece); }); },
        [&] {
          for (uint32_t k = 0; k < piece->count; ++k) take(piece->flows[k]);
        });
  }
  return walk;
}

server::FlowWalk Node::flush_flows(const server::FlowFilter& filter, const server::GoOn& go_on,
                                   bool reset) {
  server::FlowWalk walk;
  const policy::Refusal how = reset ? policy::Refusal::kReset : policy::Refusal::kDrop;
  FlushPiece piece;
  for (uint16_t i = 0; i < loops_.size() && walk.complete; ++i) {
    if (filter.worker && *filter.worker != i) continue;
    walk_worker(
        i, piece, go_on, walk,
        [&] {
          return ask_worker(i,
                            [&](Worker& worker) { app::flush_flows(worker, filter, how, piece); });
        },
        [&] { walk.flushed += piece.flushed; });
  }
  return walk;
}

}  // namespace heddle::app
