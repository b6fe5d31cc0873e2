#include "names.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "policy/limits.h"

namespace heddle::policy {
namespace {

template <class Address>
struct Special {
  wire::Prefix<Address> network;
  std::string_view name;
};

constexpr Special<wire::Ipv4Address> kSpecialIpv4[] = {
    {{wire::Ipv4Address(0, 0, 0, 0), 8}, "in 0.0.0.0/8, which no host has"},
    {{wire::Ipv4Address(127, 0, 0, 0), 8}, "loopback"},
    {{wire::Ipv4Address(169, 254, 0, 0), 16}, "link-local"},
    {{wire::Ipv4Address(224, 0, 0, 0), 4}, "multicast"},
    {{wire::Ipv4Address(255, 255, 255, 255), 32}, "the broadcast address"},
    {{wire::Ipv4Address(240, 0, 0, 0), 4}, "in 240.0.0.0/4, which no host has"},
};

constexpr Special<wire::Ipv6Address> kSpecialIpv6[] = {
    {{wire::Ipv6Address::from_host(0, 0), 128}, "the unspecified address"},
    {{wire::Ipv6Address::from_host(0, 1), 128}, "loopback"},
    {{wire::Ipv6Address::from_host(0xfe80'0000'0000'0000, 0), 10}, "link-local"},
    {{wire::Ipv6Address::from_host(0xff00'0000'0000'0000, 0), 8}, "multicast"},
};

template <class Address, size_t N>
std::string_view special_in(const Special<Address> (&table)[N], const Address& address) {
  for (const auto& [network, name] : table)
    if (network.contains(address)) return name;
  return {};
}

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

const std::string* value_of(const Labels& labels, const std::string& name) {
  const auto found = labels.find(name);
  return found == labels.end() ? nullptr : &found->second;
}

constexpr size_t kFarApart = 3;

// How many letters are wrong, missing or too many (Levenshtein); kFarApart: so many or more.
size_t distance(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() > kMaxLabel || b.size() - a.size() >= kFarApart || a.size() < kFarApart)
    return kFarApart;
  std::array<size_t, kMaxLabel + 1> row{};
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    size_t least = row[0];
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = diagonal + (a[i - 1] != b[j - 1] ? 1 : 0);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
      least = std::min(least, row[j]);
    }
    if (least >= kFarApart) return kFarApart;
  }
  return std::min(row[b.size()], kFarApart);
}

}  // namespace

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::kWorkload:
      return "Workload";
    case Kind::kService:
      return "Service";
    case Kind::kEndpointSet:
      return "EndpointSet";
    case Kind::kGateway:
      return "Gateway";
    case Kind::kRoute:
      return "Route";
    case Kind::kTrafficPolicy:
      return "TrafficPolicy";
    case Kind::kAccessPolicy:
      return "AccessPolicy";
    case Kind::kSecret:
      return "Secret";
    case Kind::kTrustBundle:
      return "TrustBundle";
    case Kind::kMeshPolicy:
      return "MeshPolicy";
    case Kind::kExternalService:
      return "ExternalService";
    case Kind::kOutboundPolicy:
      return "OutboundPolicy";
    case Kind::kJwtProvider:
      return "JwtProvider";
    case Kind::kNetworkIdentity:
      return "NetworkIdentity";
    case Kind::kRateLimit:
      return "RateLimit";
    case Kind::kFault:
      return "Fault";
  }
  return "?";
}

const char* name_of(MeshTls mode) {
  switch (mode) {
    case MeshTls::kDisable:
      return "DISABLE";
    case MeshTls::kPermissive:
      return "PERMISSIVE";
    case MeshTls::kStrict:
      return "STRICT";
  }
  return "?";
}

const char* name_of(Outbound mode) {
  switch (mode) {
    case Outbound::kAllow:
      return "ALLOW";
    case Outbound::kRegisteredOnly:
      return "REGISTERED_ONLY";
    case Outbound::kRefuse:
      return "REFUSE";
  }
  return "?";
}

std::string_view why_no_label(std::string_view text) {
  if (text.empty()) return "is missing";
  if (text.size() > kMaxLabel) return "is longer than 63 bytes";
  if (!std::ranges::all_of(text, [](char c) { return is_letter_or_digit(c) || c == '-'; }))
    return "is no DNS label: small letters, digits and hyphens";
  if (text.front() == '-' || text.back() == '-')
    return "is no DNS label: it starts or ends with a hyphen";
  return {};
}

std::string_view why_no_server_name(std::string_view text, Wildcard wildcard) {
  if (text.empty()) return "is missing";
  if (text.size() > kMaxServerName) return "is longer than 253 bytes";
  if (wildcard == Wildcard::kTaken && text.starts_with("*.")) text.remove_prefix(2);
  bool digits_alone = true;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('.', at), text.size());
    std::string label(text.substr(at, end - at));
    std::ranges::replace(label, '_', 'x');  // RFC 2782 names have it
    if (!why_no_label(label).empty())
      return "is no name of a host in small letters, as example.org";
    digits_alone = std::ranges::all_of(label, [](char c) { return c >= '0' && c <= '9'; });
    at = end + 1;
  }
  return digits_alone ? "looks like an address, which is no server name" : std::string_view();
}

std::string_view why_no_host(const IpAddress& address) {
  return address.is_v4() ? special_in(kSpecialIpv4, address.v4())
                         : special_in(kSpecialIpv6, address.v6());
}

std::string quote(std::string_view text) {
  constexpr size_t kMost = 80;
  std::string quoted = "\"";
  for (const char c : text.substr(0, kMost))
    quoted += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return quoted + (text.size() > kMost ? "...\"" : "\"");
}

std::string path_of(const Key& key) { return key.ns + "/" + key.name; }

std::string title_of(const Key& key) { return std::string(name_of(key.kind)) + " " + path_of(key); }

std::string text_of(const Labels& labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    if (!text.empty()) text += ", ";
    text += name;
    text += '=';
    text += value;
  }
  return text;
}

const char* text_of(Protocol protocol) { return protocol == Protocol::kTcp ? "tcp" : "udp"; }

const char* name_of(Forwarding forwarding) {
  switch (forwarding) {
    case Forwarding::kDnat:
      return "dnat";
    case Forwarding::kFullNat:
      return "full-nat";
    case Forwarding::kDirect:
      return "direct";
    case Forwarding::kIpInIp:
      return "ip-in-ip";
    case Forwarding::kProxy:
      return "proxy";
  }
  return "?";
}

const char* name_of(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kMaglev:
      return "maglev";
    case Algorithm::kRingHash:
      return "ring-hash";
    case Algorithm::kRoundRobin:
      return "round-robin";
    case Algorithm::kRandom:
      return "random";
    case Algorithm::kLeastRequest:
      return "least-request";
  }
  return "?";
}

uint16_t number_of(std::string_view text) {
  uint16_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stopped == end ? number : 0;
}

const char* ports_field(Kind kind) {
  return kind == Kind::kGateway ? "spec.listeners" : "spec.ports";
}

std::string port_text(Protocol protocol, uint16_t number) {
  const std::string text = text_of(protocol);
  return number == 0 ? "all ports of " + text : text + "/" + std::to_string(number);
}

std::string suggestion(std::string_view wrong, const std::vector<std::string_view>& names) {
  std::string_view nearest;
  size_t least = kFarApart;
  for (const std::string_view name : names) {
    const size_t letters = name == wrong ? kFarApart : distance(name, wrong);
    if (letters < least) least = letters, nearest = name;
  }
  return least < kFarApart ? " (did you mean " + quote(nearest) + "?)" : std::string();
}

bool carries(const Labels& labels, const Labels& wanted) {
  return std::ranges::all_of(wanted, [&](const auto& label) {
    const std::string* value = value_of(labels, label.first);
    return value != nullptr && *value == label.second;
  });
}

bool carries(const Resource& workload, const Labels& wanted) {
  const Labels& over = std::get<Workload>(workload.spec).labels;
  return std::ranges::all_of(wanted, [&](const auto& label) {
    const std::string* value = value_of(over, label.first);
    if (value == nullptr) value = value_of(workload.labels, label.first);
    return value != nullptr && *value == label.second;
  });
}

}  // namespace heddle::policy
