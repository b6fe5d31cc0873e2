#include "resilience/backoff.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace heddle::resilience {
namespace {

TEST(Backoff, IsUniformUpToADoublingBound) {
  const Backoff backoff{.base = milliseconds(10), .most = milliseconds(65)};
  Random random(5);
  const int64_t bounds_ms[] = {10, 20, 40, 65, 65};
  for (uint32_t number = 0; number < std::size(bounds_ms); ++number) {
    Duration least = seconds(1), most;
    int64_t sum = 0;
    constexpr int kDraws = 20'000;
    for (int i = 0; i < kDraws; ++i) {
      const Duration drawn = backoff.before(number, random);
      least = std::min(least, drawn);
      most = std::max(most, drawn);
      sum += drawn.us();
    }
    const int64_t bound = bounds_ms[number] * 1'000;
    EXPECT_GE(least, Duration());
    EXPECT_LE(most, microseconds(bound));
    EXPECT_GT(most.us(), bound * 99 / 100);
    EXPECT_NEAR(static_cast<double>(sum) / kDraws, static_cast<double>(bound) / 2,
                static_cast<double>(bound) / 50);
  }
}

TEST(Backoff, DoesNotOverflow) {
  Random random(1);
  const Backoff backoff{.base = seconds(1'000), .most = seconds(1'000'000'000)};
  for (const uint32_t number : {0u, 40u, 62u, 63u, 64u, UINT32_MAX})
    for (int i = 0; i < 1'000; ++i) {
      const Duration drawn = backoff.before(number, random);
      EXPECT_GE(drawn, Duration());
      EXPECT_LE(drawn, backoff.most);
    }
}

TEST(Backoff, NoneWhereNoneIsWanted) {
  Random random(1);
  EXPECT_EQ((Backoff{.base = {}, .most = seconds(1)}.before(3, random)), Duration());
}

}  // namespace
}  // namespace heddle::resilience
