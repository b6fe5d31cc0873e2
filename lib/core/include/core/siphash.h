// SipHash-2-4 (Aumasson and Bernstein 2012): a keyed pseudo-random function, for what strangers
// must not guess and for tables that they must not fill with collisions.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace heddle {

using SipKey = std::array<uint64_t, 2>;

namespace internal {

struct SipState {
  uint64_t v0, v1, v2, v3;

  constexpr explicit SipState(const SipKey& key)
      : v0(key[0] ^ 0x736f6d6570736575),
        v1(key[1] ^ 0x646f72616e646f6d),
        v2(key[0] ^ 0x6c7967656e657261),
        v3(key[1] ^ 0x7465646279746573) {}

  constexpr void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  constexpr void word(uint64_t m) {
    v3 ^= m;
    round();
    round();
    v0 ^= m;
  }
  constexpr uint64_t finish() {
    v2 ^= 0xff;
    for (int i = 0; i < 4; ++i) round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

}  // namespace internal

constexpr uint64_t siphash(const SipKey& key, std::span<const uint8_t> bytes) {
  internal::SipState state(key);
  uint64_t m = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    m |= uint64_t{bytes[i]} << (8 * (i % 8));
    if (i % 8 == 7) {
      state.word(m);
      m = 0;
    }
  }
  state.word(m | uint64_t{bytes.size()} << 56);
  return state.finish();
}

// Of whole words, as if they lay in memory in this machine's order.
template <size_t N>
constexpr uint64_t siphash_words(const SipKey& key, const std::array<uint64_t, N>& words) {
  internal::SipState state(key);
  for (const uint64_t word : words) state.word(word);
  state.word(uint64_t{8 * N} << 56);
  return state.finish();
}

}  // namespace heddle
