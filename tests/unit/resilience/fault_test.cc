#include "resilience/fault.h"

#include <gtest/gtest.h>

#include <cmath>

namespace heddle::resilience {
namespace {

TEST(Fault, SharesHoldOverMany) {
  Random random(9);
  for (const uint32_t share : {0u, 1'000u, 250'000u, 999'000u, kAlways}) {
    constexpr int kDraws = 400'000;
    int drawn = 0;
    for (int i = 0; i < kDraws; ++i) drawn += is_drawn(share, random) ? 1 : 0;
    const double wanted = static_cast<double>(share) / kAlways * kDraws;
    EXPECT_NEAR(drawn, wanted, 5 * std::sqrt(wanted * (1 - wanted / kDraws)) + 3);
    EXPECT_EQ(drawn == 0, share == 0);
    EXPECT_EQ(drawn == kDraws, share == kAlways);
  }
}

TEST(Fault, DelaysAreFixedOrExponential) {
  Random random(2);
  const FaultDelay fixed{.time = milliseconds(30)};
  EXPECT_EQ(delay_of(fixed, random), milliseconds(30));
  const FaultDelay bounded{.time = seconds(30), .most = seconds(2)};
  EXPECT_EQ(delay_of(bounded, random), seconds(2));
  const FaultDelay never{.time = seconds(1), .share = 0};
  EXPECT_EQ(delay_of(never, random), Duration());
  const FaultDelay drawn{.kind = FaultDelay::Kind::kExponential, .time = milliseconds(10)};
  constexpr int kDraws = 100'000;
  double sum = 0;
  int above = 0;
  for (int i = 0; i < kDraws; ++i) {
    const Duration each = delay_of(drawn, random);
    EXPECT_GE(each, Duration());
    EXPECT_LE(each, drawn.most);
    sum += static_cast<double>(each.ns());
    above += each > milliseconds(20) ? 1 : 0;
  }
  EXPECT_NEAR(sum / kDraws, 10e6, 0.2e6);
  EXPECT_NEAR(above, kDraws * std::exp(-2.0), 600);
}

}  // namespace
}  // namespace heddle::resilience
