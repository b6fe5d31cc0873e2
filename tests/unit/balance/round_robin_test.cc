// RoundRobin: order, shares at every moment, cursors that outlive their table.
#include "balance/round_robin.h"

#include <gtest/gtest.h>

#include "endpoints.h"
#include "seed.h"

namespace heddle::balance {
namespace {

std::vector<uint32_t> picks_of(const RoundRobin& table, RoundRobin::Cursor cursor, size_t count) {
  std::vector<uint32_t> picks;
  for (size_t i = 0; i < count; ++i) picks.push_back(table.pick(cursor));
  return picks;
}

TEST(RoundRobin, HasNothingWithoutWeight) {
  RoundRobin::Cursor cursor;
  const std::vector<Endpoint> endpoints = {{1, 0}, {2, 0}};
  EXPECT_EQ(RoundRobin().pick(cursor), kNoEndpoint);
  EXPECT_EQ(RoundRobin(endpoints).pick(cursor), kNoEndpoint);
  cursor = RoundRobin().start(77);
  EXPECT_EQ(RoundRobin().pick(cursor), kNoEndpoint);
}

TEST(RoundRobin, GoesAroundInOrder) {
  for (const uint32_t weight : {1u, 3u, 0xffffffffu}) {
    const std::vector<Endpoint> endpoints = {{7, weight}, {5, 0}, {6, weight}, {1, weight}};
    EXPECT_EQ(picks_of(RoundRobin(endpoints), {}, 7), (std::vector<uint32_t>{0, 2, 3, 0, 2, 3, 0}))
        << weight;
  }
}

TEST(RoundRobin, LightOnesComeBetweenTheTurnsOfTheHeavyOne) {
  const std::vector<Endpoint> endpoints = {{1, 4}, {2, 1}, {3, 1}};
  // Each light one once in four rounds, and not in the same.
  EXPECT_EQ(picks_of(RoundRobin(endpoints), {}, 12),
            (std::vector<uint32_t>{0, 1, 0, 0, 2, 0, 0, 1, 0, 0, 2, 0}));
}

// At every moment each endpoint has had its share, but for a turn or two.
TEST(RoundRobin, KeepsToWeightsAtEveryMoment) {
  Random random(test_seed());
  double worst = 0;
  for (int round = 0; round < 100; ++round) {
    auto endpoints = make_endpoints(random, 2 + random.below(50));
    const uint32_t most = 1u << random.below(20);
    for (Endpoint& e : endpoints)
      e.weight = 1 + static_cast<uint32_t>(random.next() >> 40) % (1u + random.below(most));
    const RoundRobin table(endpoints);
    const auto shares = shares_of(endpoints);
    RoundRobin::Cursor cursor = table.start(random.next());
    std::vector<uint64_t> counts(endpoints.size());
    for (int i = 1; i <= 20'000; ++i) {
      ++counts[table.pick(cursor)];
      if (i % 7 != 0) continue;
      for (size_t e = 0; e < counts.size(); ++e)
        worst = std::max(worst, std::abs(static_cast<double>(counts[e]) - shares[e] * i));
    }
  }
  EXPECT_LT(worst, 4);
  std::printf("worst difference: %.2f turns\n", worst);
}

TEST(RoundRobin, FollowsWeightsOfAnySizeInTheLongRun) {
  const std::vector<Endpoint> endpoints = {{1, 0xffffffff}, {2, 0x80000000}, {3, 0x7fffffff},
                                           {4, 1},          {5, 0x10000},    {6, 0xc0000000}};
  const RoundRobin table(endpoints);
  RoundRobin::Cursor cursor;
  constexpr uint64_t kPicks = 2'000'000;
  const auto counts = count_picks(endpoints.size(), kPicks, [&] { return table.pick(cursor); });
  const auto shares = shares_of(endpoints);
  for (size_t i = 0; i < counts.size(); ++i)
    EXPECT_NEAR(static_cast<double>(counts[i]), shares[i] * kPicks, 2.5) << i;
}

TEST(RoundRobin, TakesTheMemoryItSays) {
  const std::vector<Endpoint> endpoints = {{1, 16}, {2, 1}, {3, 0}, {4, 16}};
  EXPECT_EQ(RoundRobin(endpoints).bytes(), sizeof(RoundRobin) + 3 * 12 + 2 * 16);
}

TEST(RoundRobin, WorkersStartApart) {
  Random random(test_seed());
  const auto endpoints = make_endpoints(random, 50);
  const RoundRobin table(endpoints);
  const auto counts = count_picks(endpoints.size(), 100'000, [&] {
    RoundRobin::Cursor cursor = table.start(random.next());
    return table.pick(cursor);
  });
  EXPECT_LT(chi_square_sigmas(counts, shares_of(endpoints)), 6);
}

TEST(RoundRobin, AnyCursorIsValid) {
  Random random(test_seed());
  for (int round = 0; round < 2'000; ++round) {
    auto endpoints = make_endpoints(random, 1 + random.below(20));
    for (Endpoint& e : endpoints) e.weight = random.below(1'000);
    endpoints[0].weight = 1;
    const RoundRobin table(endpoints);
    const uint64_t rounds[] = {0, random.next(), UINT64_MAX, UINT64_MAX << random.below(64)};
    for (const uint64_t at : rounds) {
      RoundRobin::Cursor cursor{.round = at,
                                .group = static_cast<uint32_t>(random.next()),
                                .at = static_cast<uint32_t>(random.next())};
      if (random.below(2) == 0) cursor.group = random.below(8);
      for (int i = 0; i < 50; ++i) {
        const uint32_t position = table.pick(cursor);
        ASSERT_LT(position, endpoints.size());
        ASSERT_GT(endpoints[position].weight, 0u);
      }
    }
  }
}

}  // namespace
}  // namespace heddle::balance
