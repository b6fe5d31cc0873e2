// What was counted of requests, by rule, as messages.
#pragma once

#include "heddle/v1/policy.pb.h"
#include "request_names.h"

namespace heddle::server {

// All rules that there are, also those that nobody has followed; and services whose requests
// followed none. `times`: also how often which time was met.
void list_rules(const RequestTotals& totals, const RequestNames& names, bool times,
                v1::ListRulesResponse& response);

}  // namespace heddle::server
