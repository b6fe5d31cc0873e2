// Whether what flows are told by lies in the first buffer of a packet that has several: addresses,
// extension headers and the whole transport header.
#pragma once

#include "packet/packet.h"
#include "wire/ipv6.h"
#include "wire/ipv6_chain.h"
#include "wire/tcp.h"

namespace heddle::app {

template <class Address>
[[gnu::cold]] bool lies_in_first_buffer(packet::Packet packet) {
  constexpr uint16_t kLeastHead = 512;
  constexpr size_t kLongestTransportHeader = 60;
  if (packet.contiguous() < kLeastHead) return false;
  if constexpr (sizeof(Address) == wire::Ipv4Address::kSize) return true;
  wire::Ipv6Payload payload;
  return wire::walk_quoted_ipv6_chain(packet.head(), payload) == wire::Ipv6ChainFault::kNone &&
         payload.offset + kLongestTransportHeader <= packet.contiguous();
}

template <class Address>
bool is_scattered(packet::Packet packet) {
  return packet.is_chain() && !lies_in_first_buffer<Address>(packet);
}

}  // namespace heddle::app
