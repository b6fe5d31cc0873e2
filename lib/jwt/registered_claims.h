// The registered claims of a payload against the rules (RFC 7519 4.1).
#pragma once

#include <cstdint>
#include <expected>

#include "core/unix_time.h"
#include "json.h"
#include "jwt/refusal.h"
#include "jwt/rules.h"

namespace heddle::jwt {

struct Validity {
  int64_t expires = INT64_MAX;       // exp, rounded down; INT64_MAX: never
  int64_t refused_from = INT64_MAX;  // with the leeway
};

std::expected<Validity, Refusal> check_claims(json::object payload, const Rules& rules,
                                              UnixTime now);

}  // namespace heddle::jwt
