// Numbers as HTTP/1 writes them.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/chars.h"

namespace heddle::http1 {

// The largest length of a body or chunk: far beyond any, and sums of two do not overflow.
inline constexpr uint64_t kMaxLength = uint64_t{1} << 60;

// Decimal digits alone, at most kMaxLength (RFC 9110 8.6).
constexpr bool parse_length(std::string_view text, uint64_t& length) {
  if (text.empty() || text.size() > 19 || !http::all(http::Chars::kDigit, text)) return false;
  length = 0;
  for (const char c : text) length = length * 10 + static_cast<uint64_t>(c - '0');
  return length <= kMaxLength;
}

constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Writes at most 20 digits and returns how many.
constexpr uint32_t write_decimal(char* to, uint64_t n) {
  char digits[20] = {};
  uint32_t size = 0;
  do {
    digits[size++] = static_cast<char>('0' + n % 10);
    n /= 10;
  } while (n > 0);
  for (uint32_t i = 0; i < size; ++i) to[i] = digits[size - 1 - i];
  return size;
}

// Writes at most 16 digits and returns how many.
constexpr uint32_t write_hex(char* to, uint64_t n) {
  char digits[16] = {};
  uint32_t size = 0;
  do {
    digits[size++] = "0123456789abcdef"[n & 15];
    n >>= 4;
  } while (n > 0);
  for (uint32_t i = 0; i < size; ++i) to[i] = digits[size - 1 - i];
  return size;
}

}  // namespace heddle::http1
