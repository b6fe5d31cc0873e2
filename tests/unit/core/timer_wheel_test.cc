// TimerWheel against a slow twin: a list of all timers, searched each time.
#include "core/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "core/random.h"
#include "seed.h"

namespace heddle {
namespace {

constexpr Duration kTick = milliseconds(10);
constexpr Instant kStart{seconds(77).ns()};

// Never early, at most one tick late.
class Twin {
 public:
  void arm(uint32_t slot, Instant when, Instant now) { due_[slot] = std::max(when, now); }
  void disarm(uint32_t slot) { due_.erase(slot); }
  bool armed(uint32_t slot) const { return due_.contains(slot); }
  size_t armed_count() const { return due_.size(); }

  Instant earliest() const {
    Instant first = kNever;
    for (const auto& [slot, due] : due_) first = std::min(first, due);
    return first;
  }

  // Takes the timers that the wheel fired at `now` and says what is wrong with that.
  void check_fired(const std::vector<uint32_t>& fired, Instant now) {
    for (const uint32_t slot : fired) {
      ASSERT_TRUE(armed(slot)) << "slot " << slot << " fired and was not armed";
      EXPECT_LE(due_[slot], now) << "slot " << slot << " fired early";
      disarm(slot);
    }
    for (const auto& [slot, due] : due_)
      EXPECT_GT(due + kTick, now) << "slot " << slot << " is more than a tick late";
  }

 private:
  std::map<uint32_t, Instant> due_;
};

// Distances that matter: inside a level, across its edge, on an edge, far beyond.
Duration random_distance(Random& random) {
  const int64_t ticks[] = {1, 2, 255, 256, 257, 65'535, 65'536, 65'537, 200'000};
  switch (random.below(6)) {
    case 0:
      return nanoseconds(random.below(20'000'000));
    case 1:
      return kTick * random.below(256);
    case 2:
      return kTick * random.below(70'000) + nanoseconds(random.below(10'000'000));
    case 3:
      return kTick * ticks[random.below(std::size(ticks))];
    case 4:
      return kTick * -static_cast<int64_t>(random.below(100));
    default:
      return kTick * random.below(1'000) + nanoseconds(1);
  }
}

Duration random_step(Random& random) {
  switch (random.below(5)) {
    case 0:
      return nanoseconds(random.below(9'999'999));
    case 1:
      return kTick * random.below(3);
    case 2:
      return kTick * random.below(300);
    case 3:
      return kTick * random.below(70'000);
    default:
      return kTick;
  }
}

TEST(TimerWheel, DoesWhatItsTwinDoes) {
  Random random(test_seed());
  for (int round = 0; round < 20; ++round) {
    constexpr uint32_t kCapacity = 64;
    TimerWheel wheel(kCapacity, kTick, kStart);
    Twin twin;
    Instant now = kStart;
    for (int operation = 0; operation < 2000; ++operation) {
      const uint32_t slot = random.below(kCapacity);
      switch (random.below(4)) {
        case 0:
        case 1: {
          const Instant when = now + random_distance(random);
          wheel.arm(slot, when);
          twin.arm(slot, when, now);
          break;
        }
        case 2:
          wheel.disarm(slot);
          twin.disarm(slot);
          break;
        default: {
          now = now + random_step(random);
          std::vector<uint32_t> fired;
          const uint32_t count =
              wheel.advance(now, UINT32_MAX, [&](uint32_t s) { fired.push_back(s); });
          EXPECT_EQ(count, fired.size());
          ASSERT_NO_FATAL_FAILURE(twin.check_fired(fired, now));
        }
      }
      EXPECT_EQ(wheel.armed(slot), twin.armed(slot));
      ASSERT_EQ(wheel.armed_count(), twin.armed_count());
      const Instant next = wheel.next_deadline();
      if (twin.armed_count() == 0) {
        EXPECT_EQ(next, kNever);
      } else {
        // A deadline rounds up to its tick.
        EXPECT_LE(next, std::max(twin.earliest(), now) + kTick);
      }
      ASSERT_FALSE(testing::Test::HasFailure()) << "round " << round << " operation " << operation;
    }
  }
}

// Sleeping until next_deadline() again and again misses nothing.
TEST(TimerWheel, FiresEveryTimerWhenOneSleepsToItsDeadlines) {
  Random random(test_seed());
  TimerWheel wheel(200, kTick, kStart);
  std::vector<Instant> due(200);
  Instant last = kStart;
  for (uint32_t slot = 0; slot < 200; ++slot) {
    due[slot] =
        kStart + nanoseconds(static_cast<int64_t>(random.next() % uint64_t{1'000'000'000'000}));
    last = std::max(last, due[slot]);
    wheel.arm(slot, due[slot]);
  }
  Instant now = kStart;
  uint32_t fired = 0;
  int sleeps = 0;
  while (wheel.armed_count() != 0 && sleeps < 10'000) {
    const Instant next = wheel.next_deadline();
    ASSERT_LE(now, next);
    now = next;
    ++sleeps;
    fired += wheel.advance(now, UINT32_MAX, [&](uint32_t slot) {
      EXPECT_LE(due[slot], now);
      EXPECT_LT(now - due[slot], kTick);
    });
  }
  EXPECT_EQ(fired, 200u);
}

TEST(TimerWheel, KeepsWhatALimitLeavesOver) {
  TimerWheel wheel(10, kTick, kStart);
  for (uint32_t slot = 0; slot < 10; ++slot) wheel.arm(slot, kStart + kTick);
  std::set<uint32_t> fired;
  const auto fire = [&](uint32_t slot) { EXPECT_TRUE(fired.insert(slot).second); };
  const Instant now = kStart + kTick;
  EXPECT_EQ(wheel.advance(now, 4, fire), 4u);
  EXPECT_LE(wheel.next_deadline(), now);
  EXPECT_EQ(wheel.advance(now, 4, fire), 4u);
  uint32_t waiting = 0;
  while (fired.contains(waiting)) ++waiting;
  wheel.disarm(waiting);
  EXPECT_EQ(wheel.advance(now, 4, fire), 1u);
  EXPECT_EQ(wheel.armed_count(), 0u);
}

TEST(TimerWheel, LetsATimerArmItselfAgain) {
  TimerWheel wheel(1, kTick, kStart);
  wheel.arm(0, kStart + kTick);
  Instant now = kStart;
  int fired = 0;
  for (int i = 0; i < 100; ++i) {
    now = now + kTick;
    wheel.advance(now, 8, [&](uint32_t slot) {
      ++fired;
      wheel.arm(slot, now + kTick * 2);
    });
  }
  EXPECT_EQ(fired, 50);
}

// Three levels of 256 hold 2^24 ticks; what is further away waits at the horizon.
TEST(TimerWheel, HoldsTimersBeyondItsHorizon) {
  TimerWheel wheel(3, kTick, kStart);
  const int64_t horizon = int64_t{1} << 24;
  wheel.arm(0, kStart + kTick * (horizon - 1));
  wheel.arm(1, kStart + kTick * (horizon + 12'345));
  wheel.arm(2, kStart + kTick * (horizon * 3 + 7));
  std::vector<std::pair<uint32_t, int64_t>> fired;
  Instant now = kStart;
  while (wheel.armed_count() != 0 && now < kStart + kTick * (horizon * 4)) {
    now = std::max(wheel.next_deadline(), now + kTick);
    wheel.advance(
        now, 8, [&](uint32_t slot) { fired.emplace_back(slot, (now - kStart).ns() / kTick.ns()); });
  }
  const std::vector<std::pair<uint32_t, int64_t>> expected = {
      {0, horizon - 1}, {1, horizon + 12'345}, {2, horizon * 3 + 7}};
  EXPECT_EQ(fired, expected);
}

TEST(TimerWheel, IgnoresAClockThatGoesBack) {
  TimerWheel wheel(1, kTick, kStart);
  wheel.advance(kStart + seconds(5), 8, [](uint32_t) {});
  wheel.arm(0, kStart + seconds(6));
  int fired = 0;
  wheel.advance(kStart - seconds(9), 8, [&](uint32_t) { ++fired; });
  wheel.advance(kStart + seconds(2), 8, [&](uint32_t) { ++fired; });
  EXPECT_EQ(fired, 0);
  wheel.advance(kStart + seconds(6), 8, [&](uint32_t) { ++fired; });
  EXPECT_EQ(fired, 1);
}

TEST(TimerWheelDeathTest, RefusesASlotThatItDoesNotHave) {
  TimerWheel wheel(4, kTick, kStart);
  EXPECT_DEATH(wheel.arm(4, kStart), "timer slot out of range");
  EXPECT_DEATH(wheel.disarm(4), "timer slot out of range");
}

}  // namespace
}  // namespace heddle
