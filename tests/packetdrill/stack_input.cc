// Packets from outside: TCP segments, and ICMP errors that quote ours.
#include "stack.h"
#include "tcp/packet_io.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6_chain.h"

namespace heddle::packetdrill {

namespace {

using Kind = tcp::IcmpError::Kind;
using wire::IpProtocol;

constexpr size_t kQuotedTcp = 8;  // what an ICMP error must quote: ports and sequence number

// RFC 792, RFC 1191 4, RFC 1122 3.2.2.1.
std::optional<tcp::IcmpError> error_of(const wire::IcmpView& icmp, wire::Icmp4Type type) {
  tcp::IcmpError error;
  switch (type) {
    case wire::Icmp4Type::kUnreachable:
      switch (static_cast<wire::Icmp4Unreachable>(icmp.code())) {
        case wire::Icmp4Unreachable::kFragmentationNeeded:
          error.kind = Kind::kTooBig;
          error.mtu = static_cast<uint16_t>(icmp.rest() & 0xffff);
          return error;
        case wire::Icmp4Unreachable::kPort:
        case wire::Icmp4Unreachable::kProtocol:
          error.kind = Kind::kPortUnreachable;
          return error;
        default:
          error.kind = Kind::kUnreachable;
          return error;
      }
    case wire::Icmp4Type::kSourceQuench:
      error.kind = Kind::kSourceQuench;
      return error;
    case wire::Icmp4Type::kTimeExceeded:
    case wire::Icmp4Type::kParameterProblem:
      return error;
    default:
      return std::nullopt;
  }
}

// RFC 4443 3.
std::optional<tcp::IcmpError> error_of(const wire::IcmpView& icmp, wire::Icmp6Type type) {
  tcp::IcmpError error;
  switch (type) {
    case wire::Icmp6Type::kUnreachable:
      error.kind = static_cast<wire::Icmp6Unreachable>(icmp.code()) == wire::Icmp6Unreachable::kPort
                       ? Kind::kPortUnreachable
                       : Kind::kUnreachable;
      return error;
    case wire::Icmp6Type::kPacketTooBig:
      error.kind = Kind::kTooBig;
      error.mtu = static_cast<uint16_t>(std::min<uint32_t>(icmp.rest(), UINT16_MAX));
      return error;
    case wire::Icmp6Type::kTimeExceeded:
    case wire::Icmp6Type::kParameterProblem:
      return error;
    default:
      return std::nullopt;
  }
}

void read_ports(std::span<const uint8_t> quoted, tcp::FourTuple& tuple, tcp::IcmpError& error) {
  const wire::TcpView tcp(quoted.data());
  tuple.local.port = tcp.source_port();
  tuple.remote.port = tcp.destination_port();
  error.quoted = tcp::Seq(tcp.sequence());
}

}  // namespace

void Stack::take(std::span<const uint8_t> packet) {
  if (packet.empty()) return;
  if (packet[0] >> 4 == 4) {
    if (wire::check_ipv4(packet) != wire::Ipv4Fault::kNone) return;
    const wire::Ipv4View ip(packet.data());
    if (ip.protocol() == IpProtocol::kTcp) take_tcp(packet);
    if (ip.protocol() == IpProtocol::kIcmp && !ip.is_fragment()) take_icmp4(packet);
  } else {
    wire::Ipv6Payload payload;
    if (wire::walk_ipv6_chain(packet, payload) != wire::Ipv6ChainFault::kNone) return;
    if (payload.protocol == IpProtocol::kTcp) take_tcp(packet);
    if (payload.protocol == IpProtocol::kIcmpv6 && !payload.is_fragment) take_icmp6(packet);
  }
  changed();
}

void Stack::take_tcp(std::span<const uint8_t> packet) {
  tcp::Segment segment;
  tcp::ParsedPacket parsed;
  if (tcp::parse_packet(packet, parsed, segment) != tcp::Drop::kNone) return;
  const auto payload = packet.subspan(parsed.payload_offset, parsed.payload_size);
  if (transport_->pieces().append_copy(segment.payload, payload) < payload.size()) {
    transport_->pieces().free(segment.payload);  // no memory, so the packet is lost
    return;
  }
  transport_->on_segment(parsed.tuple, segment, now_);
}

void Stack::take_icmp4(std::span<const uint8_t> packet) {
  const wire::Ipv4View ip(packet.data());
  const auto message = ip.payload();
  if (wire::check_icmp(message) != wire::IcmpFault::kNone || !wire::icmp4_checksum_ok(message)) {
    return;
  }
  const wire::IcmpView icmp(message.data());
  auto error = error_of(icmp, icmp.type4());
  const auto quote = message.subspan(wire::kIcmpHeaderSize);
  if (!error || quote.size() < wire::kIpv4HeaderSize || quote[0] >> 4 != 4) return;
  const wire::Ipv4View quoted(quote.data());
  const size_t header = quoted.header_length();
  if (header < wire::kIpv4HeaderSize || quote.size() < header + kQuotedTcp) return;
  if (quoted.protocol() != IpProtocol::kTcp || quoted.fragment_offset() != 0) return;
  tcp::FourTuple tuple;
  tuple.local.address = tcp::from_ipv4(quoted.source());
  tuple.remote.address = tcp::from_ipv4(quoted.destination());
  read_ports(quote.subspan(header), tuple, *error);
  transport_->on_icmp(tuple, *error, now_);
}

void Stack::take_icmp6(std::span<const uint8_t> packet) {
  wire::Ipv6Payload payload;
  if (wire::walk_ipv6_chain(packet, payload) != wire::Ipv6ChainFault::kNone) return;
  const wire::Ipv6View ip(packet.data());
  const auto message =
      packet.subspan(payload.offset, wire::kIpv6HeaderSize + ip.payload_length() - payload.offset);
  if (wire::check_icmp(message) != wire::IcmpFault::kNone ||
      !wire::icmp6_checksum_ok(ip.source(), ip.destination(), message)) {
    return;
  }
  const wire::IcmpView icmp(message.data());
  auto error = error_of(icmp, icmp.type6());
  const auto quote = message.subspan(wire::kIcmpHeaderSize);
  wire::Ipv6Payload inner;
  if (!error || wire::walk_quoted_ipv6_chain(quote, inner) != wire::Ipv6ChainFault::kNone) return;
  if (inner.protocol != IpProtocol::kTcp || inner.is_fragment ||
      quote.size() < inner.offset + kQuotedTcp) {
    return;
  }
  const wire::Ipv6View quoted(quote.data());
  tcp::FourTuple tuple;
  tuple.local.address = quoted.source();
  tuple.remote.address = quoted.destination();
  read_ports(quote.subspan(inner.offset), tuple, *error);
  transport_->on_icmp(tuple, *error, now_);
}

}  // namespace heddle::packetdrill
