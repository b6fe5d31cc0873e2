// RcuDomain and RcuCell: nothing is destroyed while a reader may still look at it.
#include "core/rcu.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "core/random.h"
#include "seed.h"

namespace heddle {
namespace {

struct Value {
  explicit Value(int n, std::atomic<int>* live) : number(n), live_(live) { ++*live_; }
  ~Value() {
    number = -1;
    --*live_;
  }
  int number;
  std::atomic<int>* live_;
};

TEST(Rcu, ReclaimsAtOnceWithoutReaders) {
  std::atomic<int> live{0};
  RcuDomain domain(2);
  domain.retire(std::make_unique<const Value>(1, &live));
  EXPECT_EQ(live, 0);
  EXPECT_EQ(domain.reclaim(), 0u);
  domain.retire(std::unique_ptr<const Value>());
  EXPECT_EQ(domain.reclaim(), 0u);
}

TEST(Rcu, WaitsForEveryReaderThatIsOnline) {
  std::atomic<int> live{0};
  RcuDomain domain(3);
  domain.online(0);
  domain.online(1);
  domain.retire(std::make_unique<const Value>(1, &live));
  EXPECT_EQ(live, 1);
  domain.quiescent(0);
  EXPECT_EQ(domain.reclaim(), 1u);
  domain.quiescent(1);
  EXPECT_EQ(domain.reclaim(), 0u);
  EXPECT_EQ(live, 0);
  domain.offline(0);
  domain.offline(1);
}

TEST(Rcu, DoesNotWaitForAReaderThatWentOffline) {
  std::atomic<int> live{0};
  RcuDomain domain(2);
  domain.online(0);
  domain.retire(std::make_unique<const Value>(1, &live));
  domain.offline(0);
  EXPECT_EQ(domain.reclaim(), 0u);
  EXPECT_EQ(live, 0);
}

// A reader that comes online later cannot have seen what was retired before.
TEST(Rcu, DoesNotWaitForAReaderThatCameLater) {
  std::atomic<int> live{0};
  RcuDomain domain(2);
  domain.online(0);
  domain.retire(std::make_unique<const Value>(1, &live));
  domain.online(1);
  domain.quiescent(0);
  EXPECT_EQ(domain.reclaim(), 0u);
  domain.offline(0);
  domain.offline(1);
}

TEST(Rcu, ReclaimsInOrder) {
  std::atomic<int> live{0};
  RcuDomain domain(1);
  domain.online(0);
  for (int i = 0; i < 5; ++i) {
    domain.retire(std::make_unique<const Value>(i, &live));
    EXPECT_EQ(live, 1) << "the turn before freed the one before";
    domain.quiescent(0);
  }
  domain.offline(0);
  EXPECT_EQ(domain.reclaim(), 0u);
}

TEST(Rcu, TicketsPassWithTheReaders) {
  RcuDomain domain(2);
  domain.online(0);
  const uint64_t token = domain.next_token();
  EXPECT_FALSE(domain.passed(token));
  domain.quiescent(0);
  EXPECT_TRUE(domain.passed(token));
  domain.offline(0);
}

TEST(Rcu, ReadersNeverSeeADestroyedValue) {
  constexpr int kReaders = 2, kWrites = 3000;
  std::atomic<int> live{0};
  std::atomic<bool> stop{false};
  std::atomic<int> bad{0};
  std::atomic<uint64_t> reads{0};
  RcuDomain domain(kReaders);
  {
    RcuCell<Value> cell(std::make_unique<const Value>(0, &live));
    std::vector<std::thread> readers;
    for (uint32_t reader = 0; reader < kReaders; ++reader) {
      readers.emplace_back([&, reader] {
        int last = 0;
        domain.online(reader);
        for (uint64_t turn = 0; !stop.load(std::memory_order_relaxed); ++turn) {
          const Value* value = cell.load();
          if (value->number < last) ++bad;
          last = value->number;
          if (value->number < 0) ++bad;
          domain.quiescent(reader);
          if (turn % 64 == 63) {
            domain.offline(reader);
            std::this_thread::yield();
            domain.online(reader);
          }
          ++reads;
        }
        domain.offline(reader);
      });
    }
    while (reads.load() < 100) std::this_thread::yield();
    for (int i = 1; i <= kWrites; ++i) {
      cell.publish(std::make_unique<const Value>(i, &live), domain);
      domain.reclaim();
      if (i % 16 == 0) std::this_thread::yield();
    }
    stop = true;
    for (std::thread& reader : readers) reader.join();
    EXPECT_EQ(domain.reclaim(), 0u);
    EXPECT_EQ(live, 1);
  }
  EXPECT_EQ(live, 0);
  EXPECT_EQ(bad, 0);
}

TEST(RcuDeathTest, DoesNotEndUnderAReader) {
  EXPECT_DEATH(
      {
        std::atomic<int> live{0};
        RcuDomain domain(1);
        domain.online(0);
        domain.retire(std::make_unique<const Value>(1, &live));
      },
      "while a reader was online");
}

}  // namespace
}  // namespace heddle
