// One event through both routers, and whether they did the same.
#pragma once

#include <algorithm>
#include <initializer_list>

#include "conntrack.h"
#include "datagrams.h"
#include "generator.h"
#include "heddle_side.h"

namespace heddle::differential {

// What has happened to a flow so far, as far as an explanation may need it.
struct FlowNotes {
  unsigned fins[2] = {0, 0};     // of the responder, of the client, that passed
  bool cut = false;              // a segment has come in fragments
  bool syn_last = false;         // the last segment was a SYN
  bool spoke_early = false;      // the responder has sent something else before its SYN
  bool syn_in_last_ack = false;  // a SYN has passed unbelieved in LAST_ACK
  // Of the responder, of the client: behind its last segment well within the window; and up to
  // where its segments with ACK, which alone count for the kernel, have let the other one send.
  std::optional<flow::Seq> last_end[2], edge[2];
};

struct Seen {
  std::vector<Datagram> forwarded;  // to the other side
  std::vector<Datagram> answers;    // back to where the event came from
};

struct Observation {
  const Event* event = nullptr;
  FlowNotes notes;
  Seen kernel, heddle;
  KernelFlow kernel_before, kernel_after;  // TCP only
  HeddleFlow heddle_before, heddle_after;
  Verdict verdict;  // why Heddle did not forward
  bool same_bytes = true;

  bool kernel_passes() const { return !kernel.forwarded.empty(); }
  bool heddle_passes() const { return !heddle.forwarded.empty(); }
  bool is_tcp() const {
    return std::holds_alternative<TcpContent>(event->content) && !event->error;
  }
  const TcpContent& tcp() const { return std::get<TcpContent>(event->content); }
  bool has(wire::TcpFlag flag) const { return is_tcp() && tcp().flags.has(flag); }
  bool refused_for(flow::Drop drop) const {
    return !heddle_passes() && verdict.refusal == Refusal::kFlow && verdict.drop == drop;
  }
  bool kernel_unmoved() const { return kernel_before.tcp == kernel_after.tcp; }
  bool kernel_was(std::initializer_list<KernelTcp> states) const {
    return std::ranges::find(states, kernel_before.tcp) != states.end();
  }
  flow::State heddle_was() const { return heddle_before.state(); }
  flow::State heddle_is() const { return heddle_after.state(); }
  // Whether the packet goes as the flow's first one did, for Heddle.
  bool forward() const { return event->original != heddle_before.turned; }
  // What Heddle knew of the segment's sender and receiver.
  const flow::TcpSide& sender() const { return heddle_before.record.sides[forward() ? 0 : 1]; }
  const flow::TcpSide& receiver() const { return heddle_before.record.sides[forward() ? 1 : 0]; }
  uint32_t receiver_window() const;  // the widest, in bytes
  flow::Seq receiver_edge() const;
  uint32_t receiver_unit() const;  // of its window, in bytes: Heddle rounds up to it
  uint32_t sender_window() const;
  uint32_t sender_unit() const;
};

Seen sort_out(const Event& event, const std::vector<Output>& outputs);

// Whether the datagrams are the same but for the port that each router chose by itself.
bool same_datagrams(const Flow& flow, const Seen& kernel, const Seen& heddle);

// Takes from what was forwarded which port the router has chosen for the flow.
void learn_port(const Event& event, const Seen& seen, Router router);

// After an event with a TCP segment.
void note_segment(const Observation& o, FlowNotes& notes);

// The states of both for a TCP flow mean the same.
bool same_state(const Observation& observation);

}  // namespace heddle::differential
