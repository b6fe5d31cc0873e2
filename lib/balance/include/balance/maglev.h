// Maglev: consistent hashing by a look-up table (Eisenbud et al., NSDI 2016, section 3.4), with
// weights. One load a pick; when an endpoint comes or goes, few flows of the others move.
//
// The table depends only on the set of endpoints, not on their order, so nodes that know the
// same endpoints pick the same one for a flow. Built aside, then immutable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "balance/endpoint.h"

namespace heddle::balance {

// As in Envoy; a table of this size takes 10 MB.
inline constexpr uint32_t kMaxMaglevSize = 5'000'011;

// Whether a configured table size may be used: a prime, at most kMaxMaglevSize.
bool is_maglev_size(uint32_t size);

// The size for a number of endpoints: at least 100 entries for each, so that equal endpoints
// differ by at most 1 %, up to 65,537. It grows in steps of two, as a table of another size is
// another table: at a step most flows move.
uint32_t maglev_size(size_t endpoints);

class Maglev {
 public:
  Maglev() = default;
  // At most kMaxEndpoints, in any order. Weights are relative, and 0 gets nothing; of the others
  // each gets its weight's share rounded to a whole entry, and at least one entry if the table
  // has that many. No weight at all gives an empty table.
  explicit Maglev(std::span<const Endpoint> endpoints);
  Maglev(std::span<const Endpoint> endpoints, uint32_t size);  // is_maglev_size(size)

  bool empty() const { return table_.empty(); }
  uint32_t size() const { return static_cast<uint32_t>(table_.size()); }

  // The position of the endpoint for a flow's hash, of which any bits may be the good ones;
  // kNoEndpoint when the table is empty.
  uint32_t pick(uint64_t hash) const {
    if (empty()) [[unlikely]]
      return kNoEndpoint;
    return table_[scale(spread(hash), size())];
  }

  std::span<const uint16_t> entries() const { return table_; }

  // Memory that the table holds, with itself.
  size_t bytes() const { return sizeof(*this) + table_.capacity() * sizeof(uint16_t); }

 private:
  std::vector<uint16_t> table_;
};

}  // namespace heddle::balance
