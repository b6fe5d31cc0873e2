// base64url without padding, as JOSE has it (RFC 7515 2, RFC 4648 5).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace heddle::jwt {

constexpr size_t decoded_size(size_t characters) { return characters * 3 / 4; }

// Writes decoded_size(text.size()) bytes. False for other characters, padding, a length that no
// encoder makes, and bits at the end that are not zero: each value has one text.
bool decode_base64url(std::string_view text, std::span<uint8_t> out);
std::optional<std::vector<uint8_t>> decode_base64url(std::string_view text);

}  // namespace heddle::jwt
