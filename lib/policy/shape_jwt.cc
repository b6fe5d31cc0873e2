// The shape of JwtProviders, and of what asks for tokens.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "http/chars.h"
#include "http/field_id.h"
#include "jwt/algorithm.h"
#include "jwt/key_set.h"
#include "jwt/rules.h"
#include "names.h"
#include "policy/limits.h"
#include "shape.h"

namespace heddle::policy {

void ShapeChecker::check(const JwtProvider& spec) {
  text("spec.issuer", spec.issuer, 1, jwt::kMaxNameBytes);
  text("spec.jwks", spec.jwks, 1, jwt::kMaxKeySetBytes);
  if (count("spec.audiences", spec.audiences.size(), 1, jwt::kMaxNames, "audiences"))
    for (size_t i = 0; i < spec.audiences.size(); ++i)
      text(fmt::format("spec.audiences[{}]", i), spec.audiences[i], 1, jwt::kMaxNameBytes);
  std::set<std::string_view> seen;
  if (count("spec.algorithms", spec.algorithms.size(), 0, jwt::kAlgorithmNames.size(),
            "algorithms"))
    for (size_t i = 0; i < spec.algorithms.size(); ++i) {
      const std::string at = fmt::format("spec.algorithms[{}]", i);
      const std::string& name = spec.algorithms[i];
      if (!jwt::parse_algorithm(name))
        fail(at, quote(name) + " is none that is verified; expected RS256, ES256 or EdDSA");
      else if (!seen.insert(name).second)
        fail(at, quote(name) + " is there twice");
    }
  if (spec.leeway && (*spec.leeway < Duration() || *spec.leeway > jwt::kMaxLeeway ||
                      spec.leeway->ns() % seconds(1).ns() != 0))
    fail("spec.leeway", "expected whole seconds, 0s to 5m");
  jwt_place(spec.from, spec.forward);
  claim_headers(spec);
}

void ShapeChecker::jwt_place(const JwtPlace& place, bool forward) {
  const std::string& name = place.name;
  switch (place.kind) {
    case JwtPlace::Kind::kHeader: {
      field_name("spec.from.header.name", name);
      if (name == "cookie") fail("spec.from.header.name", "is where cookies are; give from.cookie");
      const auto is_word = [](char c) { return c > ' ' && c < 0x7f; };
      if (place.prefix.size() > kMaxJwtPrefix || !std::ranges::all_of(place.prefix, is_word))
        fail("spec.from.header.prefix",
             fmt::format("{} is no word of at most {} letters; the blank behind it is not a part "
                         "of it",
                         quote(place.prefix), kMaxJwtPrefix));
      return;
    }
    case JwtPlace::Kind::kQuery:
      if (name.empty() || name.size() > kMaxFieldName || !http::all(http::Chars::kTarget, name) ||
          name.find_first_of("&=#") != std::string::npos)
        fail("spec.from.query", quote(name) + " is no name in a query, as it is sent");
      if (forward)
        fail("spec.forward",
             "a token in the query would be in logs of endpoints; there it is always taken out");
      return;
    case JwtPlace::Kind::kCookie:
      if (name.empty() || name.size() > kMaxCookieName || !http::all(http::Chars::kToken, name))
        fail("spec.from.cookie", quote(name) + " is no name of a cookie, or longer than 256 bytes");
      return;
  }
  fail("spec.from", "is of no kind that is known");
}

void ShapeChecker::claim_headers(const JwtProvider& spec) {
  if (!count("spec.claim_to_headers", spec.claim_headers.size(), 0, kMaxClaimHeaders, "claims"))
    return;
  std::set<std::string_view> seen;
  for (size_t i = 0; i < spec.claim_headers.size(); ++i) {
    const auto& [claim, header] = spec.claim_headers[i];
    const std::string at = fmt::format("spec.claim_to_headers[{}]", i);
    text(at + ".claim", claim, 1, kMaxClaimPath);
    field_name(at + ".header", header);
    if (http::field_id_of(header) != http::FieldId::kOther)
      fail(at + ".header", quote(header) + " has a meaning of its own; take another, as x-user");
    else if (spec.from.kind == JwtPlace::Kind::kHeader && spec.from.name == header)
      fail(at + ".header", quote(header) + " is where the token is");
    if (!seen.insert(header).second) fail(at + ".header", quote(header) + " is there twice");
  }
}

void ShapeChecker::jwt_use(const std::string& field, const std::optional<JwtUse>& use) {
  if (!use || !count(field + ".providers", use->providers.size(), 1, kMaxJwtProviders, "providers"))
    return;
  names(field + ".providers", use->providers, kMaxJwtProviders);
}

void ShapeChecker::claims(const std::string& field, const std::vector<ClaimMatch>& claims) {
  if (!count(field, claims.size(), 0, kMaxSourceTerms, "claims")) return;
  for (const auto& [path, value] : claims) {
    if (path.empty() || path.size() > kMaxClaimPath)
      fail(field, fmt::format("{} is no claim: 1 to {} bytes", quote(path), kMaxClaimPath));
    if (value.size() > kMaxClaimValue)
      fail(field,
           fmt::format("the value of {} has more than {} bytes", quote(path), kMaxClaimValue));
  }
}

}  // namespace heddle::policy
