// RingHash against a linear twin, and its promises: sizes, shares, arcs that stay.
#include "balance/ring_hash.h"

#include <gtest/gtest.h>

#include <numeric>

#include "balance/bounded_load.h"
#include "balance/maglev.h"
#include "endpoints.h"
#include "seed.h"

namespace heddle::balance {
namespace {

TEST(RingHash, HasNothingWithoutWeight) {
  const std::vector<Endpoint> endpoints = {{1, 0}, {2, 0}};
  for (const RingHash& ring : {RingHash(), RingHash(endpoints)}) {
    EXPECT_TRUE(ring.empty());
    EXPECT_EQ(ring.pick(7), kNoEndpoint);
  }
}

// All points in a list, and a walk over it: the least distance from the hash on, around the circle.
uint64_t twin_pick(std::span<const Endpoint> endpoints, std::span<const uint32_t> points,
                   uint64_t hash) {
  const auto from = static_cast<uint32_t>((hash * 0x9e3779b97f4a7c15) >> 32);
  uint64_t best = UINT64_MAX;
  uint64_t key = 0;
  for (size_t i = 0; i < endpoints.size(); ++i) {
    for (uint64_t point = 0; point < points[i]; ++point) {
      const uint64_t at =
          mix(mix(endpoints[i].key ^ 0x72696e672d686173) + point * 0x9e3779b97f4a7c15) >> 32;
      const uint64_t distance = static_cast<uint32_t>(at - from);
      if (distance < best || (distance == best && endpoints[i].key < key)) {
        best = distance;
        key = endpoints[i].key;
      }
    }
  }
  return key;
}

TEST(RingHash, FindsWhatTheTwinFinds) {
  Random random(test_seed());
  for (int round = 0; round < 60; ++round) {
    auto endpoints = make_endpoints(random, 1 + random.below(20));
    for (Endpoint& e : endpoints) e.weight = random.below(4);
    endpoints[0].weight = 1;
    // The lightest weight is 1: it gets `each` points, and the others their multiple.
    const auto sum = static_cast<uint32_t>(
        std::accumulate(endpoints.begin(), endpoints.end(), 0u,
                        [](uint32_t s, const Endpoint& e) { return s + e.weight; }));
    const uint32_t each = 1 + random.below(20);
    std::vector<uint32_t> points;
    for (const Endpoint& e : endpoints) points.push_back(each * e.weight);
    const RingHash ring(endpoints, {.minimum = each * sum});
    ASSERT_EQ(ring.size(), each * sum);
    for (int i = 0; i < 500; ++i) {
      const uint64_t hash = random.next();
      ASSERT_EQ(endpoints[ring.pick(hash)].key, twin_pick(endpoints, points, hash)) << round;
    }
  }
}

// The hash whose place on the ring this is: spread() multiplies by an odd number, which has an
// inverse modulo 2^64 (by Newton's iteration).
uint64_t hash_of(uint32_t place) {
  const uint64_t factor = spread(1);
  uint64_t inverse = factor;
  for (int i = 0; i < 5; ++i) inverse *= 2 - factor * inverse;
  return (uint64_t{place} << 32) * inverse;
}

TEST(RingHash, WrapsAroundBehindTheLastPoint) {
  Random random(test_seed());
  for (int round = 0; round < 100; ++round) {
    const auto endpoints = make_endpoints(random, 2);
    const RingHash ring(endpoints, {.minimum = 2});
    ASSERT_EQ(ring.size(), 2u);
    ASSERT_EQ(ring.pick(hash_of(UINT32_MAX)), ring.pick(hash_of(0)));
    const std::vector<uint32_t> points = {1, 1};
    ASSERT_EQ(endpoints[ring.pick(hash_of(0))].key, twin_pick(endpoints, points, hash_of(0)));
  }
}

struct SizeRow {
  const char* what;
  std::vector<uint32_t> weights;
  RingHashSizes sizes;
  uint32_t size;
};

TEST(RingHash, SizesFollowTheLightestWeight) {
  const SizeRow rows[] = {
      {"one takes the whole minimum", {1}, {1'024, 65'536}, 1'024},
      {"three round up to whole points", {1, 1, 1}, {1'024, 65'536}, 1'026},
      {"the lightest has 4 of 12, so the others are whole", {2, 1}, {12, 65'536}, 12},
      {"the lightest rounds up to 2 points", {7, 1}, {10, 65'536}, 16},
      {"more endpoints than the minimum", std::vector<uint32_t>(2'000, 1), {1'024, 65'536}, 2'000},
      {"more endpoints than the maximum", std::vector<uint32_t>(50, 9), {10, 20}, 50},
      {"weights too far apart for the maximum", {1, 0xffffffff}, {1'024, 4'096}, 4'094},
      {"no minimum", {3, 3}, {0, 10}, 2},
  };
  Random random(test_seed());
  for (const SizeRow& row : rows) {
    auto endpoints = make_endpoints(random, row.weights.size());
    for (size_t i = 0; i < endpoints.size(); ++i) endpoints[i].weight = row.weights[i];
    const RingHash ring(endpoints, row.sizes);
    EXPECT_EQ(ring.size(), row.size) << row.what;
    EXPECT_GE(ring.bytes(), sizeof(ring) + row.size * 8u) << row.what;
    EXPECT_LE(ring.bytes(), sizeof(ring) + row.size * 16u + 8u) << row.what;
  }
}

TEST(RingHash, NeverPassesTheMaximum) {
  Random random(test_seed());
  for (int round = 0; round < 200; ++round) {
    auto endpoints = make_endpoints(random, 1 + random.below(100));
    for (Endpoint& e : endpoints)
      e.weight = static_cast<uint32_t>(random.next() >> (32 + random.below(32)));
    const uint32_t maximum = 100 + random.below(1'000);
    const RingHash ring(endpoints, {.minimum = random.below(maximum), .maximum = maximum});
    ASSERT_LE(ring.size(), maximum);
  }
}

TEST(RingHash, OrderDoesNotMatter) {
  Random random(test_seed());
  auto endpoints = make_endpoints(random, 50);
  for (Endpoint& e : endpoints) e.weight = 1 + random.below(3);
  auto shuffled = endpoints;
  shuffle(random, shuffled);
  const RingHash one(endpoints);
  const RingHash other(shuffled);
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t hash = random.next();
    ASSERT_EQ(endpoints[one.pick(hash)].key, shuffled[other.pick(hash)].key);
  }
}

TEST(RingHash, EqualKeysGetTheirShareToo) {
  Random random(test_seed());
  const std::vector<Endpoint> endpoints(20, Endpoint{4711, 1});
  const RingHash ring(endpoints, {.minimum = 20'000});
  const auto counts = count_picks(20, 100'000, [&] { return ring.pick(random.next()); });
  for (const uint64_t count : counts) EXPECT_NEAR(static_cast<double>(count), 5'000, 1'500);
}

// With k points each, arcs sum up to a share whose deviation is 1 / sqrt(k) of it: 10 % for 100.
TEST(RingHash, SharesAreAsEvenAsPointsAllow) {
  Random random(test_seed());
  auto endpoints = make_endpoints(random, 50);
  for (Endpoint& e : endpoints) e.weight = 1 + random.below(4);
  const auto shares = shares_of(endpoints);
  const double light = *std::ranges::min_element(shares);
  const RingHash ring(endpoints, {.minimum = static_cast<uint32_t>(100 / light)});
  const auto counts =
      count_picks(endpoints.size(), 1'000'000, [&] { return ring.pick(random.next()); });
  double squares = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const double off = static_cast<double>(counts[i]) / (shares[i] * 1'000'000) - 1;
    EXPECT_LT(std::abs(off), 0.6);
    squares += off * off;
  }
  EXPECT_LT(std::sqrt(squares / 50), 0.14);
}

TEST(RingHash, LeavesOtherArcsAlone) {
  Random random(test_seed());
  // 11 points each, with 100 endpoints as with 99: nothing but the arcs of the one that goes moves.
  const auto before = make_endpoints(random, 100);
  auto after = before;
  after.pop_back();
  const RingHash old_ring(before);
  const RingHash new_ring(after);
  uint32_t moved = 0;
  for (int i = 0; i < 100'000; ++i) {
    const uint64_t hash = random.next();
    const uint32_t was = old_ring.pick(hash);
    if (was == 99)
      ++moved;
    else
      ASSERT_EQ(new_ring.pick(hash), was);
  }
  EXPECT_GT(moved, 20u);
}

// Bounded loads, over both consistent tables. Flows come and stay; none gets more than the factor
// allows, and flows are where they would be without the bound when there is room for them.
template <class Table>
class BoundedLoad : public testing::Test {};
using Tables = testing::Types<Maglev, RingHash>;
TYPED_TEST_SUITE(BoundedLoad, Tables);

TYPED_TEST(BoundedLoad, NoneGetsMoreThanTheFactor) {
  Random random(test_seed());
  auto endpoints = make_endpoints(random, 40);
  uint64_t weight = 0;
  for (Endpoint& e : endpoints) weight += e.weight = 1 + random.below(5);
  const TypeParam table(endpoints);
  for (const uint32_t factor : {110u, 125u, 200u}) {
    std::vector<uint32_t> active(endpoints.size());
    uint32_t moved = 0;
    constexpr uint32_t kFlows = 20'000;
    for (uint32_t flows = 0; flows < kFlows; ++flows) {
      const uint64_t hash = random.next();
      const uint32_t at = pick_bounded(table, hash, factor, {endpoints, active, weight, flows});
      if (at != table.pick(hash)) {
        ++moved;
        const Loads loads{endpoints, active, weight, flows};
        ASSERT_FALSE(loads.has_room(table.pick(hash), factor));
      }
      ++active[at];
      const double share = static_cast<double>(endpoints[at].weight) / static_cast<double>(weight);
      // The last of the tries may be in vain for the smallest factor: one flow above the bound.
      ASSERT_LE(active[at], std::ceil(share * (flows + 1) * factor / 100) + 1) << factor;
    }
    EXPECT_LT(moved, kFlows / 4) << factor;
  }
}

TYPED_TEST(BoundedLoad, HasNothingWithoutWeight) {
  const std::vector<Endpoint> endpoints = {{1, 0}};
  const std::vector<uint32_t> active = {0};
  EXPECT_EQ(pick_bounded(TypeParam(endpoints), 1, 125, {endpoints, active, 0, 0}), kNoEndpoint);
}

TYPED_TEST(BoundedLoad, SendsTheFlowsOfOneHashToFewWhenOneIsFull) {
  Random random(test_seed());
  const auto endpoints = make_endpoints(random, 20);
  const TypeParam table(endpoints);
  std::vector<uint32_t> active(20);
  for (uint32_t flows = 0; flows < 20; ++flows)
    ++active[pick_bounded(table, 4711, 125, {endpoints, active, 20, flows})];
  // 20 flows over 20 endpoints at 125 %: two each at most, and the same ones each time.
  EXPECT_EQ(std::ranges::max(active), 2u);
  std::vector<uint32_t> again(20);
  for (uint32_t flows = 0; flows < 20; ++flows)
    ++again[pick_bounded(table, 4711, 125, {endpoints, again, 20, flows})];
  EXPECT_EQ(again, active);
}

}  // namespace
}  // namespace heddle::balance
