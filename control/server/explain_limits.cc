#include "explain_limits.h"

#include "policy/request_limits.h"

namespace heddle::server {

void tell_limits(const RequestPlace& place, const policy::HttpTarget* target,
                 const http::Message& request, Telling& telling) {
  const policy::RequestLimits* limits = place.snapshot.frontends[place.frontend]->limits.get();
  if (limits == nullptr) return;
  for (const policy::RateLimitTarget* limit : limits->limits_of({place.flow, request, target}))
    telling.line("limit", "RateLimit {}/{}: {}; beyond that 429 rate_limited",
                 limit->resource->key.ns, limit->resource->key.name,
                 policy::text_of(limit->spec()));
}

void tell_faults(const RequestPlace& place, const policy::HttpTarget* target,
                 const http::Message& request, Telling& telling) {
  const policy::RequestLimits* limits = place.snapshot.frontends[place.frontend]->limits.get();
  if (limits == nullptr) return;
  for (const policy::FaultTarget* fault : limits->faults_of({place.flow, request, target}))
    telling.line("fault", "Fault {}/{}: {}", fault->resource->key.ns, fault->resource->key.name,
                 policy::text_of(fault->spec()));
}

}  // namespace heddle::server
