#include "registered_claims.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace heddle::jwt {

namespace {

// Doubles are whole seconds up to here, and no sum of seconds overflows.
constexpr int64_t kMaxDate = int64_t{1} << 53;

using Wrong = std::optional<Refusal>;

Wrong check_issuer(json::object payload, const Rules& rules) {
  const auto found = member(payload, "iss");
  if (!found) return Refusal::kMissingClaim;
  const auto issuer = string_of(*found);
  if (!issuer) return Refusal::kBadClaim;
  if (*issuer != rules.issuer) return Refusal::kWrongIssuer;
  return {};
}

// One string, or a list of them (RFC 7519 4.1.3).
Wrong check_audience(json::object payload, const Rules& rules) {
  const auto found = member(payload, "aud");
  if (!found) return Refusal::kMissingClaim;
  const auto wanted = [&](std::string_view audience) {
    return std::ranges::find(rules.audiences, audience) != rules.audiences.end();
  };
  if (const auto one = string_of(*found))
    return wanted(*one) ? Wrong() : Wrong(Refusal::kWrongAudience);
  json::array list;
  if (found->get(list) != simdjson::SUCCESS) return Refusal::kBadClaim;
  bool any = false;
  for (const json::element each : list) {
    const auto audience = string_of(each);
    if (!audience) return Refusal::kBadClaim;
    any = any || wanted(*audience);
  }
  return any ? Wrong() : Wrong(Refusal::kWrongAudience);
}

enum class Round : uint8_t { kDown, kUp };

// A NumericDate may have a fraction (RFC 7519 2). Empty: no number, or none that is a date.
std::optional<int64_t> date_of(json::element element, Round round) {
  int64_t whole = 0;
  double fraction = 0;
  if (element.is_int64()) {
    if (element.get(whole) != simdjson::SUCCESS) return {};
  } else {
    // get(double) takes the unsigned integers too, which are all beyond.
    if (element.get(fraction) != simdjson::SUCCESS ||
        !(std::abs(fraction) <= static_cast<double>(kMaxDate)))
      return {};
    whole =
        static_cast<int64_t>(round == Round::kDown ? std::floor(fraction) : std::ceil(fraction));
  }
  if (whole > kMaxDate || whole < -kMaxDate) return {};
  return whole;
}

}  // namespace

std::expected<Validity, Refusal> check_claims(json::object payload, const Rules& rules,
                                              UnixTime now) {
  if (const Wrong wrong = check_issuer(payload, rules)) return std::unexpected(*wrong);
  if (const Wrong wrong = check_audience(payload, rules)) return std::unexpected(*wrong);
  if (const auto subject = member(payload, "sub"); subject && !string_of(*subject))
    return std::unexpected(Refusal::kBadClaim);
  const int64_t leeway = rules.leeway.ms() / 1000;
  Validity validity;
  if (const auto found = member(payload, "exp")) {
    const auto expires = date_of(*found, Round::kDown);
    if (!expires) return std::unexpected(Refusal::kBadClaim);
    validity = {*expires, *expires + leeway};
  } else if (rules.expiry_required) {
    return std::unexpected(Refusal::kMissingClaim);
  }
  if (now.value() >= validity.refused_from) return std::unexpected(Refusal::kExpired);
  if (const auto found = member(payload, "nbf")) {
    const auto from = date_of(*found, Round::kUp);
    if (!from) return std::unexpected(Refusal::kBadClaim);
    if (now.value() < *from - leeway) return std::unexpected(Refusal::kNotYetValid);
  }
  if (const auto issued = member(payload, "iat"); issued && !date_of(*issued, Round::kDown))
    return std::unexpected(Refusal::kBadClaim);
  return validity;
}

}  // namespace heddle::jwt
