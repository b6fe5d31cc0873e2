// Files that are replaced in the ways that certificates are.
#include "file_watch.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>

#include "directory.h"

namespace heddle::server {
namespace {

using test::Scratch;
namespace fs = std::filesystem;

class Told {
 public:
  void tell() {
    const std::lock_guard lock(mutex_);
    ++times_;
    filled_.notify_all();
  }
  // Whether it is told, for the first time or once more.
  bool wait() {
    std::unique_lock lock(mutex_);
    const bool told =
        filled_.wait_for(lock, std::chrono::seconds(10), [&] { return times_ > seen_; });
    seen_ = times_;
    return told;
  }

 private:
  std::mutex mutex_;
  std::condition_variable filled_;
  int times_ = 0, seen_ = 0;
};

TEST(FileWatch, TellsOfReplacedFilesAndLinks) {
  const Scratch scratch;
  fs::create_directories(scratch.path("v1"));
  fs::create_directories(scratch.path("v2"));
  scratch.write("v1/tls.crt", "1");
  scratch.write("v2/tls.crt", "2");
  // As Kubernetes mounts a Secret: the file leads to "..data", which is turned.
  fs::create_directory_symlink("v1", scratch.path("..data"));
  fs::create_symlink("..data/tls.crt", scratch.path("tls.crt"));
  Told told;
  auto watch = FileWatch::start([&] { told.tell(); });
  ASSERT_TRUE(watch) << watch.error().text;
  (*watch)->watch({scratch.path("tls.crt"), scratch.path("missing/tls.crt")});
  fs::create_directory_symlink("v2", scratch.path("..data_new"));
  fs::rename(scratch.path("..data_new"), scratch.path("..data"));
  EXPECT_TRUE(told.wait());
  // Now it is the second directory's file.
  scratch.write("v2/tls.crt", "3");
  EXPECT_TRUE(told.wait());
}

TEST(FileWatch, EndsWhileItWaits) {
  auto watch = FileWatch::start([] {});
  ASSERT_TRUE(watch);
  (*watch)->watch({"/nowhere/at/all"});
}

}  // namespace
}  // namespace heddle::server
