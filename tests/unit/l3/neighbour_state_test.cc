// All cells of the neighbour state machine, written out once more from RFC 4861 7.3.2 and 7.2.5.
#include <gtest/gtest.h>

#include <set>

#include "l3/neighbour_table.h"

namespace heddle::l3 {
namespace {

using enum NeighbourState;
using enum NeighbourEvent;
using enum NeighbourAction;

struct Cell {
  NeighbourState state;
  NeighbourEvent event;
  NeighbourState next;
  NeighbourAction action;
};

constexpr Cell kCells[] = {
    {kIncomplete, kUse, kIncomplete, kNone},  // it waits with the others
    {kIncomplete, kConfirm, kReachable, kRelease},
    {kIncomplete, kHint, kStale, kRelease},  // it spoke before it was reached by our question
    {kIncomplete, kChange, kStale, kRelease},
    {kIncomplete, kDoubt, kIncomplete, kNone},
    {kIncomplete, kRetry, kIncomplete, kAskAll},
    {kIncomplete, kGiveUp, kFailed, kFail},

    {kReachable, kUse, kReachable, kNone},
    {kReachable, kConfirm, kReachable, kNone},
    {kReachable, kHint, kReachable, kNone},
    {kReachable, kChange, kStale, kNone},
    {kReachable, kDoubt, kStale, kNone},
    {kReachable, kRetry, kProbe, kAskOne},  // used since it was confirmed
    {kReachable, kGiveUp, kStale, kNone},   // not used

    {kStale, kUse, kProbe, kAskOne},
    {kStale, kConfirm, kReachable, kNone},
    {kStale, kHint, kStale, kNone},
    {kStale, kChange, kStale, kNone},
    {kStale, kDoubt, kStale, kNone},
    {kStale, kRetry, kStale, kForget},
    {kStale, kGiveUp, kStale, kForget},

    {kProbe, kUse, kProbe, kNone},  // packets go on leaving meanwhile
    {kProbe, kConfirm, kReachable, kNone},
    {kProbe, kHint, kProbe, kNone},
    {kProbe, kChange, kStale, kNone},
    {kProbe, kDoubt, kProbe, kNone},
    {kProbe, kRetry, kProbe, kAskOne},
    {kProbe, kGiveUp, kIncomplete, kAskAll},

    {kFailed, kUse, kFailed, kNone},
    {kFailed, kConfirm, kReachable, kNone},
    {kFailed, kHint, kStale, kNone},
    {kFailed, kChange, kStale, kNone},
    {kFailed, kDoubt, kFailed, kNone},
    {kFailed, kRetry, kFailed, kForget},
    {kFailed, kGiveUp, kFailed, kForget},

    {kStatic, kUse, kStatic, kNone},
    {kStatic, kConfirm, kStatic, kNone},
    {kStatic, kHint, kStatic, kNone},
    {kStatic, kChange, kStatic, kNone},
    {kStatic, kDoubt, kStatic, kNone},
    {kStatic, kRetry, kStatic, kNone},
    {kStatic, kGiveUp, kStatic, kNone},
};

TEST(NeighbourState, EachCellIsAsWritten) {
  std::set<std::pair<NeighbourState, NeighbourEvent>> walked;
  for (const Cell& cell : kCells) {
    const NeighbourTransition got = transition(cell.state, cell.event);
    EXPECT_EQ(got.next, cell.next)
        << static_cast<int>(cell.state) << "," << static_cast<int>(cell.event);
    EXPECT_EQ(got.action, cell.action)
        << static_cast<int>(cell.state) << "," << static_cast<int>(cell.event);
    EXPECT_TRUE(walked.emplace(cell.state, cell.event).second) << "a cell stands here twice";
  }
  EXPECT_EQ(walked.size(), kNeighbourStates * kNeighbourEvents);
}

// What waits is let go of in the cells that leave kIncomplete, and only there.
TEST(NeighbourState, PacketsWaitOnlyWhileItIsAsked) {
  for (const Cell& cell : kCells) {
    const NeighbourTransition got = transition(cell.state, cell.event);
    const bool leaves = cell.state == kIncomplete && got.next != kIncomplete;
    EXPECT_EQ(leaves, got.action == kRelease || got.action == kFail);
  }
}

}  // namespace
}  // namespace heddle::l3
