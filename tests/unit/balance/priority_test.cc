// Shares of priority levels and localities. The rows of priorities are those of Envoy's
// documentation, which counts in whole percents.
#include "balance/priority.h"

#include <gtest/gtest.h>

#include <memory>
#include <numeric>

#include "balance/locality.h"
#include "balance/shares.h"
#include "endpoints.h"
#include "seed.h"

namespace heddle::balance {
namespace {

using Shares = std::vector<uint32_t>;

struct Outcome {
  Shares shares;
  std::vector<bool> panics;
};

Outcome by_priority(const std::vector<Group>& levels, const PriorityPolicy& policy = {}) {
  Outcome outcome;
  outcome.shares.resize(levels.size(), 1);
  const auto panics = std::make_unique<bool[]>(levels.size());
  share_by_priority(levels, policy, outcome.shares, {panics.get(), levels.size()});
  outcome.panics.assign(panics.get(), panics.get() + levels.size());
  return outcome;
}

std::vector<Group> percents(const std::vector<uint32_t>& available) {
  std::vector<Group> levels;
  for (const uint32_t percent : available) levels.push_back({100, percent});
  return levels;
}

struct PriorityRow {
  std::vector<uint32_t> available;  // percent of each level
  std::vector<double> shares;       // percent
  std::vector<bool> panics;
};

TEST(Priority, SharesAsEnvoy) {
  const PriorityRow rows[] = {
      {{100, 100}, {100, 0}, {false, false}},
      {{72, 100}, {100, 0}, {false, false}},
      {{71, 100}, {99, 1}, {false, false}},
      {{50, 100}, {70, 30}, {false, false}},
      {{25, 100}, {35, 65}, {false, false}},
      {{0, 100}, {0, 100}, {false, false}},
      {{72, 72}, {100, 0}, {false, false}},
      {{50, 50}, {70, 30}, {false, false}},
      {{25, 25}, {50, 50}, {true, true}},
      {{5, 65}, {7, 93}, {true, false}},
      {{100, 100, 100}, {100, 0, 0}, {false, false, false}},
      {{50, 50, 100}, {70, 30, 0}, {false, false, false}},
      {{25, 25, 100}, {35, 35, 30}, {false, false, false}},
      {{60}, {100}, {false}},
      {{49}, {100}, {true}},
      {{0}, {100}, {true}},
  };
  for (const PriorityRow& row : rows) {
    const Outcome outcome = by_priority(percents(row.available));
    for (size_t i = 0; i < row.shares.size(); ++i)
      EXPECT_NEAR(outcome.shares[i] / 10'000.0, row.shares[i], 0.6)
          << "level " << i << " of " << testing::PrintToString(row.available);
    EXPECT_EQ(outcome.panics, row.panics) << testing::PrintToString(row.available);
  }
}

TEST(Priority, SharesByTotalWhenAllArePanicking) {
  const Outcome outcome = by_priority({{30, 0}, {10, 1}, {0, 0}});
  EXPECT_EQ(outcome.shares, (Shares{750'000, 250'000, 0}));
  EXPECT_EQ(outcome.panics, (std::vector<bool>{true, true, false}));
}

TEST(Priority, SharesNothingWithoutPanic) {
  EXPECT_EQ(by_priority({{30, 0}, {10, 0}}, {.panic_percent = 0}).shares, (Shares{0, 0}));
  EXPECT_EQ(by_priority({{0, 0}}).shares, (Shares{0}));
  EXPECT_EQ(by_priority({}).shares, Shares{});
}

TEST(Priority, SharesToWhatIsLeftWithoutPanic) {
  const Outcome outcome = by_priority({{100, 10}, {100, 30}}, {.panic_percent = 0});
  EXPECT_EQ(outcome.shares, (Shares{250'000, 750'000}));
  EXPECT_EQ(outcome.panics, (std::vector<bool>{false, false}));
}

TEST(Priority, OverprovisioningIsAFactor) {
  EXPECT_EQ(by_priority({{4, 3}, {4, 4}}, {.overprovisioning_percent = 100}).shares,
            (Shares{750'000, 250'000}));
  EXPECT_EQ(by_priority({{4, 3}, {4, 4}}, {.overprovisioning_percent = 134}).shares,
            (Shares{1'000'000, 0}));
  EXPECT_EQ(by_priority({{4, 2}, {4, 4}}, {.overprovisioning_percent = 200}).shares,
            (Shares{1'000'000, 0}));
}

TEST(Priority, AlwaysSharesTheWholeOrNothing) {
  Random random(test_seed());
  for (int round = 0; round < 10'000; ++round) {
    std::vector<Group> levels;
    for (uint32_t i = random.below(6); i > 0; --i) {
      const auto total = static_cast<uint32_t>(random.next() >> (32 + random.below(33) % 32));
      levels.push_back({total, random.below(3) == 0 ? 0 : random.below(total)});
    }
    const PriorityPolicy policy{.overprovisioning_percent = 100 + random.below(100),
                                .panic_percent = random.below(101)};
    const Outcome outcome = by_priority(levels, policy);
    const uint32_t sum = std::accumulate(outcome.shares.begin(), outcome.shares.end(), 0u);
    ASSERT_TRUE(sum == kWhole || sum == 0) << sum;
    for (size_t i = 0; i < levels.size(); ++i) {
      // Where nothing is available, traffic is only in panic.
      ASSERT_TRUE(outcome.shares[i] == 0 || outcome.panics[i] || levels[i].available > 0);
    }
  }
}

TEST(Shares, AreRoundedToTheirWhole) {
  Shares shares(3);
  apportion(std::vector<uint64_t>{1, 1, 1}, 100, shares);
  EXPECT_EQ(shares, (Shares{33, 33, 34}));
  apportion(std::vector<uint64_t>{0, 0, 0}, 100, shares);
  EXPECT_EQ(shares, (Shares{0, 0, 0}));
  apportion(std::vector<uint64_t>{UINT64_MAX, 0, UINT64_MAX}, kWhole, shares);
  EXPECT_EQ(shares, (Shares{500'000, 0, 500'000}));
}

TEST(Shares, ArePickedAsCut) {
  Random random(test_seed());
  const Shares shares = {300'000, 0, 650'000, 50'000};
  const std::vector<double> wanted = {0.3, 0, 0.65, 0.05};
  const auto counts = count_picks(
      4, 1'000'000, [&] { return pick_share(shares, random.next(), Choice::kPriority); });
  EXPECT_LT(chi_square_sigmas(counts, wanted), 6);
  EXPECT_EQ(pick_share(Shares{0, 0}, random.next(), Choice::kPriority), kNoEndpoint);
  EXPECT_EQ(pick_share(Shares{}, random.next(), Choice::kPriority), kNoEndpoint);
}

// One hash goes through all choices: those that one sends to a group are spread by the next.
TEST(Shares, ChoicesAreIndependent) {
  Random random(test_seed());
  const Shares halves = {500'000, 500'000};
  const std::vector<double> quarters(4, 0.25);
  const auto counts = count_picks(4, 1'000'000, [&] {
    const uint64_t hash = random.next();
    return 2 * pick_share(halves, hash, Choice::kPriority) +
           pick_share(halves, hash, Choice::kLocality);
  });
  EXPECT_LT(chi_square_sigmas(counts, quarters), 6);
  const auto upper = count_picks(2, 1'000'000, [&] {
    const uint64_t hash = random.next();
    return 2 * (1 - pick_share(halves, hash, Choice::kPriority)) + scale(spread(hash), 2);
  });
  EXPECT_LT(chi_square_sigmas(upper, std::vector<double>{0.5, 0.5}), 6);
}

TEST(Shares, MoveFlowsAtTheBordersOnly) {
  Random random(test_seed());
  uint32_t moved = 0;
  for (int i = 0; i < 100'000; ++i) {
    const uint64_t hash = random.next();
    const uint32_t was = pick_share(Shares{700'000, 300'000}, hash, Choice::kPriority);
    const uint32_t now = pick_share(Shares{690'000, 310'000}, hash, Choice::kPriority);
    if (was != now) {
      ++moved;
      ASSERT_EQ(was, 0u);
    }
  }
  EXPECT_NEAR(moved, 1'000, 200);
}

Shares by_weight(const std::vector<Group>& localities, const std::vector<uint32_t>& weights) {
  Shares shares(localities.size(), 1);
  share_by_weight(localities, weights, 140, shares);
  return shares;
}

// Envoy's documentation: X of weight 1 with less and less available, Y of weight 2.
TEST(Locality, SharesByWeightAsEnvoy) {
  struct Row {
    uint32_t available;
    double x;
  };
  for (const Row& row :
       {Row{100, 33}, Row{72, 33}, Row{69, 32}, Row{50, 26}, Row{25, 15}, Row{0, 0}}) {
    const Shares shares = by_weight({{100, row.available}, {100, 100}}, {1, 2});
    EXPECT_NEAR(shares[0] / 10'000.0, row.x, 0.6) << row.available;
    EXPECT_EQ(shares[0] + shares[1], kWhole);
  }
  EXPECT_EQ(by_weight({{4, 0}, {4, 0}}, {1, 1}), (Shares{0, 0}));
  EXPECT_EQ(by_weight({{4, 4}, {4, 4}}, {0, 7}), (Shares{0, kWhole}));
}

TEST(Locality, SharesLocalFirst) {
  struct Row {
    const char* what;
    std::vector<Group> localities;
    size_t local;
    Shares shares;
  };
  const Row rows[] = {
      {"all at home", {{10, 10}, {10, 10}, {20, 20}}, 0, {kWhole, 0, 0}},
      {"enough at home", {{10, 10}, {10, 8}}, 1, {0, kWhole}},
      {"half at home: 70 %", {{10, 5}, {10, 10}, {20, 20}}, 0, {700'000, 100'000, 200'000}},
      {"none at home", {{10, 0}, {10, 5}, {20, 15}}, 0, {0, 250'000, 750'000}},
      {"no home", {{10, 5}, {20, 15}}, 7, {250'000, 750'000}},
      {"nobody at home", {{0, 0}, {20, 15}}, 0, {0, kWhole}},
      {"only home, half of it", {{10, 5}, {10, 0}}, 0, {kWhole, 0}},
      {"nothing", {{10, 0}, {10, 0}}, 0, {0, 0}},
  };
  for (const Row& row : rows) {
    Shares shares(row.localities.size(), 1);
    share_local_first(row.localities, row.local, 140, shares);
    EXPECT_EQ(shares, row.shares) << row.what;
  }
}

Shares zone_aware(const std::vector<Group>& localities, size_t local,
                  const std::vector<uint32_t>& senders, uint32_t minimum = 6) {
  Shares shares(localities.size(), 1);
  share_zone_aware(localities, {local, senders, minimum}, shares);
  return shares;
}

TEST(Locality, KeepsTrafficInItsZone) {
  struct Row {
    const char* what;
    std::vector<Group> localities;
    std::vector<uint32_t> senders;
    Shares shares;  // of a sender in zone 0
  };
  const Row rows[] = {
      {"as many endpoints as senders", {{4, 4}, {4, 4}}, {3, 3}, {kWhole, 0}},
      {"more endpoints than senders", {{6, 6}, {2, 2}}, {3, 3}, {kWhole, 0}},
      {"half of what the senders need", {{2, 2}, {6, 6}}, {3, 3}, {500'000, 500'000}},
      {"the rest by what others have more",
       {{2, 2}, {5, 5}, {9, 9}},
       {8, 4, 4},
       {250'000, 125'000, 625'000}},
      {"none to a zone with less itself",
       {{2, 2}, {2, 2}, {12, 12}},
       {2, 4, 2},
       {500'000, 0, 500'000}},
      {"what is not available does not count", {{8, 2}, {6, 6}}, {3, 3}, {500'000, 500'000}},
      {"too few endpoints", {{2, 2}, {3, 3}}, {1, 0}, {400'000, 600'000}},
      {"no senders known", {{2, 2}, {6, 6}}, {0, 0}, {250'000, 750'000}},
      {"nothing available", {{8, 0}, {6, 0}}, {3, 3}, {0, 0}},
      {"nothing available at home", {{8, 0}, {6, 6}}, {3, 3}, {0, kWhole}},
      {"only home", {{8, 2}, {6, 0}}, {3, 3}, {kWhole, 0}},
  };
  for (const Row& row : rows) {
    const Shares shares = zone_aware(row.localities, 0, row.senders);
    for (size_t i = 0; i < shares.size(); ++i)
      EXPECT_NEAR(shares[i], row.shares[i], 2) << row.what << ", zone " << i;
  }
  EXPECT_EQ(zone_aware({{2, 2}, {3, 3}}, 0, {1, 1}, 5), (Shares{800'000, 200'000}));
  EXPECT_EQ(zone_aware({{5, 5}, {15, 15}}, 9, {1, 1}), (Shares{250'000, 750'000}));
}

// When every zone's senders follow the rule, all endpoints get the same.
TEST(Locality, ZoneAwareLoadsEndpointsEvenly) {
  Random random(test_seed());
  for (int round = 0; round < 500; ++round) {
    std::vector<Group> localities;
    std::vector<uint32_t> senders;
    uint32_t endpoints = 0;
    for (uint32_t i = 2 + random.below(4); i > 0; --i) {
      const uint32_t available = 1 + random.below(50);
      localities.push_back({available + random.below(10), available});
      senders.push_back(1 + random.below(50));
      endpoints += available;
    }
    const auto all = std::accumulate(senders.begin(), senders.end(), 0.0);
    std::vector<double> received(localities.size());
    for (size_t zone = 0; zone < localities.size(); ++zone) {
      const Shares shares = zone_aware(localities, zone, senders, 0);
      ASSERT_EQ(std::accumulate(shares.begin(), shares.end(), 0u), kWhole);
      for (size_t to = 0; to < shares.size(); ++to)
        received[to] += senders[zone] / all * shares[to] / kWhole;
    }
    for (size_t zone = 0; zone < localities.size(); ++zone)
      ASSERT_NEAR(received[zone] * endpoints / localities[zone].available, 1, 0.001)
          << "zone " << zone << " round " << round;
  }
}

}  // namespace
}  // namespace heddle::balance
