// RateLimits and Faults: what lives through many snapshots, and what a port's requests meet.
#include <algorithm>

#include "compile.h"
#include "request_matcher.h"

namespace heddle::policy {

// Before anybody whose requests it is for is compiled. Buckets stay as they are until the rate or
// the keys are others, and what was counted for as long as the resource is there.
void Compiler::name_rate_limit(const Key& key) {
  const ResourcePtr resource = index_.shared(key);
  if (resource == nullptr) {
    rate_limits_.erase(key);
    return;
  }
  std::shared_ptr<const RateLimitTarget>& target = rate_limits_[key];
  RateLimitTarget made{
      .resource = resource, .rate = {}, .counts = {}, .secret = facts_.node.secret};
  const auto& spec = std::get<RateLimit>(resource->spec);
  if (target != nullptr) {
    made.counts = target->counts;
    if (target->spec().rate == spec.rate && target->spec().keys == spec.keys)
      made.rate = target->rate;
  }
  using Keys = resilience::SharedRate::Keys;
  if (made.counts == nullptr)
    made.counts = std::make_shared<WorkerCounts<LimitCounts>>(facts_.node.workers);
  if (made.rate == nullptr)
    made.rate = std::make_shared<resilience::SharedRate>(
        spec.rate, facts_.node.workers, spec.keys.empty() ? Keys::kNone : Keys::kSome);
  target = std::make_shared<const RateLimitTarget>(std::move(made));
}

void Compiler::name_fault(const Key& key) {
  const ResourcePtr resource = index_.shared(key);
  if (resource == nullptr) {
    faults_.erase(key);
    return;
  }
  std::shared_ptr<const FaultTarget>& target = faults_[key];
  auto counts = target != nullptr
                    ? target->counts
                    : std::make_shared<WorkerCounts<FaultCounts>>(facts_.node.workers);
  target = std::make_shared<const FaultTarget>(FaultTarget{resource, std::move(counts)});
}

std::shared_ptr<const RequestMatcher> Compiler::matcher_of(const Resource& resource) const {
  const RequestScope& scope = *scope_of(resource);
  std::vector<uint32_t> routes;
  for (const std::string& name : scope.routes)
    routes.push_back(routes_.at({Kind::kRoute, resource.key.ns, name}));
  std::vector<HttpRoutes::Senders> senders;
  for (const HttpMatch& match : scope.matches)
    if (match.source) senders.push_back(senders_of(*match.source));
  return std::make_shared<const RequestMatcher>(index_.shared(resource.key), scope,
                                                std::move(routes), std::move(senders));
}

std::shared_ptr<const RequestLimits> Compiler::limits_of(const Group& group) const {
  if (group.limits.empty()) return nullptr;
  RequestLimits limits;
  for (const Resource* each : group.limits) {
    if (each->key.kind == Kind::kRateLimit)
      limits.limits.push_back({rate_limits_.at(each->key), matcher_of(*each)});
    else
      limits.faults.push_back({faults_.at(each->key), matcher_of(*each)});
  }
  return std::make_shared<const RequestLimits>(std::move(limits));
}

std::vector<std::shared_ptr<const RateLimitTarget>> Compiler::rate_limits() const {
  std::vector<std::shared_ptr<const RateLimitTarget>> all;
  for (const auto& [key, target] : rate_limits_) all.push_back(target);
  return all;
}

std::vector<std::shared_ptr<const FaultTarget>> Compiler::faults() const {
  std::vector<std::shared_ptr<const FaultTarget>> all;
  for (const auto& [key, target] : faults_) all.push_back(target);
  return all;
}

}  // namespace heddle::policy
