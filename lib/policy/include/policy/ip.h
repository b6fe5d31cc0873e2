// An address or prefix of either family, as policy names them.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/result.h"
#include "wire/address.h"

namespace heddle::policy {

// 16 bytes for both families: IPv4 is kept v4-mapped (RFC 4291 2.5.5.2), which no packet may have
// as an IPv6 address, so the two cannot meet.
class IpAddress {
 public:
  constexpr IpAddress() = default;
  constexpr explicit IpAddress(const wire::Ipv6Address& address) : bytes_(address) {}
  constexpr explicit IpAddress(const wire::Ipv4Address& address)
      : bytes_(wire::Ipv6Address::from_host(0, 0xffff'0000'0000 | address.host())) {}
  static Result<IpAddress> parse(std::string_view text);

  constexpr bool is_v4() const { return bytes_.is_v4_mapped(); }
  constexpr wire::Ipv4Address v4() const {
    return wire::Ipv4Address::from_host(static_cast<uint32_t>(bytes_.low()));
  }
  constexpr const wire::Ipv6Address& v6() const { return bytes_; }
  std::string text() const;

  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  wire::Ipv6Address bytes_;
};

// Of an IPv4 prefix `length` counts from the mapped form: 96 more than written.
struct IpPrefix {
  IpAddress address;  // no bits set behind the prefix
  uint8_t length = 0;

  static Result<IpPrefix> parse(std::string_view text);
  bool contains(const IpAddress& other) const;
  std::string text() const;
  friend constexpr auto operator<=>(const IpPrefix&, const IpPrefix&) = default;
};

// Whether they have an address in common: then one has all of the other's.
inline bool meet(const IpPrefix& a, const IpPrefix& b) {
  return a.contains(b.address) || b.contains(a.address);
}

}  // namespace heddle::policy
