#include "compile.h"

#include <algorithm>

#include "core/check.h"
#include "names.h"

namespace heddle::policy {

void NamedSlots::add(const Key& key) {
  const auto [at, made] = by_key_.try_emplace(key, kNoSlot);
  if (!made) return;
  at->second = slots_.take();
  if (names_.size() < slots_.end()) names_.resize(slots_.end());
  names_[at->second] = path_of(key);
}

void NamedSlots::remove(const Key& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  names_[found->second].clear();
  slots_.give(found->second);
  by_key_.erase(found);
}

Compiler::Compiler(const Facts& facts, const Limits& limits, Index& index, const Shelves& shelves)
    : facts_(facts),
      limits_(limits),
      index_(index),
      shelf_(shelves.tls),
      jwt_shelf_(shelves.jwt),
      tenants_(limits.namespaces),
      attachments_(std::make_shared<const Attachments>()),
      port_groups_(facts.node.ports.size()) {
  current_.generation = 1;
}

void Compiler::start_commit() {
  for (Slots* slots : {&services_, &frontends_, &clusters_, &endpoints_}) slots->start_commit();
  routes_.start_commit();
  rule_slots_.start_commit();
  policies_.start_commit();
  jwt_slots_.start_commit();
  network_slots_.start_commit();
  access_.start_commit();
  tenants_.start_commit();
}

void Compiler::name_slots(std::span<const Key> edited) {
  for (const Key& key : edited) {
    if (key.kind == Kind::kJwtProvider) name_jwt_provider(key);
    if (key.kind == Kind::kNetworkIdentity) name_network(key);
    if (key.kind == Kind::kRateLimit) name_rate_limit(key);
    if (key.kind == Kind::kFault) name_fault(key);
    if (key.kind != Kind::kRoute && key.kind != Kind::kAccessPolicy) continue;
    const Resource* resource = index_.find(key);
    if (key.kind == Kind::kRoute)
      name_rules(key);
    else
      access_.set(key, resource == nullptr ? nullptr : &std::get<AccessPolicy>(resource->spec));
    NamedSlots& slots = key.kind == Kind::kRoute ? routes_ : policies_;
    if (resource == nullptr) {
      slots.remove(key);
    } else {
      slots.add(key);
    }
  }
}

// Services under policies of their whole namespace, which may ask for identities.
void Compiler::add_wide_groups(GroupSet& to) {
  if (!index_.has_wide_policies()) return;
  for (const auto& [key, group] : index_.groups())
    if (group.service != nullptr && index_.has_wide_policies(key.ns))
      to.insert(index_.group_of(key));
}

// One that was given back has rested before it is given out again, so no slot is in both.
std::vector<uint32_t> Compiler::date_rules() {
  for (const uint32_t slot : rule_slots_.take_gone())
    current_.rules_since.set(slot, Snapshot::kNobody);
  std::vector<uint32_t> fresh = rule_slots_.take_fresh();
  for (const uint32_t slot : fresh) current_.rules_since.set(slot, version_);
  return fresh;
}

// Frontends name access lists and acquire clusters; clusters need their endpoints' slots.
Compiled Compiler::commit(uint64_t version, Instant now, const Touched& touched,
                          std::span<const Key> edited) {
  now_ = now;
  version_ = version;
  flows_concerned_ = flows_cut_ = false;
  // What Secrets and TrustBundles hold takes no slot and frees none.
  same_version_ = std::ranges::all_of(edited, [](const Key& key) {
    return key.kind == Kind::kSecret || key.kind == Kind::kTrustBundle;
  });
  if (!same_version_) start_commit();
  name_slots(edited);

  pend_drained(now);
  compile_services(touched.services);
  for (Group* group : touched.members) {
    compile_endpoints(*group);
    for (const auto& family : group->compiled.clusters)
      for (const auto& [subset, slot] : family) pending_[group].push_back(slot);
  }
  GroupSet frontends = touched.frontends, access = touched.access;
  if (touched.identities) {
    access.insert(index_.identity_groups().begin(), index_.identity_groups().end());
    add_wide_groups(access);
    frontends.insert(index_.sender_groups().begin(), index_.sender_groups().end());
  }
  for (Group* group : access)
    if (compile_access(*group)) frontends.insert(group);
  add_led_there(frontends);
  for (Group* group : frontends) compile_frontends(*group);
  terms_.clear();
  compile_clusters();
  bound_drains();
  compile_clusters();
  free_unused_clusters();
  for (Group* group : touched.members) recompiled_.insert(group);
  for (Group* group : recompiled_) sweep_endpoints(*group);
  compile_roles(touched);
  for (const Group* group : touched.services)
    HEDDLE_CHECK(group->service != nullptr || group->compiled.empty(),
                 "nothing leads to a service that has gone");
  compile_guards(touched);
  compile_outbound(touched);
  compile_networks(touched);
  if (touched.mesh || !touched.mesh_material.empty() || touched.identities) compile_identities();
  compile_table();
  compile_listeners();
  for (Group* group : std::exchange(recompiled_, {}))
    attach_group(*group, touched.services.contains(group));
  compile_attachments(touched);
  compile_names(touched);
  std::vector<uint32_t> fresh_rules = date_rules();
  current_.version = version;
  current_.frontends.freeze();
  current_.clusters.freeze();
  current_.rules_since.freeze();
  current_.roles.freeze();
  current_.intercepts = index_.totals().mesh_ports + index_.totals().ports_on_the_way > 0;
  current_.stateful = frontend_count_ > 0 || !current_.guards.empty();
  if (flows_concerned_ || flows_cut_)
    current_.generation += current_.generation == UINT32_MAX ? 2 : 1;
  return {std::make_shared<const Snapshot>(current_),
          attachments_,
          std::exchange(fresh_frontends_, {}),
          std::exchange(fresh_endpoints_, {}),
          flows_cut_,
          std::move(fresh_rules),
          access_.take_fresh(),
          std::exchange(fresh_jwt_, {}),
          std::exchange(fresh_networks_, {})};
}

ModelStats Compiler::stats() const {
  const size_t slots = current_.frontends.size() + current_.clusters.size();
  const size_t table = current_.frontend_table == nullptr ? 0 : current_.frontend_table->bytes();
  const size_t listeners =
      current_.listeners == nullptr ? 0 : current_.listeners->size() * sizeof(ProxyListener);
  const size_t names = current_.names == nullptr ? 0 : current_.names->bytes();
  const size_t networks = current_.networks == nullptr ? 0 : current_.networks->bytes();
  return {.resources = static_cast<uint32_t>(index_.totals().resources),
          .services = static_cast<uint32_t>(index_.totals().services),
          .gateways = static_cast<uint32_t>(index_.totals().gateways),
          .frontends = frontend_count_,
          .endpoints = endpoint_count_,
          .snapshot_bytes = bytes_ + access_.bytes() + frontend_bytes_.bytes() + table + listeners +
                            names + networks + sizeof(Snapshot) +
                            slots * sizeof(std::shared_ptr<void>) +
                            current_.rules_since.size() * sizeof(uint64_t)};
}

}  // namespace heddle::policy
