#include "flow/tcp_state.h"

#include "core/check.h"

namespace heddle::flow {

namespace {

using enum State;
using enum TcpAction;

constexpr TcpCell kNo{};  // refused as unexpected

// Columns: SYN, SYN with ACK, ACK, last ACK, FIN, RST.
// Rows: each state from the initiator, then from the responder.
constexpr TcpCell kTable[kTcpStates][2][kTcpKinds] = {
    // kNone
    {{{kSynSent, kOpen}, kNo, {kMidstream, kPickUp}, kNo, kNo, kNo}, {}},
    // kSynSent
    {{{kSynSent, kPass},  // sent again
      kNo,
      kNo,
      kNo,
      kNo,
      {kReset, kPass}},
     {{kSimultaneous, kPass},
      {kSynReceived, kPass},
      {kSynSent, kIgnore},  // it has an old connection and says where that is (RFC 9293 3.5.1)
      kNo,
      kNo,
      {kReset, kPass}}},
    // kSynReceived
    {{{kSynReceived, kIgnore},
      kNo,
      {kEstablished, kPass},
      kNo,
      {kFinInitiator, kPass},
      {kReset, kPass}},
     {kNo,
      {kSynReceived, kPass},  // sent again
      {kSynReceived, kPass},  // fast open: data before the handshake's end (RFC 7413)
      kNo,
      {kFinResponder, kPass},
      {kReset, kPass}}},
    // kSimultaneous: either may answer the other's SYN with its own and an ACK
    {{{kSimultaneous, kIgnore},
      {kSimultaneous, kPass},
      {kEstablished, kPass},
      kNo,
      {kFinInitiator, kPass},
      {kReset, kPass}},
     {{kSimultaneous, kIgnore},
      {kSimultaneous, kPass},
      {kEstablished, kPass},
      kNo,
      {kFinResponder, kPass},
      {kReset, kPass}}},
    // kMidstream: nothing is proven before the other side was seen, and a FIN alone proves nothing
    {{{kSynSent, kRestart}, kNo, {kMidstream, kPass}, kNo, {kMidstream, kPass}, {kReset, kPass}},
     {kNo, kNo, {kEstablished, kPass}, kNo, {kFinResponder, kPass}, {kReset, kPass}}},
    // kEstablished
    {{{kEstablished, kIgnore},  // RFC 5961 4.2: the receiver challenges it
      kNo,
      {kEstablished, kPass},
      kNo,
      {kFinInitiator, kPass},
      {kReset, kPass}},
     {{kEstablished, kIgnore},
      {kEstablished, kIgnore},  // sent again, as its ACK was lost
      {kEstablished, kPass},
      kNo,
      {kFinResponder, kPass},
      {kReset, kPass}}},
    // kFinInitiator
    {{{kFinInitiator, kIgnore},
      kNo,
      {kFinInitiator, kPass},
      kNo,
      {kFinInitiator, kPass},  // sent again
      {kReset, kPass}},
     {{kFinInitiator, kIgnore},
      {kFinInitiator, kIgnore},
      {kFinInitiator, kPass},
      kNo,
      {kFinBoth, kPass},
      {kReset, kPass}}},
    // kFinResponder
    {{{kFinResponder, kIgnore},
      kNo,
      {kFinResponder, kPass},
      kNo,
      {kFinBoth, kPass},
      {kReset, kPass}},
     {{kFinResponder, kIgnore},
      {kFinResponder, kIgnore},
      {kFinResponder, kPass},
      kNo,
      {kFinResponder, kPass},  // sent again
      {kReset, kPass}}},
    // kFinBoth
    {{{kFinBoth, kIgnore},
      kNo,
      {kFinBoth, kPass},
      {kTimeWait, kPass},
      {kFinBoth, kPass},
      {kReset, kPass}},
     {{kFinBoth, kIgnore},
      {kFinBoth, kIgnore},
      {kFinBoth, kPass},
      {kTimeWait, kPass},
      {kFinBoth, kPass},
      {kReset, kPass}}},
    // kTimeWait: either side may use the tuple anew; a RST must not end it (RFC 1337)
    {{{kSynSent, kRestart}, kNo, {kTimeWait, kPass}, kNo, {kTimeWait, kPass}, {kTimeWait, kIgnore}},
     {{kSynSent, kRestart},
      kNo,
      {kTimeWait, kPass},
      kNo,
      {kTimeWait, kPass},
      {kTimeWait, kIgnore}}},
    // kReset: what was under way, and both may begin again
    {{{kSynSent, kRestart}, kNo, {kReset, kIgnore}, kNo, {kReset, kIgnore}, {kReset, kIgnore}},
     {{kSynSent, kRestart}, kNo, {kReset, kIgnore}, kNo, {kReset, kIgnore}, {kReset, kIgnore}}},
};

}  // namespace

TcpCell tcp_transition(State state, Direction direction, TcpKind kind) {
  HEDDLE_CHECK(static_cast<size_t>(state) < kTcpStates && kind != TcpKind::kBad,
               "no TCP state, or no kind");
  return kTable[static_cast<size_t>(state)][static_cast<size_t>(direction)]
               [static_cast<size_t>(kind)];
}

}  // namespace heddle::flow
