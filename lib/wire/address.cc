#include "wire/address.h"

#include <arpa/inet.h>

#include <charconv>
#include <optional>

namespace heddle::wire {
namespace {

constexpr size_t kLongestText = 45;  // of an address in any notation that inet_pton takes

// Text for an error message, cut where no address could be that long.
std::string_view clip(std::string_view text) { return text.substr(0, 64); }

bool parse_ip(int family, std::string_view text, uint8_t* to) {
  if (text.size() > kLongestText || text.find('\0') != std::string_view::npos) return false;
  std::array<char, kLongestText + 1> terminated{};
  text.copy(terminated.data(), text.size());
  return inet_pton(family, terminated.data(), to) == 1;
}

std::optional<uint8_t> parse_length(std::string_view text, uint8_t most) {
  uint8_t length = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, length);
  const bool leading_zero = text.size() > 1 && text[0] == '0';
  if (error != std::errc() || stopped != end || leading_zero || length > most) return std::nullopt;
  return length;
}

template <class Address>
Result<Prefix<Address>> parse_prefix(std::string_view text, std::string_view example) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return fail("\"{}\" is not a prefix (expected address/length, like {})", clip(text), example);
  }
  const auto address = Address::parse(text.substr(0, slash));
  if (!address) return std::unexpected(address.error());
  const auto length = parse_length(text.substr(slash + 1), Prefix<Address>::kMaxLength);
  if (!length) {
    return fail("\"{}\": the prefix length must be a number from 0 to {}", clip(text),
                Prefix<Address>::kMaxLength);
  }
  const Prefix<Address> prefix{network_of(*address, *length), *length};
  if (prefix.address != *address) {
    return fail("\"{}\" has bits set past its length; did you mean {}?", clip(text), prefix);
  }
  return prefix;
}

struct Run {
  size_t first = 0;
  size_t count = 0;
};

// The longest run of zero groups, the first of several; RFC 5952 4.2.
Run longest_zero_run(const std::array<uint16_t, 8>& groups) {
  Run best;
  Run current;
  for (size_t i = 0; i < groups.size(); ++i) {
    if (groups[i] != 0) {
      current = {};
      continue;
    }
    if (current.count == 0) current.first = i;
    ++current.count;
    if (current.count > best.count) best = current;
  }
  return best.count >= 2 ? best : Run{};
}

}  // namespace

Result<MacAddress> MacAddress::parse(std::string_view text) {
  MacAddress mac;
  bool good = text.size() == 17;
  for (size_t i = 0; good && i < kSize; ++i) {
    const char* at = text.data() + 3 * i;
    good = std::from_chars(at, at + 2, mac.bytes_[i], 16).ptr == at + 2 &&
           (i + 1 == kSize || at[2] == ':');
  }
  if (!good) {
    return fail("\"{}\" is not a MAC address (expected six pairs, like 02:00:5e:10:00:01)",
                clip(text));
  }
  return mac;
}

Result<Ipv4Address> Ipv4Address::parse(std::string_view text) {
  Bytes bytes{};
  if (!parse_ip(AF_INET, text, bytes.data())) {
    return fail("\"{}\" is not an IPv4 address (expected four numbers, like 192.0.2.1)",
                clip(text));
  }
  return Ipv4Address(bytes);
}

Result<Ipv6Address> Ipv6Address::parse(std::string_view text) {
  Bytes bytes{};
  if (!parse_ip(AF_INET6, text, bytes.data())) {
    return fail("\"{}\" is not an IPv6 address (expected one like 2001:db8::1)", clip(text));
  }
  return Ipv6Address(bytes);
}

template <>
Result<Ipv4Prefix> Ipv4Prefix::parse(std::string_view text) {
  return parse_prefix<Ipv4Address>(text, "192.0.2.0/24");
}

template <>
Result<Ipv6Prefix> Ipv6Prefix::parse(std::string_view text) {
  return parse_prefix<Ipv6Address>(text, "2001:db8::/64");
}

std::string to_string(const MacAddress& address) {
  const auto& b = address.bytes();
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", b[0], b[1], b[2], b[3], b[4],
                     b[5]);
}

std::string to_string(const Ipv4Address& address) {
  const auto& b = address.bytes();
  return fmt::format("{}.{}.{}.{}", b[0], b[1], b[2], b[3]);
}

std::string to_string(const Ipv6Address& address) {
  if (address.is_v4_mapped()) {  // RFC 5952 5
    return "::ffff:" + to_string(Ipv4Address::from_host(static_cast<uint32_t>(address.low())));
  }
  std::array<uint16_t, 8> groups;
  for (size_t i = 0; i < groups.size(); ++i) {
    groups[i] = load_be<uint16_t>(address.bytes().data() + 2 * i);
  }
  const Run zeros = longest_zero_run(groups);
  std::string text;
  for (size_t i = 0; i < groups.size(); ++i) {
    if (zeros.count > 0 && i == zeros.first) {
      text += "::";
      i += zeros.count - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    fmt::format_to(std::back_inserter(text), "{:x}", groups[i]);
  }
  return text;
}

std::string to_string(const Ipv4Prefix& prefix) {
  return fmt::format("{}/{}", prefix.address, prefix.length);
}

std::string to_string(const Ipv6Prefix& prefix) {
  return fmt::format("{}/{}", prefix.address, prefix.length);
}

}  // namespace heddle::wire
