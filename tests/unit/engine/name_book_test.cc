#include "name_book.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>

#include "../told/told_node.h"
#include "record_desk.h"
#include "support.h"

namespace heddle::server {
namespace {

using namespace std::chrono_literals;

class NameBookTest : public EngineTest {
 protected:
  // Until the names are those of the policy of now.
  NameBook::Names wait() {
    NameBook::Names names = book_.newest();
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!book_.are_new(*names) && std::chrono::steady_clock::now() < end) {
      on_engine([] {});
      names = book_.newest();
    }
    return names;
  }

  NameBook book_{engine_.get()};
};

TEST_F(NameBookTest, HasTheNamesOfThePolicyOfNow) {
  ASSERT_TRUE(apply(std::vector{web(), web_endpoints()}).status.ok());
  NameBook::Names names = book_.names();
  ASSERT_TRUE(book_.are_new(*names));
  ASSERT_FALSE(names->services.empty());
  EXPECT_EQ(names->services[0].kind, "Service");
  EXPECT_EQ(names->services[0].full, "shop/web");
  EXPECT_EQ(names->services[0].since, 1u);
  ASSERT_TRUE(apply(std::vector{web_endpoints("10.1.0.8")}).status.ok());
  EXPECT_FALSE(book_.are_new(*names));
  names = wait();
  EXPECT_TRUE(book_.are_new(*names));
  EXPECT_EQ(names->services[0].since, 1u);
}

// Who reads workers' rings may not wait for the engine, nor ask it twice.
TEST_F(NameBookTest, DoesNotWaitForABusyEngine) {
  ASSERT_TRUE(apply(std::vector{web(), web_endpoints()}).status.ok());
  const NameBook::Names before = wait();
  ASSERT_TRUE(apply(std::vector{web_endpoints("10.1.0.8")}).status.ok());
  std::promise<void> busy, go_on;
  engine_->post([&] {
    busy.set_value();
    go_on.get_future().wait();
  });
  busy.get_future().wait();
  for (int i = 0; i < 2'000; ++i) ASSERT_EQ(book_.newest(), before) << "more than may wait there";
  EXPECT_EQ(book_.names(), before) << "those of before are better than none";
  go_on.set_value();
  EXPECT_TRUE(book_.are_new(*wait())) << "the question is under way still";
}

// The first request under a policy gets its name, and waits for it where there is room; a ring that
// is filling up is emptied whatever the engine does.
TEST_F(NameBookTest, TheDeskWaitsForNamesOnlyWhileThereIsRoom) {
  ToldNode node;
  NameBook book(engine_.get());
  RecordDesk desk(node, book, std::nullopt, 0);
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> services;
  const auto watcher = desk.watch([&](const RecordDesk::Told& told) {
    const std::lock_guard lock(mutex);
    services.emplace_back(told.names.service);
    changed.notify_all();
  });
  const auto told = [&](size_t count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 20s, [&] { return services.size() >= count; });
  };
  ASSERT_TRUE(apply(std::vector{web(), web_endpoints()}).status.ok());
  telemetry::AccessRecord record{};
  record.frontend_since = 1;
  node.tell(record);
  ASSERT_TRUE(desk.start());
  ASSERT_TRUE(told(1));
  EXPECT_EQ(services[0], "shop/web:http");

  ASSERT_TRUE(apply(std::vector{web_endpoints("10.1.0.8")}).status.ok());
  std::promise<void> go_on;
  engine_->post([&] { go_on.get_future().wait(); });
  node.fill = 0.5;
  for (int i = 0; i < 1'000; ++i) node.tell(record);
  ASSERT_TRUE(told(1'001)) << "while the engine is busy";
  EXPECT_EQ(services.back(), "shop/web:http") << "the older names are right still";
  go_on.set_value();
  desk.forget(*watcher);
}

TEST_F(NameBookTest, WithoutAnEngineThereAreNone) {
  NameBook none(nullptr);
  EXPECT_TRUE(none.newest()->services.empty());
  EXPECT_TRUE(none.are_new(*none.names()));
}

// A loop of those who ask does not keep the engine busy.
TEST_F(NameBookTest, AnAnswerStaysForTwentyTimesWhatItTook) {
  static std::atomic<int> asked;
  asked = 0;
  Asked<int> slow(*engine_, [](Engine&) {
    const auto end = std::chrono::steady_clock::now() + 50ms;
    while (std::chrono::steady_clock::now() < end) {
    }
    return std::make_shared<const int>(++asked);
  });
  for (int i = 0; i < 100; ++i) EXPECT_EQ(*slow.wait(10s), 1);
  EXPECT_EQ(asked, 1);
}

}  // namespace
}  // namespace heddle::server
