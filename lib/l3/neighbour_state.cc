#include "l3/neighbour_table.h"

namespace heddle::l3 {

namespace {

using enum NeighbourState;
using enum NeighbourAction;

// Rows: state. Columns: use, confirm, hint, change, doubt, retry, give up.
// RFC 4861 7.3.2, without its DELAY state: no upper layer confirms anything to a router, so a
// stale neighbour that is used is asked at once.
constexpr NeighbourTransition kTable[kNeighbourStates][kNeighbourEvents] = {
    // kReachable
    {{kReachable, kNone},
     {kReachable, kNone},
     {kReachable, kNone},  // a hint is no proof that the way there works; nothing new
     {kStale, kNone},      // moved: use the new address and ask at the next use
     {kStale, kNone},      // RFC 4861 7.2.5: keep the address, but ask
     {kProbe, kAskOne},    // was in use: ask before it is needed
     {kStale, kNone}},
    // kProbe
    {{kProbe, kNone},
     {kReachable, kNone},
     {kProbe, kNone},
     {kStale, kNone},
     {kProbe, kNone},
     {kProbe, kAskOne},
     {kIncomplete, kAskAll}},  // its MAC may have changed: ask all before giving up
    // kStatic
    {{kStatic, kNone},
     {kStatic, kNone},
     {kStatic, kNone},
     {kStatic, kNone},
     {kStatic, kNone},
     {kStatic, kNone},
     {kStatic, kNone}},
    // kStale
    {{kProbe, kAskOne},
     {kReachable, kNone},
     {kStale, kNone},
     {kStale, kNone},
     {kStale, kNone},
     {kStale, kForget},
     {kStale, kForget}},
    // kIncomplete
    {{kIncomplete, kNone},
     {kReachable, kRelease},
     {kStale, kRelease},
     {kStale, kRelease},
     {kIncomplete, kNone},  // RFC 4861 7.2.5 applies to a known address only
     {kIncomplete, kAskAll},
     {kFailed, kFail}},
    // kFailed
    {{kFailed, kNone},
     {kReachable, kNone},
     {kStale, kNone},
     {kStale, kNone},
     {kFailed, kNone},
     {kFailed, kForget},
     {kFailed, kForget}},
};

}  // namespace

NeighbourTransition transition(NeighbourState state, NeighbourEvent event) {
  return kTable[static_cast<size_t>(state)][static_cast<size_t>(event)];
}

}  // namespace heddle::l3
