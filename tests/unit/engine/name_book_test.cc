#include "name_book.h"

#include <gtest/gtest.h>

#include <future>

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
