#include "compile.h"

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

Compiler::Compiler(const Facts& facts, Index& index)
    : facts_(facts),
      index_(index),
      attachments_(std::make_shared<const Attachments>()),
      port_groups_(facts.node.ports.size()) {}

void Compiler::name_slots(std::span<const Key> edited) {
  for (const Key& key : edited) {
    if (key.kind != Kind::kRoute && key.kind != Kind::kAccessPolicy) continue;
    NamedSlots& slots = key.kind == Kind::kRoute ? routes_ : policies_;
    if (index_.find(key) == nullptr) {
      slots.remove(key);
    } else {
      slots.add(key);
    }
  }
}

// Frontends name access lists and acquire clusters; clusters need their endpoints' slots.
Compiled Compiler::commit(uint64_t version, const Touched& touched, std::span<const Key> edited) {
  for (Slots* slots : {&services_, &frontends_, &clusters_, &endpoints_}) slots->start_commit();
  routes_.start_commit();
  policies_.start_commit();
  name_slots(edited);

  for (Group* group : touched.services) compile_service(*group);
  for (Group* group : touched.members) {
    compile_endpoints(*group);
    for (const auto& family : group->compiled.clusters)
      for (const auto& [subset, slot] : family) pending_[group].push_back(slot);
  }
  GroupSet frontends = touched.frontends, access = touched.access;
  if (touched.identities)
    access.insert(index_.identity_groups().begin(), index_.identity_groups().end());
  for (Group* group : access)
    if (compile_access(*group)) frontends.insert(group);
  for (Group* group : frontends) compile_frontends(*group);
  compile_clusters();
  free_unused_clusters();
  for (const Group* group : touched.services)
    HEDDLE_CHECK(group->service != nullptr || group->compiled.empty(),
                 "nothing leads to a service that has gone");
  compile_table();
  for (Group* group : touched.members) attach_group(*group, touched.services.contains(group));
  compile_attachments(touched);

  current_.version = version;
  current_.frontends.freeze();
  current_.clusters.freeze();
  return {std::make_shared<const Snapshot>(current_), attachments_,
          std::exchange(fresh_frontends_, {})};
}

ModelStats Compiler::stats() const {
  const size_t slots = current_.frontends.size() + current_.clusters.size();
  const size_t table = current_.frontend_table == nullptr ? 0 : current_.frontend_table->bytes();
  return {
      .resources = static_cast<uint32_t>(index_.totals().resources),
      .services = static_cast<uint32_t>(index_.totals().services),
      .frontends = frontend_count_,
      .endpoints = endpoint_count_,
      .snapshot_bytes = bytes_ + table + sizeof(Snapshot) + slots * sizeof(std::shared_ptr<void>)};
}

}  // namespace heddle::policy
