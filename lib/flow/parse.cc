#include "flow/parse.h"

#include "wire/icmp.h"
#include "wire/tcp.h"
#include "wire/udp.h"

namespace heddle::flow::internal {

namespace {

using wire::IpProtocol;

struct Ports {
  uint32_t ports = 0;
  PacketKind kind = PacketKind::kFlow;
  Drop drop = Drop::kNone;
  bool opens = true;
};

constexpr Ports refused(Drop drop) { return {0, PacketKind::kRefused, drop, false}; }

// A query's identifier stands for both ports.
Ports query(const uint8_t* l4, bool opens) {
  const uint32_t identifier = load<uint16_t>(l4 + 4);
  return {identifier | identifier << 16, PacketKind::kFlow, Drop::kNone, opens};
}

Ports icmp4_ports(std::span<const uint8_t> l4) {
  if (wire::check_icmp(l4) != wire::IcmpFault::kNone) return refused(Drop::kIcmpHeader);
  const auto type = wire::IcmpView(l4.data()).type4();
  switch (type) {
    case wire::Icmp4Type::kEchoRequest:
    case wire::Icmp4Type::kTimestamp:
      return query(l4.data(), true);
    case wire::Icmp4Type::kEchoReply:
    case wire::Icmp4Type::kTimestampReply:
      return query(l4.data(), false);
    case wire::Icmp4Type::kRedirect:
      // For the hosts of one link, like IPv6's. Its gateway's address could not be translated.
      return {0, PacketKind::kUntracked};
    default:
      return {0, wire::is_error(type) ? PacketKind::kError : PacketKind::kUntracked};
  }
}

Ports icmp6_ports(std::span<const uint8_t> l4) {
  if (wire::check_icmp(l4) != wire::IcmpFault::kNone) return refused(Drop::kIcmpHeader);
  const auto type = wire::IcmpView(l4.data()).type6();
  if (type == wire::Icmp6Type::kEchoRequest) return query(l4.data(), true);
  if (type == wire::Icmp6Type::kEchoReply) return query(l4.data(), false);
  return {0, wire::is_error(type) ? PacketKind::kError : PacketKind::kUntracked};
}

// `l4` is what the IP header says, or of a first fragment what came with it.
template <class Address>
Ports ports_of(IpProtocol protocol, std::span<const uint8_t> l4, bool first_fragment) {
  constexpr bool kV6 = sizeof(Address) == wire::Ipv6Address::kSize;
  if (protocol == IpProtocol::kTcp) {
    if (wire::check_tcp(l4) != wire::TcpFault::kNone) {
      return refused(first_fragment ? Drop::kTinyFragment : Drop::kTcpHeader);
    }
    return {load<uint32_t>(l4.data())};
  }
  if (protocol == IpProtocol::kUdp) {
    if (l4.size() < wire::kUdpHeaderSize) {
      return refused(first_fragment ? Drop::kTinyFragment : Drop::kUdpHeader);
    }
    // The length is that of the whole datagram, so a first fragment cannot tell.
    if (!first_fragment && wire::check_udp(l4) != wire::UdpFault::kNone) {
      return refused(Drop::kUdpHeader);
    }
    return {load<uint32_t>(l4.data())};
  }
  if (!kV6 && protocol == IpProtocol::kIcmp) return icmp4_ports(l4);
  if (kV6 && protocol == IpProtocol::kIcmpv6) return icmp6_ports(l4);
  return {};
}

template <class Address>
void finish(const Ports& ports, bool first_fragment, bool later_fragment, Parsed<Address>& out) {
  out.kind = ports.kind;
  out.drop = ports.drop;
  out.opens = ports.opens;
  if (out.kind == PacketKind::kError && first_fragment) {  // its checksum cannot be verified
    out.kind = PacketKind::kRefused;
    out.drop = Drop::kErrorQuote;
  }
  if (out.kind == PacketKind::kFlow) {
    if (later_fragment) out.kind = PacketKind::kLaterFragment;
    if (first_fragment) out.kind = PacketKind::kFirstFragment;
  }
  constexpr bool kV6 = sizeof(Address) == wire::Ipv6Address::kSize;
  if (out.key.protocol() == (kV6 ? IpProtocol::kIcmp : IpProtocol::kIcmpv6)) {
    out.kind = PacketKind::kRefused;
    out.drop = Drop::kIcmpFamily;
  }
  const bool has_ports =
      out.key.protocol() == IpProtocol::kTcp || out.key.protocol() == IpProtocol::kUdp;
  if (out.tracked() && has_ports && out.key == out.key.reversed()) {
    out.kind = PacketKind::kRefused;
    out.drop = Drop::kLandAttack;
  }
}

}  // namespace

void parse_ipv4_slowly(std::span<uint8_t> packet, Parsed4& out) {
  const wire::Ipv4View ip(packet.data());
  out.packet = packet.data();
  out.l4_offset = static_cast<uint16_t>(ip.header_length());
  out.l4_length = static_cast<uint16_t>(ip.payload_length());
  const bool later = ip.fragment_offset() != 0;
  const bool first = !later && ip.more_fragments();
  const auto l4 = ip.payload();
  const Ports ports = later ? Ports{} : ports_of<wire::Ipv4Address>(ip.protocol(), l4, first);
  out.key = Key4(load<uint64_t>(packet.data() + 12), ports.ports, ip.protocol());
  finish(ports, first, later, out);
}

void parse_ipv6_slowly(std::span<uint8_t> packet, Parsed6& out) {
  const wire::Ipv6View ip(packet.data());
  const size_t end = wire::kIpv6HeaderSize + ip.payload_length();
  out.packet = packet.data();
  wire::Ipv6Payload payload;
  payload.protocol = ip.next_header();
  payload.offset = wire::kIpv6HeaderSize;
  const bool plain = payload.protocol == IpProtocol::kTcp || payload.protocol == IpProtocol::kUdp;
  if (!plain && wire::walk_ipv6_chain(packet, payload) != wire::Ipv6ChainFault::kNone) {
    out.kind = PacketKind::kRefused;
    out.drop = Drop::kExtensionHeaders;
    out.l4_offset = wire::kIpv6HeaderSize;
    out.l4_length = 0;
    out.opens = false;
    return;
  }
  out.l4_offset = payload.offset;
  out.l4_length = static_cast<uint16_t>(end - payload.offset);
  const bool later = payload.is_fragment && !payload.first_fragment;
  const std::span<const uint8_t> l4(packet.data() + payload.offset, out.l4_length);
  const Ports ports =
      later ? Ports{} : ports_of<wire::Ipv6Address>(payload.protocol, l4, payload.first_fragment);
  out.key =
      Key6(Words6(packet.data() + 8), Words6(packet.data() + 24), ports.ports, payload.protocol);
  finish(ports, payload.first_fragment, later, out);
}

}  // namespace heddle::flow::internal
