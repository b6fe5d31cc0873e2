// The form of a token: its parts, and what its header asks for (RFC 7515 3.1, 4.1 and 7.1).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "json.h"
#include "jwt/refusal.h"
#include "jwt/rules.h"

namespace heddle::jwt {

struct TokenParts {
  std::string_view header;  // as base64url, like the others
  std::string_view payload;
  std::string_view signature;             // may be empty
  std::span<const uint8_t> signed_bytes;  // header, dot and payload
};

std::expected<TokenParts, Refusal> split(std::string_view token);

struct Header {
  Algorithm algorithm;
  std::optional<std::string_view> kid;  // in the document
};

// Members that bring keys along (jwk, jku, x5c, x5u) are of no effect: keys come from the set alone
// (RFC 8725 3.10).
std::expected<Header, Refusal> read_header(json::object header, const Rules& rules);

}  // namespace heddle::jwt
