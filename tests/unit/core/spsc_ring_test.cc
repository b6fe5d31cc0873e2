#include "core/spsc_ring.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace heddle {
namespace {

TEST(SpscRing, IsFirstInFirstOutAndBounded) {
  SpscRing<int> ring(3);  // rounded up to 4
  EXPECT_TRUE(ring.empty());
  EXPECT_FALSE(ring.pop());
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.push(10 * round + i));
    EXPECT_FALSE(ring.push(99));
    for (int i = 0; i < 4; ++i) EXPECT_EQ(ring.pop(), 10 * round + i);
    EXPECT_TRUE(ring.empty());
  }
}

TEST(SpscRing, HandsOverWhatItOwns) {
  SpscRing<std::unique_ptr<int>> ring(1);
  EXPECT_TRUE(ring.push(std::make_unique<int>(7)));
  EXPECT_EQ(**ring.pop(), 7);
}

TEST(SpscRing, LosesAndSwapsNothingBetweenThreads) {
  constexpr int kCount = 100'000;
  SpscRing<std::unique_ptr<int>> ring(8);
  std::thread pushes([&] {
    for (int i = 0; i < kCount; ++i) {
      auto value = std::make_unique<int>(i);
      // A push that fails has taken nothing.
      while (!ring.push(std::move(value))) {
        std::this_thread::yield();
      }
    }
  });
  for (int i = 0; i < kCount; ++i) {
    std::optional<std::unique_ptr<int>> value;
    while (!(value = ring.pop())) std::this_thread::yield();
    ASSERT_EQ(**value, i);
  }
  pushes.join();
  EXPECT_TRUE(ring.empty());
}

}  // namespace
}  // namespace heddle
