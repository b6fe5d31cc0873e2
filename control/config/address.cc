#include "address.h"

#include <charconv>
#include <optional>

namespace heddle::config {
namespace {

using app::IpAddress;
using wire::Ipv4Address;
using wire::Ipv6Address;

constexpr std::string_view kAddressExpected = "an address as 192.0.2.10 or 2001:db8::10";
constexpr std::string_view kSubnetExpected = "ADDRESS/LENGTH as 192.0.2.10/24 or 2001:db8::10/64";
constexpr std::string_view kPrefixExpected = "PREFIX/LENGTH as 10.0.0.0/8 or fd00::/8";

std::optional<IpAddress> parse_address(std::string_view text) {
  if (const auto v4 = Ipv4Address::parse(text)) return *v4;
  if (const auto v6 = Ipv6Address::parse(text)) return *v6;
  return {};
}

std::optional<Subnet> parse_subnet(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return {};
  const auto address = parse_address(text.substr(0, slash));
  const std::string_view digits = text.substr(slash + 1);
  uint8_t length = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, length);
  const bool leading_zero = digits.size() > 1 && digits.front() == '0';
  if (!address || error != std::errc{} || stop != end || leading_zero) return {};
  if (length > (is_ipv4(*address) ? 32 : 128)) return {};
  return Subnet{*address, length};
}

template <class Address>
struct SpecialNetwork {
  wire::Prefix<Address> network;
  std::string_view name;
};

// IANA's special-purpose registries (RFC 6890), as far as no host has or forwards them.
constexpr SpecialNetwork<Ipv4Address> kSpecialIpv4[] = {
    {{Ipv4Address(0, 0, 0, 0), 32}, "the unspecified address"},
    {{Ipv4Address(0, 0, 0, 0), 8}, "in 0.0.0.0/8, which no host has"},
    {{Ipv4Address(127, 0, 0, 0), 8}, "loopback"},
    {{Ipv4Address(169, 254, 0, 0), 16}, "link-local"},
    {{Ipv4Address(224, 0, 0, 0), 4}, "multicast"},
    {{Ipv4Address(255, 255, 255, 255), 32}, "the broadcast address"},
    {{Ipv4Address(240, 0, 0, 0), 4}, "in 240.0.0.0/4, which no host has"},
};

constexpr SpecialNetwork<Ipv6Address> kSpecialIpv6[] = {
    {{Ipv6Address::from_host(0, 0), 128}, "the unspecified address"},
    {{Ipv6Address::from_host(0, 1), 128}, "loopback"},
    {{Ipv6Address::from_host(0, 0xffff'0000'0000), 96}, "an IPv4-mapped address"},
    {{Ipv6Address::from_host(0xfe80'0000'0000'0000, 0), 10}, "link-local"},
    {{Ipv6Address::from_host(0xff00'0000'0000'0000, 0), 8}, "multicast"},
};

template <class Address, size_t N>
std::string_view special_in(const SpecialNetwork<Address> (&table)[N], const Address& address,
                            uint8_t length) {
  for (const auto& [network, name] : table)
    if (network.length <= length && network.contains(address)) return name;
  return {};
}

// Why no host has an address of this prefix; empty for unicast.
std::string_view special(const IpAddress& address, uint8_t length) {
  if (const auto* v4 = std::get_if<Ipv4Address>(&address))
    return special_in(kSpecialIpv4, *v4, length);
  return special_in(kSpecialIpv6, std::get<Ipv6Address>(address), length);
}

std::string_view special(const IpAddress& address) {
  return special(address, is_ipv4(address) ? 32 : 128);
}

IpAddress network(const Subnet& subnet) {
  return std::visit([&](const auto& a) -> IpAddress { return wire::network_of(a, subnet.length); },
                    subnet.address);
}

}  // namespace

bool is_ipv6_link_local(const IpAddress& address) {
  const auto* v6 = std::get_if<Ipv6Address>(&address);
  return v6 != nullptr && v6->is_link_local();
}

std::string text_of(const IpAddress& address) {
  return std::visit([](const auto& a) { return wire::to_string(a); }, address);
}

std::string text_of(const Subnet& subnet) {
  return fmt::format("{}/{}", text_of(network(subnet)), subnet.length);
}

bool contains(const Subnet& subnet, const IpAddress& address) {
  return is_ipv4(subnet.address) == is_ipv4(address) &&
         network(subnet) == network({address, subnet.length});
}

bool overlap(const Subnet& a, const Subnet& b) {
  return a.length <= b.length ? contains(a, b.address) : contains(b, a.address);
}

std::string_view reserved_in(const Subnet& subnet, const IpAddress& address) {
  if (const auto* v4 = std::get_if<Ipv4Address>(&address)) {
    if (subnet.length >= 31) return {};  // RFC 3021: both ends of a /31 are hosts
    const uint32_t host_bits = v4->host() & (UINT32_MAX >> subnet.length);
    if (host_bits == 0) return "the network address";
    return host_bits == UINT32_MAX >> subnet.length ? "the broadcast address" : "";
  }
  // RFC 4291 2.6.1, and RFC 6164 for the two ends of a /127.
  if (subnet.length >= 127) return {};
  return network({address, subnet.length}) == address ? "the subnet-router anycast address" : "";
}

Result<> read_address(const Field& field, LinkLocal link_local, IpAddress& out) {
  const auto text = read_text(field, kAddressExpected);
  if (!text) return std::unexpected(text.error());
  const auto address = parse_address(*text);
  if (!address)
    return field.fail("{} is no IP address; expected {}", quote(*text), kAddressExpected);
  const bool allowed = link_local == LinkLocal::kAllowed && is_ipv6_link_local(*address);
  if (const auto why = special(*address); !why.empty() && !allowed)
    return field.fail("{} is {}; expected a unicast address", *text, why);
  out = *address;
  return {};
}

Result<> read_subnet(const Field& field, Subnet& out) {
  const auto text = read_text(field, kSubnetExpected);
  if (!text) return std::unexpected(text.error());
  const auto subnet = parse_subnet(*text);
  if (!subnet || subnet->length == 0)
    return field.fail("{} is no address with its length; expected {}", quote(*text),
                      kSubnetExpected);
  if (const auto why = special(subnet->address); !why.empty())
    return field.fail("{} is {}; expected a unicast address", *text, why);
  if (const auto why = reserved_in(*subnet, subnet->address); !why.empty())
    return field.fail("{} is {} of its subnet; expected a host's address", *text, why);
  out = *subnet;
  return {};
}

Result<> read_prefix(const Field& field, Subnet& out) {
  const auto text = read_text(field, kPrefixExpected);
  if (!text) return std::unexpected(text.error());
  const auto prefix = parse_subnet(*text);
  if (!prefix) return field.fail("{} is no prefix; expected {}", quote(*text), kPrefixExpected);
  if (network(*prefix) != prefix->address)
    return field.fail("{} has bits set past its length; expected {}", *text, text_of(*prefix));
  if (const auto why = special(prefix->address, prefix->length); !why.empty())
    return field.fail("{} is {}; expected a prefix of unicast addresses", *text, why);
  out = *prefix;
  return {};
}

Result<> read_mac(const Field& field, wire::MacAddress& out) {
  constexpr std::string_view kExpected = "a MAC address as 02:00:00:00:00:07";
  const auto text = read_text(field, kExpected);
  if (!text) return std::unexpected(text.error());
  const auto mac = wire::MacAddress::parse(*text);
  if (!mac) return field.fail("{} is no MAC address; expected {}", quote(*text), kExpected);
  if (mac->is_zero() || mac->is_multicast())
    return field.fail("{} is {}; expected that of one interface, as 02:00:00:00:00:07", *text,
                      mac->is_zero() ? "zero" : "a group's address");
  out = *mac;
  return {};
}

}  // namespace heddle::config
