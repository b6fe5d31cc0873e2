// Big-endian integers as a type: explicit in, .host() out, no arithmetic in between. They are
// made of bytes, so they have alignment 1 and may lie anywhere in a packet.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace heddle {

// Reads or writes a big-endian integer at any address. Also at compile time.
template <std::unsigned_integral T>
constexpr T load_be(const uint8_t* at) {
  if consteval {
    T value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>((value << 8) | at[i]);
    return value;
  } else {
    T value;
    std::memcpy(&value, at, sizeof(T));
    if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(value));
    if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(value));
    if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(value));
    if constexpr (sizeof(T) == 1) return value;
  }
}

template <std::unsigned_integral T>
constexpr void store_be(uint8_t* at, T value) {
  if consteval {
    for (size_t i = 0; i < sizeof(T); ++i)
      at[i] = static_cast<uint8_t>(value >> (8 * (sizeof(T) - 1 - i)));
  } else {
    if constexpr (sizeof(T) == 8) value = static_cast<T>(__builtin_bswap64(value));
    if constexpr (sizeof(T) == 4) value = static_cast<T>(__builtin_bswap32(value));
    if constexpr (sizeof(T) == 2) value = static_cast<T>(__builtin_bswap16(value));
    std::memcpy(at, &value, sizeof(T));
  }
}

template <std::unsigned_integral T>
class Big {
 public:
  constexpr Big() = default;
  constexpr explicit Big(T host) { store_be(bytes_.data(), host); }

  constexpr T host() const { return load_be<T>(bytes_.data()); }

  // Numeric order, which for big-endian bytes is also the bytes' own order.
  friend constexpr auto operator<=>(const Big& a, const Big& b) { return a.host() <=> b.host(); }
  friend constexpr bool operator==(const Big&, const Big&) = default;

 private:
  std::array<uint8_t, sizeof(T)> bytes_{};
};

using Be16 = Big<uint16_t>;
using Be32 = Big<uint32_t>;
using Be64 = Big<uint64_t>;

static_assert(sizeof(Be32) == 4 && alignof(Be32) == 1);

}  // namespace heddle
