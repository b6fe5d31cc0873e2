// One segment of a known TCP flow: the state machine and the windows together.
#pragma once

#include "flow/drops.h"
#include "flow/record.h"
#include "flow/tcp_state.h"
#include "flow/tcp_window.h"

namespace heddle::flow {

struct TcpStep {
  TcpAction action;  // kPass, kIgnore, kRestart, or kUnexpected: refused for `drop`
  State next;        // after kPass
  Drop drop = Drop::kNone;
};

// Looks at a segment of `record` that goes in `direction`, and learns from one that passes. The
// record's state is left to the caller. After check_tcp; `l4_length` as the IP header says; `cut`:
// the packet is the first fragment of the segment.
TcpStep step_tcp(Record& record, Direction direction, const wire::TcpView& tcp, size_t l4_length,
                 WindowCheck check, bool cut = false);

// Fills the windows of a record that this segment has just begun: a SYN, or a segment from the
// middle of a connection. False: a SYN with malformed options.
bool begin_tcp(Record& record, const wire::TcpView& tcp, size_t l4_length);

}  // namespace heddle::flow
