// RateLimits that never refuse, and Faults: that they are there, and that they do nothing.
#include <fmt/format.h>

#include <algorithm>

#include "adviser.h"
#include "names.h"

namespace heddle::policy {
namespace {

// Whether who meets both is refused by `other` whenever he is by `limit`.
bool refuses_first(const RateLimit& other, const RateLimit& limit) {
  const auto per_second = [](const resilience::Rate& rate) {
    return static_cast<double>(rate.tokens) / static_cast<double>(rate.per.ns());
  };
  return other.scope == limit.scope && other.keys == limit.keys &&
         per_second(other.rate) <= per_second(limit.rate) && other.rate.burst <= limit.rate.burst;
}

}  // namespace

void Adviser::look_at_limit(const Resource& limit) {
  const auto& spec = std::get<RateLimit>(limit.spec);
  const auto group = index_.groups().find(target_of(limit.key, spec.scope));
  if (group == index_.groups().end()) return;
  for (const Resource* each : group->second.limits) {
    const auto* other = std::get_if<RateLimit>(&each->spec);
    if (other == nullptr || each == &limit || !refuses_first(*other, spec)) continue;
    // Of two that are alike one is enough.
    if (refuses_first(spec, *other) && limit.key < each->key) continue;
    return warn(limit.key, "",
                fmt::format("never refuses a request that {} lets through", title_of(each->key)));
  }
}

void Adviser::look_at_fault(const Key& key, const Fault& spec) {
  if (spec.delay && spec.delay->share == 0)
    warn(key, "spec.delay.share", "is 0%: no request is delayed");
  if (spec.abort && spec.abort->share == 0)
    warn(key, "spec.abort.share", "is 0%: no request is aborted");
  note(key, "",
       fmt::format("puts faults into requests to {}: {}", title_of(target_of(key, spec.scope)),
                   text_of(spec)));
  const auto group = index_.groups().find(target_of(key, spec.scope));
  if (!spec.delay || group == index_.groups().end()) return;
  for (const Resource* route : group->second.routes) {
    const auto& rules = std::get<Route>(route->spec).http;
    for (size_t i = 0; i < rules.size(); ++i)
      if (rules[i].request_timeout != Duration() && rules[i].request_timeout <= spec.delay->time)
        return warn(key, "spec.delay.duration",
                    fmt::format("is no shorter than the time-out of rule {} of {}: what is delayed "
                                "there gets a 504",
                                i, title_of(route->key)));
  }
}

}  // namespace heddle::policy
