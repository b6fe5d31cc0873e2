// AccessPolicies as people read them.
#pragma once

#include <string>

#include "policy/resource.h"

namespace heddle::policy {

// "Service shop/cart", "Workloads app=web", "all of shop".
std::string target_text(const Key& key, const AccessPolicy& policy);

// "from shop/web or 10.0.0.0/8; to GET /a/* at api.example". Cut where it is long.
std::string text_of(const AccessRule& rule);

}  // namespace heddle::policy
