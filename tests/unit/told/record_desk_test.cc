#include "record_desk.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <vector>

#include "../engine/directory.h"
#include "tap.h"
#include "told_node.h"

namespace heddle::server {
namespace {

telemetry::AccessRecord record_of(std::string_view path, bool logged) {
  telemetry::AccessRecord record{};
  record.path.set(path);
  record.logged = logged;
  return record;
}

// What a watcher was told; waits without a clock of its own.
class Heard {
 public:
  RecordDesk::Offer offer() {
    return [this](const RecordDesk::Told& told) {
      const std::lock_guard lock(mutex_);
      paths_.emplace_back(told.record.path.view());
      dropped_.push_back(told.dropped);
      changed_.notify_all();
    };
  }
  bool wait(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20),
                             [&] { return paths_.size() >= count; });
  }
  std::vector<std::string> paths() {
    const std::lock_guard lock(mutex_);
    return paths_;
  }
  std::vector<uint64_t> dropped() {
    const std::lock_guard lock(mutex_);
    return dropped_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> paths_;
  std::vector<uint64_t> dropped_;
};

class RecordDeskTest : public testing::Test {
 protected:
  std::string lines() const {
    std::ifstream file(folder_ / "log");
    std::string all, line;
    while (std::getline(file, line))
      all +=
          line.substr(line.find("\"path\":"), line.find(",\"protocol") - line.find("\"path\":")) +
          "\n";
    return all;
  }

  test::Scratch scratch_;
  const std::filesystem::path folder_ = scratch_.path();
  ToldNode node_;
  NameBook book_{nullptr};
};

TEST_F(RecordDeskTest, WritesWhatIsLoggedAndTellsAll) {
  Heard heard;
  {
    RecordDesk desk(node_, book_, std::move(*AccessLog::open(folder_ / "log")), 0.5);
    ASSERT_TRUE(desk.start());
    EXPECT_EQ(node_.share, 0.5);
    EXPECT_FALSE(node_.is_watched);
    const auto watcher = desk.watch(heard.offer());
    ASSERT_TRUE(watcher);
    EXPECT_TRUE(node_.is_watched);
    node_.tell(record_of("/logged", true));
    node_.tell(record_of("/watched", false));
    EXPECT_TRUE(heard.wait(2));
    desk.forget(*watcher);
    EXPECT_FALSE(node_.is_watched);
    node_.tell(record_of("/last", true));
  }
  EXPECT_EQ(heard.paths(), (std::vector<std::string>{"/logged", "/watched"}));
  EXPECT_EQ(lines(), "\"path\":\"/logged\"\n\"path\":\"/last\"\n");
  EXPECT_EQ(node_.share, 0);
}

// Dropped before somebody watches is nothing that he has missed.
TEST_F(RecordDeskTest, TellsWatchersWhatWorkersHaveDropped) {
  RecordDesk desk(node_, book_, std::nullopt, 0);
  ASSERT_TRUE(desk.start());
  node_.lost_to_log = 5;
  Heard heard;
  const auto watcher = desk.watch(heard.offer());
  node_.lost_to_log = 12;
  node_.tell(record_of("/1", false));
  ASSERT_TRUE(heard.wait(1));
  node_.tell(record_of("/2", false));
  ASSERT_TRUE(heard.wait(2));
  EXPECT_EQ(heard.dropped(), (std::vector<uint64_t>{7, 0}));
  desk.forget(*watcher);
}

TEST_F(RecordDeskTest, HasAPlaceForSixteen) {
  RecordDesk desk(node_, book_, std::nullopt, 0);
  for (int i = 0; i < 16; ++i) EXPECT_TRUE(desk.watch([](const RecordDesk::Told&) {}));
  EXPECT_FALSE(desk.watch([](const RecordDesk::Told&) {}));
}

TEST(CheckTap, RefusesWhatCanNeverFit) {
  const RequestNames names{
      .services = {{"Gateway", "shop", "web", "gateway shop/web", "gateway shop/web:http", 1}}};
  const auto refusal = [&](const auto& set) {
    v1::TapRequest request;
    set(request);
    return check_tap(request, names).error_message();
  };
  EXPECT_EQ(refusal([](auto& of) { of.set_method(std::string(16, 'M')); }), "");
  EXPECT_TRUE(refusal([](auto& of) {
                of.set_method(std::string(17, 'M'));
              }).starts_with("method: longer than 16 bytes"));
  EXPECT_EQ(refusal([](auto& of) { of.set_path_prefix(std::string(512, '/')); }), "");
  EXPECT_TRUE(refusal([](auto& of) {
                of.set_path_prefix(std::string(513, '/'));
              }).starts_with("path_prefix: longer than 512 bytes"));
  EXPECT_EQ(refusal([](auto& of) { of.set_service("gateway shop/web"); }), "");
  EXPECT_TRUE(refusal([](auto& of) {
                of.set_service("shop/web");
              }).starts_with("service: no Service \"shop/web\""));
}

TEST(Telemetry, NamesTheFieldOfAPortInUse) {
  ToldNode node;
  RunningTelemetry first(node, nullptr, std::nullopt, 0), second(node, nullptr, std::nullopt, 0);
  // Not a privileged one, and not in use by chance: the first one's own.
  ASSERT_TRUE(first.start("127.0.0.1:39464"));
  const auto refused = second.start("127.0.0.1:39464");
  ASSERT_FALSE(refused);
  EXPECT_EQ(
      refused.error().text,
      "control.metrics: cannot listen on 127.0.0.1:39464 for metrics: Address already in use");
}

}  // namespace
}  // namespace heddle::server
