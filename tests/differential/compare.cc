#include "compare.h"

#include <algorithm>

namespace heddle::differential {

namespace {

size_t checksum_offset(IpProtocol protocol) {
  return protocol == IpProtocol::kTcp ? 16 : protocol == IpProtocol::kUdp ? 6 : 2;
}

void blank(Bytes& bytes, size_t at) {
  if (at + 2 <= bytes.size()) store_be<uint16_t>(bytes.data() + at, 0);
}

// Without the port that stands for the source outside, and without the checksums that cover it.
// In an error, the quoted packet is an answer, so there the port is that of the destination.
Bytes masked(Bytes bytes) {
  size_t at = transport_offset(bytes);
  const bool error = is_error(bytes);
  IpProtocol protocol = protocol_of(bytes);
  if (error) {
    blank(bytes, at + 2);
    const size_t inner = at + 8;
    if (bytes.size() < inner + 20) return bytes;
    const bool v6 = bytes[inner] >> 4 == 6;
    protocol = static_cast<IpProtocol>(bytes[inner + (v6 ? 6 : 9)]);
    at = inner + (v6 ? 40 : 20);
  }
  const bool ports = protocol == IpProtocol::kTcp || protocol == IpProtocol::kUdp;
  blank(bytes, at + (ports ? (error ? 2 : 0) : 4));
  blank(bytes, at + checksum_offset(protocol));
  return bytes;
}

bool leads_outside(const Flow& flow, Side side) { return side == opposite(flow.initiator); }

bool same_datagram(const Flow& flow, const Datagram& a, const Datagram& b) {
  if (a.side != b.side || a.complete != b.complete) return false;
  if (a.bytes == b.bytes) return true;
  if (flow.translation != Translation::kFull || !leads_outside(flow, a.side)) return false;
  if (!a.complete) return masked(a.bytes) == masked(b.bytes);
  return masked(a.bytes) == masked(b.bytes) &&
         header_checksum_ok(a.bytes) == header_checksum_ok(b.bytes) &&
         transport_checksum_ok(a.bytes) == transport_checksum_ok(b.bytes);
}

}  // namespace

namespace {

uint8_t scale_of(const Observation& o, bool initiator) {
  const uint8_t scales = o.heddle_before.record.scales;
  const auto scale = static_cast<uint8_t>(initiator ? scales & 0x0f : scales >> 4);
  return scale == 15 ? uint8_t{0} : scale;  // not offered
}

}  // namespace

uint32_t Observation::receiver_unit() const { return 1u << scale_of(*this, !forward()); }
uint32_t Observation::receiver_window() const { return receiver().max_window * receiver_unit(); }
uint32_t Observation::sender_unit() const { return 1u << scale_of(*this, forward()); }
uint32_t Observation::sender_window() const { return sender().max_window * sender_unit(); }
flow::Seq Observation::receiver_edge() const {
  return receiver().acked.plus(receiver().window * receiver_unit());
}

Seen sort_out(const Event& event, const std::vector<Output>& outputs) {
  Seen seen;
  for (Datagram& datagram : reassemble(outputs)) {
    (datagram.side == event.from() ? seen.answers : seen.forwarded).push_back(std::move(datagram));
  }
  return seen;
}

bool same_datagrams(const Flow& flow, const Seen& kernel, const Seen& heddle) {
  return std::ranges::equal(
      kernel.forwarded, heddle.forwarded,
      [&](const Datagram& a, const Datagram& b) { return same_datagram(flow, a, b); });
}

void learn_port(const Event& event, const Seen& seen, Router router) {
  Flow& flow = *event.flow;
  if (!event.original || event.error || seen.forwarded.empty()) return;
  if (flow.translation != Translation::kFull) return;
  const Bytes& bytes = seen.forwarded[0].bytes;
  const size_t at = transport_offset(bytes) + (flow.is_query() ? 4 : 0);
  if (bytes.size() < at + 2) return;
  flow.outside_port[static_cast<size_t>(router)] = load_be<uint16_t>(bytes.data() + at);
}

void note_segment(const Observation& o, FlowNotes& notes) {
  const unsigned sender = o.event->original ? 1 : 0;
  const TcpContent& tcp = o.tcp();
  const bool syn = o.has(wire::TcpFlag::kSyn), fin = o.has(wire::TcpFlag::kFin);
  notes.cut |= o.event->order != FragmentOrder::kNone;
  if (o.kernel_was({KernelTcp::kSynSent}) && !o.forward() && !syn) notes.spoke_early = true;
  if (!o.kernel_passes() || !o.heddle_passes()) return;
  if (o.heddle_is() == flow::State::kSynSent && o.heddle_was() != flow::State::kSynSent) {
    notes = {};  // another connection by the same tuple
  }
  if (fin) ++notes.fins[sender];
  notes.syn_last = syn;
  if (syn && o.kernel_was({KernelTcp::kLastAck})) notes.syn_in_last_ack = true;
  if (!o.heddle_before.known) return;
  const flow::Seq end(tcp.seq + tcp.data + (syn ? 1 : 0) + (fin ? 1 : 0));
  if (flow::Seq(tcp.seq).after(o.receiver_edge()) <= -static_cast<int32_t>(o.receiver_unit())) {
    notes.last_end[sender] = end;
  }
  if (!o.has(wire::TcpFlag::kAck)) return;
  const uint32_t window = syn ? tcp.window : tcp.window * o.sender_unit();
  const flow::Seq edge(tcp.ack + std::max(window, 1u));
  notes.edge[sender] = notes.edge[sender] ? flow::later(*notes.edge[sender], edge) : edge;
}

bool same_state(const Observation& observation) {
  const flow::State heddle = observation.heddle_is();
  switch (observation.kernel_after.tcp) {
    case KernelTcp::kNone:
      return heddle == flow::State::kNone;
    case KernelTcp::kSynSent:
      return heddle == flow::State::kSynSent;
    case KernelTcp::kSynSent2:
      return heddle == flow::State::kSimultaneous;
    case KernelTcp::kSynReceived:
      return heddle == flow::State::kSynReceived;
    case KernelTcp::kEstablished:
      return heddle == flow::State::kEstablished;
    case KernelTcp::kFinWait:
    case KernelTcp::kCloseWait:
      return heddle == flow::State::kFinInitiator || heddle == flow::State::kFinResponder;
    case KernelTcp::kLastAck:
      return heddle == flow::State::kFinBoth;
    case KernelTcp::kTimeWait:
      return heddle == flow::State::kTimeWait;
    case KernelTcp::kClose:
      return heddle == flow::State::kReset;
  }
  return false;
}

}  // namespace heddle::differential
