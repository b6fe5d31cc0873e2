#include <algorithm>
#include <bit>

#include "balance/endpoint.h"
#include "policy/snapshot.h"

namespace heddle::policy {
namespace {

// A table whose longest way is above this is laid out again with another seed, so that nobody can
// make packets slow by a choice of addresses.
constexpr uint32_t kWantedProbes = 16;
constexpr uint64_t kSeeds = 16;

}  // namespace

uint32_t FrontendTable::place(const FrontendKey& key, uint64_t seed, uint32_t mask) {
  const wire::Ipv6Address& address = key.address.v6();
  const uint64_t port = uint64_t{key.port} << 8 | static_cast<uint64_t>(key.protocol);
  const uint64_t hash = balance::mix(balance::mix(address.high() + seed) ^ address.low()) ^
                        (port + seed) * 0x9e3779b97f4a7c15;
  return static_cast<uint32_t>((hash * 0xbf58476d1ce4e5b9) >> 32) & mask;
}

FrontendTable::FrontendTable(std::span<const Entry> entries) {
  all_ports_ = std::ranges::any_of(entries, [](const Entry& e) { return e.key.port == 0; });
  const size_t size = std::bit_ceil(std::max<size_t>(2, 2 * entries.size()));
  mask_ = static_cast<uint32_t>(size - 1);
  uint32_t best = UINT32_MAX;
  uint64_t best_seed = 1;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    lay_out(entries, seed);
    if (probes_ <= kWantedProbes) return;
    if (probes_ < best) best = probes_, best_seed = seed;
  }
  lay_out(entries, best_seed);
}

void FrontendTable::lay_out(std::span<const Entry> entries, uint64_t seed) {
  seed_ = seed;
  probes_ = 1;
  entries_.assign(size_t{mask_} + 1, Entry{});
  for (const Entry& entry : entries) {
    uint32_t at = place(entry.key, seed_, mask_);
    uint32_t probes = 1;
    for (; entries_[at].slot != kNoSlot; ++probes) at = (at + 1) & mask_;
    entries_[at] = entry;
    probes_ = std::max(probes_, probes);
  }
}

uint32_t FrontendTable::find(const FrontendKey& key) const {
  const uint32_t slot = find_exactly(key);
  if (slot != kNoSlot || !all_ports_) return slot;
  return find_exactly({key.address, key.protocol, 0});
}

uint32_t FrontendTable::find_exactly(const FrontendKey& key) const {
  uint32_t at = place(key, seed_, mask_);
  for (uint32_t left = probes_; left > 0; --left) {
    const Entry& entry = entries_[at];
    if (entry.slot == kNoSlot || entry.key == key) return entry.slot;
    at = (at + 1) & mask_;
  }
  return kNoSlot;
}

void FrontendTable::prefetch(const FrontendKey& key) const {
  __builtin_prefetch(&entries_[place(key, seed_, mask_)]);
}

}  // namespace heddle::policy
