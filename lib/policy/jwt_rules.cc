#include "policy/jwt_check.h"

namespace heddle::policy {

jwt::Rules rules_of(const JwtProvider& provider) {
  jwt::Rules rules;
  rules.issuer = provider.issuer;
  rules.audiences = provider.audiences;
  if (!provider.algorithms.empty()) rules.algorithms.clear();
  for (const std::string& name : provider.algorithms)
    if (const auto algorithm = jwt::parse_algorithm(name)) rules.algorithms.push_back(*algorithm);
  if (provider.leeway) rules.leeway = *provider.leeway;
  return rules;
}

}  // namespace heddle::policy
