// Bytes written as hex text, and seeds that a failing test prints.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <span>
#include <vector>

#include "core/random.h"

namespace heddle::wire {

template <size_t N>
struct HexText {
  char text[N];
  consteval HexText(const char (&from)[N]) { std::copy_n(from, N, text); }

  static constexpr bool is_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  }
  consteval size_t bytes() const {
    return static_cast<size_t>(std::count_if(text, text + N, is_digit)) / 2;
  }
};

// "45 00 00 14"_bytes; lower-case digits, anything else is passed over.
template <HexText kText>
consteval auto operator""_bytes() {
  std::array<uint8_t, kText.bytes()> bytes{};
  size_t digits = 0;
  for (const char c : kText.text) {
    if (!kText.is_digit(c)) continue;
    const auto value = static_cast<uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    bytes[digits / 2] = static_cast<uint8_t>(bytes[digits / 2] << 4 | value);
    ++digits;
  }
  return bytes;
}

using Bytes = std::vector<uint8_t>;

// A new seed each run; HEDDLE_SEED=N repeats a run.
inline uint64_t test_seed() {
  const char* wanted = std::getenv("HEDDLE_SEED");
  const uint64_t seed =
      wanted != nullptr ? std::strtoull(wanted, nullptr, 0) : uint64_t{std::random_device{}()};
  std::printf("HEDDLE_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

inline Bytes joined(std::span<const uint8_t> head, std::span<const uint8_t> tail) {
  Bytes bytes(head.size() + tail.size());
  std::ranges::copy(head, bytes.begin());
  std::ranges::copy(tail, bytes.begin() + static_cast<ptrdiff_t>(head.size()));
  return bytes;
}

inline Bytes random_bytes(Random& random, size_t size) {
  Bytes bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.next() >> 56);
  return bytes;
}

}  // namespace heddle::wire
