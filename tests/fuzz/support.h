// What the fuzz targets share. libFuzzer hands over each input in a block of its exact size, so
// the address sanitizer sees every byte read past the end.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

namespace heddle::fuzz {

// A property that every input must have.
inline void require(bool holds) {
  if (!holds) std::abort();
}

// Makes the compiler compute `value`, so that no read is optimised away.
template <class T>
void use(const T& value) {
  asm volatile("" : : "m"(value) : "memory");
}

inline void read_all(std::span<const uint8_t> bytes) {
  uint8_t sum = 0;
  for (const uint8_t byte : bytes) sum = static_cast<uint8_t>(sum + byte);
  use(sum);
}

// A copy of the exact size, for views that write.
inline std::vector<uint8_t> copy(std::span<const uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

}  // namespace heddle::fuzz
