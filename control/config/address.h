// IP addresses of both families as the file writes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "app/node_config.h"
#include "core/result.h"
#include "field.h"

namespace heddle::config {

// An address and the subnet around it, both families in one.
struct Subnet {
  app::IpAddress address;  // with its host bits
  uint8_t length = 0;
};

inline bool is_ipv4(const app::IpAddress& address) {
  return std::holds_alternative<wire::Ipv4Address>(address);
}
bool is_ipv6_link_local(const app::IpAddress& address);

std::string text_of(const app::IpAddress& address);
std::string text_of(const Subnet& subnet);  // the subnet itself, host bits cleared

bool contains(const Subnet& subnet, const app::IpAddress& address);
bool overlap(const Subnet& a, const Subnet& b);

// What `address` is in a subnet that contains it, if no host may have it: "the broadcast
// address"; else empty.
std::string_view reserved_in(const Subnet& subnet, const app::IpAddress& address);

// Whether fe80::/10 will do.
enum class LinkLocal : uint8_t { kRefused, kAllowed };

// A unicast address that a host may have.
Result<> read_address(const Field& field, LinkLocal link_local, app::IpAddress& out);
// The same with "/LENGTH", at least 1.
Result<> read_subnet(const Field& field, Subnet& out);
// A network: no bit set past the length. It may be 0.0.0.0/0, but not only of addresses that
// are never forwarded.
Result<> read_prefix(const Field& field, Subnet& out);

// Of one interface: neither a group nor zero.
Result<> read_mac(const Field& field, wire::MacAddress& out);

}  // namespace heddle::config
