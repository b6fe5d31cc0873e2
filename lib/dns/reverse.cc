#include "dns/reverse.h"

#include <array>

namespace heddle::dns {
namespace {

constexpr uint8_t kInAddrArpa[] = {7, 'i', 'n', '-', 'a', 'd', 'd', 'r', 4, 'a', 'r', 'p', 'a', 0};
constexpr uint8_t kIp6Arpa[] = {3, 'i', 'p', '6', 4, 'a', 'r', 'p', 'a', 0};

using Bytes = std::span<const uint8_t>;

// 0 to 255 in decimal digits, as they are written.
std::optional<uint8_t> octet_of(Bytes label) {
  if (label.size() > 3 || (label.size() > 1 && label[0] == '0')) return std::nullopt;
  unsigned value = 0;
  for (const uint8_t digit : label) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = 10 * value + (digit - '0');
  }
  if (value > UINT8_MAX) return std::nullopt;
  return static_cast<uint8_t>(value);
}

std::optional<uint8_t> nibble_of(Bytes label) {
  if (label.size() != 1) return std::nullopt;
  const uint8_t digit = lower(label[0]);
  if (digit >= '0' && digit <= '9') return static_cast<uint8_t>(digit - '0');
  if (digit >= 'a' && digit <= 'f') return static_cast<uint8_t>(digit - 'a' + 10);
  return std::nullopt;
}

std::optional<IpAddress> ipv4_of(NameView name, NameView zone) {
  std::array<Bytes, 4> labels;
  if (name.labels_before(zone, labels) != labels.size()) return std::nullopt;
  wire::Ipv4Address::Bytes bytes{};
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto octet = octet_of(labels[i]);
    if (!octet) return std::nullopt;
    bytes[bytes.size() - 1 - i] = *octet;
  }
  return from_ipv4(wire::Ipv4Address(bytes));
}

std::optional<IpAddress> ipv6_of(NameView name, NameView zone) {
  std::array<Bytes, 32> labels;
  if (name.labels_before(zone, labels) != labels.size()) return std::nullopt;
  wire::Ipv6Address::Bytes bytes{};
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto nibble = nibble_of(labels[i]);
    if (!nibble) return std::nullopt;
    uint8_t& byte = bytes[bytes.size() - 1 - i / 2];
    byte = static_cast<uint8_t>(byte | (i % 2 == 0 ? *nibble : *nibble << 4));
  }
  return IpAddress(bytes);
}

}  // namespace

std::optional<IpAddress> address_of(NameView name) {
  if (const NameView zone = name.ending(NameView(kInAddrArpa))) return ipv4_of(name, zone);
  if (const NameView zone = name.ending(NameView(kIp6Arpa))) return ipv6_of(name, zone);
  return std::nullopt;
}

}  // namespace heddle::dns
