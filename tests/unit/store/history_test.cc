// The history against a slow twin that keeps every content, and how old versions go.
#include "seed.h"
#include "support.h"

namespace heddle::store::test {
namespace {

void expect_twin(Store& store, Twin& twin) {
  EXPECT_EQ(store.load().value(), twin.content(twin.newest()));
  std::vector<Version> versions;
  for (uint64_t version = twin.newest(); version >= store.oldest(); --version)
    versions.push_back(twin.commit_of(version).version);
  EXPECT_EQ(store.history(100'000).value(), versions);
  for (int n = 0; n < 20; ++n) {
    const auto version =
        std::uniform_int_distribution(store.oldest(), twin.newest())(twin.random());
    SCOPED_TRACE(version);
    EXPECT_EQ(store.content_at(version).value(), twin.content(version));
    EXPECT_EQ(store.version(version).value(), twin.commit_of(version));
  }
}

TEST(History, IsThatOfTheTwin) {
  Twin twin(test_seed());
  const TempDirectory directory;
  const Limits limits{.versions = 70};
  for (int reopened = 0; reopened < 4; ++reopened) {
    const auto store = must_open(directory, limits);
    ASSERT_TRUE(store);
    for (int appended = 0; appended < 10; ++appended) {
      std::vector<Commit> group;
      for (int n = twin.pick(1, 8); n > 0; --n) group.push_back(twin.next());
      const auto done = store->append(group);
      ASSERT_TRUE(done) << done.error().text;
    }
    EXPECT_EQ(store->oldest(), twin.newest() > 70 ? twin.newest() - 69 : 1);
    expect_twin(*store, twin);
  }
  const auto store = must_open(directory, limits);
  ASSERT_TRUE(store);
  expect_twin(*store, twin);
}

TEST(History, IsToldInPages) {
  const auto store = Store::in_memory({.versions = 5}).value();
  for (uint64_t version = 1; version <= 8; ++version)
    ASSERT_TRUE(append(*store, commit(version, {})));
  const auto numbers = [&](uint32_t limit, std::optional<uint64_t> before) {
    std::vector<uint64_t> found;
    const auto versions = store->history(limit, before).value();
    for (const Version& version : versions) found.push_back(version.version);
    return found;
  };
  using Numbers = std::vector<uint64_t>;
  EXPECT_EQ(numbers(3, {}), (Numbers{8, 7, 6}));
  EXPECT_EQ(numbers(3, 6), (Numbers{5, 4}));
  EXPECT_EQ(numbers(3, 100), (Numbers{8, 7, 6}));
  EXPECT_EQ(numbers(3, 4), Numbers{});
  EXPECT_EQ(numbers(3, 0), Numbers{});
  EXPECT_EQ(numbers(0, {}), Numbers{});
}

TEST(History, NamesTheOldestThatIsKept) {
  const auto store = Store::in_memory({.versions = 5}).value();
  for (uint64_t version = 1; version <= 8; ++version)
    ASSERT_TRUE(append(*store, commit(version, {})));
  for (const uint64_t gone : {0U, 1U, 3U}) {
    const std::string text =
        "version " + std::to_string(gone) + " is not kept; the oldest that is kept is 4";
    EXPECT_EQ(store->version(gone).error().text, text);
    EXPECT_EQ(store->content_at(gone).error().text, text);
  }
  EXPECT_TRUE(store->content_at(4));
  EXPECT_EQ(store->version(9).error().text, "there is no version 9: the newest is 8");
  EXPECT_EQ(store->content_at(~uint64_t{0}).error().text,
            "there is no version 18446744073709551615: the newest is 8");
}

TEST(History, HoldsAtMostSoManyBytes) {
  const TempDirectory directory;
  const Limits limits{.change_bytes = 100'000};
  {
    const auto store = must_open(directory, limits);
    ASSERT_TRUE(store);
    for (uint64_t version = 1; version <= 50; ++version) {
      const std::string name = std::to_string(version);
      ASSERT_TRUE(append(*store, add(version, name, std::string(10'000 - 11 - name.size(), 'x'))));
    }
    EXPECT_EQ(store->oldest(), 41U);
  }
  const auto store = must_open(directory, limits);
  ASSERT_TRUE(store);
  EXPECT_EQ(store->oldest(), 41U);
  // One that is above the limit by itself is kept alone.
  ASSERT_TRUE(append(*store, add(51, "big", std::string(200'000, 'x'))));
  EXPECT_EQ(store->oldest(), 51U);
  EXPECT_EQ(store->history(10).value().size(), 1U);
  EXPECT_EQ(store->load().value().size(), 51U);
}

TEST(History, ShrinksToALowerLimitWithTheNextAppend) {
  const TempDirectory directory;
  {
    const auto store = must_open(directory);
    ASSERT_TRUE(store);
    std::vector<Commit> group;
    for (uint64_t version = 1; version <= 100; ++version) group.push_back(commit(version, {}));
    ASSERT_TRUE(store->append(group));
  }
  const auto store = must_open(directory, {.versions = 3});
  ASSERT_TRUE(store);
  EXPECT_EQ(store->oldest(), 1U);
  ASSERT_TRUE(append(*store, commit(101, {})));
  EXPECT_EQ(store->oldest(), 99U);
}

// The file takes again what pruning gave back, and the log begins anew.
TEST(History, StaysWithinItsFiles) {
  const TempDirectory directory;
  const auto store = must_open(directory, {.versions = 20});
  ASSERT_TRUE(store);
  ASSERT_TRUE(append(*store, add(1, "a", std::string(5'000, '1'))));
  uint64_t last = 1;
  for (int appended = 0; appended < 100; ++appended) {
    std::vector<Commit> group;
    for (int n = 0; n < 20; ++n) {
      const auto text = [](uint64_t version) {
        return std::string(5'000, char('0' + version % 10));
      };
      group.push_back(commit(last + 1, {{key("a"), text(last), text(last + 1)}}));
      ++last;
    }
    ASSERT_TRUE(store->append(group));
    ASSERT_LE(std::filesystem::file_size(directory.file("policy.db-wal")), 12U << 20);
  }
  EXPECT_LE(std::filesystem::file_size(directory.file()), 2U << 20);
  EXPECT_FALSE(std::filesystem::exists(directory.file("policy.db-shm")));
}

}  // namespace
}  // namespace heddle::store::test
