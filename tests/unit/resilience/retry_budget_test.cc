#include "resilience/retry_budget.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace heddle::resilience {
namespace {

TEST(RetryBudget, AShareOfWhatIsActive) {
  RetryBudget budget({.share = 200'000, .least = 3}, 2);
  for (int i = 0; i < 60; ++i) budget.began(0);
  for (int i = 0; i < 40; ++i) budget.began(1);
  EXPECT_EQ(budget.active(), 100u);
  EXPECT_EQ(budget.allowed(), 20u);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(budget.try_again());
  EXPECT_FALSE(budget.try_again());
  budget.done_trying();
  EXPECT_TRUE(budget.try_again());
  // Those that are tried already go on.
  for (int i = 0; i < 50; ++i) budget.ended(0);
  EXPECT_EQ(budget.retrying(), 20u);
  for (int i = 0; i < 10; ++i) budget.done_trying();
  EXPECT_FALSE(budget.try_again());
  budget.done_trying();
  EXPECT_TRUE(budget.try_again());
}

TEST(RetryBudget, AFewAreAlwaysAllowed) {
  RetryBudget budget({.share = 0, .least = 2}, 1);
  EXPECT_TRUE(budget.try_again());
  EXPECT_TRUE(budget.try_again());
  EXPECT_FALSE(budget.try_again());
  RetryBudget none({.share = 0, .least = 0}, 1);
  EXPECT_FALSE(none.try_again());
}

TEST(RetryBudget, AcrossThreads) {
  constexpr uint16_t kThreads = 4;
  RetryBudget budget({.share = 0, .least = 5}, kThreads);
  std::atomic<int> most{0};
  std::vector<std::thread> threads;
  for (uint16_t t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20'000; ++i) {
        budget.began(t);
        if (budget.try_again()) {
          const int now = static_cast<int>(budget.retrying());
          int seen = most.load();
          while (now > seen && !most.compare_exchange_weak(seen, now)) {
          }
          budget.done_trying();
        }
        budget.ended(t);
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most.load(), 5);
  EXPECT_EQ(budget.retrying(), 0u);
  EXPECT_EQ(budget.active(), 0u);
}

}  // namespace
}  // namespace heddle::resilience
