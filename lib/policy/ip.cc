#include "policy/ip.h"

namespace heddle::policy {
namespace {

constexpr uint8_t kMappedBits = 96;  // in front of an IPv4 address in its mapped form

bool is_v6_text(std::string_view text) { return text.find(':') != std::string_view::npos; }

}  // namespace

Result<IpAddress> IpAddress::parse(std::string_view text) {
  if (is_v6_text(text)) {
    const auto address = wire::Ipv6Address::parse(text);
    if (!address) return std::unexpected(address.error());
    if (address->is_v4_mapped())
      return fail("\"{}\" is an IPv4-mapped address; write it as IPv4", text);
    return IpAddress(*address);
  }
  const auto address = wire::Ipv4Address::parse(text);
  if (!address) return std::unexpected(address.error());
  return IpAddress(*address);
}

std::string IpAddress::text() const {
  return is_v4() ? wire::to_string(v4()) : wire::to_string(bytes_);
}

Result<IpPrefix> IpPrefix::parse(std::string_view text) {
  if (is_v6_text(text)) {
    const auto prefix = wire::Ipv6Prefix::parse(text);
    if (!prefix) return std::unexpected(prefix.error());
    if (prefix->address.is_v4_mapped())
      return fail("\"{}\" is a prefix of IPv4-mapped addresses; write it as IPv4", text);
    return IpPrefix{IpAddress(prefix->address), prefix->length};
  }
  const auto prefix = wire::Ipv4Prefix::parse(text);
  if (!prefix) return std::unexpected(prefix.error());
  return IpPrefix{IpAddress(prefix->address), static_cast<uint8_t>(prefix->length + kMappedBits)};
}

// An IPv6 prefix as short as ::/0 would hold the mapped forms too, and means no IPv4 by them.
bool IpPrefix::contains(const IpAddress& other) const {
  return address.is_v4() == other.is_v4() && wire::network_of(other.v6(), length) == address.v6();
}

std::string IpPrefix::text() const {
  return address.is_v4() ? fmt::format("{}/{}", address.text(), length - kMappedBits)
                         : fmt::format("{}/{}", address.text(), length);
}

}  // namespace heddle::policy
