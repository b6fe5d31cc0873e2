// Packets for the tests of lib/flow, of either family, and checks that compute every checksum
// anew.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <vector>

#include "core/random.h"
#include "flow/key.h"
#include "flow/parse.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp.h"
#include "wire/udp.h"

namespace heddle::flow {

using Bytes = std::vector<uint8_t>;
using wire::IpProtocol;
using wire::Ipv4Address;
using wire::Ipv6Address;

template <class Address>
inline constexpr bool kIsV6 = sizeof(Address) == Ipv6Address::kSize;
template <class Address>
inline constexpr size_t kIpHeader = kIsV6<Address> ? wire::kIpv6HeaderSize : wire::kIpv4HeaderSize;
template <class Address>
inline constexpr IpProtocol kIcmpOf = kIsV6<Address> ? IpProtocol::kIcmpv6 : IpProtocol::kIcmp;

// Host `n` of network `net`: 10.net.0.0/16 or fd00:net::/64.
template <class Address>
Address host(uint32_t net, uint32_t n) {
  if constexpr (kIsV6<Address>) {
    return Ipv6Address::from_host(0xfd00'0000'0000'0000 | uint64_t{net} << 32, n);
  } else {
    return Ipv4Address::from_host(0x0a00'0000 | net << 16 | n);
  }
}

template <class Address>
Key<Address> key_of(const Address& source, uint16_t source_port, const Address& destination,
                    uint16_t destination_port, IpProtocol protocol = IpProtocol::kUdp) {
  return {source, destination, Be16(source_port), Be16(destination_port), protocol};
}

// An IP header in front of `upper`.
template <class Address>
Bytes in_ip(IpProtocol protocol, const Address& source, const Address& destination,
            const Bytes& upper) {
  Bytes packet(kIpHeader<Address> + upper.size());
  const auto length = static_cast<uint16_t>(upper.size());
  if constexpr (kIsV6<Address>) {
    wire::Ipv6{.payload_length = length,
               .next_header = protocol,
               .source = source,
               .destination = destination}
        .emit(packet.data());
  } else {
    wire::Ipv4{.payload_length = length,
               .identification = 77,
               .protocol = protocol,
               .source = source,
               .destination = destination}
        .emit(packet.data());
  }
  std::ranges::copy(upper, packet.begin() + kIpHeader<Address>);
  return packet;
}

inline Bytes filled(size_t size, uint8_t from = 1) {
  Bytes bytes;
  for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<uint8_t>(from + i * 7));
  return bytes;
}

template <class Address>
Bytes udp_packet(const Key<Address>& key, size_t payload = 13) {
  Bytes upper = filled(wire::kUdpHeaderSize + payload);
  wire::Udp{key.source_port(), key.destination_port()}.emit(key.source(), key.destination(),
                                                            std::span<uint8_t>(upper));
  return in_ip(IpProtocol::kUdp, key.source(), key.destination(), upper);
}

// The ports of `tcp` are those of the key.
template <class Address>
Bytes tcp_packet(const Key<Address>& key, wire::Tcp tcp, size_t payload = 0) {
  tcp.source_port = key.source_port();
  tcp.destination_port = key.destination_port();
  Bytes upper = filled(tcp.header_size() + payload);
  tcp.emit(key.source(), key.destination(), std::span<uint8_t>(upper));
  return in_ip(IpProtocol::kTcp, key.source(), key.destination(), upper);
}

// An ICMP message of `type`; `rest` are its second four bytes.
template <class Address>
Bytes icmp_packet(const Address& source, const Address& destination, uint8_t type, uint8_t code,
                  uint32_t rest, const Bytes& body) {
  Bytes upper(wire::kIcmpHeaderSize);
  upper.insert(upper.end(), body.begin(), body.end());
  if constexpr (kIsV6<Address>) {
    wire::Icmp6{static_cast<wire::Icmp6Type>(type), code, rest}.emit(source, destination, upper);
  } else {
    wire::Icmp4{static_cast<wire::Icmp4Type>(type), code, rest}.emit(upper);
  }
  return in_ip(kIcmpOf<Address>, source, destination, upper);
}

// A query or its answer, by the key's source port as its identifier.
template <class Address>
Bytes echo_packet(const Key<Address>& key, bool request = true) {
  const uint8_t type = kIsV6<Address> ? (request ? 128 : 129) : (request ? 8 : 0);
  return icmp_packet(key.source(), key.destination(), type, 0,
                     uint32_t{key.source_port().host()} << 16 | 9, filled(20));
}

// Any packet of the key's protocol.
template <class Address>
Bytes packet_of(const Key<Address>& key) {
  if (key.protocol() == IpProtocol::kTcp) {
    return tcp_packet(key, {.sequence = Be32(1), .flags = wire::TcpFlag::kSyn, .window = 9}, 5);
  }
  if (key.protocol() == IpProtocol::kUdp) return udp_packet(key);
  if (key.protocol() == kIcmpOf<Address>) return echo_packet(key);
  return in_ip(key.protocol(), key.source(), key.destination(), filled(21));
}

// Every checksum in the packet, computed anew.
template <class Address>
bool checksums_ok(std::span<const uint8_t> packet) {
  IpProtocol protocol{};
  if constexpr (kIsV6<Address>) {
    if (wire::check_ipv6(packet) != wire::Ipv6Fault::kNone) return false;
    protocol = wire::Ipv6View(packet.data()).next_header();
  } else {
    if (wire::check_ipv4(packet) != wire::Ipv4Fault::kNone) return false;
    protocol = wire::Ipv4View(packet.data()).protocol();
  }
  const size_t at = kIsV6<Address> ? 8 : 12;
  const Address source = Address::from(packet.data() + at);
  const Address destination = Address::from(packet.data() + at + Address::kSize);
  const auto l4 = packet.subspan(kIpHeader<Address>);
  switch (protocol) {
    case IpProtocol::kTcp:
      return wire::tcp_checksum_ok(source, destination, l4);
    case IpProtocol::kUdp:
      return wire::udp_checksum_ok(source, destination, l4);
    case IpProtocol::kIcmp:
      return wire::icmp4_checksum_ok(l4);
    case IpProtocol::kIcmpv6:
      return wire::transport_checksum(source, destination, protocol, l4) == 0;
    default:
      return true;
  }
}

template <class Address>
Parsed<Address> parsed(Bytes& packet) {
  Parsed<Address> out;
  parse(std::span<uint8_t>(packet), out);
  return out;
}

template <class Address>
Key<Address> random_key(Random& random) {
  constexpr IpProtocol kProtocols[] = {IpProtocol::kTcp, IpProtocol::kUdp, kIcmpOf<Address>,
                                       IpProtocol::kGre};
  const IpProtocol protocol = kProtocols[random.below(4)];
  auto source_port = static_cast<uint16_t>(1 + random.below(8));
  auto destination_port = static_cast<uint16_t>(1 + random.below(8));
  if (protocol == kIcmpOf<Address>) destination_port = source_port;
  if (protocol == IpProtocol::kGre) source_port = destination_port = 0;
  return key_of(host<Address>(1, 1 + random.below(6)), source_port,
                host<Address>(2, 1 + random.below(6)), destination_port, protocol);
}

using Families = testing::Types<Ipv4Address, Ipv6Address>;

}  // namespace heddle::flow
