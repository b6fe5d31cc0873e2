#include "balance/ring_hash.h"

#include <bit>
#include <tuple>

#include "core/check.h"
#include "distinct_keys.h"

namespace heddle::balance {

namespace {

// How many points a weight gets.
struct Scale {
  uint64_t numerator;
  uint64_t denominator;

  uint32_t points(uint32_t weight) const {
    __extension__ using Wide = unsigned __int128;
    const auto points = static_cast<uint32_t>(static_cast<Wide>(weight) * numerator / denominator);
    return std::max<uint32_t>(points, 1);
  }
};

Scale scale_of(uint32_t lightest, uint64_t sum, uint32_t members, const RingHashSizes& sizes) {
  __extension__ using Wide = unsigned __int128;
  const Wide lightest_points = (static_cast<Wide>(lightest) * sizes.minimum + sum - 1) / sum;
  if (lightest_points * sum <= static_cast<Wide>(sizes.maximum) * lightest)
    return {static_cast<uint64_t>(lightest_points), lightest};
  // Room for the one point at least that each gets.
  return {sizes.maximum - std::min(sizes.maximum, members), sum};
}

}  // namespace

RingHash::RingHash(std::span<const Endpoint> endpoints, const RingHashSizes& sizes) {
  HEDDLE_CHECK(endpoints.size() <= kMaxEndpoints, "too many endpoints for one ring");
  HEDDLE_CHECK(sizes.minimum <= sizes.maximum && sizes.maximum <= kMaxRingSize, "sizes of a ring");
  uint32_t lightest = UINT32_MAX;
  uint32_t members = 0;
  uint64_t sum = 0;
  for (const Endpoint& endpoint : endpoints) {
    if (endpoint.weight == 0) continue;
    lightest = std::min(lightest, endpoint.weight);
    sum += endpoint.weight;
    ++members;
  }
  if (members == 0) return;

  const Scale scale = scale_of(lightest, sum, members, sizes);
  uint64_t size = 0;
  for (const Endpoint& endpoint : endpoints)
    if (endpoint.weight > 0) size += scale.points(endpoint.weight);
  points_.reserve(size);
  const std::vector<uint64_t> keys = distinct_keys(endpoints);
  for (size_t i = 0; i < endpoints.size(); ++i) {
    if (endpoints[i].weight == 0) continue;
    const uint64_t first = mix(keys[i] ^ 0x72696e672d686173);
    const uint32_t points = scale.points(endpoints[i].weight);
    for (uint64_t point = 0; point < points; ++point)
      points_.push_back({.place = static_cast<uint32_t>(mix(first + spread(point)) >> 32),
                         .position = static_cast<uint16_t>(i)});
  }
  sort_points(keys);
}

// The arcs are the buckets of the sort: as points are spread evenly, about one falls into each.
void RingHash::sort_points(std::span<const uint64_t> keys) {
  const auto bits = static_cast<uint32_t>(std::bit_width(points_.size()));
  shift_ = 32 - bits;
  // Counts go two places up, so that beginnings are one place up, move to the arc's end while it
  // is filled, and are then where they belong.
  arcs_.assign((size_t{1} << bits) + 2, 0);
  for (const Point& point : points_) ++arcs_[(point.place >> shift_) + 2];
  for (size_t arc = 1; arc < arcs_.size(); ++arc) arcs_[arc] += arcs_[arc - 1];
  std::vector<Point> sorted(points_.size());
  for (const Point& point : points_) sorted[arcs_[(point.place >> shift_) + 1]++] = point;
  arcs_.pop_back();
  for (size_t arc = 0; arc + 1 < arcs_.size(); ++arc)
    std::sort(sorted.begin() + arcs_[arc], sorted.begin() + arcs_[arc + 1],
              [&](const Point& a, const Point& b) {
                return std::tuple(a.place, keys[a.position]) <
                       std::tuple(b.place, keys[b.position]);
              });
  points_ = std::move(sorted);
}

}  // namespace heddle::balance
