// What the rules about TCP have in common.
#pragma once

#include "explain.h"

namespace heddle::differential {

using flow::Drop;
using flow::Seq;
using flow::State;
using enum wire::TcpFlag;

inline bool kernel_only(const Observation& o) {
  return o.is_tcp() && o.kernel_passes() && !o.heddle_passes();
}
inline bool heddle_only(const Observation& o) {
  return o.is_tcp() && o.heddle_passes() && !o.kernel_passes();
}

// In none of these does the kernel look at the number of a RST.
inline bool kernel_closing(const Observation& o) {
  return o.kernel_was({KernelTcp::kFinWait, KernelTcp::kCloseWait, KernelTcp::kLastAck,
                       KernelTcp::kTimeWait, KernelTcp::kClose});
}
inline bool kernel_opening(const Observation& o) {
  return o.kernel_was({KernelTcp::kSynSent, KernelTcp::kSynSent2, KernelTcp::kSynReceived});
}

inline Seq first(const Observation& o) { return Seq(o.tcp().seq); }
inline Seq last(const Observation& o) {
  const TcpContent& tcp = o.tcp();
  uint32_t length = tcp.data + (o.has(kFin) ? 1u : 0u);
  if (tcp.data_offset) {  // what is not header is data
    length += static_cast<uint32_t>(wire::kTcpHeaderSize + tcp.options.size());
    length -= *tcp.data_offset * 4u;
  }
  return Seq(tcp.seq + length);
}

// Not a SYN, not a RST, and Heddle has looked at its numbers.
inline bool learns(const Observation& o) {
  return o.heddle_passes() && !o.has(kSyn) && !o.has(kRst) && o.heddle_was() != State::kReset &&
         o.heddle_was() != State::kSynSent;
}
inline bool in_the_last_unit(const Observation& o) {
  if (!o.is_tcp() || !o.kernel_passes() || !o.heddle_before.known) return false;
  const auto unit = static_cast<int32_t>(o.receiver_unit());
  const auto window = static_cast<int32_t>(o.receiver_window());
  return first(o).after(o.receiver_edge()) > -unit || o.sender().end.after(last(o)) > window - unit;
}
inline bool no_room_by_an_ack(const Observation& o) {
  if (!o.is_tcp() || !o.kernel_passes() || !o.heddle_before.known) return false;
  const auto edge = o.notes.edge[o.event->original ? 0 : 1];
  return first(o).after(o.receiver_edge()) <= 0 && (!edge || first(o).after(*edge) > 0);
}
inline bool acks_before_probed_window(const Observation& o) {
  return o.is_tcp() && o.kernel_passes() && o.heddle_before.known && o.has(kAck) && !o.has(kSyn) &&
         !o.has(kRst) &&
         static_cast<uint32_t>(o.receiver().end.after(Seq(o.tcp().ack))) == o.sender_window() + 1;
}

// A SYN in TIME-WAIT makes the kernel begin anew; without a flow, if it does not send it on.
inline bool kernel_restarts(const Observation& o) {
  return o.has(kSyn) && !o.has(kAck) && o.kernel_was({KernelTcp::kTimeWait}) &&
         o.kernel_after.tcp == (o.kernel_passes() ? KernelTcp::kSynSent : KernelTcp::kNone);
}
inline bool fins_not_acknowledged(const Observation& o) {
  return o.heddle_is() == o.heddle_was() &&
         (o.heddle_is() == State::kFinBoth || o.heddle_is() == State::kFinInitiator ||
          o.heddle_is() == State::kFinResponder);
}

inline bool completes_simultaneous(const Observation& o) {
  return o.heddle_was() == State::kSimultaneous && o.has(kAck) && !o.has(kSyn) && !o.has(kRst) &&
         o.heddle_is() != State::kSimultaneous &&
         o.kernel_was({KernelTcp::kSynSent2, KernelTcp::kSynReceived});
}

}  // namespace heddle::differential
