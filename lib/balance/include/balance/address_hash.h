// Hashes of addresses: which endpoint this is, and which client. The same on every node.
#pragma once

#include <algorithm>
#include <cstdint>

#include "balance/endpoint.h"
#include "core/endian.h"
#include "wire/address.h"

namespace heddle::balance {

// Endpoint::key of an address and port.
constexpr uint64_t endpoint_key(const wire::Ipv4Address& address, Be16 port) {
  return mix(uint64_t{address.host()} << 16 | port.host());
}
constexpr uint64_t endpoint_key(const wire::Ipv6Address& address, Be16 port) {
  return mix(mix(mix(address.high()) ^ address.low()) ^ port.host());
}

// Session affinity: the hash to pick by when all flows of a client are to meet one endpoint.
// `secret` keeps a client from choosing addresses that meet an endpoint of its choice; nodes of
// one mesh share it.
constexpr uint64_t client_hash(const wire::Ipv4Address& source, uint64_t secret) {
  return mix(mix(secret) ^ source.host());
}
// `prefix_length`, at most 128, is what tells clients apart: 64 holds on to hosts that change
// their address within a subnet (RFC 8981).
constexpr uint64_t client_hash(const wire::Ipv6Address& source, uint64_t secret,
                               uint8_t prefix_length = 128) {
  const wire::Ipv6Address client = wire::network_of(source, std::min<uint8_t>(prefix_length, 128));
  return mix(mix(mix(secret) ^ client.high()) ^ client.low());
}

}  // namespace heddle::balance
