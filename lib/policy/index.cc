#include "index.h"

#include <algorithm>

#include "core/check.h"
#include "names.h"

namespace heddle::policy {

const Key* AddressIndex::other(const IpAddress& address, const Key& me) const {
  const auto [first, last] = uses.equal_range(address);
  const auto found = std::find_if(first, last, [&](const Use& use) { return *use.second != me; });
  return found == last ? nullptr : found->second;
}

const Key* AddressIndex::outside(const IpAddress& address, const std::string& ns) const {
  auto [first, last] = uses.equal_range(address);
  if (first == last) return nullptr;
  if (first->second->ns != ns) return first->second;
  --last;
  return last->second->ns != ns ? last->second : nullptr;
}

const Key* AddressIndex::first(const IpAddress& address) const {
  const auto found = uses.lower_bound(address);
  return found == uses.end() || found->first != address ? nullptr : found->second;
}

ResourcePtr Index::replace(const Key& key, ResourcePtr next, Touched& touched) {
  const auto at = resources_.try_emplace(key).first;
  const ResourcePtr before = std::exchange(at->second, std::move(next));
  const Resource* after = at->second.get();
  if (before != nullptr) link(at->first, *before, Change::kRemove, touched);
  if (after != nullptr) link(at->first, *after, Change::kAdd, touched);
  if (key.kind == Kind::kEndpointSet) replace_endpoints(at->first, before.get(), after);
  if (after == nullptr) resources_.erase(at);
  return before;
}

bool Index::sweep(Group* group) {
  if (!group->empty()) return false;
  HEDDLE_CHECK(group->endpoints == 0, "a group without resources has no endpoints");
  groups_.erase(groups_.find(group->key));
  return true;
}

const Resource* Index::find_exactly(const Key& key) const {
  const auto found = resources_.find(key);
  return found == resources_.end() ? nullptr : found->second.get();
}

const Resource* Index::find(const Key& key) const {
  const Resource* found = find_exactly(key);
  if (found != nullptr || key.kind != Kind::kService) return found;
  return find_exactly({Kind::kExternalService, key.ns, key.name});
}

ResourcePtr Index::shared(const Key& key) const {
  const Resource* resource = find(key);
  return resource == nullptr ? nullptr : resources_.at(resource->key);
}

Group* Index::group_of(const Key& key) {
  const auto [at, made] = groups_.try_emplace(key);
  if (made) at->second.key = at->first;
  return &at->second;
}

std::vector<const Resource*> Index::selected_by(const Group& group) const {
  std::vector<const Resource*> selected;
  if (group.service != nullptr && group.is_workload()) selected.push_back(find(group.key));
  if (group.service == nullptr || group.spec().selector.empty()) return selected;
  const std::string& ns = group.key.ns;
  for (auto at = resources_.lower_bound(Key{Kind::kWorkload, ns, {}});
       at != resources_.end() && at->first.kind == Kind::kWorkload && at->first.ns == ns; ++at)
    if (at->second != nullptr && carries(*at->second, group.spec().selector))
      selected.push_back(at->second.get());
  return selected;
}

ResourceSet Index::policies_of(const Group& group) const {
  if (group.is_workload()) return {};  // its guard is asked
  ResourceSet all = group.access_policies;
  if (const auto wide = wide_policies_.find(group.key.ns); wide != wide_policies_.end())
    all.insert(wide->second.begin(), wide->second.end());
  return all;
}

ResourceSet Index::guards_of(uint32_t port) const {
  ResourceSet all;
  for (const Resource* workload : port_workloads_[port]) {
    const std::string& ns = workload->key.ns;
    if (const auto wide = wide_policies_.find(ns); wide != wide_policies_.end())
      all.insert(wide->second.begin(), wide->second.end());
    if (const auto some = label_policies_.find(ns); some != label_policies_.end())
      for (const Resource* policy : some->second)
        if (carries(*workload, std::get<AccessPolicy>(policy->spec).workload_labels))
          all.insert(policy);
  }
  return all;
}

const Key* Index::other_listener(const FrontendKey& frontend, const Key& me) const {
  for (auto at = listeners_.lower_bound({frontend, nullptr});
       at != listeners_.end() && at->first == frontend; ++at)
    if (*at->second != me) return at->second;
  return nullptr;
}

}  // namespace heddle::policy
