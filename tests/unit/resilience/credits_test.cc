#include "resilience/credits.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "core/random.h"

namespace heddle::resilience {
namespace {

TEST(Credits, NoMoreThanTheBound) {
  CreditPool pool(3, 4);
  Credits a(pool), b(pool);
  EXPECT_TRUE(a.take());
  EXPECT_TRUE(b.take());
  EXPECT_TRUE(a.take());
  EXPECT_FALSE(a.take());
  EXPECT_FALSE(b.take());
  EXPECT_EQ(pool.taken(), 3u);
  b.give();
  EXPECT_EQ(pool.taken(), 2u) << "of a small bound nothing is kept";
  EXPECT_TRUE(a.take());
  EXPECT_FALSE(b.take());
}

TEST(Credits, NoneAtAll) {
  CreditPool pool(0, 1);
  Credits a(pool);
  EXPECT_FALSE(a.take());
  EXPECT_EQ(pool.taken(), 0u);
}

TEST(Credits, WorkersKeepAHundredthTogether) {
  constexpr uint32_t kMost = 10'000;
  constexpr uint16_t kWorkers = 4;
  CreditPool pool(kMost, kWorkers);
  std::vector<std::unique_ptr<Credits>> all;
  for (int i = 0; i < kWorkers; ++i) all.push_back(std::make_unique<Credits>(pool));
  // Everybody has had one, and keeps what came with it.
  for (auto& each : all) ASSERT_TRUE(each->take());
  for (auto& each : all) each->give();
  uint32_t kept = 0;
  for (auto& each : all) kept += each->kept();
  EXPECT_GT(kept, 0u);
  EXPECT_LE(kept, kMost / 100);
  uint32_t taken = 0;
  while (all[0]->take()) ++taken;
  EXPECT_GE(taken, kMost - kMost / 100);
  EXPECT_LE(taken, kMost);
  for (auto& each : all) each->give_back();
  while (all[0]->take()) ++taken;
  EXPECT_EQ(taken, kMost) << "nobody keeps any more";
}

TEST(Credits, ASmallerBoundWaitsForWhatIsTaken) {
  CreditPool pool(10, 1);
  Credits a(pool);
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(a.take());
  pool.set_most(5);
  EXPECT_FALSE(a.take());
  for (int i = 0; i < 3; ++i) a.give();
  EXPECT_FALSE(a.take()) << "five are still taken";
  a.give();
  EXPECT_TRUE(a.take());
  pool.set_most(6);
  EXPECT_TRUE(a.take());
  EXPECT_FALSE(a.take());
}

TEST(Credits, WhoGoesGivesBackWhatItKeeps) {
  CreditPool pool(10'000, 1);
  {
    Credits a(pool);
    ASSERT_TRUE(a.take());
    a.give();
    EXPECT_GT(pool.taken(), 0u);
  }
  EXPECT_EQ(pool.taken(), 0u);
}

// Threads take and give at random; how many are out is counted beside it.
TEST(Credits, AcrossThreads) {
  for (const uint32_t most : {1u, 7u, 5'000u}) {
    constexpr int kThreads = 4, kRounds = 20'000;
    CreditPool pool(most, kThreads);
    std::atomic<int64_t> out{0}, worst{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        Credits credits(pool);
        Random random(static_cast<uint64_t>(t) + most);
        uint32_t mine = 0;
        for (int i = 0; i < kRounds; ++i) {
          if (mine > 0 && random.below(2) == 0) {
            --mine;
            out.fetch_sub(1);
            credits.give();
          } else if (credits.take()) {
            ++mine;
            const int64_t now = out.fetch_add(1) + 1;
            int64_t seen = worst.load();
            while (now > seen && !worst.compare_exchange_weak(seen, now)) {
            }
          }
        }
        for (; mine > 0; --mine) {
          out.fetch_sub(1);
          credits.give();
        }
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_LE(worst.load(), int64_t{most});
    EXPECT_EQ(pool.taken(), 0u);
  }
}

}  // namespace
}  // namespace heddle::resilience
