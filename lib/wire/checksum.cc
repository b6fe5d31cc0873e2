#include "wire/checksum.h"

namespace heddle::wire::internal {

// Sums 32-bit words into 64 bits, which cannot overflow below 16 GiB; the compiler makes a
// vector loop of it, which the carry chain of a 64-bit sum would forbid.
uint16_t sum_words_fast(const uint8_t* at, size_t size) {
  uint64_t sum = 0;
  const uint8_t* const words_end = at + (size & ~size_t{3});
  for (; at != words_end; at += 4) sum += load_native<uint32_t>(at);
  if ((size & 2) != 0) {
    sum += load_native<uint16_t>(at);
    at += 2;
  }
  if ((size & 1) != 0) {
    const std::array<uint8_t, 2> padded{*at, 0};
    sum += load_native<uint16_t>(padded.data());
  }
  return sum_from_native(sum);
}

}  // namespace heddle::wire::internal
