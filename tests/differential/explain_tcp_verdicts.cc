// TCP segments that one lets pass and the other does not.
#include <array>

#include "tcp_terms.h"

namespace heddle::differential {

namespace {

const std::array kRules = {
    Rule{"before_window", Difference::kVerdict,
         [](const Observation& o) {
           return kernel_only(o) && o.refused_for(Drop::kTcpBeforeWindow) && o.kernel_unmoved();
         },
         false, "Data from before the window: the kernel lets it pass and learns nothing of it."},
    Rule{"ack_before", Difference::kVerdict,
         [](const Observation& o) {
           return kernel_only(o) && o.refused_for(Drop::kTcpAckBefore) && o.kernel_unmoved();
         },
         false, "An acknowledgment from long ago: the same."},
    Rule{"before_a_cut_segment", Difference::kVerdict,
         [](const Observation& o) {
           return kernel_only(o) && o.notes.cut &&
                  (o.refused_for(Drop::kTcpAckBefore) || o.refused_for(Drop::kTcpBeforeWindow));
         },
         false,
         "Either from a little later, when lib/flow takes the end of a segment in fragments to be "
         "further on than it is."},
    Rule{"straddles_the_edge", Difference::kVerdict,
         [](const Observation& o) {
           return kernel_only(o) && o.refused_for(Drop::kTcpBeyondWindow) &&
                  first(o).after(o.receiver_edge()) <= 0 && last(o).after(o.receiver_edge()) > 1;
         },
         false,
         "A segment must begin in the window for the kernel, and end in it for lib/flow (with one "
         "byte for probes): no TCP sends more than it was given room for."},
    Rule{"past_the_edge", Difference::kVerdict,
         [](const Observation& o) {
           if (!kernel_only(o)) return false;
           const int32_t past = last(o).after(o.receiver_edge());
           return o.refused_for(Drop::kTcpBeyondWindow) && o.kernel_unmoved() && past > 1 &&
                  static_cast<uint32_t>(past) <= o.receiver_window() + 0x4000;
         },
         false,
         "Past the window by less than a window: the kernel counts it as sent and lets it pass, "
         "without moving the state."},
    Rule{"rst_inexact", Difference::kVerdict,
         [](const Observation& o) {
           return kernel_only(o) && o.refused_for(Drop::kRstInexact) &&
                  (o.kernel_unmoved() || kernel_closing(o) || kernel_opening(o));
         },
         false,
         "RFC 5961 3.2: a RST in the window but not at the next byte. The kernel lets it pass, "
         "and before and after the connection's established state believes it; lib/flow refuses."},
    Rule{"rst_outside", Difference::kVerdict,
         [](const Observation& o) {
           return kernel_only(o) && o.refused_for(Drop::kRstOutside) &&
                  (o.kernel_unmoved() || kernel_closing(o) || kernel_opening(o));
         },
         false,
         "A RST outside the window. The kernel lets it pass unbelieved in an established "
         "connection, and believes any while a connection closes and many while it opens."},
    Rule{"urgent_flag", Difference::kVerdict,
         [](const Observation& o) {
           return heddle_only(o) && o.has(kUrg) && (o.has(kRst) || (o.has(kSyn) && o.has(kAck)));
         },
         false,
         "URG with RST, or with SYN and ACK: pointless, but RFC 9293 does not forbid it, and "
         "receivers do not look at it."},
    Rule{"syn_of_the_responder", Difference::kVerdict,
         [](const Observation& o) {
           return heddle_only(o) && o.has(kSyn) && !o.has(kAck) && !o.forward() &&
                  o.heddle_is() == o.heddle_was();
         },
         false,
         "RFC 5961 4.2: a SYN in a connection is answered by a challenge, from either side. "
         "lib/flow lets it pass for that; the kernel only that of the initiator."},
    Rule{"syn_restarts", Difference::kVerdict,
         [](const Observation& o) {
           return heddle_only(o) && o.has(kSyn) && !o.has(kAck) &&
                  (o.heddle_was() == State::kReset || o.heddle_was() == State::kTimeWait);
         },
         false,
         "After the end either side may begin anew (RFC 9293 3.10.7.4); the kernel lets only some "
         "of them."},
    Rule{"after_a_reset", Difference::kVerdict,
         [](const Observation& o) {
           return heddle_only(o) && !o.has(kSyn) && o.heddle_was() == State::kReset &&
                  o.heddle_is() == State::kReset;
         },
         false,
         "After a RST nothing is learned any more. What was still under way passes without being "
         "looked at, as its receiver answers with a RST."},
    Rule{"syn_ack_of_the_initiator", Difference::kVerdict,
         [](const Observation& o) {
           return kernel_only(o) && o.refused_for(Drop::kTcpUnexpected) && o.has(kSyn) &&
                  o.has(kAck) && o.kernel_unmoved();
         },
         false, "A SYN with ACK where there can be none: the kernel lets it pass unbelieved."},
    Rule{"broken_options", Difference::kVerdict,
         [](const Observation& o) {
           return kernel_only(o) && o.refused_for(Drop::kTcpOptions) && o.has(kSyn) &&
                  o.tcp().broken_option.has_value();
         },
         false,
         "A SYN whose options cannot be read: the kernel takes it as one without options, and "
         "with it perhaps a wrong window scale."},
    Rule{"rst_while_opening", Difference::kVerdict,
         [](const Observation& o) {
           if (!heddle_only(o)) return false;
           const bool exact = first(o) == o.sender().end;
           return o.has(kRst) && o.heddle_was() == State::kSynSent &&
                  o.heddle_is() == (exact ? State::kReset : State::kSynSent) && o.forward();
         },
         false,
         "RFC 9293 3.5.1: the initiator may reset an old connection of the responder's, of whose "
         "numbers nothing is known. lib/flow lets it pass, and believes it at the next byte alone; "
         "the kernel wants what it acknowledges to be known."},
    Rule{"answers_another_syn", Difference::kVerdict,
         [](const Observation& o) {
           if (!kernel_only(o) || !o.refused_for(Drop::kTcpBadSynAck)) return false;
           const int32_t behind = o.receiver().end.after(Seq(o.tcp().ack));
           return o.kernel_unmoved() || (behind > 0 && behind <= 66'000);
         },
         false,
         "A SYN with ACK for a SYN that was not sent: the kernel lets it pass, and believes it if "
         "it "
         "acknowledges less than was sent."},
    Rule{"rst_train", Difference::kVerdict,
         [](const Observation& o) {
           return kernel_only(o) &&
                  (o.refused_for(Drop::kRstInexact) || o.refused_for(Drop::kRstOutside)) &&
                  o.kernel_was({KernelTcp::kEstablished}) &&
                  o.notes.last_end[o.event->original ? 1 : 0] == first(o);
         },
         false,
         "A RST behind the segment that came last, though others from further on came before. The "
         "kernel believes it; for lib/flow the next byte is behind all that was sent."},
    Rule{"rst_behind_a_syn", Difference::kVerdict,
         [](const Observation& o) {
           return kernel_only(o) &&
                  (o.refused_for(Drop::kRstInexact) || o.refused_for(Drop::kRstOutside)) &&
                  o.notes.syn_last;
         },
         false, "Behind a SYN that passed unbelieved the kernel believes any RST in the window."},
    Rule{
        "cut_segment_acknowledged", Difference::kVerdict,
        [](const Observation& o) {
          return heddle_only(o) && o.notes.cut && o.has(kAck) && !o.has(kSyn) && !o.has(kRst) &&
                 Seq(o.tcp().ack).after(o.receiver().end) <= 0;
        },
        false,
        "Of a segment in fragments lib/flow does not know the end. All that there was room for may "
        "be acknowledged."},
    Rule{"simultaneous_syn", Difference::kVerdict,
         [](const Observation& o) {
           return heddle_only(o) && o.has(kSyn) && !o.has(kAck) &&
                  o.heddle_was() == State::kSimultaneous && o.heddle_is() == State::kSimultaneous;
         },
         false, "A third SYN in a simultaneous open passes unbelieved."},
    Rule{"simultaneous_open", Difference::kVerdict,
         [](const Observation& o) {
           return kernel_only(o) && o.heddle_was() == State::kSimultaneous &&
                  o.verdict.refusal == Refusal::kFlow &&
                  o.kernel_was({KernelTcp::kSynSent2, KernelTcp::kSynReceived});
         },
         false,
         "While both open at once the kernel checks next to nothing and goes through states of its "
         "own; lib/flow has both SYNs and holds all that follows to them."},

    Rule{"no_room_by_an_ack_refused", Difference::kVerdict,
         [](const Observation& o) {
           const auto& edge = o.notes.edge[o.event->original ? 0 : 1];
           return heddle_only(o) && !edge && kernel_opening(o) && !o.forward() &&
                  first(o).after(o.receiver_edge()) <= 0;
         },
         false,
         "As no_room_by_an_ack: where it fills the window to the last byte, or the responder has "
         "sent "
         "something before its SYN by which the kernel measures, it refuses."},
    Rule{"both_limits_at_once", Difference::kVerdict,
         [](const Observation& o) {
           const auto unit = static_cast<int32_t>(o.receiver_unit());
           return heddle_only(o) && o.has(kAck) && !o.has(kSyn) && !o.has(kRst) &&
                  first(o).after(o.receiver_edge()) > -unit &&
                  static_cast<uint32_t>(o.receiver().end.after(Seq(o.tcp().ack))) ==
                      o.sender_window() + 1;
         },
         false,
         "window_rounded_up and ack_of_a_probed_window in one segment: either would pass the "
         "kernel, "
         "both it refuses."},
    Rule{"window_rounded_up_refused", Difference::kVerdict,
         [](const Observation& o) {
           const auto unit = static_cast<int32_t>(o.receiver_unit());
           return heddle_only(o) && !o.has(kSyn) && !o.has(kRst) && o.heddle_before.known &&
                  o.receiver_window() <= 2 * o.receiver_unit() &&
                  first(o).after(o.receiver_edge()) > -unit;
         },
         false,
         "As window_rounded_up: a window of hardly a unit the kernel does not see as the same."},
    Rule{"simultaneous_ack_refused", Difference::kVerdict,
         [](const Observation& o) { return heddle_only(o) && completes_simultaneous(o); }, false,
         "The same; what else it says does not please the kernel."},
    Rule{"challenge_unchecked", Difference::kVerdict,
         [](const Observation& o) {
           return kernel_only(o) && o.verdict.refusal == Refusal::kFlow && o.has(kAck) &&
                  !o.has(kSyn) && !o.has(kRst) && o.notes.syn_in_last_ack &&
                  o.kernel_was({KernelTcp::kLastAck}) && o.kernel_unmoved();
         },
         false, "The same: what it takes for a challenge the kernel does not hold to the window."},
    Rule{"rst_acknowledges_too_much", Difference::kVerdict,
         [](const Observation& o) {
           return heddle_only(o) && o.has(kRst) && o.has(kAck) && o.heddle_is() == State::kReset &&
                  (o.notes.cut || Seq(o.tcp().ack).after(o.receiver().end) > 0) &&
                  (first(o) == o.receiver().acked || first(o) == o.sender().end);
         },
         false,
         "RFC 9293 3.10.7.4: a RST is judged by its sequence number. The kernel looks at what it "
         "acknowledges too."},
};

}  // namespace

std::span<const Rule> tcp_verdict_rules() { return kRules; }

}  // namespace heddle::differential
