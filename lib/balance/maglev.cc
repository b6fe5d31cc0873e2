#include "balance/maglev.h"

#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "core/check.h"
#include "distinct_keys.h"

namespace heddle::balance {

namespace {

constexpr std::array<uint32_t, 9> kSizes = {251,   509,    1'021,  2'039, 4'093,
                                            8'191, 16'381, 32'749, 65'537};
constexpr uint32_t kEntriesEach = 100;

constexpr bool is_prime(uint32_t n) {
  if (n < 4) return n >= 2;
  if (n % 2 == 0) return false;
  for (uint32_t d = 3; uint64_t{d} * d <= n; d += 2)
    if (n % d == 0) return false;
  return true;
}
static_assert(std::ranges::all_of(kSizes, is_prime));
static_assert(is_prime(kMaxMaglevSize));

constexpr uint16_t kFree = 0xffff;
static_assert(kMaxEndpoints <= kFree);

// An endpoint while the table is filled. Its permutation of the table's entries is offset,
// offset + skip, offset + 2 skip ... modulo the prime size.
struct Member {
  uint64_t key;
  uint32_t weight;
  uint16_t position;
  uint8_t level;
  uint32_t at;
  uint32_t skip;
  int64_t credit;
};

// The members with weight, in the order of their turns within a round.
std::vector<Member> members_of(std::span<const Endpoint> endpoints, uint64_t unit, uint32_t size) {
  const std::vector<uint64_t> keys = distinct_keys(endpoints);
  std::vector<Member> members;
  members.reserve(endpoints.size());
  for (size_t i = 0; i < endpoints.size(); ++i) {
    const uint64_t key = keys[i];
    const uint32_t weight = endpoints[i].weight;
    if (weight == 0) continue;
    const auto level = std::bit_width(unit) - std::bit_width(std::bit_ceil(uint64_t{weight}));
    const uint64_t hash = mix(key ^ 0x6d61676c65762d31);
    members.push_back({.key = key,
                       .weight = weight,
                       .position = static_cast<uint16_t>(i),
                       .level = static_cast<uint8_t>(level),
                       .at = scale(hash, size),
                       .skip = 1 + scale(mix(hash ^ 0x6d61676c65762d32), size - 1),
                       .credit = 0});
  }
  std::ranges::sort(members, [](const Member& a, const Member& b) {
    if (a.level != b.level) return a.level < b.level;
    return a.key < b.key;
  });
  return members;
}

}  // namespace

bool is_maglev_size(uint32_t size) { return size <= kMaxMaglevSize && is_prime(size); }

uint32_t maglev_size(size_t endpoints) {
  for (const uint32_t size : kSizes)
    if (size / kEntriesEach >= endpoints) return size;
  return kSizes.back();
}

Maglev::Maglev(std::span<const Endpoint> endpoints)
    : Maglev(endpoints, maglev_size(endpoints.size())) {}

// The paper gives every member a turn in every round, in which it takes the next free entry of
// its permutation. Here weights say who has a turn in which round. With `unit`, the heaviest
// weight rounded up to a power of two, a member is due for round * weight / unit entries, rounded
// to the nearest and one at least. A member of level n (weight <= unit / 2^n) is looked at in
// every 2^n-th round, so that at least every second look is a turn and filling costs the same for
// any weights. Levels halve the weight and double the interval, so what the heaviest weight is
// does not change the order of the others' turns.
Maglev::Maglev(std::span<const Endpoint> endpoints, uint32_t size) {
  HEDDLE_CHECK(endpoints.size() <= kMaxEndpoints, "too many endpoints for one table");
  HEDDLE_CHECK(is_maglev_size(size), "a Maglev table has a prime size");
  uint32_t heaviest = 0;
  for (const Endpoint& endpoint : endpoints) heaviest = std::max(heaviest, endpoint.weight);
  if (heaviest == 0) return;

  const uint64_t unit = std::bit_ceil(uint64_t{heaviest});
  std::vector<Member> members = members_of(endpoints, unit, size);
  // seen[n]: how many members have a level of at most n.
  std::array<size_t, 33> seen{};
  for (const Member& member : members) ++seen[member.level];
  for (size_t level = 1; level < seen.size(); ++level) seen[level] += seen[level - 1];

  table_.assign(size, kFree);
  uint32_t left = size;
  for (uint64_t round = 0; left > 0; ++round) {
    const auto level = round == 0 ? seen.size() - 1 : static_cast<size_t>(std::countr_zero(round));
    for (Member& member : std::span(members).first(seen[std::min(level, seen.size() - 1)])) {
      if (round == 0) {
        member.credit = -static_cast<int64_t>(unit / 2);  // the one at least, half of it on credit
      } else {
        member.credit += int64_t{member.weight} << member.level;
        if (member.credit < static_cast<int64_t>(unit)) continue;
        member.credit -= static_cast<int64_t>(unit);
      }
      while (table_[member.at] != kFree) {
        member.at += member.skip;
        if (member.at >= size) member.at -= size;
      }
      table_[member.at] = member.position;
      if (--left == 0) break;
    }
  }
}

}  // namespace heddle::balance
