// Whether a sender is one of those that a rule speaks of.
#pragma once

#include "policy/decide.h"

namespace heddle::policy {

bool matches(const SourceMatch& match, const Flow& flow);

// The same of a sender whose identity is not known yet: whether there is one with which it is.
bool may_match(const SourceMatch& match, const Flow& flow);

}  // namespace heddle::policy
