// Which steering slot a port leads to. The steering hash (wire/steering.h) is linear: the slot of
// an answer is the slot of its addresses and its other port, exclusive-or that of our port alone,
// the port's colour. So the ports that bring an answer to a given slot are all those of one
// colour, 1,024 of 65,536, and finding one needs no trial and error.
#pragma once

#include <immintrin.h>

#include <array>
#include <bit>
#include <cstdint>

#include "wire/steering.h"

namespace heddle::flow {

// As the workers share them out.
inline constexpr uint32_t kSteeringSlots = 64;
inline constexpr uint32_t kPortsPerColour = 65'536 / kSteeringSlots;

constexpr uint32_t steering_slot(uint32_t hash) { return hash % kSteeringSlots; }

constexpr uint32_t port_colour(uint16_t port) {
  return steering_slot(wire::internal::hash_words(port));
}

// The slot of packets between two ends of which ours has port 0.
template <class Address>
constexpr uint32_t base_slot(const Address& other, Be16 other_port, const Address& own) {
  return steering_slot(wire::steering_hash(other, own, other_port, Be16(0)));
}

namespace internal {

// The ports of colour 0 are a vector space of ten dimensions; those of another colour are it,
// moved by any port of that colour. Ten bits of a port, the pivots, number the ports of a colour;
// the lowest is the port's parity.
struct PortTables {
  uint16_t pivots = 0;
  std::array<uint16_t, kPortsPerColour> space{};  // by number
  std::array<uint16_t, kSteeringSlots> first{};   // of each colour, the port with no pivot set
};

extern const PortTables kPortTables;

}  // namespace internal

// The port of a colour by its number, 0 to 1,023, and back. The number's lowest bit is the
// port's parity but for a constant of the colour, which is 0.
inline uint16_t port_of(uint32_t colour, uint32_t number) {
  return internal::kPortTables.first[colour] ^ internal::kPortTables.space[number];
}
inline uint32_t number_of(uint16_t port) { return _pext_u32(port, internal::kPortTables.pivots); }

}  // namespace heddle::flow
