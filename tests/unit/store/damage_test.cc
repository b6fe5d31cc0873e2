// Files that changed behind the store's back: whatever it answers is right, or it refuses.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "seed.h"
#include "support.h"

namespace heddle::store::test {
namespace {

namespace fs = std::filesystem;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// Appends `versions` of the twin in groups of a few, in a process that dies with the log unwritten
// when `log` is true.
void fill(const TempDirectory& directory, Twin& twin, int versions, bool log) {
  std::vector<std::vector<Commit>> groups;
  while (versions > 0) {
    auto& group = groups.emplace_back();
    for (int n = std::min(versions, twin.pick(1, 5)); n > 0; --n, --versions)
      group.push_back(twin.next());
  }
  const pid_t child = ::fork();
  if (child == 0) {
    auto store = Store::open(directory.path(), {.versions = 60});
    bool good = store.has_value();
    for (const auto& group : groups) good = good && (*store)->append(group);
    if (!log) store->reset();
    _exit(good ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
}

enum class Found { kRefused, kRefusedLater, kAnswered };

// Opens, asks for everything, appends, and compares each answer that is given.
Found ask(const TempDirectory& directory, Twin twin) {
  const uint64_t newest = twin.newest();
  auto opened = Store::open(directory.path(), {.versions = 60});
  if (!opened) return Found::kRefused;
  auto store = std::move(*opened);
  bool refused = false;
  const auto compare = [&](const auto& answer, const auto& expected) {
    refused = refused || !answer;
    if (answer) {
      EXPECT_EQ(*answer, expected);
    }
  };
  EXPECT_EQ(store->current(), twin.commit_of(newest).version);
  compare(store->load(), twin.content(newest));
  for (uint64_t version = newest; version >= store->oldest(); --version) {
    compare(store->version(version), twin.commit_of(version));
    if (version % 8 == 0) compare(store->content_at(version), twin.content(version));
  }
  const auto versions = store->history(1000);
  refused = refused || !versions;
  for (size_t n = 0; versions && n < versions->size(); ++n)
    EXPECT_EQ((*versions)[n], twin.commit_of(newest - n).version);
  // Whatever it took is there in the end, or it is refused.
  if (append(*store, twin.next())) {
    store.reset();
    opened = Store::open(directory.path(), {.versions = 60});
    if (!opened) return Found::kRefusedLater;
    compare((*opened)->load(), twin.content(newest + 1));
  }
  return refused ? Found::kRefusedLater : Found::kAnswered;
}

// One of the things that happen to files.
void damage(std::string& bytes, const std::string& older, Twin& twin) {
  auto& random = twin.random();
  const auto place = [&](size_t below) {
    return std::uniform_int_distribution<size_t>(0, below - 1)(random);
  };
  constexpr size_t kPage = 4096;
  switch (twin.pick(0, 9)) {
    case 0:  // ends too early
      bytes.resize(place(bytes.size()));
      break;
    case 1: {  // a block of zeroes
      const size_t at = place(bytes.size()) / 512 * 512;
      std::fill_n(bytes.begin() + static_cast<ptrdiff_t>(at),
                  std::min<size_t>(512, bytes.size() - at), '\0');
      break;
    }
    case 2:
    case 3: {  // a write that never came
      const size_t at = place(std::min(bytes.size(), older.size()) / kPage) * kPage;
      bytes.replace(at, kPage, older, at, kPage);
      break;
    }
    case 4: {  // a page in the place of another
      const size_t pages = bytes.size() / kPage;
      const std::string page = bytes.substr(place(pages) * kPage, kPage);
      bytes.replace(place(pages) * kPage, kPage, page);
      break;
    }
    case 5:  // in the first page's header, where the file is described
      bytes[place(100)] ^= static_cast<char>(1 << twin.pick(0, 7));
      break;
    default:
      for (int n = twin.pick(1, 8); n > 0; --n)
        bytes[place(bytes.size())] ^= static_cast<char>(1 << twin.pick(0, 7));
  }
}

TEST(Damage, OfTheFileNeverGivesAWrongAnswer) {
  Twin twin(test_seed());
  const TempDirectory directory;
  ASSERT_NO_FATAL_FAILURE(fill(directory, twin, 60, false));
  const std::string older = read_file(directory.file());
  ASSERT_NO_FATAL_FAILURE(fill(directory, twin, 40, false));
  const std::string whole = read_file(directory.file());
  ASSERT_FALSE(fs::exists(directory.file("policy.db-wal")));
  ASSERT_EQ(ask(directory, twin), Found::kAnswered);

  int found[3] = {};
  for (int round = 0; round < 150; ++round) {
    SCOPED_TRACE(round);
    std::string bytes = whole;
    damage(bytes, older, twin);
    fs::remove(directory.file("policy.db-wal"));
    write_file(directory.file(), bytes);
    ++found[static_cast<int>(ask(directory, twin))];
    if (testing::Test::HasFailure()) return;
  }
  std::printf("refused at open %d, later %d, answered %d\n", found[0], found[1], found[2]);
  EXPECT_GT(found[0], 20);
  EXPECT_GT(found[1] + found[2], 0);
}

// A log with several commits, as a killed process leaves it. Damage in the last commit cannot be
// told from a write that a power cut tore, so that the version before it is right as well.
TEST(Damage, OfTheLogNeverTakesBackMoreThanTheLastCommit) {
  Twin twin(test_seed());
  const TempDirectory directory;
  ASSERT_NO_FATAL_FAILURE(fill(directory, twin, 20, false));
  ASSERT_NO_FATAL_FAILURE(fill(directory, twin, 20, true));
  const std::string file = read_file(directory.file());
  const std::string log = read_file(directory.file("policy.db-wal"));
  ASSERT_GT(log.size(), 100'000U);

  int refused = 0, last_lost = 0, whole = 0;
  for (int round = 0; round < 100; ++round) {
    SCOPED_TRACE(round);
    std::string bytes = log;
    const auto at = std::uniform_int_distribution<size_t>(0, bytes.size() - 1)(twin.random());
    bytes[at] ^= static_cast<char>(1 << twin.pick(0, 7));
    write_file(directory.file(), file);
    write_file(directory.file("policy.db-wal"), bytes);
    const auto store = Store::open(directory.path(), {.versions = 60});
    if (!store) {
      EXPECT_NE(store.error().text.find("commits in its log are unreadable"), std::string::npos)
          << store.error().text;
      ++refused;
      continue;
    }
    const uint64_t version = (*store)->current().version;
    EXPECT_EQ((*store)->load().value(), twin.content(version));
    EXPECT_GE(version + 5, twin.newest());
    ++(version == twin.newest() ? whole : last_lost);
  }
  std::printf("refused %d, without the last group %d, whole %d\n", refused, last_lost, whole);
  EXPECT_GT(refused, 50);
}

// The same log, torn in the last write as by a power cut, is no damage.
TEST(Damage, IsNotWhatAPowerCutTears) {
  Twin twin(test_seed());
  const TempDirectory directory;
  ASSERT_NO_FATAL_FAILURE(fill(directory, twin, 20, true));
  const std::string file = read_file(directory.file());
  const std::string log = read_file(directory.file("policy.db-wal"));
  uint64_t last = 0;
  for (size_t size = 0; size < log.size(); size += 12'011) {
    SCOPED_TRACE(size);
    write_file(directory.file(), file);
    write_file(directory.file("policy.db-wal"), log.substr(0, size));
    const auto store = Store::open(directory.path(), {.versions = 60});
    ASSERT_TRUE(store) << store.error().text;
    const uint64_t version = (*store)->current().version;
    EXPECT_GE(version, last);
    last = version;
    EXPECT_EQ((*store)->load().value(), twin.content(version));
  }
  EXPECT_GT(last, 10U);
}

}  // namespace
}  // namespace heddle::store::test
