// Words for rules and times that several commands use.
#pragma once

#include <cstdint>
#include <string>

#include "heddle/v1/policy.pb.h"

namespace heddle::cli {

// "shop/cart[0]"; of requests without a rule "-".
std::string rule_name(const v1::RuleCounts& rule);

// Microseconds as "0.21ms", "13.4ms", "2.1s", "95s".
std::string short_time(uint64_t us);

}  // namespace heddle::cli
