// From a packet to its key: what the tracker needs to know of it, found once.
#pragma once

#include <cstdint>
#include <span>

#include "flow/drops.h"
#include "flow/key.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

namespace heddle::flow {

enum class PacketKind : uint8_t {
  kFlow,           // belongs to a flow by its key
  kFirstFragment,  // the same; its ports hold for the fragments behind it
  kLaterFragment,  // without ports: fragments.h may know them
  kError,          // an ICMP error: icmp_related.h
  kUntracked,      // ICMP that is neither error nor query: neighbour discovery, redirects
  kRefused,        // `drop` says why
};

template <class Address>
struct Parsed {
  Key<Address> key;
  PacketKind kind = PacketKind::kRefused;
  Drop drop = Drop::kNone;
  bool opens = true;          // may begin a flow: an ICMP answer may not
  uint16_t l4_offset = 0;     // of the transport header, from the IP header
  uint16_t l4_length = 0;     // header and data, as the IP header says
  uint8_t* packet = nullptr;  // the IP header

  uint8_t* l4() const { return packet + l4_offset; }
  bool tracked() const { return kind <= PacketKind::kFirstFragment; }
};

using Parsed4 = Parsed<wire::Ipv4Address>;
using Parsed6 = Parsed<wire::Ipv6Address>;

namespace internal {
void parse_ipv4_slowly(std::span<uint8_t> packet, Parsed4& out);
void parse_ipv6_slowly(std::span<uint8_t> packet, Parsed6& out);
}  // namespace internal

// `packet` is everything from an IP header on that check_ipv4 or check_ipv6 has accepted. It is
// not copied: the result points into it.
inline void parse(std::span<uint8_t> packet, Parsed4& out) {
  const wire::Ipv4View ip(packet.data());
  const bool plain = packet[0] == 0x45 && !ip.is_fragment() &&
                     ((ip.protocol() == wire::IpProtocol::kTcp && ip.total_length() >= 40) ||
                      (ip.protocol() == wire::IpProtocol::kUdp && ip.total_length() >= 28));
  if (!plain) [[unlikely]]
    return internal::parse_ipv4_slowly(packet, out);
  const uint8_t* const l4 = packet.data() + wire::kIpv4HeaderSize;
  out.key = Key4(internal::load<uint64_t>(packet.data() + 12), internal::load<uint32_t>(l4),
                 ip.protocol());
  out.l4_offset = wire::kIpv4HeaderSize;
  out.l4_length = static_cast<uint16_t>(ip.total_length() - wire::kIpv4HeaderSize);
  out.packet = packet.data();
  // Of a datagram without data nothing is there behind eight bytes.
  const bool tcp = ip.protocol() == wire::IpProtocol::kTcp;
  const size_t length = tcp ? size_t{l4[12]} >> 4 << 2 : size_t{load_be<uint16_t>(l4 + 4)};
  const bool sound = length >= (tcp ? 20u : 8u) && length <= out.l4_length;
  const bool land = out.key == out.key.reversed();
  if (!sound || land) [[unlikely]]
    return internal::parse_ipv4_slowly(packet, out);
  out.kind = PacketKind::kFlow;
  out.drop = Drop::kNone;
  out.opens = true;
}

inline void parse(std::span<uint8_t> packet, Parsed6& out) {
  internal::parse_ipv6_slowly(packet, out);
}

}  // namespace heddle::flow
