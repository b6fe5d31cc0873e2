#include "tcp_io/icmp_errors.h"

#include <algorithm>

#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp.h"

namespace heddle::app {

namespace {

using Bytes = std::span<const uint8_t>;
using Kind = tcp::IcmpError::Kind;

// Ports and sequence number: RFC 792 quotes eight bytes at least.
constexpr size_t kQuoted = 8;

void read_quoted_tcp(Bytes l4, TcpIcmp& to) {
  const wire::TcpView tcp(l4.data());
  to.tuple.local.port = tcp.source_port();
  to.tuple.remote.port = tcp.destination_port();
  to.error.quoted = tcp::Seq(tcp.sequence());
}

bool read_quote4(Bytes quote, TcpIcmp& to) {
  if (quote.size() < wire::kIpv4HeaderSize) return false;
  const wire::Ipv4View ip(quote.data());
  const size_t header = ip.header_length();
  if (quote[0] >> 4 != 4 || header < wire::kIpv4HeaderSize || quote.size() < header + kQuoted)
    return false;
  if (ip.protocol() != wire::IpProtocol::kTcp || ip.fragment_offset() != 0) return false;
  to.tuple.local.address = tcp::from_ipv4(ip.source());
  to.tuple.remote.address = tcp::from_ipv4(ip.destination());
  read_quoted_tcp(quote.subspan(header), to);
  return true;
}

bool read_quote6(Bytes quote, TcpIcmp& to) {
  wire::Ipv6Payload payload;
  if (wire::walk_quoted_ipv6_chain(quote, payload) != wire::Ipv6ChainFault::kNone) return false;
  if (payload.protocol != wire::IpProtocol::kTcp || quote.size() < payload.offset + kQuoted)
    return false;
  const wire::Ipv6View ip(quote.data());
  to.tuple.local.address = ip.source();
  to.tuple.remote.address = ip.destination();
  read_quoted_tcp(quote.subspan(payload.offset), to);
  return true;
}

Kind kind4(wire::IcmpView icmp) {
  switch (icmp.type4()) {
    case wire::Icmp4Type::kSourceQuench:
      return Kind::kSourceQuench;
    case wire::Icmp4Type::kUnreachable:
      break;
    default:
      return Kind::kOther;
  }
  switch (static_cast<wire::Icmp4Unreachable>(icmp.code())) {
    case wire::Icmp4Unreachable::kFragmentationNeeded:
      return Kind::kTooBig;
    case wire::Icmp4Unreachable::kPort:
    case wire::Icmp4Unreachable::kProtocol:
      return Kind::kPortUnreachable;
    default:
      return Kind::kUnreachable;
  }
}

Kind kind6(wire::IcmpView icmp) {
  if (icmp.type6() == wire::Icmp6Type::kPacketTooBig) return Kind::kTooBig;
  if (icmp.type6() != wire::Icmp6Type::kUnreachable) return Kind::kOther;
  const auto code = static_cast<wire::Icmp6Unreachable>(icmp.code());
  return code == wire::Icmp6Unreachable::kPort ? Kind::kPortUnreachable : Kind::kUnreachable;
}

uint16_t clamped(uint32_t mtu) { return static_cast<uint16_t>(std::min<uint32_t>(mtu, 65'535)); }

}  // namespace

template <>
std::optional<TcpIcmp> read_tcp_icmp<wire::Ipv4Address>(packet::Packet packet) {
  const wire::Ipv4View ip(packet.data());
  if (ip.protocol() != wire::IpProtocol::kIcmp || ip.is_fragment() || packet.is_chain())
    return std::nullopt;
  const Bytes message = Bytes(packet.head()).subspan(ip.header_length());
  if (wire::check_icmp(message) != wire::IcmpFault::kNone) return std::nullopt;
  const wire::IcmpView icmp(message.data());
  TcpIcmp to;
  if (!wire::is_error(icmp.type4()) || !wire::icmp4_checksum_ok(message) ||
      !read_quote4(message.subspan(wire::kIcmpHeaderSize), to))
    return std::nullopt;
  to.error.kind = kind4(icmp);
  if (to.error.kind == Kind::kTooBig) to.error.mtu = clamped(icmp.rest() & 0xffff);
  return to;
}

template <>
std::optional<TcpIcmp> read_tcp_icmp<wire::Ipv6Address>(packet::Packet packet) {
  const wire::Ipv6View ip(packet.data());
  if (ip.next_header() != wire::IpProtocol::kIcmpv6 || packet.is_chain()) return std::nullopt;
  const Bytes message = Bytes(packet.head()).subspan(wire::kIpv6HeaderSize);
  if (wire::check_icmp(message) != wire::IcmpFault::kNone) return std::nullopt;
  const wire::IcmpView icmp(message.data());
  TcpIcmp to;
  if (!wire::is_error(icmp.type6()) ||
      !wire::icmp6_checksum_ok(ip.source(), ip.destination(), message) ||
      !read_quote6(message.subspan(wire::kIcmpHeaderSize), to))
    return std::nullopt;
  to.error.kind = kind6(icmp);
  if (to.error.kind == Kind::kTooBig) to.error.mtu = clamped(icmp.rest());
  return to;
}

}  // namespace heddle::app
