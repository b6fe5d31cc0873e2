#include "balance/locality.h"

#include <algorithm>
#include <vector>

#include "balance/shares.h"
#include "core/check.h"

namespace heddle::balance {

namespace {

uint64_t sum_of(std::span<const uint32_t> values) {
  uint64_t sum = 0;
  for (const uint32_t value : values) sum += value;
  return sum;
}

std::vector<uint64_t> available_of(std::span<const Group> localities) {
  std::vector<uint64_t> parts;
  for (const Group& locality : localities) parts.push_back(locality.available);
  return parts;
}

// `own` to the locality `local` and the rest by `parts`; all to where there is any.
void share_rest(std::vector<uint64_t> parts, size_t local, uint32_t own,
                std::span<uint32_t> shares) {
  parts[local] = 0;
  if (std::ranges::all_of(parts, [](uint64_t part) { return part == 0; }))
    own = own == 0 ? 0 : kWhole;
  apportion(parts, kWhole - own, shares);
  shares[local] = own;
}

}  // namespace

void share_by_weight(std::span<const Group> localities, std::span<const uint32_t> weights,
                     uint32_t overprovisioning_percent, std::span<uint32_t> shares) {
  HEDDLE_CHECK(weights.size() == localities.size(), "a weight for each locality");
  std::vector<uint64_t> parts;
  for (size_t i = 0; i < localities.size(); ++i)
    parts.push_back(uint64_t{weights[i]} * capacity_of(localities[i], overprovisioning_percent));
  apportion(parts, kWhole, shares);
}

void share_local_first(std::span<const Group> localities, size_t local,
                       uint32_t overprovisioning_percent, std::span<uint32_t> shares) {
  HEDDLE_CHECK(shares.size() == localities.size(), "a share for each locality");
  auto parts = available_of(localities);
  if (local >= localities.size()) return apportion(parts, kWhole, shares);
  share_rest(parts, local, capacity_of(localities[local], overprovisioning_percent), shares);
}

void share_zone_aware(std::span<const Group> localities, const ZoneAware& zones,
                      std::span<uint32_t> shares) {
  HEDDLE_CHECK(shares.size() == localities.size() && zones.senders.size() == localities.size(),
               "a share and senders for each locality");
  auto parts = available_of(localities);
  uint64_t available = 0;
  uint64_t total = 0;
  for (const Group& locality : localities) {
    available += locality.available;
    total += locality.total;
  }
  const uint64_t senders = sum_of(zones.senders);
  const bool known = zones.local < localities.size() && zones.senders[zones.local] > 0;
  if (!known || available == 0 || total < zones.minimum_endpoints)
    return apportion(parts, kWhole, shares);

  __extension__ using Wide = unsigned __int128;
  const Wide own = static_cast<Wide>(localities[zones.local].available) * senders * kWhole /
                   (static_cast<Wide>(zones.senders[zones.local]) * available);
  // What a zone's share of the endpoints is more than its share of the senders.
  constexpr uint64_t kUnit = 1ull << 31;
  for (size_t i = 0; i < parts.size(); ++i) {
    const uint64_t endpoints_here = localities[i].available * kUnit / available;
    const uint64_t senders_here = zones.senders[i] * kUnit / senders;
    parts[i] = endpoints_here - std::min(endpoints_here, senders_here);
  }
  share_rest(parts, zones.local, static_cast<uint32_t>(std::min<Wide>(own, kWhole)), shares);
}

}  // namespace heddle::balance
