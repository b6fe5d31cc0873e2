// What keeps services alive when parts of them fail: breakers, and who of the endpoints is out.
#include <algorithm>

#include "compile.h"
#include "outlier_desk.h"

namespace heddle::policy {
namespace {

// Workers raise a flag, at which is looked this often where anything is looked after.
constexpr Duration kTendEvery = milliseconds(50);

// Whether connections to its endpoints may be the node's own: its own are, or a Route's that leads
// here may be.
bool is_proxied(const Group& group) {
  if (group.service == nullptr) return false;
  if (!group.backend_of.empty()) return true;
  return std::ranges::any_of(group.spec().ports, [&](const ServicePort& port) {
    return forwarding_of(group.spec(), port) == Forwarding::kProxy;
  });
}

}  // namespace

CompiledService::CompiledService() = default;
CompiledService::~CompiledService() = default;

const TrafficPolicy& traffic_policy_of(const Group& group) {
  static const TrafficPolicy none;
  return group.traffic_policies.empty()
             ? none
             : std::get<TrafficPolicy>((*group.traffic_policies.begin())->spec);
}

// Its endpoints are those of now.
void Compiler::look_after(Group& group) {
  CompiledService& compiled = group.compiled;
  const TrafficPolicy& policy = traffic_policy_of(group);
  // For all, as a Route may come to lead to one, and clusters stay as they are then.
  if (compiled.breaker == nullptr)
    compiled.breaker = std::make_shared<resilience::Breaker>(policy.bounds, facts_.node.workers);
  else if (compiled.breaker->terms() != policy.bounds)
    compiled.breaker->set(policy.bounds);
  const bool counted = policy.outliers || policy.bounds.endpoint_connections != 0 ||
                       policy.bounds.endpoint_requests != 0;
  for (CompiledService::Endpoint& each : compiled.endpoints) {
    if (!counted || group.service == nullptr)
      each.state.reset();
    else if (each.state == nullptr && each.listed)
      each.state = std::make_shared<resilience::EndpointState>(attention_);
  }
  if (policy.outliers && group.service != nullptr) {
    if (compiled.outliers == nullptr)
      compiled.outliers = std::make_unique<OutlierDesk>(*policy.outliers, now_);
    compiled.outliers->set(*policy.outliers, compiled.endpoints);
    watched_.insert(&group);
  } else {
    compiled.outliers.reset();
    watched_.erase(&group);
  }
  for (CompiledService::Endpoint& each : compiled.endpoints)
    each.out = compiled.outliers != nullptr && compiled.outliers->is_out(each.slot);
}

bool Compiler::tend(Instant now) {
  tended_ = now;
  const bool news = attention_->take();
  bool changed = false;
  for (Group* group : watched_) {
    CompiledService& compiled = group->compiled;
    if (!news && compiled.outliers->next() > now) continue;
    if (!compiled.outliers->tend(news, now)) continue;
    changed = true;
    for (CompiledService::Endpoint& each : compiled.endpoints)
      each.out = compiled.outliers->is_out(each.slot);
    for (const auto& family : compiled.clusters)
      for (const auto& [subset, slot] : family) pending_[group].push_back(slot);
  }
  return changed;
}

std::vector<Model::ServiceBreaker> Compiler::breakers() const {
  std::vector<Model::ServiceBreaker> all;
  for (const auto& [key, group] : index_.groups())
    if (is_proxied(group) && group.compiled.breaker != nullptr)
      all.push_back({group.service->key, group.compiled.breaker});
  return all;
}

std::vector<Model::Outlier> Compiler::outliers() const {
  std::vector<Model::Outlier> all;
  for (const Group* group : watched_)
    for (const CompiledService::Endpoint& each : group->compiled.endpoints)
      if (const auto* is = group->compiled.outliers->find(each.slot))
        all.push_back({group->service->key, each.place.address, each.place.port, *is,
                       each.state->counts().rows(), group->compiled.outliers->detector().panics()});
  return all;
}

Instant Compiler::next_tend() const {
  if (watched_.empty()) return kNever;
  Instant next = tended_ + kTendEvery;
  for (const Group* group : watched_) next = std::min(next, group->compiled.outliers->next());
  return next;
}

}  // namespace heddle::policy
