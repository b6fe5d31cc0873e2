// RateLimits and Faults: what they are, and what they have done.
#include <fmt/format.h>

#include "engine.h"
#include "policy/request_limits.h"

namespace heddle::server {
namespace {

std::string target_text(const policy::Key& key, const policy::RequestScope& scope) {
  const policy::Key target = policy::target_of(key, scope);
  return fmt::format("{} {}/{}", policy::name_of(target.kind), target.ns, target.name);
}

}  // namespace

void Engine::list_limits(v1::ListLimitsResponse& response) const {
  const Instant now = target_ == nullptr ? Instant() : target_->worker_now();
  for (const auto& limit : model_.rate_limits()) {
    const policy::Key& key = limit->resource->key;
    v1::RateLimitInfo& to = *response.add_limits();
    to.set_namespace_(key.ns);
    to.set_name(key.name);
    to.set_target(target_text(key, limit->spec().scope));
    to.set_text(policy::text_of(limit->spec()));
    to.set_allowed(limit->counts->sum(&policy::LimitCounts::allowed));
    to.set_limited(limit->counts->sum(&policy::LimitCounts::limited));
    to.set_overflow(limit->counts->sum(&policy::LimitCounts::overflow));
    to.set_keyed(limit->rate->is_keyed());
    to.set_keys(limit->rate->keys_in_use(now));
    to.set_places(limit->rate->places());
  }
  for (const auto& fault : model_.faults()) {
    const policy::Key& key = fault->resource->key;
    v1::FaultInfo& to = *response.add_faults();
    to.set_namespace_(key.ns);
    to.set_name(key.name);
    to.set_target(target_text(key, fault->spec().scope));
    to.set_text(policy::text_of(fault->spec()));
    to.set_delayed(fault->counts->sum(&policy::FaultCounts::delayed));
    to.set_aborted(fault->counts->sum(&policy::FaultCounts::aborted));
  }
}

}  // namespace heddle::server
