// MacAddress, Ipv4Address, Ipv6Address and prefixes of the last two. All hold bytes in network
// order with alignment 1, so they may be read from and written to any place in a packet.
// The text forms are a.b.c.d, RFC 5952 and lower-case aa:bb:cc:dd:ee:ff.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "core/endian.h"
#include "core/result.h"
#include "wire/view.h"

namespace heddle::wire {

// N bytes with a name of their own. Order is the order of the bytes, which is numeric order.
template <class Self, size_t N>
class AddressBytes {
 public:
  static constexpr size_t kSize = N;
  using Bytes = std::array<uint8_t, N>;

  // Reads N bytes at any address.
  static constexpr Self from(const uint8_t* at) { return Self(load_bytes<N>(at)); }
  // Writes N bytes at any address.
  constexpr void store(uint8_t* at) const { store_bytes(at, bytes_); }

  constexpr const Bytes& bytes() const { return bytes_; }

  friend constexpr auto operator<=>(const AddressBytes&, const AddressBytes&) = default;
  // Whole words: the default one is a call of memcmp, for each packet several times.
  friend constexpr bool operator==(const AddressBytes& a, const AddressBytes& b) {
    if consteval {
      return a.bytes_ == b.bytes_;
    } else {
      uint64_t difference = a.template word<0>() ^ b.template word<0>();
      if constexpr (N > 8) difference |= a.template word<8>() ^ b.template word<8>();
      return difference == 0;
    }
  }

 protected:
  constexpr AddressBytes() = default;
  constexpr explicit AddressBytes(const Bytes& bytes) : bytes_(bytes) {}

  Bytes bytes_{};

 private:
  template <size_t Offset>
  uint64_t word() const {
    if constexpr (N == 6) {  // as two loads: six bytes through memory would stall on their store
      return load<uint32_t>(0) | uint64_t{load<uint16_t>(4)} << 32;
    } else if constexpr (N == 4) {
      return load<uint32_t>(0);
    } else {
      return load<uint64_t>(Offset);
    }
  }
  template <class T>
  T load(size_t offset) const {
    T value;
    std::memcpy(&value, bytes_.data() + offset, sizeof(T));
    return value;
  }
};

class MacAddress : public AddressBytes<MacAddress, 6> {
 public:
  constexpr MacAddress() = default;
  constexpr explicit MacAddress(const Bytes& bytes) : AddressBytes(bytes) {}
  static Result<MacAddress> parse(std::string_view text);
  static constexpr MacAddress broadcast() {
    return MacAddress(Bytes{0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
  }

  constexpr bool is_multicast() const { return (bytes_[0] & 1) != 0; }  // broadcast included
  constexpr bool is_broadcast() const { return *this == broadcast(); }
  constexpr bool is_zero() const { return *this == MacAddress(); }

  friend constexpr auto operator<=>(const MacAddress&, const MacAddress&) = default;
};

class Ipv4Address : public AddressBytes<Ipv4Address, 4> {
 public:
  constexpr Ipv4Address() = default;
  constexpr explicit Ipv4Address(const Bytes& bytes) : AddressBytes(bytes) {}
  constexpr Ipv4Address(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
      : AddressBytes(Bytes{a, b, c, d}) {}
  static Result<Ipv4Address> parse(std::string_view text);

  static constexpr Ipv4Address from_host(uint32_t value) {
    Bytes bytes{};
    store_be(bytes.data(), value);
    return Ipv4Address(bytes);
  }
  constexpr uint32_t host() const { return load_be<uint32_t>(bytes_.data()); }

  constexpr bool is_unspecified() const { return host() == 0; }
  constexpr bool is_this_network() const { return bytes_[0] == 0; }          // 0/8
  constexpr bool is_loopback() const { return bytes_[0] == 127; }            // 127/8
  constexpr bool is_link_local() const { return (host() >> 16) == 0xa9fe; }  // 169.254/16
  constexpr bool is_multicast() const { return (bytes_[0] >> 4) == 14; }     // 224/4
  constexpr bool is_limited_broadcast() const { return host() == UINT32_MAX; }
  constexpr bool is_class_e() const {  // 240/4 but for 255.255.255.255
    return (bytes_[0] >> 4) == 15 && !is_limited_broadcast();
  }

  friend constexpr auto operator<=>(const Ipv4Address&, const Ipv4Address&) = default;
};

class Ipv6Address : public AddressBytes<Ipv6Address, 16> {
 public:
  constexpr Ipv6Address() = default;
  constexpr explicit Ipv6Address(const Bytes& bytes) : AddressBytes(bytes) {}
  static Result<Ipv6Address> parse(std::string_view text);

  // The address as two big-endian halves.
  static constexpr Ipv6Address from_host(uint64_t high, uint64_t low) {
    Bytes bytes{};
    store_be(bytes.data(), high);
    store_be(bytes.data() + 8, low);
    return Ipv6Address(bytes);
  }
  constexpr uint64_t high() const { return load_be<uint64_t>(bytes_.data()); }
  constexpr uint64_t low() const { return load_be<uint64_t>(bytes_.data() + 8); }

  constexpr bool is_unspecified() const { return (high() | low()) == 0; }
  constexpr bool is_loopback() const { return high() == 0 && low() == 1; }
  constexpr bool is_multicast() const { return bytes_[0] == 0xff; }         // ff00::/8
  constexpr bool is_link_local() const { return (high() >> 54) == 0x3fa; }  // fe80::/10
  constexpr bool is_v4_mapped() const {                                     // ::ffff:0:0/96
    return high() == 0 && (low() >> 32) == 0xffff;
  }
  // RFC 4291 2.7: 1 interface, 2 link, 5 site, 8 organisation, 14 global. Only of multicast.
  constexpr uint8_t multicast_scope() const { return bytes_[1] & 0x0f; }
  constexpr bool is_solicited_node() const {  // ff02::1:ff00:0/104
    return high() == 0xff02'0000'0000'0000 && (low() >> 24) == 0x1'ff;
  }

  friend constexpr auto operator<=>(const Ipv6Address&, const Ipv6Address&) = default;
};

static_assert(sizeof(MacAddress) == 6 && alignof(MacAddress) == 1);
static_assert(sizeof(Ipv4Address) == 4 && alignof(Ipv4Address) == 1);
static_assert(sizeof(Ipv6Address) == 16 && alignof(Ipv6Address) == 1);
static_assert(std::is_trivially_copyable_v<MacAddress> &&
              std::is_trivially_copyable_v<Ipv4Address> &&
              std::is_trivially_copyable_v<Ipv6Address>);

inline constexpr Ipv6Address kAllNodes = Ipv6Address::from_host(0xff02'0000'0000'0000, 1);
inline constexpr Ipv6Address kAllRouters = Ipv6Address::from_host(0xff02'0000'0000'0000, 2);

// The group in which the owner of `address` listens for solicitations (RFC 4291 2.7.1).
constexpr Ipv6Address solicited_node(const Ipv6Address& address) {
  return Ipv6Address::from_host(0xff02'0000'0000'0000, 0x1'ff00'0000 | (address.low() & 0xff'ffff));
}

// The Ethernet group that carries an IPv6 group (RFC 2464 7).
constexpr MacAddress multicast_mac(const Ipv6Address& group) {
  const auto& b = group.bytes();
  return MacAddress({0x33, 0x33, b[12], b[13], b[14], b[15]});
}

// The Ethernet group that carries an IPv4 group (RFC 1112 6.4).
constexpr MacAddress multicast_mac(const Ipv4Address& group) {
  const auto& b = group.bytes();
  return MacAddress({0x01, 0x00, 0x5e, static_cast<uint8_t>(b[1] & 0x7f), b[2], b[3]});
}

// fe80:: with the modified EUI-64 of `mac` (RFC 4291 appendix A).
constexpr Ipv6Address link_local(const MacAddress& mac) {
  const auto& b = mac.bytes();
  return Ipv6Address({0xfe, 0x80, 0, 0, 0, 0, 0, 0, static_cast<uint8_t>(b[0] ^ 2), b[1], b[2],
                      0xff, 0xfe, b[3], b[4], b[5]});
}

// `address` with all bits past the first `length` cleared; length <= 8 * Address::kSize.
constexpr Ipv4Address network_of(const Ipv4Address& address, uint8_t length) {
  const uint32_t mask = length == 0 ? 0 : UINT32_MAX << (32 - length);
  return Ipv4Address::from_host(address.host() & mask);
}

constexpr Ipv6Address network_of(const Ipv6Address& address, uint8_t length) {
  const uint64_t high = length == 0 ? 0 : length >= 64 ? UINT64_MAX : UINT64_MAX << (64 - length);
  const uint64_t low = length <= 64 ? 0 : UINT64_MAX << (128 - length);
  return Ipv6Address::from_host(address.high() & high, address.low() & low);
}

// All addresses whose first `length` bits are those of `address`, whose other bits are 0.
template <class Address>
struct Prefix {
  static constexpr uint8_t kMaxLength = 8 * Address::kSize;

  Address address;
  uint8_t length = 0;

  // "10.0.0.0/8". Bits set past the length are an error that names the prefix meant.
  static Result<Prefix> parse(std::string_view text);

  constexpr bool contains(const Address& other) const {
    return network_of(other, length) == address;
  }

  friend constexpr auto operator<=>(const Prefix&, const Prefix&) = default;
};

using Ipv4Prefix = Prefix<Ipv4Address>;
using Ipv6Prefix = Prefix<Ipv6Address>;

template <>
Result<Ipv4Prefix> Ipv4Prefix::parse(std::string_view text);
template <>
Result<Ipv6Prefix> Ipv6Prefix::parse(std::string_view text);

std::string to_string(const MacAddress& address);
std::string to_string(const Ipv4Address& address);
std::string to_string(const Ipv6Address& address);
std::string to_string(const Ipv4Prefix& prefix);
std::string to_string(const Ipv6Prefix& prefix);

// Formats through to_string. Takes a width and an alignment of < or >, as in "{:<39}". It does not
// inherit fmt's formatter of strings, whose parser makes g++ 12 warn of an overflow that is none.
template <class T>
class TextFormatter {
 public:
  constexpr const char* parse(fmt::format_parse_context& context) {
    const char* at = context.begin();
    if (at != context.end() && (*at == '<' || *at == '>')) right_ = *at++ == '>';
    for (; at != context.end() && *at >= '0' && *at <= '9' && width_ < 1000; ++at) {
      width_ = width_ * 10 + static_cast<size_t>(*at - '0');
    }
    return at;
  }

  template <class Context>
  auto format(const T& value, Context& context) const {
    std::string text = to_string(value);
    if (text.size() < width_) text.insert(right_ ? 0 : text.size(), width_ - text.size(), ' ');
    return std::copy(text.begin(), text.end(), context.out());
  }

 private:
  size_t width_ = 0;
  bool right_ = false;
};

// Spreads short keys over all bits, for hash tables outside the packet path: it is not keyed,
// so tables that strangers can fill need another.
constexpr size_t mix_hash(uint64_t x) {
  x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93;
  x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93;
  return x ^ (x >> 32);
}

}  // namespace heddle::wire

template <>
struct fmt::formatter<heddle::wire::MacAddress>
    : heddle::wire::TextFormatter<heddle::wire::MacAddress> {};
template <>
struct fmt::formatter<heddle::wire::Ipv4Address>
    : heddle::wire::TextFormatter<heddle::wire::Ipv4Address> {};
template <>
struct fmt::formatter<heddle::wire::Ipv6Address>
    : heddle::wire::TextFormatter<heddle::wire::Ipv6Address> {};
template <class Address>
struct fmt::formatter<heddle::wire::Prefix<Address>>
    : heddle::wire::TextFormatter<heddle::wire::Prefix<Address>> {};

template <>
struct std::hash<heddle::wire::MacAddress> {
  size_t operator()(const heddle::wire::MacAddress& mac) const {
    return heddle::wire::mix_hash((uint64_t{heddle::load_be<uint32_t>(mac.bytes().data())} << 16) |
                                  heddle::load_be<uint16_t>(mac.bytes().data() + 4));
  }
};
template <>
struct std::hash<heddle::wire::Ipv4Address> {
  size_t operator()(const heddle::wire::Ipv4Address& address) const {
    return heddle::wire::mix_hash(address.host());
  }
};
template <>
struct std::hash<heddle::wire::Ipv6Address> {
  size_t operator()(const heddle::wire::Ipv6Address& address) const {
    return heddle::wire::mix_hash(heddle::wire::mix_hash(address.high()) ^ address.low());
  }
};
template <class Address>
struct std::hash<heddle::wire::Prefix<Address>> {
  size_t operator()(const heddle::wire::Prefix<Address>& prefix) const {
    return heddle::wire::mix_hash(std::hash<Address>{}(prefix.address) ^ prefix.length);
  }
};
