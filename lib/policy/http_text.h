// Rules for requests as people read them.
#pragma once

#include <string>

#include "policy/resource.h"

namespace heddle::policy {

// What a rule of the Route is for: "host a.example; path prefix /v2, header x-beta = 1 | path
// exact /x". Cut where it is long.
std::string text_of(const Route& route, const HttpRule& rule);

}  // namespace heddle::policy
