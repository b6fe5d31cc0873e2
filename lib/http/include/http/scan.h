// How the parser runs over text, 32 bytes a step. Nothing behind `end` is ever read: what is left
// of less than a vector is looked at in smaller steps.
#pragma once

#include <cstdint>

#ifdef __AVX2__
#include <immintrin.h>
#endif

#include "http/chars.h"

namespace heddle::http::scan {

// One byte a step: for processors without AVX2, for what is left over, and as the slow twin in
// tests.
namespace scalar {

template <Chars kChars>
const char* find_not(const char* at, const char* end) {
  while (at < end && is(kChars, *at)) ++at;
  return at;
}

inline const char* find_not_field_text(const char* at, const char* end) {
  while (at < end && is_field_text(*at)) ++at;
  return at;
}

inline void copy_lower(char* to, const char* from, size_t size) {
  for (size_t i = 0; i < size; ++i) to[i] = lower(from[i]);
}

}  // namespace scalar

#ifdef __AVX2__

namespace detail {

// For each low nibble a bit for each high nibble below 8 with which it makes a character of the
// set; two look-ups by shuffle then classify a whole vector.
template <Chars kChars>
constexpr std::array<uint8_t, 16> low_nibbles() {
  std::array<uint8_t, 16> table{};
  for (int c = 0; c < 128; ++c)
    if (is(kChars, static_cast<char>(c)))
      table[static_cast<size_t>(c & 15)] |= static_cast<uint8_t>(1 << (c >> 4));
  return table;
}

inline constexpr std::array<uint8_t, 16> kHighBits = {1, 2, 4, 8, 16, 32, 64, 128};

// Works for one or two lanes of 16 bytes.
template <Chars kChars>
struct NotIn {
  static constexpr std::array<uint8_t, 16> kLow = low_nibbles<kChars>();

  static uint32_t mask(__m256i bytes) {
    const __m256i low = _mm256_broadcastsi128_si256(load(kLow));
    const __m256i high = _mm256_broadcastsi128_si256(load(kHighBits));
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i found = _mm256_and_si256(
        _mm256_shuffle_epi8(low, _mm256_and_si256(bytes, nibble)),
        _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble)));
    return static_cast<uint32_t>(
        _mm256_movemask_epi8(_mm256_cmpeq_epi8(found, _mm256_setzero_si256())));
  }
  static uint32_t mask(__m128i bytes) {
    const __m128i nibble = _mm_set1_epi8(15);
    const __m128i found = _mm_and_si128(
        _mm_shuffle_epi8(load(kLow), _mm_and_si128(bytes, nibble)),
        _mm_shuffle_epi8(load(kHighBits), _mm_and_si128(_mm_srli_epi16(bytes, 4), nibble)));
    return static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(found, _mm_setzero_si128())));
  }
  static __m128i load(const std::array<uint8_t, 16>& table) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(table.data()));
  }
};

struct NotFieldText {
  static uint32_t mask(__m256i bytes) {
    const __m256i control =
        _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, _mm256_set1_epi8(0x1f)), bytes);
    const __m256i tab = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\t'));
    const __m256i del = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(0x7f));
    return static_cast<uint32_t>(
        _mm256_movemask_epi8(_mm256_or_si256(_mm256_andnot_si256(tab, control), del)));
  }
  static uint32_t mask(__m128i bytes) {
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    const __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
    const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
    return static_cast<uint32_t>(
        _mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, control), del)));
  }
};

template <class Not>
const char* first(const char* at, const char* end) {
  for (; end - at >= 32; at += 32) {
    const uint32_t mask = Not::mask(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
    if (mask != 0) return at + __builtin_ctz(mask);
  }
  if (end - at >= 16) {
    const uint32_t mask = Not::mask(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
    if (mask != 0) return at + __builtin_ctz(mask);
    at += 16;
  }
  return at;
}

}  // namespace detail

// The first byte that is not of the set; `end` when all are.
template <Chars kChars>
const char* find_not(const char* at, const char* end) {
  at = detail::first<detail::NotIn<kChars>>(at, end);
  return end - at >= 16 ? at : scalar::find_not<kChars>(at, end);
}

// The first byte that ends a field's value: CR, LF, or what must not be there.
inline const char* find_not_field_text(const char* at, const char* end) {
  at = detail::first<detail::NotFieldText>(at, end);
  return end - at >= 16 ? at : scalar::find_not_field_text(at, end);
}

namespace detail {

inline __m128i to_lower(__m128i bytes) {
  const __m128i upper = _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8('A' - 1)),
                                      _mm_cmpgt_epi8(_mm_set1_epi8('Z' + 1), bytes));
  return _mm_add_epi8(bytes, _mm_and_si128(upper, _mm_set1_epi8('a' - 'A')));
}

// 8 to 15 bytes as two words that overlap; both are read before either is written.
inline void copy_lower_words(char* to, const char* from, size_t size) {
  const __m128i first = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
  const __m128i last = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from + size - 8));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), to_lower(first));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to + size - 8), to_lower(last));
}

}  // namespace detail

// Lower case of A to Z. `to` may overlap `from` when it lies before it.
inline void copy_lower(char* to, const char* from, size_t size) {
  size_t i = 0;
  for (; size - i >= 16; i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), detail::to_lower(bytes));
  }
  if (size - i >= 8) return detail::copy_lower_words(to + i, from + i, size - i);
  scalar::copy_lower(to + i, from + i, size - i);
}

#else

using scalar::copy_lower;
using scalar::find_not;
using scalar::find_not_field_text;

#endif

}  // namespace heddle::http::scan
