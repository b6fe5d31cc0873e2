// FourTuple: the addresses and ports of a connection, seen from our side. IPv4 addresses are held
// as IPv4-mapped IPv6 addresses, so that one type serves both.
#pragma once

#include <cstdint>

#include "core/endian.h"
#include "wire/address.h"
#include "wire/steering.h"

namespace heddle::tcp {

using IpAddress = wire::Ipv6Address;

constexpr IpAddress from_ipv4(const wire::Ipv4Address& address) {
  return IpAddress::from_host(0, 0xffff'0000'0000ull | address.host());
}
constexpr wire::Ipv4Address to_ipv4(const IpAddress& address) {
  return wire::Ipv4Address::from_host(static_cast<uint32_t>(address.low()));
}

struct Endpoint {
  IpAddress address;
  Be16 port;
  friend constexpr bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct FourTuple {
  Endpoint local;
  Endpoint remote;

  constexpr bool is_ipv4() const { return remote.address.is_v4_mapped(); }
  constexpr FourTuple reversed() const { return {remote, local}; }
  friend constexpr bool operator==(const FourTuple&, const FourTuple&) = default;
};

static_assert(sizeof(FourTuple) == 36);

// The hash by which ports and the steer node pick the owner of the tuple's packets.
constexpr uint32_t steering_hash(const FourTuple& t) {
  if (t.is_ipv4()) {
    return wire::steering_hash(to_ipv4(t.local.address), to_ipv4(t.remote.address), t.local.port,
                               t.remote.port);
  }
  return wire::steering_hash(t.local.address, t.remote.address, t.local.port, t.remote.port);
}

}  // namespace heddle::tcp
