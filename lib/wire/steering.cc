#include "wire/steering.h"

#include <algorithm>

#include "wire/icmp.h"

namespace heddle::wire::internal {
namespace {

constexpr size_t kPortsSize = 4;

constexpr bool has_ports(IpProtocol protocol) {
  return protocol == IpProtocol::kTcp || protocol == IpProtocol::kUdp;
}

// What the IP layer of a packet, whole or cut short, says about the layer above.
struct Upper {
  IpProtocol protocol = IpProtocol::kNoNextHeader;
  std::span<const uint8_t> bytes;  // empty for fragments and for what is malformed
};

// Requires 20 bytes.
Upper upper_of_ipv4(std::span<const uint8_t> l3) {
  const Ipv4View ip(l3.data());
  const size_t end = std::min<size_t>(ip.total_length(), l3.size());
  const size_t start = ip.header_length();
  if (l3[0] >> 4 != 4 || start < kIpv4HeaderSize || start > end || ip.is_fragment()) return {};
  return {ip.protocol(), l3.subspan(start, end - start)};
}

// Requires 40 bytes.
Upper upper_of_ipv6(std::span<const uint8_t> l3) {
  Ipv6Payload payload;
  if (walk_quoted_ipv6_chain(l3, payload) != Ipv6ChainFault::kNone || payload.is_fragment) {
    return {};
  }
  const size_t end = std::min(l3.size(), kIpv6HeaderSize + Ipv6View(l3.data()).payload_length());
  return {payload.protocol, l3.subspan(payload.offset, end - payload.offset)};
}

template <class View>
uint32_t hash_packet(View ip, const Upper& upper) {
  const uint32_t addresses = words_of(ip.source()) ^ words_of(ip.destination());
  if (has_ports(upper.protocol) && upper.bytes.size() >= kPortsSize) {
    return hash_words(addresses ^ load_be<uint32_t>(upper.bytes.data()));
  }
  return hash_words(addresses);
}

}  // namespace

uint32_t steer_ipv4_slowly(std::span<const uint8_t> l3) {
  if (l3.size() < kIpv4HeaderSize) return 0;
  const Upper upper = upper_of_ipv4(l3);
  if (upper.protocol == IpProtocol::kIcmp &&
      upper.bytes.size() >= kIcmpHeaderSize + kIpv4HeaderSize &&
      is_error(IcmpView(upper.bytes.data()).type4())) {
    const auto quote = upper.bytes.subspan(kIcmpHeaderSize);
    if (quote[0] >> 4 == 4) return hash_packet(Ipv4View(quote.data()), upper_of_ipv4(quote));
  }
  return hash_packet(Ipv4View(l3.data()), upper);
}

uint32_t steer_ipv6_slowly(std::span<const uint8_t> l3) {
  if (l3.size() < kIpv6HeaderSize) return 0;
  const Upper upper = upper_of_ipv6(l3);
  if (upper.protocol == IpProtocol::kIcmpv6 &&
      upper.bytes.size() >= kIcmpHeaderSize + kIpv6HeaderSize &&
      is_error(IcmpView(upper.bytes.data()).type6())) {
    const auto quote = upper.bytes.subspan(kIcmpHeaderSize);
    if (quote[0] >> 4 == 6) return hash_packet(Ipv6View(quote.data()), upper_of_ipv6(quote));
  }
  return hash_packet(Ipv6View(l3.data()), upper);
}

}  // namespace heddle::wire::internal
