#include "resilience/keyed_rates.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "core/random.h"

namespace heddle::resilience {
namespace {

constexpr Instant kStart(1'000'000'000'000);

// All in one group of places.
uint64_t key_in(uint32_t group, uint64_t number) { return number << 32 | group; }

TEST(KeyedRates, EachKeyHasABucketOfItsOwn) {
  KeyedRates rates({.tokens = 10, .per = seconds(1), .burst = 3}, 4);
  for (const uint64_t key : {key_in(0, 1), key_in(0, 2), key_in(3, 1), uint64_t{0}}) {
    for (const uint64_t left : {2u, 1u, 0u}) {
      const auto verdict = rates.take(key, kStart);
      ASSERT_TRUE(verdict && verdict->allowed) << key;
      EXPECT_EQ(verdict->remaining, left);
    }
    const auto refused = rates.take(key, kStart);
    ASSERT_TRUE(refused);
    EXPECT_FALSE(refused->allowed);
    EXPECT_EQ(refused->retry_after, milliseconds(100));
    EXPECT_TRUE(rates.take(key, kStart + milliseconds(100))->allowed);
    EXPECT_FALSE(rates.take(key, kStart + milliseconds(100))->allowed);
  }
  EXPECT_EQ(rates.in_use(kStart + milliseconds(100)), 4u);
  EXPECT_EQ(rates.in_use(kStart + milliseconds(400)), 0u) << "all buckets are full again";
}

TEST(KeyedRates, AFullBucketMakesPlaceAndOthersAreTold) {
  KeyedRates rates({.tokens = 1, .per = seconds(1), .burst = 1}, 1);
  ASSERT_EQ(rates.places(), KeyedRates::kPlaces);
  for (uint64_t key = 0; key < KeyedRates::kPlaces; ++key)
    ASSERT_TRUE(
        rates.take(key_in(0, key), kStart + milliseconds(static_cast<int64_t>(key)))->allowed);
  EXPECT_FALSE(rates.take(key_in(0, 99), kStart + milliseconds(20))) << "nobody's place is free";
  EXPECT_FALSE(rates.take(key_in(0, 3), kStart + milliseconds(20))->allowed);
  // The first one's bucket is full again, so that its place is worth nothing; the second's is not.
  EXPECT_TRUE(rates.take(key_in(0, 99), kStart + seconds(1))->allowed);
  EXPECT_FALSE(rates.take(key_in(0, 1), kStart + seconds(1))->allowed);
  EXPECT_FALSE(rates.take(key_in(0, 0), kStart + seconds(1))) << "whose place was taken has none";
  EXPECT_TRUE(rates.take(key_in(0, 0), kStart + milliseconds(1'001))->allowed);
}

// Far more keys than places, over a long time: each never gets more than its rate.
TEST(KeyedRates, NobodyGetsMoreThanItsRate) {
  constexpr uint32_t kKeys = 200;
  KeyedRates rates({.tokens = 10, .per = seconds(1), .burst = 2}, 4);
  Random random(7);
  std::vector<uint64_t> allowed(kKeys);
  uint64_t placeless = 0;
  const Duration whole = seconds(20);
  for (Duration at; at < whole; at = at + microseconds(500)) {
    const uint32_t key = random.below(kKeys);
    const auto verdict = rates.take(uint64_t{key} * 0x9e3779b97f4a7c15, kStart + at);
    placeless += verdict ? 0u : 1u;
    allowed[key] += verdict && verdict->allowed ? 1u : 0u;
  }
  for (const uint64_t each : allowed) EXPECT_LE(each, 202u);
  EXPECT_GT(placeless, 0u);
}

// Threads bring the same keys into the table at once, take from them, and take places over from
// others that are full: the tokens of each key are counted to the last.
TEST(KeyedRates, AcrossThreads) {
  constexpr int kThreads = 4;
  constexpr uint32_t kKeys = 40, kRounds = 50;
  constexpr uint64_t kBurst = 20;
  KeyedRates rates({.tokens = kBurst, .per = seconds(1), .burst = kBurst}, 8);
  for (uint32_t round = 0; round < kRounds; ++round) {
    // Each round has keys of its own, when those of the last are full.
    const Instant now = kStart + seconds(2 * static_cast<int64_t>(round));
    std::vector<std::atomic<uint64_t>> allowed(kKeys);
    std::atomic<uint64_t> placeless{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        Random random(round * 10 + static_cast<uint32_t>(t));
        for (int i = 0; i < 2'000; ++i) {
          const uint32_t key = random.below(kKeys);
          const auto verdict = rates.take(key_in(key % 8, round * kKeys + key + 1), now);
          if (!verdict) ++placeless;
          if (verdict && verdict->allowed) ++allowed[key];
        }
      });
    for (std::thread& thread : threads) thread.join();
    for (uint32_t key = 0; key < kKeys; ++key)
      if (placeless == 0)
        EXPECT_EQ(allowed[key].load(), kBurst) << key;
      else
        EXPECT_LE(allowed[key].load(), kBurst) << key;
  }
}

}  // namespace
}  // namespace heddle::resilience
