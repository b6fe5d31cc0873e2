// JSON Web Tokens as policy asks for them, as it was applied: who issues them, where requests have
// them, and which requests are asked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/time.h"

namespace heddle::policy {

struct JwtPlace {
  enum class Kind : uint8_t { kHeader, kQuery, kCookie };
  Kind kind = Kind::kHeader;
  std::string name = "authorization";  // of a header in small letters
  std::string prefix = "Bearer";       // of a header: a word before the token; empty: none
  friend bool operator==(const JwtPlace&, const JwtPlace&) = default;
};

// An endpoint is told the claim in the header.
struct ClaimHeader {
  std::string claim, header;  // the header in small letters
  friend bool operator==(const ClaimHeader&, const ClaimHeader&) = default;
};

struct JwtProvider {
  std::string issuer;
  std::vector<std::string> audiences;
  std::string jwks;                     // JSON text
  std::vector<std::string> algorithms;  // as in `alg`; none: all that there are
  std::optional<Duration> leeway;       // none: 30 s
  JwtPlace from;
  bool forward = false;  // to endpoints
  std::vector<ClaimHeader> claim_headers;
  friend bool operator==(const JwtProvider&, const JwtProvider&) = default;
};

// That requests are asked for a token of one of these, which are of the same namespace.
struct JwtUse {
  std::vector<std::string> providers;
  bool required = true;  // else one without a token is taken as it is
  friend bool operator==(const JwtUse&, const JwtUse&) = default;
};

// A claim that a rule of an AccessPolicy asks for.
struct ClaimMatch {
  std::string path, value;
  friend bool operator==(const ClaimMatch&, const ClaimMatch&) = default;
};

}  // namespace heddle::policy
