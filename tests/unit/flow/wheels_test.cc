#include "flow/wheels.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "core/random.h"
#include "seed.h"

namespace heddle::flow {
namespace {

// The twin: the time of each armed slot. The clock starts short before it goes round.
TEST(Wheels, FireNeitherEarlyNorATickLate) {
  Random random(test_seed());
  constexpr uint32_t kCount = 300;
  const uint32_t starts[] = {0, 12'345, UINT32_MAX - 50'000, (1u << 31) - 1'000};
  for (const uint32_t start : starts) {
    Wheels wheels(kCount, Stamp(start));
    std::vector<uint64_t> due(kCount);  // milliseconds since start; 0: not armed
    std::vector<uint32_t> wheel(kCount);
    uint64_t now = 0;
    const auto stamp = [&](uint64_t ms) { return Stamp(static_cast<uint32_t>(start + ms)); };
    for (int step = 0; step < 20'000; ++step) {
      const uint32_t slot = random.below(kCount);
      if (due[slot] == 0) {
        constexpr uint32_t kSpans[] = {1, 1'000, 40'000, 4'000'000, 400'000'000};
        due[slot] = now + 1 + random.below(kSpans[random.below(5)]);
        wheel[slot] = random.below(Wheels::kWheels);
        wheels.arm(slot, wheel[slot], stamp(due[slot]));
      } else if (random.below(3) == 0) {
        wheels.disarm(slot, wheel[slot]);
        due[slot] = 0;
      } else if (random.below(3) == 0) {
        due[slot] += random.below(100'000);  // seen again: the wheel is not told
      }
      now += random.below(random.below(50) == 0 ? 1'000'000 : 300);
      const auto fire = [&](uint32_t at) {
        ASSERT_NE(due[at], 0u);
        ASSERT_LE(due[at], now) << "early";
        due[at] = 0;
      };
      while (wheels.advance(
                 stamp(now), 7, [&](uint32_t at, uint32_t) { return stamp(due[at]); }, fire) == 7) {
      }
      uint32_t armed = 0, counted = 0;
      for (uint32_t i = 0; i < kCount; ++i) {
        if (due[i] == 0) continue;
        ++armed;
        ASSERT_GT(due[i] + Wheels::kTickMs, now) << "late";
      }
      for (uint32_t i = 0; i < Wheels::kWheels; ++i) counted += wheels.count(i);
      ASSERT_EQ(counted, armed);
    }
  }
}

TEST(Wheels, ABudgetIsKept) {
  Wheels wheels(100, Stamp(0));
  for (uint32_t i = 0; i < 100; ++i) wheels.arm(i, 0, Stamp(1'000));
  uint32_t fired = 0;
  const auto due = [](uint32_t, uint32_t) { return Stamp(1'000); };
  const auto fire = [&](uint32_t) { ++fired; };
  EXPECT_EQ(wheels.advance(Stamp(999), 30, due, fire), 0u);
  EXPECT_EQ(wheels.advance(Stamp(2'000), 30, due, fire), 30u);
  EXPECT_EQ(fired, 30u);
  EXPECT_EQ(wheels.advance(Stamp(2'000), 1'000, due, fire), 70u);
  EXPECT_EQ(fired, 100u);
}

TEST(Wheels, TheFirstIsTheOneThatComesUpFirst) {
  Wheels wheels(10, Stamp(0));
  EXPECT_EQ(wheels.first(2), Wheels::kNone);
  wheels.arm(0, 2, Stamp(10'000'000));
  EXPECT_EQ(wheels.first(2), 0u);
  wheels.arm(1, 2, Stamp(100'000));
  EXPECT_EQ(wheels.first(2), 1u);
  wheels.arm(2, 2, Stamp(1'000));
  wheels.arm(3, 1, Stamp(500));
  EXPECT_EQ(wheels.first(2), 2u);
  EXPECT_EQ(wheels.first(1), 3u);
  wheels.disarm(2, 2);
  EXPECT_EQ(wheels.first(2), 1u);
}

TEST(Wheels, AClockThatGoesBackFiresNothing) {
  Wheels wheels(1, Stamp(5'000));
  wheels.arm(0, 0, Stamp(6'000));
  const auto due = [](uint32_t, uint32_t) { return Stamp(6'000); };
  EXPECT_EQ(wheels.advance(Stamp(1'000), 10, due, [](uint32_t) { FAIL(); }), 0u);
  EXPECT_TRUE(wheels.armed(0));
}

}  // namespace
}  // namespace heddle::flow
