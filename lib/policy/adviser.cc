#include "adviser.h"

#include <fmt/format.h>

#include <algorithm>

#include "names.h"

namespace heddle::policy {
namespace {

template <class Take>
void for_each_of(const Index& index, Kind kind, const Take& take) {
  const auto& resources = index.resources();
  for (auto at = resources.lower_bound({kind, {}, {}});
       at != resources.end() && at->first.kind == kind; ++at)
    if (at->second != nullptr) take(*at->second);
}

bool have_weight(const Group& group) {
  if (const ExternalService* external = group.external(); external != nullptr)
    return external->on_the_way() ||
           std::ranges::any_of(external->endpoints,
                               [](const Endpoint& e) { return e.weight != 0; });
  const auto& sets = group.endpoint_sets;
  return sets.empty() || std::ranges::any_of(sets, [](const Resource* set) {
           const auto& endpoints = std::get<EndpointSet>(set->spec).endpoints;
           return std::ranges::any_of(endpoints, [](const Endpoint& e) { return e.weight != 0; });
         });
}

}  // namespace

std::vector<Advice> Adviser::advise() {
  gather_senders();
  for (const auto& [key, group] : index_.groups()) {
    if (full()) break;
    if (group.service != nullptr && !group.is_workload()) look_at(group);
  }
  for_each_of(index_, Kind::kAccessPolicy, [&](const Resource& each) {
    if (!full()) look_at_access(each.key, std::get<AccessPolicy>(each.spec));
  });
  for_each_of(index_, Kind::kRateLimit, [&](const Resource& each) { look_at_limit(each); });
  for_each_of(index_, Kind::kFault,
              [&](const Resource& each) { look_at_fault(each.key, std::get<Fault>(each.spec)); });
  for_each_of(index_, Kind::kMeshPolicy, [&](const Resource& each) { look_at_mesh(each); });
  for_each_of(index_, Kind::kOutboundPolicy, [&](const Resource& each) {
    if (!has_workload(each.key.ns, {}))
      warn(each.key, "", fmt::format("is for no Workload: namespace {} has none", each.key.ns));
  });
  return std::move(told_);
}

void Adviser::gather_senders() {
  const auto add = [&](const std::string& ns, const std::string& account) {
    namespaces_.insert(ns);
    if (account.empty()) return;
    accounts_.emplace(ns, account);
    names_.insert(account);
  };
  for_each_of(index_, Kind::kWorkload, [&](const Resource& each) {
    add(each.key.ns, std::get<Workload>(each.spec).service_account);
  });
  for_each_of(index_, Kind::kGateway, [&](const Resource& each) {
    const std::string& account = std::get<Gateway>(each.spec).service_account;
    if (!account.empty()) add(each.key.ns, account);
  });
}

// A Service whose Routes lead elsewhere needs no endpoints; one that others lead to does.
void Adviser::look_at(const Group& group) {
  if (group.is_gateway()) {
    if (group.routes.empty()) warn(group.key, "", "has no Routes: nothing goes on from it");
  } else if (group.endpoints == 0) {
    if (group.routes.empty() || !group.backend_of.empty() || !group.fallback_of.empty()) {
      const Labels& selector = group.spec().selector;
      if (selector.empty())
        warn(group.key, "", "has no endpoints: no EndpointSet is for it, and it has no selector");
      else
        warn(group.key, "spec.selector",
             fmt::format("selects no Workload: none of namespace {} carries {}", group.key.ns,
                         text_of(selector)));
    }
  } else if (!group.spec().selector.empty() || have_weight(group)) {
    // Somebody gets its flows.
  } else {
    warn(group.key, "", "has only endpoints of weight 0: nobody gets new flows");
  }
  look_at_rules(group);
}

bool Adviser::has_workload(const std::string& ns, const Labels& labels) const {
  const auto& resources = index_.resources();
  for (auto at = resources.lower_bound({Kind::kWorkload, ns, {}});
       at != resources.end() && at->first.kind == Kind::kWorkload && at->first.ns == ns; ++at)
    if (at->second != nullptr && carries(*at->second, labels)) return true;
  return false;
}

void Adviser::look_at_access(const Key& key, const AccessPolicy& spec) {
  if (!spec.workload_labels.empty() && !has_workload(key.ns, spec.workload_labels))
    warn(key, "spec.target.workload_labels",
         fmt::format("no Workload of namespace {} carries {}: it is for nobody", key.ns,
                     text_of(spec.workload_labels)));
  if (spec.dry_run) note(key, "spec.dry_run", "is only counted, and enforces nothing");
  for (size_t i = 0; i < spec.rules.size() && !full(); ++i)
    for (size_t j = 0; j < spec.rules[i].from.size(); ++j)
      look_at_source(key, fmt::format("spec.rules[{}].from[{}]", i, j), spec.rules[i].from[j]);
}

void Adviser::look_at_source(const Key& key, std::string field, const Source& source) {
  if (source.foreign) return;
  const std::string &ns = source.ns, &account = source.service_account;
  if (!ns.empty() && !account.empty()) {
    if (!accounts_.contains({ns, account}))
      note(
          key, std::move(field),
          fmt::format("no Workload or Gateway of namespace {} has service account {}: only who has "
                      "an SVID and is no Workload here can be it",
                      ns, account));
  } else if (!ns.empty()) {
    if (!namespaces_.contains(ns))
      note(key, std::move(field),
           fmt::format("there are no Workloads in namespace {}: only who has an SVID and is no "
                       "Workload here can be it",
                       ns));
  } else if (!account.empty() && !names_.contains(account)) {
    note(
        key, std::move(field),
        fmt::format("no Workload or Gateway has service account {}: only who has an SVID and is no "
                    "Workload here can be it",
                    account));
  }
}

void Adviser::look_at_mesh(const Resource& policy) {
  const auto& spec = std::get<MeshPolicy>(policy.spec);
  bool any = false;
  for_each_of(index_, Kind::kWorkload, [&](const Resource& each) {
    any |= each.key.ns == policy.key.ns && index_.mesh_policy_of(each) == &policy;
  });
  if (!any)
    warn(policy.key, spec.workload_labels.empty() ? "" : "spec.workload_labels",
         fmt::format("is for no Workload of namespace {}", policy.key.ns));
  else if (MeshModes{spec.tls, spec.ports}.any(MeshTls::kPermissive))
    note(policy.key, "spec.tls", "PERMISSIVE lets senders in that show no identity");
}

}  // namespace heddle::policy
