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

template <class Address, class View>
SteeringTuple<Address> tuple_of(View ip, const Upper& upper) {
  SteeringTuple<Address> tuple{
      .source = ip.source(), .destination = ip.destination(), .protocol = upper.protocol};
  if (!has_ports(upper.protocol) || upper.bytes.size() < kPortsSize) return tuple;
  tuple.has_ports = true;
  tuple.source_port = Be16(load_be<uint16_t>(upper.bytes.data()));
  tuple.destination_port = Be16(load_be<uint16_t>(upper.bytes.data() + 2));
  return tuple;
}

template <class Address>
uint32_t hash_tuple(const std::optional<SteeringTuple<Address>>& tuple) {
  if (!tuple) return 0;
  if (!tuple->has_ports) return steering_hash(tuple->source, tuple->destination);
  return steering_hash(tuple->source, tuple->destination, tuple->source_port,
                       tuple->destination_port);
}

}  // namespace

uint32_t steer_ipv4_slowly(std::span<const uint8_t> l3) {
  return hash_tuple(steering_tuple_ipv4(l3));
}
uint32_t steer_ipv6_slowly(std::span<const uint8_t> l3) {
  return hash_tuple(steering_tuple_ipv6(l3));
}

}  // namespace heddle::wire::internal

namespace heddle::wire {

std::optional<SteeringTuple<Ipv4Address>> steering_tuple_ipv4(std::span<const uint8_t> l3) {
  using namespace internal;
  if (l3.size() < kIpv4HeaderSize) return std::nullopt;
  const Upper upper = upper_of_ipv4(l3);
  if (upper.protocol == IpProtocol::kIcmp &&
      upper.bytes.size() >= kIcmpHeaderSize + kIpv4HeaderSize &&
      is_error(IcmpView(upper.bytes.data()).type4())) {
    const auto quote = upper.bytes.subspan(kIcmpHeaderSize);
    if (quote[0] >> 4 == 4)
      return tuple_of<Ipv4Address>(Ipv4View(quote.data()), upper_of_ipv4(quote));
  }
  return tuple_of<Ipv4Address>(Ipv4View(l3.data()), upper);
}

std::optional<SteeringTuple<Ipv6Address>> steering_tuple_ipv6(std::span<const uint8_t> l3) {
  using namespace internal;
  if (l3.size() < kIpv6HeaderSize) return std::nullopt;
  const Upper upper = upper_of_ipv6(l3);
  if (upper.protocol == IpProtocol::kIcmpv6 &&
      upper.bytes.size() >= kIcmpHeaderSize + kIpv6HeaderSize &&
      is_error(IcmpView(upper.bytes.data()).type6())) {
    const auto quote = upper.bytes.subspan(kIcmpHeaderSize);
    if (quote[0] >> 4 == 6)
      return tuple_of<Ipv6Address>(Ipv6View(quote.data()), upper_of_ipv6(quote));
  }
  return tuple_of<Ipv6Address>(Ipv6View(l3.data()), upper);
}

}  // namespace heddle::wire
