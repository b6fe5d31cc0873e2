// Why a token was refused: one list, whose names are counters. A token that is refused grants
// nothing, whatever else is right with it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heddle::jwt {

enum class Refusal : uint8_t {
  kTooLarge,
  kMalformed,
  kNested,
  kBadBase64,
  kBadJson,
  kDuplicateMember,
  kAlgNone,
  kAlgNotAllowed,
  kCrit,
  kWrongType,
  kUnknownKey,
  kBadSignature,
  kMissingClaim,
  kBadClaim,
  kWrongIssuer,
  kWrongAudience,
  kExpired,
  kNotYetValid,
  kLibrary,
  kCount,
};

struct RefusalText {
  Refusal refusal;
  std::string_view name;
  std::string_view sentence;
};

inline constexpr std::array<RefusalText, static_cast<size_t>(Refusal::kCount)> kRefusals{{
    {Refusal::kTooLarge, "too_large",
     "A token of more bytes, or with more or deeper members, than the limits."},
    {Refusal::kMalformed, "malformed",
     "Not three parts between dots, or a header that lacks alg or whose members are of a wrong "
     "kind: no signed JWT."},
    {Refusal::kNested, "nested", "An encrypted token (five parts), or a token inside a token."},
    {Refusal::kBadBase64, "bad_base64",
     "A part that is not base64url without padding, or not in its one canonical form."},
    {Refusal::kBadJson, "bad_json",
     "A header or payload that is no JSON object, or has a number that does not fit 64 bits."},
    {Refusal::kDuplicateMember, "duplicate_member",
     "A JSON object with two members of one name, which readers understand differently."},
    {Refusal::kAlgNone, "alg_none", "A token without a signature (alg none): forged."},
    {Refusal::kAlgNotAllowed, "alg_not_allowed",
     "The token's alg is not allowed, or not that of the key it names."},
    {Refusal::kCrit, "crit",
     "The header has crit: the token needs an extension, and none is understood (RFC 7515 "
     "4.1.11)."},
    {Refusal::kWrongType, "wrong_type",
     "The header's typ is that of another use, such as a logout token (RFC 8725 3.11)."},
    {Refusal::kUnknownKey, "unknown_key",
     "No key of the set fits the token's kid and alg: is the JWKS older than a rotation?"},
    {Refusal::kBadSignature, "bad_signature",
     "The signature is not that of the key: the token was changed, or is another issuer's."},
    {Refusal::kMissingClaim, "missing_claim", "A claim that is required is not there."},
    {Refusal::kBadClaim, "bad_claim", "A registered claim is not of the kind that RFC 7519 says."},
    {Refusal::kWrongIssuer, "wrong_issuer", "The token is of another issuer (iss)."},
    {Refusal::kWrongAudience, "wrong_audience", "The token is for somebody else (aud)."},
    {Refusal::kExpired, "expired", "The token has expired (exp): does the client refresh it?"},
    {Refusal::kNotYetValid, "not_yet_valid",
     "The token is not valid yet (nbf): do the clocks agree?"},
    {Refusal::kLibrary, "library", "OpenSSL or the JSON reader failed: no memory is left."},
}};

static_assert([] {
  for (size_t i = 0; i < kRefusals.size(); ++i)
    if (kRefusals[i].refusal != static_cast<Refusal>(i)) return false;
  return true;
}());

constexpr const RefusalText& text_of(Refusal refusal) {
  return kRefusals[static_cast<size_t>(refusal)];
}
constexpr std::string_view name_of(Refusal refusal) { return text_of(refusal).name; }

}  // namespace heddle::jwt
