// The fixed IPv6 header (RFC 8200 3). Extension headers: ipv6_chain.h, included here.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "wire/address.h"
#include "wire/ip_protocol.h"
#include "wire/view.h"

namespace heddle::wire {

inline constexpr size_t kIpv6HeaderSize = 40;
inline constexpr size_t kIpv6MinMtu = 1280;

enum class Ipv6Fault : uint8_t {
  kNone,
  kTruncated,      // fewer than 40 bytes
  kVersion,        // not 6
  kPayloadLength,  // more than the packet has; jumbograms (RFC 2675) have 0 and look empty
};

template <class Byte>
class BasicIpv6View : public HeaderView<Byte> {
 public:
  using HeaderView<Byte>::HeaderView;
  template <class Other>
    requires ReadOnlyOf<Byte, Other>
  constexpr BasicIpv6View(BasicIpv6View<Other> other) : HeaderView<Byte>(other.data()) {}

  constexpr uint8_t traffic_class() const {
    return static_cast<uint8_t>((this->get16(0) >> 4) & 0xff);
  }
  constexpr uint32_t flow_label() const { return this->get32(0) & 0xf'ffff; }  // 20 bits
  constexpr uint16_t payload_length() const { return this->get16(4); }  // bytes behind the 40
  constexpr IpProtocol next_header() const { return static_cast<IpProtocol>(this->get8(6)); }
  constexpr uint8_t hop_limit() const { return this->get8(7); }
  constexpr Ipv6Address source() const { return this->template get<Ipv6Address>(8); }
  constexpr Ipv6Address destination() const { return this->template get<Ipv6Address>(24); }
  constexpr std::span<Byte> payload() const {
    return {this->data() + kIpv6HeaderSize, payload_length()};
  }

  constexpr void set_traffic_class(uint8_t value) const {
    this->put16(0, static_cast<uint16_t>((this->get16(0) & 0xf00f) | (value << 4)));
  }
  constexpr void set_payload_length(uint16_t bytes) const { this->put16(4, bytes); }
  constexpr void set_next_header(IpProtocol protocol) const {
    this->put8(6, static_cast<uint8_t>(protocol));
  }
  constexpr void set_hop_limit(uint8_t limit) const { this->put8(7, limit); }
  constexpr void set_source(const Ipv6Address& address) const { this->put(8, address); }
  constexpr void set_destination(const Ipv6Address& address) const { this->put(24, address); }

  // Requires hop_limit() > 0. IPv6 has no header checksum, so this is all.
  constexpr void decrement_hop_limit() const {
    set_hop_limit(static_cast<uint8_t>(hop_limit() - 1));
  }
};

using Ipv6View = BasicIpv6View<const uint8_t>;
using Ipv6MutView = BasicIpv6View<uint8_t>;

// `l3` is everything from the IPv6 header on; padding behind the payload is allowed.
constexpr Ipv6Fault check_ipv6(std::span<const uint8_t> l3) {
  if (l3.size() < kIpv6HeaderSize) [[unlikely]]
    return Ipv6Fault::kTruncated;
  if (l3[0] >> 4 != 6) [[unlikely]]
    return Ipv6Fault::kVersion;
  if (Ipv6View(l3.data()).payload_length() > l3.size() - kIpv6HeaderSize) [[unlikely]] {
    return Ipv6Fault::kPayloadLength;
  }
  return Ipv6Fault::kNone;
}

struct Ipv6 {
  uint8_t traffic_class = 0;
  uint32_t flow_label = 0;      // 20 bits
  uint16_t payload_length = 0;  // bytes
  IpProtocol next_header{};
  uint8_t hop_limit = 64;
  Ipv6Address source;
  Ipv6Address destination;

  static constexpr std::optional<Ipv6> parse(std::span<const uint8_t> l3) {
    if (check_ipv6(l3) != Ipv6Fault::kNone) return std::nullopt;
    const Ipv6View view(l3.data());
    return Ipv6{.traffic_class = view.traffic_class(),
                .flow_label = view.flow_label(),
                .payload_length = view.payload_length(),
                .next_header = view.next_header(),
                .hop_limit = view.hop_limit(),
                .source = view.source(),
                .destination = view.destination()};
  }

  // Writes 40 bytes.
  constexpr void emit(uint8_t* to) const {
    store_be<uint32_t>(to, 6u << 28 | uint32_t{traffic_class} << 20 | (flow_label & 0xf'ffff));
    const Ipv6MutView view(to);
    view.set_payload_length(payload_length);
    view.set_next_header(next_header);
    view.set_hop_limit(hop_limit);
    view.set_source(source);
    view.set_destination(destination);
  }

  friend constexpr bool operator==(const Ipv6&, const Ipv6&) = default;
};

}  // namespace heddle::wire

#include "wire/ipv6_chain.h"
