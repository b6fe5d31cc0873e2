#include <algorithm>
#include <span>
#include <utility>

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
uint64_t key_of(const EndpointEntry& entry) {
  const wire::Ipv6Address& address = entry.address.v6();
  const uint64_t key = balance::mix(balance::mix(address.high()) + address.low());
  return entry.port == 0 ? key : balance::mix(key + entry.port);
}

size_t bytes_of(const Cluster& cluster) {
  return sizeof(Cluster) + cluster.endpoints.capacity() * sizeof(EndpointEntry) +
         std::visit([](const auto& table) { return table.bytes() - sizeof(table); }, cluster.table);
}

// The lowest priority that has a weight gets all of it.
std::vector<balance::Endpoint> weigh(const std::vector<EndpointEntry>& entries) {
  uint8_t first = UINT8_MAX;
  for (const EndpointEntry& entry : entries)
    if (entry.weight > 0 && !entry.out) first = std::min(first, entry.priority);
  std::vector<balance::Endpoint> endpoints;
  endpoints.reserve(entries.size());
  for (const EndpointEntry& entry : entries)
    endpoints.push_back({key_of(entry), entry.priority == first && !entry.out ? entry.weight : 0u});
  return endpoints;
}

// `listed`: how many of the entries do not only drain, so that nodes on which others have drained
// have the same table.
void make_table(Cluster& cluster, size_t listed) {
  const std::vector<balance::Endpoint> endpoints = weigh(cluster.endpoints);
  switch (cluster.algorithm) {
    case Algorithm::kMaglev:
      cluster.table = balance::Maglev(endpoints, table_size(listed));
      return;
    case Algorithm::kRingHash:
      cluster.table = balance::RingHash(endpoints);
      return;
    case Algorithm::kRoundRobin:
      cluster.table = balance::RoundRobin(endpoints);
      return;
    case Algorithm::kRandom:
    case Algorithm::kLeastRequest:
      cluster.table = balance::WeightedRandom(endpoints);
      return;
  }
}

EndpointPlace place_of(const EndpointEntry& entry) { return {entry.address, entry.port}; }

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
    recompiled_.insert(group);
    if (group->service == nullptr) continue;
    const std::vector<Candidate> all = candidates(*group);
    std::ranges::sort(slots);
    slots.erase(std::ranges::unique(slots).begin(), slots.end());
    for (const uint32_t slot : slots)
      if (cluster_slots_[slot].users > 0) compile_cluster(slot, all);
  }
}

void Compiler::compile_cluster(uint32_t slot, const std::vector<Candidate>& all) {
  Group* const group = cluster_slots_[slot].group;
  const bool v4 = cluster_slots_[slot].v4;
  const ClusterPtr old = slot < current_.clusters.size() ? current_.clusters[slot] : nullptr;
  Cluster next;
  next.algorithm = traffic_policy_of(*group).algorithm;
  next.breaker = group->compiled.breaker;
  const size_t listed = add_entries(slot, all, old.get(), next.endpoints);
  const std::string& fallback = group->spec().fallback;
  if (!fallback.empty()) next.fallback = acquire(index_.group_of(group->key.ns, fallback), v4, {});

  if (old != nullptr) release(old->fallback);
  if (old != nullptr && old->fallback != next.fallback && old->fallback != kNoSlot)
    flows_cut_ = true;
  const bool same_table = std::exchange(cluster_slots_[slot].listed, listed) == listed &&
                          old != nullptr && old->endpoints == next.endpoints &&
                          old->algorithm == next.algorithm;
  if (same_table && old->fallback == next.fallback && old->breaker == next.breaker) return;
  if (same_table)
    next.table = old->table;
  else
    make_table(next, listed);
  put_cluster(slot, std::make_shared<const Cluster>(std::move(next)));
}

// Candidates that fit, and of what was there and does not any more what still drains. Returns the
// number of the former.
size_t Compiler::add_entries(uint32_t slot, const std::vector<Candidate>& all, const Cluster* old,
                             std::vector<EndpointEntry>& to) {
  const Labels& subset = *cluster_slots_[slot].subset;
  const bool v4 = cluster_slots_[slot].v4;
  const auto& known = cluster_slots_[slot].group->compiled.endpoints;
  const auto fits = [&](const Candidate& each) {
    return each.place.address.is_v4() == v4 && each.carries(subset);
  };
  const auto listed = static_cast<size_t>(std::ranges::count_if(all, fits));
  to.reserve(listed);
  const std::span<const EndpointEntry> before =
      old == nullptr ? std::span<const EndpointEntry>() : old->endpoints;
  auto was = before.begin();
  const auto keep = [&] {
    const EndpointEntry& entry = *was++;
    if (!drains(slot, entry)) return;
    to.push_back(entry);
    to.back().weight = 0;
    to.back().draining = true;
  };
  for (const Candidate& each : all) {
    if (!fits(each)) continue;
    while (was != before.end() && place_of(*was) < each.place) keep();
    const bool stays = was != before.end() && place_of(*was) == each.place;
    const auto at =
        std::ranges::lower_bound(known, each.place, {}, &CompiledService::Endpoint::place);
    HEDDLE_CHECK(at != known.end() && at->place == each.place,
                 "endpoints have their slots before clusters");
    EndpointEntry entry{each.place.address, at->slot,      each.weight,
                        each.place.port,    each.priority, false};
    entry.mesh = mesh_peer_at(*cluster_slots_[slot].group, each);
    if (stays && point_alike(was->mesh, entry.mesh)) entry.mesh = was->mesh;
    entry.state = at->state;
    entry.out = at->out;
    if (each.weight > 0)
      stop_draining(slot, each.place);
    else if (stays)
      entry.draining = drains(slot, *was);
    to.push_back(entry);
    if (stays) ++was;
  }
  while (was != before.end()) keep();
  return listed;
}

void Compiler::put_cluster(uint32_t slot, ClusterPtr cluster) {
  if (slot < current_.clusters.size() && current_.clusters[slot] != nullptr)
    bytes_ -= bytes_of(*current_.clusters[slot]);
  if (cluster != nullptr) bytes_ += bytes_of(*cluster);
  current_.clusters.set(slot, std::move(cluster));
}

void Compiler::free_unused_clusters() {
  while (!unused_.empty()) {
    const uint32_t slot = unused_.back();
    unused_.pop_back();
    Group* const group = cluster_slots_[slot].group;
    if (cluster_slots_[slot].users > 0 || group == nullptr) continue;  // in use again, or freed
    // It has none if it came and went within this commit.
    if (slot < current_.clusters.size() && current_.clusters[slot] != nullptr) {
      release(current_.clusters[slot]->fallback);
      put_cluster(slot, nullptr);
    }
    for (const auto& [place, end] : cluster_slots_[slot].drains)
      drain_ends_.erase({end, slot, place});
    recompiled_.insert(group);
    auto& clusters = group->compiled.clusters[cluster_slots_[slot].v4 ? 1 : 0];
    clusters.erase(clusters.find(*cluster_slots_[slot].subset));
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
