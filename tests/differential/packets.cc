#include "packets.h"

#include <algorithm>

#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/udp.h"

namespace heddle::differential {

namespace {

Bytes with_data(size_t header, size_t data) {
  Bytes bytes(header + data);
  for (size_t i = header; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 7 + data);
  return bytes;
}

template <class Address>
Bytes transport(const Address& source, const Address& destination, const Ends& ends,
                const TcpContent& content) {
  wire::Tcp tcp{.source_port = Be16(ends.source.port),
                .destination_port = Be16(ends.destination.port),
                .sequence = Be32(content.seq),
                .acknowledgment = Be32(content.ack),
                .flags = content.flags,
                .window = content.window,
                .options = content.options};
  Bytes segment = with_data(tcp.header_size(), content.data);
  tcp.emit(source, destination, std::span<uint8_t>(segment));
  if (content.broken_option && tcp.header_size() >= wire::kTcpHeaderSize + 4) {
    store_be<uint16_t>(segment.data() + wire::kTcpHeaderSize, *content.broken_option);
  }
  if (content.data_offset) segment[12] = static_cast<uint8_t>(*content.data_offset << 4);
  if (content.broken_option || content.data_offset) {
    store_be<uint16_t>(segment.data() + 16, 0);
    store_be<uint16_t>(segment.data() + 16,
                       wire::transport_checksum(source, destination, IpProtocol::kTcp,
                                                std::span<const uint8_t>(segment)));
  }
  return segment;
}

template <class Address>
Bytes transport(const Address& source, const Address& destination, const Ends& ends,
                const UdpContent& content) {
  Bytes datagram = with_data(wire::kUdpHeaderSize, content.data);
  wire::Udp{Be16(ends.source.port), Be16(ends.destination.port)}.emit(source, destination,
                                                                      std::span<uint8_t>(datagram));
  if (content.length) store_be<uint16_t>(datagram.data() + 4, *content.length);
  if (content.length && *content.length >= wire::kUdpHeaderSize &&
      *content.length <= datagram.size()) {  // right for what it says
    store_be<uint16_t>(datagram.data() + 6, 0);
    const uint16_t sum =
        wire::transport_checksum(source, destination, IpProtocol::kUdp,
                                 std::span<const uint8_t>(datagram).first(*content.length));
    store_be<uint16_t>(datagram.data() + 6, sum == 0 ? uint16_t{0xffff} : sum);
  }
  if (content.no_checksum) store_be<uint16_t>(datagram.data() + 6, 0);
  return datagram;
}

template <class Address>
Bytes transport(const Address& source, const Address& destination, const Ends& ends,
                const EchoContent& content) {
  Bytes message = with_data(wire::kIcmpHeaderSize, content.data);
  const uint32_t rest = uint32_t{ends.source.port} << 16 | content.sequence;
  if constexpr (sizeof(Address) == wire::Ipv4Address::kSize) {
    wire::Icmp4{content.request ? wire::Icmp4Type::kEchoRequest : wire::Icmp4Type::kEchoReply, 0,
                rest}
        .emit(message);
  } else {
    wire::Icmp6{content.request ? wire::Icmp6Type::kEchoRequest : wire::Icmp6Type::kEchoReply, 0,
                rest}
        .emit(source, destination, message);
  }
  return message;
}

void damage(IpProtocol protocol, Bytes& upper) {
  const size_t at = protocol == IpProtocol::kTcp ? 16 : protocol == IpProtocol::kUdp ? 6 : 2;
  // A UDP checksum must not become 0, which would mean that there is none.
  upper[at] = static_cast<uint8_t>(upper[at] ^ 0x5a);
  if (upper[at] == 0 && upper[at + 1] == 0) upper[at] = 0x33;
}

Bytes in_ip(bool v6, IpProtocol protocol, const End& source, const End& destination,
            const Bytes& upper, const Around& around) {
  Bytes packet((v6 ? wire::kIpv6HeaderSize : wire::kIpv4HeaderSize) + upper.size());
  const auto length = static_cast<uint16_t>(upper.size());
  if (v6) {
    wire::Ipv6{.payload_length = length,
               .next_header = protocol,
               .hop_limit = around.ttl,
               .source = address6(source),
               .destination = address6(destination)}
        .emit(packet.data());
  } else {
    wire::Ipv4{.payload_length = length,
               .identification = around.identification,
               .ttl = around.ttl,
               .protocol = protocol,
               .source = address4(source),
               .destination = address4(destination)}
        .emit(packet.data());
    if (around.bad_header_checksum) packet[10] ^= 0x40;
  }
  std::ranges::copy(upper, packet.end() - static_cast<long>(upper.size()));
  return packet;
}

}  // namespace

wire::Ipv4Address address4(const End& end) {
  return wire::Ipv4Address::from_host(0x0a00'0000u | uint32_t{end.net} << 16 | end.host);
}
wire::Ipv6Address address6(const End& end) {
  return wire::Ipv6Address::from_host(0xfd00'0000'0000'0000 | uint64_t{end.net} << 32, end.host);
}

Bytes make_packet(const Ends& ends, const Content& content, const Around& around) {
  Bytes upper = std::visit(
      [&](const auto& what) {
        return ends.v6 ? transport(address6(ends.source), address6(ends.destination), ends, what)
                       : transport(address4(ends.source), address4(ends.destination), ends, what);
      },
      content);
  if (around.bad_transport_checksum) damage(ends.protocol, upper);
  return in_ip(ends.v6, ends.protocol, ends.source, ends.destination, upper, around);
}

Bytes make_error(bool v6, const End& source, const End& destination, const ErrorContent& content,
                 const Around& around) {
  Bytes message(wire::kIcmpHeaderSize);
  message.insert(message.end(), content.quoted.begin(), content.quoted.end());
  const IpProtocol protocol = v6 ? IpProtocol::kIcmpv6 : IpProtocol::kIcmp;
  if (v6) {
    wire::Icmp6{static_cast<wire::Icmp6Type>(content.type), content.code, content.rest}.emit(
        address6(source), address6(destination), message);
  } else {
    wire::Icmp4{static_cast<wire::Icmp4Type>(content.type), content.code, content.rest}.emit(
        message);
  }
  if (around.bad_transport_checksum) damage(protocol, message);
  return in_ip(v6, protocol, source, destination, message, around);
}

std::vector<Bytes> make_fragments(const Bytes& packet, size_t piece, uint16_t identification) {
  const bool v6 = packet[0] >> 4 == 6;
  const size_t header = v6 ? wire::kIpv6HeaderSize : wire::kIpv4HeaderSize;
  const size_t payload = packet.size() - header;
  std::vector<Bytes> fragments;
  for (size_t offset = 0; offset < payload; offset += piece) {
    const size_t size = std::min(piece, payload - offset);
    const bool more = offset + size < payload;
    Bytes fragment(packet.begin(), packet.begin() + static_cast<long>(header));
    if (v6) {
      const uint8_t extension[8] = {packet[6], 0, 0, 0, 0, 0, 0, 0};
      fragment.insert(fragment.end(), extension, extension + 8);
      store_be<uint16_t>(fragment.data() + header + 2,
                         static_cast<uint16_t>(offset | (more ? 1 : 0)));
      store_be<uint32_t>(fragment.data() + header + 4, identification);
      fragment[6] = static_cast<uint8_t>(IpProtocol::kFragment);
      store_be<uint16_t>(fragment.data() + 4, static_cast<uint16_t>(size + 8));
    } else {
      const wire::Ipv4MutView ip(fragment.data());
      ip.set_total_length(static_cast<uint16_t>(header + size));
      store_be<uint16_t>(fragment.data() + 6,
                         static_cast<uint16_t>(offset >> 3 | (more ? 0x2000 : 0)));
      ip.update_checksum();
    }
    const auto from = packet.begin() + static_cast<long>(header + offset);
    fragment.insert(fragment.end(), from, from + static_cast<long>(size));
    fragments.push_back(std::move(fragment));
  }
  return fragments;
}

}  // namespace heddle::differential
