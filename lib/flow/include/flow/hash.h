// KeyHash: the keyed hash of the flow table, the same for a key and its reverse.
//
// Tuples come from strangers, so the hash has a secret: folded 64-bit multiplications with random
// words mixed into every operand. Without the secret nobody can choose tuples that share a
// bucket. The steering hash has none and is not used here.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/random.h"
#include "flow/key.h"

namespace heddle::flow {

class KeyHash {
 public:
  explicit KeyHash(uint64_t seed) {
    Random random(seed);
    for (uint64_t& word : secret_) word = random.next() | 1;
  }

  uint64_t operator()(const Key4& key) const {
    const auto protocol = uint64_t{static_cast<uint8_t>(key.protocol())} << 48;
    const uint64_t source = (key.addresses() & UINT32_MAX) << 16 | (key.ports() & 0xffff);
    const uint64_t destination = key.addresses() >> 32 << 16 | key.ports() >> 16;
    // The smaller end first: both directions give one order.
    const uint64_t low = std::min(source, destination);
    const uint64_t high = std::max(source, destination);
    const uint64_t mixed = fold((low | protocol) ^ secret_[0], high ^ secret_[1]);
    return fold(mixed ^ secret_[2], secret_[3]);
  }

  uint64_t operator()(const Key6& key) const {
    const uint64_t source = end(key.source_words(), key.ports() & 0xffff);
    const uint64_t destination = end(key.destination_words(), key.ports() >> 16);
    // The ends themselves are hashed, so that ordering them is two instructions.
    const uint64_t low = std::min(source, destination);
    const uint64_t high = std::max(source, destination);
    const uint64_t mixed =
        fold(low ^ secret_[6] ^ static_cast<uint8_t>(key.protocol()), high ^ secret_[7]);
    return fold(mixed ^ secret_[2], secret_[3]);
  }

  // Of one address, with 16 bits beside it.
  uint64_t operator()(const wire::Ipv4Address& address, uint64_t beside) const {
    return fold((internal::load<uint32_t>(&address) | beside << 32) ^ secret_[4], secret_[5]);
  }
  uint64_t operator()(const wire::Ipv6Address& address, uint64_t beside) const {
    return fold(end(Words6(address), beside) ^ secret_[2], secret_[3]);
  }

 private:
  static uint64_t fold(uint64_t a, uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }
  uint64_t end(const Words6& address, uint64_t port) const {
    const uint64_t mixed = fold(address.first ^ secret_[0], address.second ^ secret_[1]);
    return fold(mixed ^ port, secret_[4]) ^ secret_[5];
  }

  std::array<uint64_t, 8> secret_;
};

}  // namespace heddle::flow
