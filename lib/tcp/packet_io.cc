#include "tcp/packet_io.h"

#include "wire/ipv4.h"
#include "wire/ipv6.h"

namespace heddle::tcp {

namespace {

using wire::IpProtocol;

uint8_t without(TcpFlags flags, TcpFlag flag) {
  return static_cast<uint8_t>(flags.bits() & ~static_cast<uint8_t>(flag));
}

Drop parse_ipv4(std::span<const uint8_t> l3, ParsedPacket& packet, Segment& to) {
  if (wire::check_ipv4(l3) != wire::Ipv4Fault::kNone) return Drop::kMalformedHeader;
  const wire::Ipv4View ip(l3.data());
  if (ip.is_fragment() || ip.protocol() != IpProtocol::kTcp) return Drop::kMalformedHeader;
  const auto l4 = ip.payload();
  if (!wire::tcp_checksum_ok(ip.source(), ip.destination(), l4)) return Drop::kBadChecksum;
  packet.tuple.local.address = from_ipv4(ip.destination());
  packet.tuple.remote.address = from_ipv4(ip.source());
  packet.payload_offset = static_cast<uint32_t>(ip.header_length());
  packet.payload_size = static_cast<uint32_t>(l4.size());
  to.ecn = static_cast<Ecn>(ip.ecn());
  return parse_segment(l4, to);
}

Drop parse_ipv6(std::span<const uint8_t> l3, ParsedPacket& packet, Segment& to) {
  wire::Ipv6Payload payload;
  if (wire::walk_ipv6_chain(l3, payload) != wire::Ipv6ChainFault::kNone || payload.is_fragment ||
      payload.protocol != IpProtocol::kTcp) {
    return Drop::kMalformedHeader;
  }
  const wire::Ipv6View ip(l3.data());
  const auto l4 =
      l3.subspan(payload.offset, wire::kIpv6HeaderSize + ip.payload_length() - payload.offset);
  if (!wire::tcp_checksum_ok(ip.source(), ip.destination(), l4)) return Drop::kBadChecksum;
  packet.tuple.local.address = ip.destination();
  packet.tuple.remote.address = ip.source();
  packet.payload_offset = payload.offset;
  packet.payload_size = static_cast<uint32_t>(l4.size());
  to.ecn = static_cast<Ecn>(ip.traffic_class() & 3);
  return parse_segment(l4, to);
}

}  // namespace

Drop parse_segment(std::span<const uint8_t> l4, Segment& to) {
  if (wire::check_tcp(l4) != wire::TcpFault::kNone) return Drop::kMalformedHeader;
  const wire::TcpView tcp(l4.data());
  to.seq = Seq(tcp.sequence());
  to.ack = Seq(tcp.acknowledgment());
  to.flags = tcp.flags();
  to.window = tcp.window();
  to.urgent_pointer = tcp.urgent_pointer();
  to.options = {};
  to.malformed_options =
      wire::parse_tcp_options(tcp.options(), to.options) != wire::TcpOptionFault::kNone;
  return Drop::kNone;
}

Drop parse_packet(std::span<const uint8_t> l3, ParsedPacket& packet, Segment& to) {
  if (l3.empty()) return Drop::kMalformedHeader;
  const bool ipv4 = l3[0] >> 4 == 4;
  const Drop drop = ipv4 ? parse_ipv4(l3, packet, to) : parse_ipv6(l3, packet, to);
  if (drop != Drop::kNone) return drop;
  const wire::TcpView tcp(l3.data() + packet.payload_offset);
  packet.tuple.local.port = tcp.destination_port();
  packet.tuple.remote.port = tcp.source_port();
  const auto header = static_cast<uint32_t>(tcp.header_length());
  packet.payload_offset += header;
  packet.payload_size -= header;
  return Drop::kNone;
}

size_t build_packet(const OutSegment& segment, uint32_t offset, uint32_t size,
                    std::span<uint8_t> to) {
  wire::Tcp tcp = segment.header;
  const bool first = offset == 0;
  const bool last = offset + size == segment.payload.bytes;
  tcp.sequence = (Seq(tcp.sequence) + offset).wire();
  if (!first) tcp.flags = TcpFlags(without(tcp.flags, TcpFlag::kCwr));
  if (!last) {
    tcp.flags = TcpFlags(without(tcp.flags, TcpFlag::kFin));
    tcp.flags = TcpFlags(without(tcp.flags, TcpFlag::kPsh));
  }
  const bool ipv4 = segment.tuple->is_ipv4();
  const size_t ip_size = ipv4 ? wire::kIpv4HeaderSize : wire::kIpv6HeaderSize;
  const size_t l4_size = tcp.header_size() + size;
  PayloadView part = segment.payload;
  part.offset += offset;
  part.bytes = size;
  const auto l4 = to.subspan(ip_size, l4_size);
  part.copy_to(l4.data() + tcp.header_size());
  if (ipv4) {
    const wire::Ipv4 ip{.ecn = static_cast<uint8_t>(segment.ecn),
                        .payload_length = static_cast<uint16_t>(l4_size),
                        .dont_fragment = true,
                        .protocol = IpProtocol::kTcp,
                        .source = to_ipv4(segment.tuple->local.address),
                        .destination = to_ipv4(segment.tuple->remote.address)};
    ip.emit(to.data());
    tcp.emit(ip.source, ip.destination, l4);
  } else {
    const wire::Ipv6 ip{.traffic_class = static_cast<uint8_t>(segment.ecn),
                        .payload_length = static_cast<uint16_t>(l4_size),
                        .next_header = IpProtocol::kTcp,
                        .source = segment.tuple->local.address,
                        .destination = segment.tuple->remote.address};
    ip.emit(to.data());
    tcp.emit(ip.source, ip.destination, l4);
  }
  return ip_size + l4_size;
}

}  // namespace heddle::tcp
