#include "flows/reset.h"

#include "flow/tcp_window.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp.h"

namespace heddle::app {

namespace {

using flow::Key;
using flow::Seq;
using wire::TcpFlag;
using wire::TcpFlags;

struct Numbers {
  Seq sequence, acknowledgment;
  bool acknowledges = false;
};

void emit_ip(const Key<wire::Ipv4Address>& key, uint16_t identification, uint8_t* at) {
  const wire::Ipv4 ip{.payload_length = wire::kTcpHeaderSize,
                      .identification = identification,
                      .ttl = 64,
                      .protocol = wire::IpProtocol::kTcp,
                      .source = key.source(),
                      .destination = key.destination()};
  ip.emit(at);
}

void emit_ip(const Key<wire::Ipv6Address>& key, uint16_t, uint8_t* at) {
  const wire::Ipv6 ip{.payload_length = wire::kTcpHeaderSize,
                      .next_header = wire::IpProtocol::kTcp,
                      .hop_limit = 64,
                      .source = key.source(),
                      .destination = key.destination()};
  ip.emit(at);
}

// `key`: as the reset travels.
template <class Address>
bool send_reset(Worker& worker, const Key<Address>& key, const Numbers& numbers) {
  const Packet packet = worker.pool->allocate();
  if (!packet) return false;
  constexpr uint16_t kIp = sizeof(Address) == 4 ? wire::kIpv4HeaderSize : wire::kIpv6HeaderSize;
  uint8_t* at = packet.append(kIp + wire::kTcpHeaderSize);
  emit_ip(key, worker.next_identification++, at);
  TcpFlags flags(TcpFlag::kRst);
  if (numbers.acknowledges) flags = TcpFlags(TcpFlag::kRst) | TcpFlag::kAck;
  const wire::Tcp tcp{.source_port = key.source_port(),
                      .destination_port = key.destination_port(),
                      .sequence = Be32(numbers.sequence.value()),
                      .acknowledgment = Be32(numbers.acknowledgment.value()),
                      .flags = flags,
                      .options = {}};
  tcp.emit(key.source(), key.destination(), {at + kIp, wire::kTcpHeaderSize});
  packet.meta().set(packet::Flag::kOriginated);
  packet.meta().rx_interface = InterfaceId(0);
  if (worker.made.push(packet)) return true;
  packet.free();
  return false;
}

// To one end, in the other's name. A receiver takes a RST at exactly its next byte alone (RFC 5961
// 3.2): that is behind what the other has sent, or, if some of it was lost, what it has
// acknowledged.
template <class Address>
void reset_end(Worker& worker, const Key<Address>& key, const flow::TcpSide& in_name_of,
               const flow::TcpSide& to) {
  const Numbers behind{in_name_of.end, to.end, true};
  send_reset(worker, key, behind);
  if (to.acked != in_name_of.end) send_reset(worker, key, {to.acked, to.end, true});
}

template <class Address>
void reset_ends(Worker& worker, uint32_t slot) {
  const flow::FlowTable& table = worker.flows->tracker.table();
  const flow::Record& record = table.record(slot);
  const Key<Address> inside = table.tuple<Address>(slot, flow::kInside);
  const Key<Address> outside = table.tuple<Address>(slot, flow::kOutside);
  const flow::TcpSide initiator = record.sides[0];
  const flow::TcpSide responder = record.sides[1];
  if (record.state == flow::State::kSynSent) {  // the responder has said nothing yet
    send_reset(worker, inside.reversed(), {Seq(), initiator.end, true});
    send_reset(worker, outside, {initiator.end, Seq(), false});
    return;
  }
  reset_end(worker, inside.reversed(), responder, initiator);
  reset_end(worker, outside, initiator, responder);
}

}  // namespace

void reset_both_ends(Worker& worker, uint32_t slot) {
  const flow::FlowTable& table = worker.flows->tracker.table();
  const flow::Record& record = table.record(slot);
  if (record.protocol != wire::IpProtocol::kTcp || record.has(flow::RecordFlags::kOneSided)) return;
  const bool over = record.state == flow::State::kTimeWait || record.state == flow::State::kReset;
  if (over) return;
  if (table.is_v6(slot))
    reset_ends<wire::Ipv6Address>(worker, slot);
  else
    reset_ends<wire::Ipv4Address>(worker, slot);
}

template <class Address>
bool reset_sender(Worker& worker, const flow::Parsed<Address>& packet) {
  const wire::TcpView tcp(packet.l4());
  const flow::TcpSegment segment = flow::TcpSegment::of(tcp, packet.l4_length);
  if (segment.flags.has(TcpFlag::kRst)) return false;
  const auto hash = static_cast<uint32_t>(worker.flows->tracker.table().hash(packet.key) >> 32);
  if (!worker.icmp_limiter.take(hash, worker.now)) return false;
  const Key<Address> back = packet.key.reversed();
  if (segment.flags.has(TcpFlag::kAck))
    return send_reset(worker, back, {segment.ack, Seq(), false});
  return send_reset(worker, back, {Seq(), segment.end, true});
}

template bool reset_sender(Worker&, const flow::Parsed4&);
template bool reset_sender(Worker&, const flow::Parsed6&);

}  // namespace heddle::app
