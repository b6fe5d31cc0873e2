#include "jwt/rules.h"

#include <algorithm>

namespace heddle::jwt {

namespace {

Result<> check_names(std::string_view field, const std::vector<std::string>& names) {
  if (names.empty() || names.size() > kMaxNames)
    return fail("{}: {} names; 1 to {} are allowed", field, names.size(), kMaxNames);
  for (const std::string& name : names)
    if (name.empty() || name.size() > kMaxNameBytes)
      return fail("{}: a name has 1 to {} bytes", field, kMaxNameBytes);
  return {};
}

}  // namespace

Result<> check(const Rules& rules) {
  if (rules.issuer.empty() || rules.issuer.size() > kMaxNameBytes)
    return fail("issuer: it is needed, and has at most {} bytes", kMaxNameBytes);
  HEDDLE_TRY(check_names("audiences", rules.audiences));
  HEDDLE_TRY(check_names("types", rules.types));
  if (rules.algorithms.empty() || rules.algorithms.size() > kAlgorithmNames.size())
    return fail("algorithms: 1 to {} are allowed, each once", kAlgorithmNames.size());
  if (rules.leeway < Duration() || rules.leeway > kMaxLeeway ||
      rules.leeway.ns() % seconds(1).ns() != 0)
    return fail("leeway: whole seconds from 0 to {} are allowed", kMaxLeeway.ms() / 1000);
  if (rules.max_token_bytes < kMinTokenBytes || rules.max_token_bytes > kMaxTokenBytes)
    return fail("max_token_bytes: {} to {} are allowed", kMinTokenBytes, kMaxTokenBytes);
  return {};
}

}  // namespace heddle::jwt
