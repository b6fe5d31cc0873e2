// RingHash: consistent hashing on a ring (Karger et al. 1997, ketama): each endpoint has points on
// a circle, as many as its weight says, and a flow goes to the next point after its hash. An
// endpoint that leaves gives up its own arcs only. Shares are rougher than Maglev's.
//
// The ring depends only on the set of endpoints. An index by the high bits of the hash leads near
// the point, so that a pick costs two or three loads for a ring of any size.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "balance/endpoint.h"

namespace heddle::balance {

inline constexpr uint32_t kMaxRingSize = 8'388'608;  // as in Envoy; such a ring takes 96 MB

// Names and meaning as in Envoy, but for the maximum's default.
struct RingHashSizes {
  uint32_t minimum = 1'024;   // points of all endpoints together
  uint32_t maximum = 65'536;  // bounds memory where weights differ much
};

class RingHash {
 public:
  RingHash() = default;
  // At most kMaxEndpoints, in any order; minimum <= maximum <= kMaxRingSize. The lightest endpoint
  // gets a whole number of points and the others as many times that as they are heavier, within
  // the maximum; each at least one, also where that is more than the maximum. Weight 0 gets none.
  explicit RingHash(std::span<const Endpoint> endpoints, const RingHashSizes& sizes = {});

  bool empty() const { return points_.empty(); }
  uint32_t size() const { return static_cast<uint32_t>(points_.size()); }

  // Any bits of `hash` may be the good ones. kNoEndpoint when the ring is empty.
  uint32_t pick(uint64_t hash) const {
    if (empty()) [[unlikely]]
      return kNoEndpoint;
    const auto place = static_cast<uint32_t>(spread(hash) >> 32);
    const uint32_t arc = place >> shift_;
    const auto* const begin = points_.data() + arcs_[arc];
    const auto* const end = points_.data() + arcs_[arc + 1];
    const auto* const next = std::ranges::lower_bound(begin, end, place, {}, &Point::place);
    return next == points_.data() + points_.size() ? points_.front().position : next->position;
  }

  size_t bytes() const {
    return sizeof(*this) + points_.capacity() * sizeof(Point) + arcs_.capacity() * sizeof(uint32_t);
  }

 private:
  struct Point {
    uint32_t place;
    uint16_t position;
  };

  void sort_points(std::span<const uint64_t> keys);

  std::vector<Point> points_;   // by place
  std::vector<uint32_t> arcs_;  // where in points_ each arc of 2^shift_ places begins, and the end
  uint32_t shift_ = 0;
};

}  // namespace heddle::balance
