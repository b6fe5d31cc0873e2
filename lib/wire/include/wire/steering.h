// The symmetric steering hash: which worker owns a flow. It is the Toeplitz hash of receive
// side scaling with the key 0x6d5a repeated (Woo and Park 2012), so that a NIC with this key
// and the software agree, and both directions of a flow give one value.
//
// The key has a period of 16 bits, therefore the hash is a linear function of the exclusive or
// of all 16-bit words of the input: it has 16 bits of entropy (its halves are equal), and
// anyone can choose tuples that collide. Use it to pick a worker, not as a hash table's hash.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "core/endian.h"
#include "wire/address.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

namespace heddle::wire {

// For NICs that take 52 bytes; kSteeringKey40 for those that take 40.
inline constexpr std::array<uint8_t, 52> kSteeringKey = [] {
  std::array<uint8_t, 52> key{};
  for (size_t i = 0; i < key.size(); ++i) key[i] = i % 2 == 0 ? 0x6d : 0x5a;
  return key;
}();
inline constexpr std::array<uint8_t, 40> kSteeringKey40 = load_bytes<40>(kSteeringKey.data());

// The Toeplitz hash as RSS defines it, bit by bit. Requires key.size() >= input.size() + 4.
constexpr uint32_t toeplitz(std::span<const uint8_t> key, std::span<const uint8_t> input) {
  uint32_t hash = 0;
  uint32_t window = load_be<uint32_t>(key.data());
  for (size_t i = 0; i < input.size(); ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      if ((input[i] << bit & 0x80) != 0) hash ^= window;
      window = window << 1 | (uint32_t{key[i + 4]} >> (7 - bit) & 1u);
    }
  }
  return hash;
}

namespace internal {

// What each value of a word's first and second byte contributes to either half of the hash.
struct SteeringTables {
  std::array<uint16_t, 256> first;
  std::array<uint16_t, 256> second;
};

inline constexpr SteeringTables kSteeringTables = [] {
  SteeringTables tables{};
  for (unsigned value = 0; value < 256; ++value) {
    const std::array<uint8_t, 2> first{static_cast<uint8_t>(value), 0};
    const std::array<uint8_t, 2> second{0, static_cast<uint8_t>(value)};
    tables.first[value] = static_cast<uint16_t>(toeplitz(kSteeringKey, first));
    tables.second[value] = static_cast<uint16_t>(toeplitz(kSteeringKey, second));
  }
  return tables;
}();

// `words`: the exclusive or of the input's 16-bit words, in each 16 bits a share of it.
constexpr uint32_t hash_words(uint32_t words) {
  const uint32_t word = (words ^ words >> 16) & 0xffff;
  const uint32_t half = kSteeringTables.first[word >> 8] ^ kSteeringTables.second[word & 0xff];
  return half << 16 | half;
}

constexpr uint32_t words_of(const Ipv4Address& a) { return a.host(); }
constexpr uint32_t words_of(const Ipv6Address& a) {
  const uint64_t both = a.high() ^ a.low();
  return static_cast<uint32_t>(both ^ both >> 32);
}

uint32_t steer_ipv4_slowly(std::span<const uint8_t> l3);
uint32_t steer_ipv6_slowly(std::span<const uint8_t> l3);

}  // namespace internal

// Equal to toeplitz(kSteeringKey, a b) and toeplitz(kSteeringKey, a b pa pb), and to the same
// with the sides exchanged.
constexpr uint32_t steering_hash(const Ipv4Address& a, const Ipv4Address& b) {
  return internal::hash_words(internal::words_of(a) ^ internal::words_of(b));
}
constexpr uint32_t steering_hash(const Ipv6Address& a, const Ipv6Address& b) {
  return internal::hash_words(internal::words_of(a) ^ internal::words_of(b));
}
constexpr uint32_t steering_hash(const Ipv4Address& a, const Ipv4Address& b, Be16 pa, Be16 pb) {
  return internal::hash_words(internal::words_of(a) ^ internal::words_of(b) ^ pa.host() ^
                              pb.host());
}
constexpr uint32_t steering_hash(const Ipv6Address& a, const Ipv6Address& b, Be16 pa, Be16 pb) {
  return internal::hash_words(internal::words_of(a) ^ internal::words_of(b) ^ pa.host() ^
                              pb.host());
}

// What of a packet decides who owns it, by the rules below.
template <class Address>
struct SteeringTuple {
  Address source, destination;
  IpProtocol protocol = IpProtocol::kNoNextHeader;  // so for fragments and what is malformed
  bool has_ports = false;                           // false: by addresses alone
  Be16 source_port{}, destination_port{};
};
std::optional<SteeringTuple<Ipv4Address>> steering_tuple_ipv4(std::span<const uint8_t> l3);
std::optional<SteeringTuple<Ipv6Address>> steering_tuple_ipv6(std::span<const uint8_t> l3);

// The hash of a packet, total for every input. `l3` is everything from the IP header on, checked
// or not.
//   TCP and UDP, whole:    addresses and ports
//   any fragment:          addresses (only the first piece knows the ports, and all pieces
//                          must go to one worker)
//   ICMP errors:           what the quoted packet hashes to, by these same rules
//   all else, malformed:   addresses; 0 when even these are not there
// Whole means that the header says so and the bytes of the ports are there, even if later ones
// are not: ICMP errors quote packets that are cut short.
inline uint32_t steer_ipv4(std::span<const uint8_t> l3) {
  if (l3.size() >= kIpv4HeaderSize + 4 && l3[0] == 0x45) [[likely]] {
    const Ipv4View ip(l3.data());
    const bool has_ports = ip.protocol() == IpProtocol::kTcp || ip.protocol() == IpProtocol::kUdp;
    if (has_ports && !ip.is_fragment() && ip.total_length() >= kIpv4HeaderSize + 4) [[likely]] {
      return internal::hash_words(load_be<uint32_t>(l3.data() + 12) ^
                                  load_be<uint32_t>(l3.data() + 16) ^
                                  load_be<uint32_t>(l3.data() + 20));
    }
  }
  return internal::steer_ipv4_slowly(l3);
}

inline uint32_t steer_ipv6(std::span<const uint8_t> l3) {
  if (l3.size() >= kIpv6HeaderSize + 4 && l3[0] >> 4 == 6) [[likely]] {
    const Ipv6View ip(l3.data());
    const bool has_ports =
        ip.next_header() == IpProtocol::kTcp || ip.next_header() == IpProtocol::kUdp;
    if (has_ports && ip.payload_length() >= 4) [[likely]] {
      return internal::hash_words(internal::words_of(ip.source()) ^
                                  internal::words_of(ip.destination()) ^
                                  load_be<uint32_t>(l3.data() + kIpv6HeaderSize));
    }
  }
  return internal::steer_ipv6_slowly(l3);
}

}  // namespace heddle::wire
