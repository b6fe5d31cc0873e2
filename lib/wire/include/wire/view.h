// HeaderView: what all checked views share. A view is a pointer to a header that a check_*
// function has accepted; after that every accessor is total, and none of them checks again.
// Copying a view copies the pointer, as with std::span; it owns nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/endian.h"

namespace heddle::wire {

// Copies N bytes from or to any address. Also at compile time.
template <size_t N>
constexpr std::array<uint8_t, N> load_bytes(const uint8_t* at) {
  std::array<uint8_t, N> bytes{};
  if consteval {
    for (size_t i = 0; i < N; ++i) bytes[i] = at[i];
  } else {
    std::memcpy(bytes.data(), at, N);
  }
  return bytes;
}

template <size_t N>
constexpr void store_bytes(uint8_t* at, const std::array<uint8_t, N>& bytes) {
  if consteval {
    for (size_t i = 0; i < N; ++i) at[i] = bytes[i];
  } else {
    std::memcpy(at, bytes.data(), N);
  }
}

template <class Byte>
concept MutableByte = !std::is_const_v<Byte>;

// A view for writing may be passed where one for reading is wanted.
template <class To, class From>
concept ReadOnlyOf = !MutableByte<To> && MutableByte<From>;

// Byte is `const uint8_t` for reading only, `uint8_t` for setters too.
template <class Byte>
class HeaderView {
 public:
  explicit constexpr HeaderView(Byte* at) : at_(at) {}

  constexpr Byte* data() const { return at_; }

 protected:
  constexpr uint8_t get8(size_t offset) const { return at_[offset]; }
  constexpr uint16_t get16(size_t offset) const { return load_be<uint16_t>(at_ + offset); }
  constexpr uint32_t get32(size_t offset) const { return load_be<uint32_t>(at_ + offset); }
  template <class T>
  constexpr T get(size_t offset) const {
    return T::from(at_ + offset);
  }

  constexpr void put8(size_t offset, uint8_t value) const
    requires MutableByte<Byte>
  {
    at_[offset] = value;
  }
  constexpr void put16(size_t offset, uint16_t value) const
    requires MutableByte<Byte>
  {
    store_be(at_ + offset, value);
  }
  constexpr void put32(size_t offset, uint32_t value) const
    requires MutableByte<Byte>
  {
    store_be(at_ + offset, value);
  }
  template <class T>
  constexpr void put(size_t offset, const T& value) const
    requires MutableByte<Byte>
  {
    value.store(at_ + offset);
  }

 private:
  Byte* at_;
};

}  // namespace heddle::wire
