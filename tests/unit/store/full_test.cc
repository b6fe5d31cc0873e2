// Disks that take no more, and the store afterwards.
#include <sys/resource.h>

#include <csignal>

#include "support.h"

namespace heddle::store::test {
namespace {

// Writes beyond this many bytes of a file fail, as those to a full disk do.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(uint64_t bytes) {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) std::abort();
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

std::vector<Commit> group_from(uint64_t first, int number, size_t size) {
  std::vector<Commit> group;
  for (int n = 0; n < number; ++n, ++first)
    group.push_back(add(first, "r" + std::to_string(first), std::string(size, 'x')));
  return group;
}

TEST(Full, AnAppendBeyondTheLimitLeavesNothing) {
  const TempDirectory directory;
  const Limits limits{.file_bytes = 1 << 20};
  std::vector<Resource> content;
  {
    const auto store = must_open(directory, limits);
    ASSERT_TRUE(store);
    ASSERT_TRUE(store->append(group_from(1, 10, 5'000)));
    content = store->load().value();
    // Its first commits would fit.
    const auto done = store->append(group_from(11, 100, 50'000));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().text, "the policy store in " + directory.path() +
                                     " cannot grow: it has reached the size that it may have");
    EXPECT_EQ(store->current().version, 10U);
    EXPECT_EQ(store->load().value(), content);
    EXPECT_EQ(store->history(100).value().size(), 10U);
  }
  const auto store = must_open(directory, limits);
  ASSERT_TRUE(store);
  EXPECT_EQ(store->current().version, 10U);
  EXPECT_EQ(store->load().value(), content);
  EXPECT_TRUE(store->append(group_from(11, 1, 5'000)));
}

// At every size at which the log can stop to grow: nothing of the append is there, and the next
// one works when there is room.
TEST(Full, AWriteThatFailsLeavesNothing) {
  const TempDirectory directory;
  uint64_t version = 0;
  int refused = 0;
  for (uint64_t limit = 0; limit < 300'000; limit += 10'007) {
    SCOPED_TRACE(limit);
    const auto store = must_open(directory);
    ASSERT_TRUE(store);
    EXPECT_EQ(store->current().version, version);
    const std::vector<Resource> content = store->load().value();
    const auto group = group_from(version + 1, 3, 20'000);
    bool done = false;
    {
      const FileSizeLimit full(limit);
      const auto appended = store->append(group);
      done = appended.has_value();
      if (!done) {
        EXPECT_EQ(appended.error().text, "the policy store in " + directory.path() +
                                             ": reading or writing failed: File too large");
        EXPECT_EQ(store->load().value(), content);
        EXPECT_EQ(store->current().version, version);
      }
    }
    if (!done) {
      ++refused;
      ASSERT_TRUE(store->append(group));
    }
    version += 3;
    EXPECT_EQ(store->load().value().size(), content.size() + 3);
    EXPECT_EQ(store->content_at(version - 2).value().size(), content.size() + 1);
  }
  EXPECT_GT(refused, 5);
  EXPECT_EQ(must_open(directory)->load().value().size(), version);
}

TEST(Full, AStoreOpensWithoutRoom) {
  const TempDirectory directory;
  uint64_t last = 0;
  {
    const FileSizeLimit full(100'000);
    {
      const auto store = must_open(directory);
      ASSERT_TRUE(store);
      while (store->append(group_from(last + 1, 1, 10'000))) ++last;
    }
    const auto store = must_open(directory);
    ASSERT_TRUE(store);
    EXPECT_EQ(store->load().value().size(), last);
    EXPECT_FALSE(store->append(group_from(last + 1, 10, 10'000)));
  }
  EXPECT_GT(last, 0U);
  const auto store = must_open(directory);
  ASSERT_TRUE(store);
  EXPECT_EQ(store->load().value().size(), last);
  EXPECT_TRUE(store->append(group_from(last + 1, 10, 10'000)));
}

// The log cannot be emptied, as the database's file cannot grow: appends go on while the log can.
TEST(Full, ACheckpointThatFailsIsMadeUpFor) {
  const TempDirectory directory;
  uint64_t last = 0;
  {
    const auto store = must_open(directory, {.versions = 5});
    ASSERT_TRUE(store);
    {
      // More than the log has at a checkpoint, less than the database comes to need.
      const FileSizeLimit full(8 << 20);
      Result<> done;
      while (done && last < 100'000) {
        done = store->append(group_from(last + 1, 10, 20'000));
        if (done) last += 10;
      }
      ASSERT_FALSE(done);
      // Both files are as long as they may be.
      EXPECT_GT(std::filesystem::file_size(directory.file()), 7U << 20);
      EXPECT_GT(std::filesystem::file_size(directory.file("policy.db-wal")), 7U << 20);
      EXPECT_EQ(store->load().value().size(), last);
    }
    ASSERT_TRUE(store->append(group_from(last + 1, 10, 20'000)));
    last += 10;
  }
  EXPECT_EQ(must_open(directory)->load().value().size(), last);
}

}  // namespace
}  // namespace heddle::store::test
