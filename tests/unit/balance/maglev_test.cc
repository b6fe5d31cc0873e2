// Maglev against a slow twin, and its promises: shares, few moves, no order.
#include "balance/maglev.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "endpoints.h"
#include "seed.h"

namespace heddle::balance {
namespace {

// How many entries an endpoint is due at a round of time: its share rounded to the nearest, and
// one at least. In 128 bits, from the start, without credits.
uint64_t due(uint64_t round, uint32_t weight, uint64_t unit) {
  __extension__ using Wide = unsigned __int128;
  const Wide nearest = (Wide{2} * round * weight + unit) / (Wide{2} * unit);
  return std::max<uint64_t>(1, static_cast<uint64_t>(nearest));
}

// The definition taken literally: each round asks each endpoint; permutations are written out.
std::vector<uint64_t> twin(std::vector<Endpoint> endpoints, uint32_t size) {
  std::erase_if(endpoints, [](const Endpoint& e) { return e.weight == 0; });
  uint64_t unit = 1;
  for (const Endpoint& e : endpoints)
    while (unit < e.weight) unit *= 2;
  const auto interval = [&](const Endpoint& e) {
    uint64_t rounds = 1;
    while (rounds * 2 * e.weight <= unit) rounds *= 2;
    return rounds;
  };
  std::ranges::sort(endpoints, [&](const Endpoint& a, const Endpoint& b) {
    if (interval(a) != interval(b)) return interval(a) < interval(b);
    return a.key < b.key;
  });
  std::vector<std::vector<uint32_t>> permutations;
  for (const Endpoint& e : endpoints) {
    const uint64_t hash = mix(e.key ^ 0x6d61676c65762d31);
    const uint64_t offset = scale(hash, size);
    const uint64_t skip = 1 + scale(mix(hash ^ 0x6d61676c65762d32), size - 1);
    std::vector<uint32_t> order;
    for (uint64_t j = 0; j < size; ++j)
      order.push_back(static_cast<uint32_t>((offset + j * skip) % size));
    permutations.push_back(order);
  }
  std::map<uint32_t, uint64_t> owner;
  std::vector<uint64_t> taken(endpoints.size());
  for (uint64_t round = 0; owner.size() < size; ++round) {
    for (size_t i = 0; i < endpoints.size() && owner.size() < size; ++i) {
      if (round % interval(endpoints[i]) != 0) continue;
      if (taken[i] >= due(round, endpoints[i].weight, unit)) continue;
      const auto free = std::ranges::find_if(
          permutations[i], [&](uint32_t entry) { return !owner.contains(entry); });
      owner[*free] = endpoints[i].key;
      ++taken[i];
    }
  }
  std::vector<uint64_t> keys;
  for (const auto& [entry, key] : owner) keys.push_back(key);
  return keys;
}

std::vector<uint64_t> keys_of(const Maglev& table, std::span<const Endpoint> endpoints) {
  std::vector<uint64_t> keys;
  for (const uint16_t position : table.entries()) keys.push_back(endpoints[position].key);
  return keys;
}

std::vector<uint64_t> entries_each(const Maglev& table, size_t endpoints) {
  std::vector<uint64_t> counts(endpoints);
  for (const uint16_t position : table.entries()) ++counts[position];
  return counts;
}

TEST(Maglev, IsWhatTheTwinMakes) {
  Random random(test_seed());
  const uint32_t sizes[] = {2, 3, 5, 31, 127, 251, 509};
  for (int round = 0; round < 200; ++round) {
    auto endpoints = make_endpoints(random, 1 + random.below(30));
    const uint32_t heaviest[] = {1, 2, 3, 10, 1000, 0x7fffffff, 0xffffffff};
    const uint32_t most = heaviest[random.below(std::size(heaviest))];
    // Weights of any size: as often tiny ones as great ones.
    for (Endpoint& e : endpoints)
      e.weight = std::min(most, static_cast<uint32_t>(random.next() >> (32 + random.below(32))));
    endpoints[0].weight = std::max<uint32_t>(endpoints[0].weight, 1);
    const uint32_t size = sizes[random.below(std::size(sizes))];
    ASSERT_EQ(keys_of(Maglev(endpoints, size), endpoints), twin(endpoints, size))
        << "round " << round << " size " << size;
  }
}

TEST(Maglev, HasNothingWithoutWeight) {
  const std::vector<Endpoint> endpoints = {{1, 0}, {2, 0}};
  for (const Maglev& table : {Maglev(), Maglev(std::span<const Endpoint>{}), Maglev(endpoints)}) {
    EXPECT_TRUE(table.empty());
    EXPECT_EQ(table.pick(7), kNoEndpoint);
    EXPECT_EQ(table.bytes(), sizeof(Maglev));
  }
}

TEST(Maglev, GivesAllToTheOnlyOneWithWeight) {
  const std::vector<Endpoint> endpoints = {{1, 0}, {2, 5}, {3, 0}};
  const Maglev table(endpoints);
  EXPECT_EQ(entries_each(table, 3), (std::vector<uint64_t>{0, table.size(), 0}));
}

TEST(Maglev, SizesArePrimesOfAHundredEntriesEach) {
  EXPECT_EQ(maglev_size(0), 251u);
  EXPECT_EQ(maglev_size(2), 251u);
  EXPECT_EQ(maglev_size(3), 509u);
  EXPECT_EQ(maglev_size(655), 65'537u);
  EXPECT_EQ(maglev_size(65'535), 65'537u);
  for (size_t n = 1; n <= 655; ++n) {
    ASSERT_GE(maglev_size(n), 100 * n);
    ASSERT_TRUE(is_maglev_size(maglev_size(n)));
  }
}

TEST(Maglev, RefusesSizesThatAreNotPrime) {
  for (const uint32_t size : {0u, 1u, 4u, 9u, 65'536u, 65'537u * 3, 5'000'011u + 8, 0xfffffffbu})
    EXPECT_FALSE(is_maglev_size(size)) << size;
  for (const uint32_t size : {2u, 3u, 251u, 655'373u, 5'000'011u})
    EXPECT_TRUE(is_maglev_size(size)) << size;
}

TEST(Maglev, EqualEndpointsDifferByOneEntry) {
  Random random(test_seed());
  for (const size_t n : {1u, 2u, 3u, 10u, 99u, 1'000u, 5'000u}) {
    for (const uint32_t weight : {1u, 3u, 0xffffffffu}) {
      const auto endpoints = make_endpoints(random, n, weight);
      const Maglev table(endpoints);
      const auto counts = entries_each(table, n);
      const auto [least, most] = std::ranges::minmax(counts);
      EXPECT_LE(most - least, 1u) << n << " of weight " << weight;
      EXPECT_EQ(table.bytes(), sizeof(Maglev) + 2 * table.size());
    }
  }
}

TEST(Maglev, EqualWeightsOfAnySizeGiveOneTable) {
  Random random(test_seed());
  auto endpoints = make_endpoints(random, 50, 1);
  const auto keys = keys_of(Maglev(endpoints), endpoints);
  for (const uint32_t weight : {2u, 3u, 100u, 0xffffffffu}) {
    for (Endpoint& e : endpoints) e.weight = weight;
    EXPECT_EQ(keys_of(Maglev(endpoints), endpoints), keys) << weight;
  }
}

TEST(Maglev, SharesFollowWeights) {
  Random random(test_seed());
  for (int round = 0; round < 50; ++round) {
    auto endpoints = make_endpoints(random, 2 + random.below(100));
    for (Endpoint& e : endpoints) e.weight = 1 + random.below(100);
    const Maglev table(endpoints);
    const auto counts = entries_each(table, endpoints.size());
    const auto shares = shares_of(endpoints);
    for (size_t i = 0; i < counts.size(); ++i) {
      // Rounded to an entry, and where the table was full one early or late; the entry at least.
      const double wanted = shares[i] * table.size();
      ASSERT_LE(std::abs(static_cast<double>(counts[i]) - wanted), 1.5 + 0.01 * wanted)
          << "weight " << endpoints[i].weight << " round " << round;
    }
  }
}

TEST(Maglev, LightEndpointsKeepAnEntryBesideAHeavyOne) {
  Random random(test_seed());
  auto endpoints = make_endpoints(random, 200, 1);
  endpoints[17].weight = 0xffffffff;
  const auto counts = entries_each(Maglev(endpoints), endpoints.size());
  EXPECT_EQ(std::ranges::count(counts, 1u), 199);
  EXPECT_GT(counts[17], 200u);
}

TEST(Maglev, OrderDoesNotMatter) {
  Random random(test_seed());
  for (int round = 0; round < 20; ++round) {
    auto endpoints = make_endpoints(random, 1 + random.below(200));
    for (Endpoint& e : endpoints) e.weight = random.below(4);
    endpoints[0].weight = 1;
    const auto keys = keys_of(Maglev(endpoints), endpoints);
    shuffle(random, endpoints);
    ASSERT_EQ(keys_of(Maglev(endpoints), endpoints), keys);
  }
}

// Keys that a poor hash made: neighbours, and the same key often.
TEST(Maglev, PoorKeysGetTheirShareToo) {
  std::vector<Endpoint> endpoints;
  for (uint64_t i = 0; i < 20'000; ++i) endpoints.push_back({i / 5'000, 1});
  const Maglev table(endpoints);
  const auto counts = entries_each(table, endpoints.size());
  const auto [least, most] = std::ranges::minmax(counts);
  EXPECT_LE(most - least, 1u);
}

TEST(Maglev, OrderDoesNotMatterAmongEqualKeys) {
  Random random(test_seed());
  std::vector<Endpoint> endpoints;
  for (uint32_t weight = 1; weight <= 60; ++weight) endpoints.push_back({weight / 4, weight});
  const auto weights_of = [](const std::vector<Endpoint>& list) {
    std::vector<uint32_t> weights;
    const Maglev table(list);
    for (const uint16_t position : table.entries()) weights.push_back(list[position].weight);
    return weights;
  };
  const auto weights = weights_of(endpoints);
  shuffle(random, endpoints);
  EXPECT_EQ(weights_of(endpoints), weights);
}

// The share of entries that changed although neither their old nor their new owner had to.
double needless_moves(const std::vector<Endpoint>& before, const std::vector<Endpoint>& after,
                      uint32_t size) {
  std::set<uint64_t> stay;
  for (const Endpoint& e : before)
    if (std::ranges::find(after, e.key, &Endpoint::key) != after.end()) stay.insert(e.key);
  const auto old_keys = keys_of(Maglev(before, size), before);
  const auto new_keys = keys_of(Maglev(after, size), after);
  uint32_t moved = 0;
  for (uint32_t i = 0; i < size; ++i)
    if (old_keys[i] != new_keys[i] && stay.contains(old_keys[i]) && stay.contains(new_keys[i]))
      ++moved;
  return static_cast<double>(moved) / size;
}

// Over some lists of endpoints, as one small table may be unlucky.
template <class Make>
double mean_needless_moves(Random& random, size_t gone, uint32_t size, Make&& make) {
  const int lists = size < 50'000 ? 40 : 4;
  double sum = 0;
  for (int i = 0; i < lists; ++i) {
    const std::vector<Endpoint> before = make(random);
    auto after = before;
    after.resize(before.size() - gone);
    sum += needless_moves(before, after, size);
  }
  return sum / lists;
}

// The last two rows are the set-up of the paper's section 5.3. What leaving moves, coming back
// moves back.
TEST(Maglev, MovesFewFlowsOfTheOthers) {
  Random random(test_seed());
  struct Row {
    size_t endpoints, gone;
    uint32_t size;
    double most;
  };
  for (const Row& row : {Row{10, 1, 1'021, 0.045}, Row{100, 1, 16'381, 0.018},
                         Row{1'000, 5, 65'537, 0.021}, Row{1'000, 5, 655'373, 0.0055}}) {
    const double mean = mean_needless_moves(
        random, row.gone, row.size, [&](Random& by) { return make_endpoints(by, row.endpoints); });
    EXPECT_LT(mean, row.most) << row.endpoints << " endpoints in " << row.size;
    std::printf("%zu endpoints, %zu gone, %u entries: %.2f %% needless\n", row.endpoints, row.gone,
                row.size, 100 * mean);
  }
}

TEST(Maglev, MovesFewFlowsWhenTheHeaviestGoes) {
  Random random(test_seed());
  const double mean = mean_needless_moves(random, 1, 16'381, [](Random& by) {
    auto endpoints = make_endpoints(by, 100);
    for (Endpoint& e : endpoints) e.weight = 1 + by.below(20);
    endpoints.back().weight = 100;  // another power of two than all others
    return endpoints;
  });
  EXPECT_LT(mean, 0.03);
}

TEST(Maglev, AnyGoodBitsOfAHashDo) {
  Random random(test_seed());
  const auto endpoints = make_endpoints(random, 100);
  const Maglev table(endpoints);
  const auto shares = shares_of(endpoints);
  const auto entries = entries_each(table, endpoints.size());
  for (const uint32_t shift : {0u, 16u, 32u}) {
    const auto counts = count_picks(endpoints.size(), 1'000'000,
                                    [&] { return table.pick((random.next() >> 32) << shift); });
    EXPECT_LT(chi_square_sigmas(counts, shares), 8) << shift;
  }
}

}  // namespace
}  // namespace heddle::balance
