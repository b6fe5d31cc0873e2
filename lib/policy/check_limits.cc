// What RateLimits and Faults name.
#include <fmt/format.h>

#include <algorithm>

#include "check.h"
#include "names.h"

namespace heddle::policy {

void Checker::check_limit(const Key& key, const RequestScope& scope) {
  const Key wanted = target_of(key, scope);
  const std::string field = scope.gateway.empty() ? "spec.target.service" : "spec.target.gateway";
  const Resource* target = index_.find(wanted);
  if (target == nullptr) {
    problems_.add(key, field, no_resource(wanted));
    return;
  }
  if (std::ranges::none_of(service_of(*target).ports,
                           [](const ServicePort& port) { return port.http.has_value(); }))
    problems_.add(key, field,
                  fmt::format("{} has no {}: requests are limited and get faults, connections are "
                              "not",
                              title_of(target->key),
                              scope.gateway.empty() ? "port of protocol http, http2 or grpc"
                                                    : "listener of protocol http"));
  const auto group = index_.groups().find(wanted);
  if (group != index_.groups().end() && group->second.limits.size() > kMaxRequestLimits)
    problems_.add(
        key, field,
        fmt::format("there would be {} RateLimits and Faults of {}; at most {} are allowed",
                    group->second.limits.size(), title_of(target->key), kMaxRequestLimits));
  for (size_t i = 0; i < scope.routes.size(); ++i) {
    const std::string at = element("spec.routes", i);
    const Key named{Kind::kRoute, key.ns, scope.routes[i]};
    const Resource* route = index_.find(named);
    if (route == nullptr) {
      problems_.add(key, at, no_resource(named));
      continue;
    }
    const auto& spec = std::get<Route>(route->spec);
    if (target_of(named, spec) != wanted)
      problems_.add(key, at,
                    fmt::format("{} is for {}, and not for {}", title_of(named),
                                title_of(target_of(named, spec)), title_of(wanted)));
    else if (spec.http.empty())
      problems_.add(key, at, title_of(named) + " has no rules for requests");
  }
  for (size_t i = 0; i < scope.matches.size(); ++i)
    check_regexes(key, element("spec.matches", i), scope.matches[i]);
}

}  // namespace heddle::policy
