#include "flow/rewrite.h"

namespace heddle::flow {

namespace {

using wire::IpProtocol;

constexpr size_t kTcpChecksum = 16;
constexpr size_t kUdpChecksum = 6;
constexpr size_t kIcmpChecksum = 2;
constexpr size_t kIcmpIdentifier = 4;

template <class Address>
std::span<uint8_t> transport_of(const Parsed<Address>& packet) {
  return {packet.l4(), packet.l4_length};
}

}  // namespace

// Those with a pseudo header in a checksum that is not known here, or that covers the addresses
// on purpose.
bool can_translate(IpProtocol protocol) {
  constexpr auto kDccp = static_cast<IpProtocol>(33);
  return protocol != IpProtocol::kAh && protocol != IpProtocol::kUdpLite && protocol != kDccp;
}

namespace internal {

void rewrite_transport(IpProtocol protocol, std::span<uint8_t> l4, uint32_t ports,
                       ChecksumDelta delta) {
  if (protocol == IpProtocol::kTcp || protocol == IpProtocol::kUdp) {
    if (l4.size() < sizeof(ports)) return;
    delta.replace(load<uint32_t>(l4.data()), ports);
    std::memcpy(l4.data(), &ports, sizeof(ports));
    if (protocol == IpProtocol::kTcp) {
      if (l4.size() >= kTcpChecksum + 2) delta.apply(l4.data() + kTcpChecksum);
    } else if (l4.size() >= kUdpChecksum + 2) {
      delta.apply_udp(l4.data() + kUdpChecksum);
    }
    return;
  }
  if (protocol != IpProtocol::kIcmp && protocol != IpProtocol::kIcmpv6) return;
  if (l4.size() < kIcmpIdentifier + 2) return;
  // ICMP has no pseudo header.
  ChecksumDelta sum = protocol == IpProtocol::kIcmp ? ChecksumDelta() : delta;
  const auto identifier = static_cast<uint16_t>(ports);
  sum.replace16(load<uint16_t>(l4.data() + kIcmpIdentifier), identifier);
  std::memcpy(l4.data() + kIcmpIdentifier, &identifier, sizeof(identifier));
  sum.apply(l4.data() + kIcmpChecksum);
}

}  // namespace internal

void rewrite(const Parsed4& packet, const Key4& to) {
  const Key4& from = packet.key;
  ChecksumDelta delta;
  delta.replace(static_cast<uint32_t>(from.addresses()), static_cast<uint32_t>(to.addresses()));
  delta.replace(static_cast<uint32_t>(from.addresses() >> 32),
                static_cast<uint32_t>(to.addresses() >> 32));
  const uint64_t addresses = to.addresses();
  std::memcpy(packet.packet + 12, &addresses, sizeof(addresses));
  delta.apply(packet.packet + 10);
  if (packet.kind == PacketKind::kLaterFragment) return;
  internal::rewrite_transport(from.protocol(), transport_of(packet), to.ports(), delta);
}

void rewrite(const Parsed6& packet, const Key6& to) {
  const Key6& from = packet.key;
  ChecksumDelta delta;
  delta.replace(from.source_words(), to.source_words());
  delta.replace(from.destination_words(), to.destination_words());
  std::memcpy(packet.packet + 8, &to.source_words(), sizeof(Words6));
  std::memcpy(packet.packet + 24, &to.destination_words(), sizeof(Words6));
  if (packet.kind == PacketKind::kLaterFragment) return;
  internal::rewrite_transport(from.protocol(), transport_of(packet), to.ports(), delta);
}

}  // namespace heddle::flow
