#include "base64url.h"

#include <array>

#include "core/check.h"

namespace heddle::jwt {

namespace {

constexpr uint8_t kNone = 0xff;

constexpr std::array<uint8_t, 256> kValues = [] {
  std::array<uint8_t, 256> values{};
  values.fill(kNone);
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (size_t i = 0; i < kAlphabet.size(); ++i)
    values[static_cast<uint8_t>(kAlphabet[i])] = static_cast<uint8_t>(i);
  return values;
}();

}  // namespace

bool decode_base64url(std::string_view text, std::span<uint8_t> out) {
  HEDDLE_CHECK(out.size() >= decoded_size(text.size()), "no room for what is decoded");
  if (text.size() % 4 == 1) return false;
  uint32_t bits = 0;
  uint32_t waiting = 0;
  size_t at = 0;
  for (const char c : text) {
    const uint8_t value = kValues[static_cast<uint8_t>(c)];
    if (value == kNone) return false;
    bits = bits << 6 | value;
    waiting += 6;
    if (waiting < 8) continue;
    waiting -= 8;
    out[at++] = static_cast<uint8_t>(bits >> waiting);
    bits &= (1U << waiting) - 1;
  }
  return bits == 0;
}

std::optional<std::vector<uint8_t>> decode_base64url(std::string_view text) {
  std::vector<uint8_t> bytes(decoded_size(text.size()));
  if (!decode_base64url(text, bytes)) return {};
  return bytes;
}

}  // namespace heddle::jwt
