// Rules: which tokens of an issuer are taken: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "jwt/algorithm.h"

namespace heddle::jwt {

inline constexpr uint32_t kMinTokenBytes = 256;
inline constexpr uint32_t kMaxTokenBytes = 32 * 1024;  // that max_token_bytes may be
inline constexpr uint32_t kMaxNames = 16;              // audiences; types
inline constexpr uint32_t kMaxNameBytes = 1024;        // of an issuer, an audience, a type
inline constexpr Duration kMaxLeeway = seconds(300);

struct Rules {
  std::string issuer;                  // iss must be this; compared byte by byte (RFC 7519 4.1.1)
  std::vector<std::string> audiences;  // aud must have one of these
  // `typ` in the header must be one of these, without regard to case; a token without typ is taken
  // as one of them (RFC 8725 3.11, RFC 9068 2.1).
  std::vector<std::string> types = {"JWT", "at+jwt"};
  std::vector<Algorithm> algorithms = {Algorithm::kRs256, Algorithm::kEs256, Algorithm::kEdDsa};
  Duration leeway = seconds(30);  // by how much clocks may differ, for exp and nbf; whole seconds
  uint32_t max_token_bytes = 8 * 1024;
  bool expiry_required = true;  // otherwise a token without exp never expires
  friend bool operator==(const Rules&, const Rules&) = default;
};

// A sentence that names the field that is missing or out of bounds.
Result<> check(const Rules& rules);

}  // namespace heddle::jwt
