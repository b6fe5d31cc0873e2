#include <algorithm>

#include "compile.h"
#include "core/check.h"
#include "names.h"

namespace heddle::policy {
namespace {

// Finer steps than balance::maglev_size, as there are thousands of tables: 100 endpoints get 20 KB
// instead of 33 KB for the same balance of 1 %.
constexpr uint32_t kTableSizes[] = {113,    223,    443,    631,    887,    1'259,
                                    1'777,  2'503,  3'539,  5'003,  7'079,  10'007,
                                    14'153, 20'011, 28'309, 40'009, 56'597, 65'537};

// The same on every node, for balance::Maglev's sake.
uint64_t key_of(const IpAddress& address) {
  return balance::mix(balance::mix(address.v6().high()) + address.v6().low());
}

size_t bytes_of(const Cluster& cluster) {
  return sizeof(Cluster) - sizeof(balance::Maglev) + cluster.table.bytes() +
         cluster.endpoints.capacity() * sizeof(EndpointEntry);
}

balance::Maglev make_table(const std::vector<EndpointEntry>& entries) {
  std::vector<balance::Endpoint> endpoints;
  endpoints.reserve(entries.size());
  for (const EndpointEntry& entry : entries)
    endpoints.push_back({key_of(entry.address), entry.weight});
  return balance::Maglev(endpoints, table_size(endpoints.size()));
}

}  // namespace

uint32_t table_size(size_t endpoints) {
  for (const uint32_t size : kTableSizes)
    if (size >= 100 * endpoints) return size;
  return 65'537;
}

uint32_t Compiler::acquire(Group* group, bool v4, const Labels& subset) {
  const auto [at, made] = group->compiled.clusters[v4 ? 1 : 0].try_emplace(subset, kNoSlot);
  if (made) {
    at->second = clusters_.take();
    if (cluster_slots_.size() < clusters_.end()) cluster_slots_.resize(clusters_.end());
    cluster_slots_[at->second] = {.group = group, .v4 = v4, .subset = &at->first};
  }
  if (cluster_slots_[at->second].users++ == 0) pending_[group].push_back(at->second);
  return at->second;
}

void Compiler::release(uint32_t cluster) {
  if (cluster != kNoSlot && --cluster_slots_[cluster].users == 0) unused_.push_back(cluster);
}

// A cluster that is compiled may be the first to need its fallback's, so the list may grow. Those
// of a service that has gone are in use until all that led there is compiled.
void Compiler::compile_clusters() {
  while (!pending_.empty()) {
    auto [group, slots] = *pending_.begin();
    pending_.erase(pending_.begin());
    if (group->service == nullptr) continue;
    const std::vector<Candidate> all = candidates(*group);
    std::ranges::sort(slots);
    slots.erase(std::ranges::unique(slots).begin(), slots.end());
    for (const uint32_t slot : slots)
      if (cluster_slots_[slot].users > 0) compile_cluster(slot, all);
  }
}

void Compiler::compile_cluster(uint32_t slot, const std::vector<Candidate>& all) {
  const auto [group, v4, subset, users] = cluster_slots_[slot];
  Cluster next;
  const auto fits = [&](const Candidate& each) {
    return each.address.is_v4() == v4 && each.carries(*subset);
  };
  next.endpoints.reserve(static_cast<size_t>(std::ranges::count_if(all, fits)));
  const auto& known = group->compiled.endpoints;
  for (size_t i = 0; i < all.size(); ++i) {
    HEDDLE_CHECK(known[i].address == all[i].address, "endpoints have their slots before clusters");
    if (fits(all[i])) next.endpoints.push_back({all[i].address, known[i].slot, all[i].weight});
  }
  const std::string& fallback = group->spec().fallback;
  if (!fallback.empty()) next.fallback = acquire(index_.group_of(group->key.ns, fallback), v4, {});

  const std::shared_ptr<const Cluster> old =
      slot < current_.clusters.size() ? current_.clusters[slot] : nullptr;
  if (old != nullptr) release(old->fallback);
  const bool same_endpoints = old != nullptr && old->endpoints == next.endpoints;
  if (same_endpoints && old->fallback == next.fallback) return;
  next.table = same_endpoints ? old->table : make_table(next.endpoints);
  put_cluster(slot, std::make_shared<const Cluster>(std::move(next)));
}

void Compiler::put_cluster(uint32_t slot, std::shared_ptr<const Cluster> cluster) {
  if (slot < current_.clusters.size() && current_.clusters[slot] != nullptr)
    bytes_ -= bytes_of(*current_.clusters[slot]);
  if (cluster != nullptr) bytes_ += bytes_of(*cluster);
  current_.clusters.set(slot, std::move(cluster));
}

void Compiler::free_unused_clusters() {
  while (!unused_.empty()) {
    const uint32_t slot = unused_.back();
    unused_.pop_back();
    const auto [group, v4, subset, users] = cluster_slots_[slot];
    if (users > 0 || group == nullptr) continue;  // in use again, or freed already
    // It has none if it came and went within this commit.
    if (slot < current_.clusters.size() && current_.clusters[slot] != nullptr) {
      release(current_.clusters[slot]->fallback);
      put_cluster(slot, nullptr);
    }
    auto& clusters = group->compiled.clusters[v4 ? 1 : 0];
    clusters.erase(clusters.find(*subset));
    cluster_slots_[slot] = {};
    clusters_.give(slot);
  }
}

std::string Compiler::cluster_name(uint32_t slot) const {
  if (slot >= cluster_slots_.size() || cluster_slots_[slot].group == nullptr) return "";
  const ClusterSlot& cluster = cluster_slots_[slot];
  const std::string name = path_of(cluster.group->key);
  return cluster.subset->empty() ? name : name + " (" + text_of(*cluster.subset) + ")";
}

}  // namespace heddle::policy
