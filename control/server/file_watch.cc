#include "file_watch.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

namespace heddle::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kQuiet = std::chrono::milliseconds(200);
constexpr auto kLongestWait = std::chrono::seconds(2);  // while changes do not end
constexpr auto kPoll = std::chrono::seconds(60);
constexpr uint32_t kEvents = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_DELETE |
                             IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

// Where the path leads now, through all links; itself when it leads nowhere.
std::string target_of(const std::string& path) {
  std::array<char, PATH_MAX> room{};
  return ::realpath(path.c_str(), room.data()) == nullptr ? path : std::string(room.data());
}

int milliseconds_until(Clock::time_point then) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(then - Clock::now()).count();
  return left < 0 ? 0 : static_cast<int>(left);
}

}  // namespace

FileWatch::FileWatch(std::function<void()> changed, int inotify, int wake)
    : changed_(std::move(changed)), inotify_(inotify), wake_(wake) {}

Result<std::unique_ptr<FileWatch>> FileWatch::start(std::function<void()> changed) {
  const int inotify = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  const int wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::unique_ptr<FileWatch> watch(new FileWatch(std::move(changed), inotify, wake));
  if (wake < 0) return fail("cannot watch files: {}", std::strerror(errno));
  try {
    watch->thread_ = std::thread([&it = *watch] { it.run(); });
  } catch (const std::system_error& error) {
    return fail("cannot start the thread that watches files: {}", error.what());
  }
  return watch;
}

FileWatch::~FileWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) {
    ::eventfd_write(wake_, 1);
    thread_.join();
  }
  for (const int fd : {inotify_, wake_})
    if (fd >= 0) ::close(fd);
}

void FileWatch::watch(std::set<std::string> files) {
  {
    const std::lock_guard lock(mutex_);
    files_ = std::move(files);
  }
  follow();
}

// Directories that are not there, or one too many for the system, are left to the minute's turn.
void FileWatch::follow() {
  const std::lock_guard lock(mutex_);
  if (inotify_ < 0) return;
  std::set<std::string> wanted;
  for (const std::string& file : files_)
    for (const std::string& path : {file, target_of(file)}) wanted.insert(directory_of(path));
  std::map<std::string, int> next;
  std::set<int> used;
  // The same directory has the same watch, and one that was replaced gets another.
  for (const std::string& directory : wanted)
    if (const int watch = ::inotify_add_watch(inotify_, directory.c_str(), kEvents); watch >= 0) {
      next.emplace(directory, watch);
      used.insert(watch);
    }
  for (const auto& [directory, watch] : watches_)
    if (!used.contains(watch)) ::inotify_rm_watch(inotify_, watch);
  watches_ = std::move(next);
}

bool FileWatch::take_events() {
  alignas(inotify_event) std::array<char, 4096> room{};
  bool any = false;
  while (inotify_ >= 0 && ::read(inotify_, room.data(), room.size()) > 0) any = true;
  return any;
}

void FileWatch::run() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  ::pthread_setname_np(::pthread_self(), "files");
  Clock::time_point next = Clock::now() + kPoll;
  Clock::time_point latest = next;  // of what has changed and was not told
  bool pending = false;
  while (true) {
    std::array<pollfd, 2> waits = {{{wake_, POLLIN, 0}, {inotify_, POLLIN, 0}}};
    ::poll(waits.data(), waits.size(), milliseconds_until(next));
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    if (take_events()) {
      if (!std::exchange(pending, true)) latest = Clock::now() + kLongestWait;
      next = std::min(Clock::now() + kQuiet, latest);
    }
    if (Clock::now() < next) continue;
    follow();
    changed_();
    pending = false;
    next = Clock::now() + kPoll;
  }
}

}  // namespace heddle::server
