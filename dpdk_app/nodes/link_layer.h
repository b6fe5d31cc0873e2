// Writing link-layer headers in front of finished packets.
#pragma once

#include <cstring>

#include "l3/topology.h"
#include "packet/packet.h"
#include "wire/ethernet.h"

namespace heddle::app {

// Prepends destination and `tail` (Interface::tail4 or tail6) and says where the frame leaves.
inline void write_link_layer(packet::Packet packet, const l3::Interface& out,
                             const wire::MacAddress& destination,
                             const std::array<uint8_t, 12>& tail) {
  uint8_t* at = packet.prepend(out.header_length);
  destination.store(at);
  std::memcpy(at + 6, tail.data(), 8);
  if (out.is_tagged()) [[unlikely]]
    std::memcpy(at + 14, tail.data() + 8, 4);
  packet.meta().tx_interface = out.id;
}

// The same for any EtherType.
inline void write_link_layer(packet::Packet packet, const l3::Interface& out,
                             const wire::MacAddress& destination, wire::EtherType type) {
  write_link_layer(packet, out, destination, out.tail4);
  store_be<uint16_t>(packet.data() + out.header_length - 2, static_cast<uint16_t>(type));
}

}  // namespace heddle::app
