// JwtProvider, and what asks for its tokens.
#include <fmt/format.h>

#include <algorithm>

#include "policy/limits.h"
#include "policy_reader.h"

namespace heddle::server {
namespace {

constexpr size_t kMostNames = 16;
constexpr Duration kMostLeeway = seconds(300);

policy::JwtPlace read_place(const v1::JwtPlace& from, PolicyReader& reader) {
  switch (from.place_case()) {
    case v1::JwtPlace::kHeader:
      return {policy::JwtPlace::Kind::kHeader, in_small_letters(from.header().name()),
              from.header().prefix()};
    case v1::JwtPlace::kQuery:
      return {policy::JwtPlace::Kind::kQuery, from.query(), ""};
    case v1::JwtPlace::kCookie:
      return {policy::JwtPlace::Kind::kCookie, from.cookie(), ""};
    case v1::JwtPlace::PLACE_NOT_SET:
      break;
  }
  reader.problem("spec.from", "says nothing; expected header, query or cookie");
  return {};
}

}  // namespace

policy::JwtProvider read(const v1::JwtProvider& from, PolicyReader& reader) {
  policy::JwtProvider to;
  if (!reader.fits(from.audiences_size(), kMostNames, "spec.audiences") ||
      !reader.fits(from.algorithms_size(), kMostNames, "spec.algorithms") ||
      !reader.fits(from.claim_to_headers_size(), policy::kMaxClaimHeaders, "spec.claim_to_headers"))
    return to;
  to.issuer = from.issuer();
  to.audiences = {from.audiences().begin(), from.audiences().end()};
  to.jwks = from.jwks();
  if (!from.jwks_file().empty())
    reader.problem("spec.jwks_file",
                   "is read by heddlectl, which sends what is in it as jwks; heddled reads none");
  to.algorithms = {from.algorithms().begin(), from.algorithms().end()};
  if (from.has_leeway()) {
    to.leeway = PolicyReader::time(from.leeway(), Duration(), kMostLeeway);
    if (!to.leeway) reader.problem("spec.leeway", "expected whole seconds, 0s to 5m");
  }
  if (from.has_from()) to.from = read_place(from.from(), reader);
  to.forward = from.forward();
  for (const v1::ClaimHeader& each : from.claim_to_headers())
    to.claim_headers.push_back({each.claim(), in_small_letters(each.header())});
  return to;
}

policy::JwtUse read_jwt_use(const v1::JwtUse& from, const std::string& field,
                            PolicyReader& reader) {
  policy::JwtUse to;
  if (!reader.fits(from.providers_size(), policy::kMaxJwtProviders, field + ".providers"))
    return to;
  to.providers = {from.providers().begin(), from.providers().end()};
  to.required = !from.has_required() || from.required();
  return to;
}

std::vector<policy::ClaimMatch> read_claims(
    const google::protobuf::Map<std::string, std::string>& from, const std::string& field,
    PolicyReader& reader) {
  std::vector<policy::ClaimMatch> to;
  if (!reader.fits(static_cast<int>(from.size()), policy::kMaxSourceTerms, field)) return to;
  for (const auto& [path, value] : from) to.push_back({path, value});
  std::ranges::sort(to, {}, &policy::ClaimMatch::path);
  return to;
}

}  // namespace heddle::server
