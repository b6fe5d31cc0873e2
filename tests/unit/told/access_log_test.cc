#include "access_log.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "../engine/directory.h"

namespace heddle::server {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class AccessLogTest : public testing::Test {
 protected:
  std::filesystem::path path() const { return folder_ / "log"; }
  AccessLog open() const {
    auto log = AccessLog::open(path());
    EXPECT_TRUE(log) << log.error().text;
    return std::move(*log);
  }

  test::Scratch scratch_;
  const std::filesystem::path folder_ = scratch_.path();
};

TEST_F(AccessLogTest, AppendsToWhatIsThere) {
  std::ofstream(path()) << "before\n";
  AccessLog log = open();
  EXPECT_TRUE(log.append("one\ntwo\n"));
  EXPECT_EQ(read(path()), "before\none\ntwo\n");
}

TEST_F(AccessLogTest, IsReadableForItsGroupAtMost) {
  open();
  struct stat info{};
  ASSERT_EQ(::stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0137, 0u);
}

TEST_F(AccessLogTest, FollowsItsPath) {
  AccessLog log = open();
  log.append("one\n");
  log.follow_path();
  std::filesystem::rename(path(), folder_ / "moved");
  log.append("two\n");
  log.follow_path();
  log.append("three\n");
  EXPECT_EQ(read(folder_ / "moved"), "one\ntwo\n");
  EXPECT_EQ(read(path()), "three\n");
  std::filesystem::remove(path());
  log.follow_path();
  log.append("four\n");
  EXPECT_EQ(read(path()), "four\n");
}

// Each second it is tried again, which nobody wants to read each second.
TEST_F(AccessLogTest, TellsOnceThatItCannotFollow) {
  AccessLog log = open();
  std::filesystem::rename(path(), folder_ / "moved");
  std::filesystem::create_directory(path());
  testing::internal::CaptureStderr();
  for (int i = 0; i < 3; ++i) {
    log.follow_path();
    EXPECT_TRUE(log.append("line\n"));
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "heddled: access log " + path().string() +
                ": cannot be opened again: Is a directory; lines go on to the file that was there "
                "before\n");
  EXPECT_EQ(read(folder_ / "moved"), "line\nline\nline\n");
  std::filesystem::remove(path());
  log.follow_path();
  log.append("new\n");
  EXPECT_EQ(read(path()), "new\n");
}

TEST_F(AccessLogTest, TakesRegularFilesAlone) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  EXPECT_FALSE(AccessLog::open(path()));
  const auto folder = AccessLog::open(folder_);
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().text,
            "telemetry.access_log.file " + folder_.string() + ": cannot be opened: Is a directory");
  EXPECT_FALSE(AccessLog::open(folder_ / "none" / "log"));
}

TEST_F(AccessLogTest, LeavesNoPartOfALine) {
  AccessLog log = open();
  EXPECT_TRUE(log.append("one\n"));
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 10;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_FALSE(log.append("a line that is too long\n"));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(read(path()), "one\n");
  EXPECT_TRUE(log.append("two\n"));
  EXPECT_EQ(read(path()), "one\ntwo\n");
}

}  // namespace
}  // namespace heddle::server
