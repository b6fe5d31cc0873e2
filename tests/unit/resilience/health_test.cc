#include "resilience/health.h"

#include <gtest/gtest.h>

#include <string>

namespace heddle::resilience {
namespace {

constexpr Instant kStart{5'000'000'000};

TEST(Health, TakesSoManyResultsInARow) {
  const HealthTerms terms{.healthy_after = 2, .unhealthy_after = 3};
  // Results, and what it is after each: + healthy, - not.
  const struct {
    const char *results, *is;
  } rows[] = {{"gggg", "++++"}, {"gbbb", "+++-"},   {"gbbgbbb", "++++++-"},  {"b", "-"},
              {"bgg", "--+"},   {"bgbgg", "----+"}, {"gbbbgbgg", "+++----+"}};
  for (const auto& row : rows) {
    Random random(1);
    Health health(kStart);
    EXPECT_TRUE(health.is_healthy()) << "nobody has said anything else";
    EXPECT_FALSE(health.is_known());
    std::string is;
    for (const char each : std::string(row.results)) {
      const bool before = health.is_healthy();
      const bool changed = health.on_result(each == 'g', terms, kStart, random);
      EXPECT_EQ(changed, before != health.is_healthy());
      is += health.is_healthy() ? '+' : '-';
    }
    EXPECT_EQ(is, row.is) << row.results;
    EXPECT_TRUE(health.is_known());
  }
}

TEST(Health, ChecksDoNotMeet) {
  const HealthTerms terms{.interval = seconds(10),
                          .unhealthy_interval = seconds(1),
                          .jitter_percent = 20,
                          .healthy_after = 1,
                          .unhealthy_after = 1};
  Random random(3);
  Duration least = seconds(99), most;
  for (int i = 0; i < 5'000; ++i) {
    Health health(kStart);
    health.on_result(true, terms, kStart, random);
    least = std::min(least, health.next() - kStart);
    most = std::max(most, health.next() - kStart);
    health.on_result(false, terms, kStart, random);
    EXPECT_GE(health.next(), kStart + seconds(1));
    EXPECT_LE(health.next(), kStart + milliseconds(1'200));
  }
  EXPECT_GE(least, seconds(10));
  EXPECT_LE(most, seconds(12));
  EXPECT_GT(most - least, milliseconds(1'900));
}

}  // namespace
}  // namespace heddle::resilience
