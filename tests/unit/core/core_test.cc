// Pool, TokenBucket, Random, endian integers, Strong, time values, Result.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <set>
#include <unordered_set>
#include <vector>

#include "core/counter.h"
#include "core/endian.h"
#include "core/ids.h"
#include "core/pool.h"
#include "core/random.h"
#include "core/result.h"
#include "core/time.h"
#include "core/token_bucket.h"
#include "seed.h"

namespace heddle {
namespace {

// Counts its live instances.
struct Guest {
  explicit Guest(int* live, int value = 0) : live_(live), value_(value) { ++*live_; }
  ~Guest() { --*live_; }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  int* live_;
  int value_;
};

TEST(Pool, GivesEachSlotOnceAndRefusesWhenFull) {
  int live = 0;
  Pool<Guest> pool(5);
  std::set<uint32_t> slots;
  for (int i = 0; i < 5; ++i) slots.insert(pool.emplace(&live, i));
  EXPECT_EQ(slots, (std::set<uint32_t>{0, 1, 2, 3, 4}));
  EXPECT_TRUE(pool.full());
  EXPECT_EQ(pool.emplace(&live), kNoSlot);
  EXPECT_EQ(live, 5);
  pool.erase(2);
  EXPECT_EQ(live, 4);
  EXPECT_FALSE(pool.live(2));
  EXPECT_EQ(pool.emplace(&live, 9), 2u);
  EXPECT_EQ(pool[2].value_, 9);
}

TEST(Pool, KeepsNothingAlive) {
  int live = 0;
  {
    Pool<Guest> pool(8);
    for (int i = 0; i < 6; ++i) pool.emplace(&live);
    pool.erase(3);
  }
  EXPECT_EQ(live, 0);
  Pool<Guest> none(0);
  EXPECT_TRUE(none.full());
  EXPECT_EQ(none.emplace(&live), kNoSlot);
}

TEST(Pool, DoesWhatASetDoes) {
  Random random(test_seed());
  int live = 0;
  Pool<Guest> pool(50);
  std::set<uint32_t> twin;
  for (int i = 0; i < 20'000; ++i) {
    if (random.below(2) == 0) {
      const uint32_t slot = pool.emplace(&live);
      if (twin.size() == 50) {
        ASSERT_EQ(slot, kNoSlot);
      } else {
        ASSERT_TRUE(twin.insert(slot).second);
      }
    } else if (const uint32_t slot = random.below(50); twin.erase(slot) == 1) {
      pool.erase(slot);
    }
    ASSERT_EQ(pool.size(), twin.size());
    ASSERT_EQ(static_cast<size_t>(live), twin.size());
  }
  for (uint32_t slot = 0; slot < 60; ++slot) EXPECT_EQ(pool.live(slot), twin.contains(slot));
}

TEST(PoolDeathTest, RefusesToEraseWhatIsNotThere) {
  int live = 0;
  Pool<Guest> pool(2);
  pool.emplace(&live);
  pool.erase(0);
  EXPECT_DEATH(pool.erase(0), "not in use");
  EXPECT_DEATH(pool.erase(2), "not in use");
}

TEST(TokenBucket, GivesABurstAndThenItsRate) {
  TokenBucket bucket(100, 50);
  Instant now(seconds(9).ns());
  int taken = 0;
  while (bucket.take(now) && taken < 1000) ++taken;
  EXPECT_EQ(taken, 50);
  EXPECT_FALSE(bucket.take(now + milliseconds(10) - nanoseconds(1)));
  EXPECT_TRUE(bucket.take(now + milliseconds(10)));
  EXPECT_FALSE(bucket.take(now + milliseconds(10)));
  EXPECT_FALSE(bucket.take(now)) << "a clock that goes back gives nothing";
}

TEST(TokenBucket, IsNeverFullerThanItsBurst) {
  TokenBucket bucket(1000, 7);
  Instant now(seconds(9).ns());
  for (int round = 0; round < 3; ++round) {
    now = now + seconds(3600);
    int taken = 0;
    while (bucket.take(now) && taken < 1000) ++taken;
    EXPECT_EQ(taken, 7);
  }
}

TEST(TokenBucket, KeepsItsRateOverAnyRandomTimes) {
  Random random(test_seed());
  constexpr uint32_t kRate = 300, kBurst = 20;
  TokenBucket bucket(kRate, kBurst);
  const Instant start(seconds(5).ns());
  Instant now = start;
  uint64_t taken = 0;
  for (int i = 0; i < 50'000; ++i) {
    now = now + microseconds(random.below(2000));
    taken += bucket.take(now) ? 1u : 0u;
    const auto most =
        static_cast<uint64_t>((now - start).ns()) * kRate / 1'000'000'000 + kBurst + 1;
    ASSERT_LE(taken, most);
  }
  // Asked more often than it may give, it gives all that it may.
  const auto least = static_cast<uint64_t>((now - start).ns()) * kRate / 1'000'000'000;
  EXPECT_GE(taken, least);
}

static_assert([] {
  std::array<uint8_t, 8> bytes{};
  store_be<uint32_t>(bytes.data() + 1, 0x01020304);
  return bytes == std::array<uint8_t, 8>{0, 1, 2, 3, 4} &&
         load_be<uint32_t>(bytes.data() + 1) == 0x01020304 &&
         load_be<uint16_t>(bytes.data() + 3) == 0x0304 && load_be<uint8_t>(bytes.data() + 4) == 4 &&
         load_be<uint64_t>(bytes.data()) == 0x0001020304000000;
}());

TEST(Endian, WritesTheSameAtRunTimeAtAnyAddress) {
  Random random(test_seed());
  std::array<uint8_t, 32> bytes{};
  for (size_t at = 0; at < 16; ++at) {
    const uint64_t value = random.next();
    store_be(bytes.data() + at, value);
    for (size_t i = 0; i < 8; ++i)
      EXPECT_EQ(bytes[at + i], static_cast<uint8_t>(value >> (56 - 8 * i)));
    EXPECT_EQ(load_be<uint64_t>(bytes.data() + at), value);
    EXPECT_EQ(load_be<uint32_t>(bytes.data() + at), static_cast<uint32_t>(value >> 32));
    EXPECT_EQ(load_be<uint16_t>(bytes.data() + at), static_cast<uint16_t>(value >> 48));
  }
  EXPECT_EQ(Be32(0x11223344).host(), 0x11223344u);
  EXPECT_LT(Be16(0x00ff), Be16(0x0100)) << "order is numeric";
}

TEST(Strong, ComparesAndHashesAsItsValue) {
  EXPECT_LT(WorkerId(1), WorkerId(2));
  EXPECT_EQ(VlanId(), kUntagged);
  EXPECT_EQ(PortId(7).index(), 7u);
  EXPECT_EQ((std::unordered_set<PortId>{PortId(1), PortId(2), PortId(1)}.size()), 2u);
  static_assert(!std::is_convertible_v<uint16_t, WorkerId> &&
                !std::is_convertible_v<WorkerId, PortId>);
}

TEST(Time, CountsInNanoseconds) {
  EXPECT_EQ(seconds(2).ns(), 2'000'000'000);
  EXPECT_EQ((milliseconds(1500) - seconds(2)).us(), -500'000);
  EXPECT_EQ(seconds(3).ms(), 3000);
  EXPECT_EQ(Instant(5) + nanoseconds(7), Instant(12));
  EXPECT_EQ(Instant(5) - Instant(7), nanoseconds(-2));
  EXPECT_LT(Instant(INT64_MAX - 1), kNever);
}

// Known values: the first outputs of xoshiro256** after splitmix64 of 0.
TEST(Random, IsTheSameEverywhere) {
  Random random(0);
  EXPECT_EQ(random.next(), 0x99ec5f36cb75f2b4u);
  EXPECT_EQ(random.next(), 0xbf6e1f784956452au);
  EXPECT_EQ(random.next(), 0x1a5f849d4933e6e0u);
}

TEST(Random, StaysBelowItsBoundAndReachesAllOfIt) {
  Random random(test_seed());
  EXPECT_EQ(random.below(0), 0u);
  EXPECT_EQ(random.below(1), 0u);
  std::array<int, 7> counts{};
  for (int i = 0; i < 7000; ++i) {
    const uint32_t value = random.below(7);
    ASSERT_LT(value, 7u);
    ++counts[value];
  }
  // Each is expected 1,000 times, with a standard deviation of 29.
  for (const int count : counts) EXPECT_NEAR(count, 1000, 29 * 8);
}

TEST(Result, NamesWhatEachLayerWasDoing) {
  const auto inner = []() -> Result<int> { return fail("no such device {}", "x0"); };
  const auto outer = [&]() -> Result<> {
    if (auto result = inner(); !result) return fail_in(result.error(), "port {}", "wan");
    return {};
  };
  const auto passing = [&]() -> Result<int> {
    HEDDLE_TRY(outer());
    return 1;
  };
  EXPECT_EQ(passing().error().text, "port wan: no such device x0");
}

TEST(Counter, Adds) {
  Counter counter;
  counter.add();
  counter.add(41);
  EXPECT_EQ(counter.value(), 42u);
}

}  // namespace
}  // namespace heddle
