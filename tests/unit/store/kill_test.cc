// A process that appends is killed at any moment: the version that it last said was on disk is
// there, or the one that it was writing, whole.
#include <fcntl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "seed.h"
#include "support.h"

namespace heddle::store::test {
namespace {

constexpr Limits kLimits{.versions = 200};
constexpr int kRounds = 50;
constexpr uint64_t kNames = 40;

// A version's change follows from its number alone, so that both processes know it: name n has the
// bytes of the newest version that is n modulo kNames.
std::string bytes_of(uint64_t version) {
  return std::to_string(version) + std::string(version * 7919 % 9000, char('a' + version % 26));
}

Commit commit_of(uint64_t version) {
  Change change{key(std::to_string(version % kNames)), std::nullopt, bytes_of(version)};
  if (version > kNames) change.before = bytes_of(version - kNames);
  return commit(version, {std::move(change)});
}

std::vector<Resource> content_of(uint64_t version) {
  Content content;
  for (uint64_t from = version > kNames ? version - kNames + 1 : 1; from <= version; ++from)
    content[key(std::to_string(from % kNames))] = bytes_of(from);
  return as_resources(content);
}

struct Word {
  uint64_t version;
  bool on_disk;  // false: about to be written
};

[[noreturn]] void append_forever(const std::string& directory, int pipe, uint64_t seed) {
  std::mt19937_64 random(seed);
  auto store = Store::open(directory, kLimits);
  if (!store) _exit(1);
  uint64_t last = (*store)->current().version;
  while (true) {
    std::vector<Commit> group;
    // Large ones fill the log and let it be written to the file.
    const uint64_t most = std::uniform_int_distribution(0, 3)(random) == 0 ? 60 : 4;
    for (auto n = std::uniform_int_distribution<uint64_t>(1, most)(random); n > 0; --n)
      group.push_back(commit_of(++last));
    const Word about{last, false}, done{last, true};
    if (::write(pipe, &about, sizeof(about)) != sizeof(about)) _exit(2);
    if (!(*store)->append(group)) _exit(3);
    if (::write(pipe, &done, sizeof(done)) != sizeof(done)) _exit(4);
  }
}

struct Reached {
  uint64_t on_disk = 0, begun = 0;
};

// Lets a process append, kills it after some of its words, and returns what it said.
Reached run_and_kill(const std::string& directory, std::mt19937_64& random, Reached reached) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) std::abort();
  const uint64_t seed = random();
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(pipe[0]);
    append_forever(directory, pipe[1], seed);
  }
  ::close(pipe[1]);
  const int words = std::uniform_int_distribution(0, 30)(random);
  Word word{};
  const auto take = [&] {
    if (::read(pipe[0], &word, sizeof(word)) != sizeof(word)) return false;
    (word.on_disk ? reached.on_disk : reached.begun) = word.version;
    return true;
  };
  for (int n = 0; n < words && take(); ++n) {
  }
  // Not after the word but within what follows it.
  const timespec phase{0, std::uniform_int_distribution(0, 3'000'000)(random)};
  ::nanosleep(&phase, nullptr);
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "ended with " << WEXITSTATUS(status);
  while (take()) {
  }
  ::close(pipe[0]);
  return reached;
}

TEST(Kill, LosesNothingThatWasAcknowledged) {
  const TempDirectory directory;
  std::mt19937_64 random(test_seed());
  const char* wanted = std::getenv("HEDDLE_KILL_ROUNDS");
  const int rounds = wanted != nullptr ? std::atoi(wanted) : kRounds;
  Reached reached;
  for (int round = 0; round < rounds && !testing::Test::HasFailure(); ++round) {
    SCOPED_TRACE(round);
    reached = run_and_kill(directory.path(), random, reached);
    const auto store = must_open(directory, kLimits);
    ASSERT_TRUE(store);
    const uint64_t version = store->current().version;
    EXPECT_TRUE(version == reached.on_disk || version == reached.begun)
        << version << " instead of " << reached.on_disk << " or " << reached.begun;
    EXPECT_EQ(store->load().value(), content_of(version));
    if (version == 0) continue;
    EXPECT_EQ(store->oldest(), version > kLimits.versions ? version - kLimits.versions + 1 : 1);
    EXPECT_EQ(store->content_at(store->oldest()).value(), content_of(store->oldest()));
    const auto some = std::uniform_int_distribution(store->oldest(), version)(random);
    EXPECT_EQ(store->content_at(some).value(), content_of(some));
    EXPECT_EQ(store->version(some).value(), commit_of(some));
    EXPECT_EQ(store->history(1'000).value().size(), version - store->oldest() + 1);
    reached = {version, version};
  }
  EXPECT_GT(reached.on_disk, static_cast<uint64_t>(rounds));
}

}  // namespace
}  // namespace heddle::store::test
