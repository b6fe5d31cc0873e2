// UDP (RFC 768, RFC 8200 8.1).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "wire/address.h"
#include "wire/checksum.h"
#include "wire/view.h"

namespace heddle::wire {

inline constexpr size_t kUdpHeaderSize = 8;

enum class UdpFault : uint8_t {
  kNone,
  kTruncated,  // fewer than 8 bytes
  kLength,     // below 8, or more than the packet has
};

template <class Byte>
class BasicUdpView : public HeaderView<Byte> {
 public:
  using HeaderView<Byte>::HeaderView;
  template <class Other>
    requires ReadOnlyOf<Byte, Other>
  constexpr BasicUdpView(BasicUdpView<Other> other) : HeaderView<Byte>(other.data()) {}

  constexpr Be16 source_port() const { return Be16(this->get16(0)); }
  constexpr Be16 destination_port() const { return Be16(this->get16(2)); }
  constexpr uint16_t length() const { return this->get16(4); }    // bytes, with the header
  constexpr uint16_t checksum() const { return this->get16(6); }  // 0: none
  constexpr std::span<Byte> payload() const {
    return {this->data() + kUdpHeaderSize, length() - kUdpHeaderSize};
  }

  // The setters leave the checksum alone.
  constexpr void set_source_port(Be16 port) const { this->put16(0, port.host()); }
  constexpr void set_destination_port(Be16 port) const { this->put16(2, port.host()); }
  constexpr void set_length(uint16_t bytes) const { this->put16(4, bytes); }
  constexpr void set_checksum(uint16_t checksum) const { this->put16(6, checksum); }
};

using UdpView = BasicUdpView<const uint8_t>;
using UdpMutView = BasicUdpView<uint8_t>;

// `l4` is the payload of the IP packet; bytes behind the UDP length are allowed.
constexpr UdpFault check_udp(std::span<const uint8_t> l4) {
  if (l4.size() < kUdpHeaderSize) return UdpFault::kTruncated;
  const uint16_t length = UdpView(l4.data()).length();
  return length < kUdpHeaderSize || length > l4.size() ? UdpFault::kLength : UdpFault::kNone;
}

// After check_udp. Over IPv4 a checksum of 0 says that there is none; over IPv6 it is wrong.
constexpr bool udp_checksum_ok(const Ipv4Address& source, const Ipv4Address& destination,
                               std::span<const uint8_t> l4) {
  const UdpView udp(l4.data());
  return udp.checksum() == 0 ||
         transport_checksum(source, destination, IpProtocol::kUdp, l4.first(udp.length())) == 0;
}
constexpr bool udp_checksum_ok(const Ipv6Address& source, const Ipv6Address& destination,
                               std::span<const uint8_t> l4) {
  const UdpView udp(l4.data());
  return udp.checksum() != 0 &&
         transport_checksum(source, destination, IpProtocol::kUdp, l4.first(udp.length())) == 0;
}

struct Udp {
  Be16 source_port;
  Be16 destination_port;

  static constexpr std::optional<Udp> parse(std::span<const uint8_t> l4) {
    if (check_udp(l4) != UdpFault::kNone) return std::nullopt;
    const UdpView view(l4.data());
    return Udp{view.source_port(), view.destination_port()};
  }

  // Writes the first 8 bytes of `datagram`, whose payload is already in place, with length and
  // checksum. Requires 8 <= datagram.size() <= 65535.
  template <class Address>
  constexpr void emit(const Address& source, const Address& destination,
                      std::span<uint8_t> datagram) const {
    const UdpMutView view(datagram.data());
    view.set_source_port(source_port);
    view.set_destination_port(destination_port);
    view.set_length(static_cast<uint16_t>(datagram.size()));
    view.set_checksum(0);
    const uint16_t checksum = transport_checksum(source, destination, IpProtocol::kUdp,
                                                 std::span<const uint8_t>(datagram));
    // 0 would say that there is none; 0xffff is the same number in one's complement.
    view.set_checksum(checksum == 0 ? 0xffff : checksum);
  }

  friend constexpr bool operator==(const Udp&, const Udp&) = default;
};

}  // namespace heddle::wire
