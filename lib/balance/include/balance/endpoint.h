// What all balancers share: an endpoint as they see it, and the hash arithmetic between them.
#pragma once

#include <cstdint>

namespace heddle::balance {

struct Endpoint {
  uint64_t key = 0;     // the same for the same endpoint on every node and in every snapshot
  uint32_t weight = 0;  // 0: takes no traffic
};

// Balancers answer with a position in the list of endpoints that they were built from, or this.
inline constexpr uint32_t kNoEndpoint = UINT32_MAX;

// All balancers number endpoints in 16 bits, of which 0xffff means none.
inline constexpr uint32_t kMaxEndpoints = 65'535;

// A permutation of 64 bits in which each input bit reaches each output bit (the finalizer of
// splitmix64).
constexpr uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// Brings the good bits of a hash, wherever they are, up to where scale() looks.
constexpr uint64_t spread(uint64_t hash) { return hash * 0x9e3779b97f4a7c15; }

// Where `hash` falls in [0, size), by its high bits; a multiplication instead of a division.
constexpr uint32_t scale(uint64_t hash, uint32_t size) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<uint32_t>((static_cast<Wide>(hash) * size) >> 64);
}

}  // namespace heddle::balance
