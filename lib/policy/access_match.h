// Whether a sender is one of those that a rule speaks of.
#pragma once

#include "policy/decide.h"

namespace heddle::policy {

// But for claims.
bool matches(const SourceMatch& match, const Flow& flow);
// Whether the request's token says what the rule asks for, and nothing that it must not.
bool claims_fit(const SourceMatch& match, const jwt::ClaimsView* claims);

inline bool asks_claims(const SourceMatch& match) {
  return !match.claims.empty() || !match.not_claims.empty();
}

// The same of a sender whose identity is not known yet: whether there is one with which it is.
bool may_match(const SourceMatch& match, const Flow& flow);

}  // namespace heddle::policy
