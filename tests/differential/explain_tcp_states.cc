// TCP segments that pass both or none, and leave different states or windows.
#include <array>

#include "tcp_terms.h"

namespace heddle::differential {

namespace {

const std::array kRules = {
    Rule{"ack_of_a_probed_window", Difference::kNone, acks_before_probed_window, false,
         "An acknowledgment of what is before a whole window and a probe: the last that lib/flow "
         "learns from, the first from which the kernel does not."},
    Rule{"ack_of_a_probed_window_state", Difference::kState,
         [](const Observation& o) { return acks_before_probed_window(o) && o.kernel_unmoved(); },
         false, "The same of a FIN."},
    Rule{"syn_moves", Difference::kNone,
         [](const Observation& o) {
           return o.is_tcp() && o.kernel_passes() && o.has(kSyn) && !o.has(kAck) && o.forward() &&
                  o.heddle_was() == State::kSynSent && o.heddle_is() == State::kSynSent &&
                  first(o).plus(1) != o.sender().acked;
         },
         false,
         "The initiator sends a SYN with another number. lib/flow lets the last be answered, the "
         "kernel each of them that is less than 66,000 back."},
    Rule{"simultaneous_syn_moves", Difference::kNone,
         [](const Observation& o) {
           return o.is_tcp() && o.kernel_passes() && o.has(kSyn) && !o.has(kAck) &&
                  o.heddle_was() == State::kSimultaneous && last(o).plus(1) != o.sender().end;
         },
         false,
         "A third SYN of a simultaneous open with another number: the kernel takes it if it is "
         "later, "
         "lib/flow lets it pass unbelieved."},
    Rule{"syn_ack_moves", Difference::kNone,
         [](const Observation& o) {
           return o.is_tcp() && o.kernel_passes() && o.has(kSyn) && o.has(kAck) && !o.forward() &&
                  Seq(o.tcp().ack).after(o.sender().acked) >= 0 &&
                  Seq(o.tcp().ack).after(o.receiver().end) <= 0 &&
                  o.heddle_was() == State::kSynReceived && last(o).plus(1) != o.sender().end;
         },
         false,
         "The responder answers the SYN again with another number, as SYN cookies do. lib/flow "
         "takes the last answer, the kernel the first."},
    Rule{"reset_is_forgotten", Difference::kState,
         [](const Observation& o) {
           return o.has(kRst) && o.kernel_after.tcp == KernelTcp::kNone &&
                  o.heddle_is() == State::kReset;
         },
         false,
         "The kernel forgets a flow at once that was reset before it was answered; lib/flow keeps "
         "it for a while (RFC 7857 2.2)."},
    Rule{"rst_of_the_initiator", Difference::kState,
         [](const Observation& o) {
           return o.has(kRst) && o.heddle_was() == State::kSynSent &&
                  o.heddle_is() == State::kSynSent && o.forward() &&
                  (o.kernel_after.tcp == KernelTcp::kNone ||
                   o.kernel_after.tcp == KernelTcp::kClose);
         },
         false,
         "As rst_while_opening; where the number happens to please it, the kernel believes it."},
    Rule{"rst_in_time_wait", Difference::kState,
         [](const Observation& o) {
           return o.has(kRst) && o.heddle_is() == State::kTimeWait &&
                  o.kernel_after.tcp == KernelTcp::kClose;
         },
         false, "RFC 1337: a RST does not end TIME-WAIT. It does for the kernel."},
    Rule{
        "syn_after_close", Difference::kState,
        [](const Observation& o) {
          return o.has(kSyn) && !o.has(kAck) && o.heddle_was() == State::kReset &&
                 o.kernel_before.tcp == KernelTcp::kClose && o.kernel_unmoved();
        },
        false,
        "A SYN after a RST begins anew for lib/flow. The kernel lets it pass, but believes it only "
        "when it is answered."},
    Rule{"old_syn_in_time_wait", Difference::kState,
         [](const Observation& o) {
           return kernel_restarts(o) && o.heddle_is() == State::kTimeWait &&
                  first(o).after(o.sender().end) <= 0;
         },
         false,
         "RFC 9293 3.10.7.4: in TIME-WAIT only a SYN with a later number begins anew. The kernel "
         "takes any."},
    Rule{"any_ack_is_the_last", Difference::kState,
         [](const Observation& o) {
           return o.kernel_after.tcp == KernelTcp::kTimeWait && o.heddle_is() == State::kFinBoth;
         },
         true,
         "After two FINs the kernel takes the next ACK for the last, whatever it acknowledges; "
         "lib/flow waits for that of all. Only the timeout hangs on it, and a SYN."},
    Rule{"any_fin_is_the_second", Difference::kState,
         [](const Observation& o) {
           const bool one_sided =
               o.heddle_is() == State::kFinInitiator || o.heddle_is() == State::kFinResponder;
           return (o.kernel_after.tcp == KernelTcp::kLastAck ||
                   o.kernel_after.tcp == KernelTcp::kTimeWait) &&
                  one_sided && (o.notes.fins[0] > 1 || o.notes.fins[1] > 1 || o.has(kFin));
         },
         true,
         "The kernel takes a FIN that is sent again for the other side's; lib/flow knows whose "
         "it is."},
    Rule{"simultaneous_states", Difference::kState,
         [](const Observation& o) {
           return o.heddle_is() == State::kSimultaneous &&
                  o.kernel_after.tcp == KernelTcp::kSynReceived;
         },
         true,
         "The answer to the second SYN of a simultaneous open: SYN_RECV for the kernel, still "
         "both open for lib/flow until the first ACK."},
    Rule{"window_rounded_up", Difference::kState,
         [](const Observation& o) { return in_the_last_unit(o) && o.kernel_unmoved(); }, false,
         "lib/flow keeps windows in units of their scale, rounded up, and lets a probe pass: what "
         "is "
         "in the last unit at either end it believes, and the kernel lets pass unbelieved."},
    Rule{"window_rounded_up_hidden", Difference::kNone,
         [](const Observation& o) { return in_the_last_unit(o) && learns(o); }, false,
         "The same of a segment that moves no state."},
    Rule{
        "no_room_by_an_ack", Difference::kState,
        [](const Observation& o) { return no_room_by_an_ack(o) && o.kernel_unmoved(); }, false,
        "What the window of the initiator's SYN has room for, but no ACK since. The kernel lets it "
        "pass and counts it as sent, without moving the state."},
    Rule{"no_room_by_an_ack_hidden", Difference::kNone,
         [](const Observation& o) { return no_room_by_an_ack(o) && learns(o); }, false,
         "The same of a segment that moves no state."},
    Rule{"syn_behind_something_else", Difference::kState,
         [](const Observation& o) {
           return o.has(kSyn) && !o.forward() && o.notes.spoke_early && o.kernel_passes() &&
                  o.kernel_was({KernelTcp::kSynSent}) && o.kernel_unmoved();
         },
         false,
         "The responder has sent something else before its SYN. The kernel has taken its numbers "
         "from that, also when it refused it."},
    Rule{"refused_syn", Difference::kNone,
         [](const Observation& o) {
           return o.has(kSyn) && !o.kernel_passes() && o.verdict.refusal == Refusal::kFlow &&
                  o.verdict.drop != Drop::kTcpFlags && o.verdict.drop != Drop::kTcpHeader &&
                  kernel_opening(o) && !o.event->around.bad_transport_checksum;
         },
         false,
         "A SYN that both refuse before the handshake's end: the kernel has taken its numbers all "
         "the "
         "same."},
    Rule{"simultaneous_ack", Difference::kState,
         [](const Observation& o) { return completes_simultaneous(o) && o.kernel_unmoved(); },
         false,
         "An ACK of the other's SYN completes a simultaneous open; the kernel wants a SYN with ACK "
         "before."},
    Rule{"simultaneous_rst", Difference::kState,
         [](const Observation& o) {
           return o.has(kRst) && o.heddle_was() == State::kSimultaneous &&
                  o.heddle_is() == State::kReset && o.kernel_unmoved();
         },
         false,
         "A RST at the next byte while both open at once; the kernel knows no next byte yet."},
    Rule{"challenge_of_a_syn", Difference::kState,
         [](const Observation& o) {
           return o.has(kAck) && o.notes.syn_in_last_ack && o.kernel_was({KernelTcp::kLastAck}) &&
                  o.kernel_unmoved() && o.heddle_is() == State::kTimeWait;
         },
         false,
         "An ACK behind a SYN that passed unbelieved: the kernel takes it for the challenge, "
         "lib/flow "
         "for the last ACK, as it acknowledges all."},
    Rule{"rst_behind_all", Difference::kState,
         [](const Observation& o) {
           return o.has(kRst) && o.kernel_was({KernelTcp::kEstablished}) && o.kernel_unmoved() &&
                  o.heddle_is() == State::kReset && first(o) == o.sender().end;
         },
         false,
         "A RST behind all that its sender has sent, not all of which is acknowledged. lib/flow "
         "believes it; the kernel only if the segment that came last ends there."},
    Rule{"syn_ends_what_the_kernel_ended", Difference::kState,
         [](const Observation& o) { return kernel_restarts(o) && fins_not_acknowledged(o); }, false,
         "After any_ack_is_the_last a SYN begins anew for the kernel. lib/flow still waits for the "
         "last ACK, so the receiver challenges it."},
    Rule{"syn_ends_what_the_kernel_ended_bytes", Difference::kBytes,
         [](const Observation& o) {
           return kernel_restarts(o) && !o.event->original && fins_not_acknowledged(o);
         },
         false, "The same; what the responder begins is not translated."},
    Rule{"old_syn_in_time_wait_bytes", Difference::kBytes,
         [](const Observation& o) {
           return kernel_restarts(o) && !o.event->original && o.heddle_is() == State::kTimeWait &&
                  first(o).after(o.sender().end) <= 0;
         },
         false, "As old_syn_in_time_wait; what the responder begins is not translated."},
    Rule{"kernel_in_step_again", Difference::kState,
         [](const Observation& o) {
           return o.has(kSyn) && o.has(kAck) && !o.event->original && o.notes.syn_last &&
                  o.kernel_after.tcp == KernelTcp::kSynReceived && o.heddle_is() == o.heddle_was();
         },
         false,
         "A SYN passed unbelieved and is answered: the kernel sees that both ends have begun anew. "
         "lib/flow does not (lib/flow/README.md, not done)."},
    Rule{"rst_below_the_kernels_window", Difference::kState,
         [](const Observation& o) {
           return o.has(kRst) && o.kernel_was({KernelTcp::kEstablished}) && o.kernel_unmoved() &&
                  o.heddle_is() == State::kReset && first(o) == o.receiver().acked &&
                  first(o).after(o.sender().end) < 0;
         },
         false,
         "A RST at the byte that the receiver waits for, while others from further on were sent: "
         "if they are more than a window ahead, the kernel finds it too old."},
};

}  // namespace

std::span<const Rule> tcp_state_rules() { return kRules; }

}  // namespace heddle::differential
