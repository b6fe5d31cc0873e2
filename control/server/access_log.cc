#include "access_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace heddle::server {
namespace {

// Without O_NONBLOCK, opening a FIFO would wait for a reader.
int open_file(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
}

bool is_regular(int fd, struct stat& info) {
  return ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

}  // namespace

Result<AccessLog> AccessLog::open(std::string path) {
  const int fd = open_file(path);
  if (fd < 0)
    return fail("telemetry.access_log.file {}: cannot be opened: {}", path, std::strerror(errno));
  struct stat info{};
  if (!is_regular(fd, info)) {
    ::close(fd);
    return fail("telemetry.access_log.file {}: not a regular file", path);
  }
  return AccessLog(std::move(path), fd);
}

AccessLog::AccessLog(AccessLog&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      failing_(other.failing_),
      unfollowed_(other.unfollowed_) {}

AccessLog::~AccessLog() {
  if (fd_ >= 0) ::close(fd_);
}

void AccessLog::tell(std::string_view what, int error) {
  if (!std::exchange(failing_, true))
    fmt::print(stderr, "heddled: access log {}: cannot be {}: {}; its lines are lost\n", path_,
               what, std::strerror(error));
}

void AccessLog::tell_unfollowed(std::string_view why) {
  if (!std::exchange(unfollowed_, true))
    fmt::print(
        stderr,
        "heddled: access log {}: cannot be opened again: {}; lines go on to the file that was "
        "there before\n",
        path_, why);
}

bool AccessLog::append(std::string_view lines) {
  struct stat info{};
  if (!is_regular(fd_, info)) return false;
  ssize_t written = 0;
  do {
    written = ::write(fd_, lines.data(), lines.size());
  } while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(lines.size())) {
    failing_ = false;
    return true;
  }
  tell("written", written < 0 ? errno : ENOSPC);
  // A part of a line would spoil the next one too. What was cut off is lost.
  if (written > 0 && ::ftruncate(fd_, info.st_size) != 0) tell("cut", errno);
  return false;
}

void AccessLog::follow_path() {
  struct stat ours{}, there{};
  if (!is_regular(fd_, ours)) return;
  const bool same = ::stat(path_.c_str(), &there) == 0 && there.st_ino == ours.st_ino &&
                    there.st_dev == ours.st_dev;
  if (!same) {
    const int fd = open_file(path_);
    if (fd < 0) return tell_unfollowed(std::strerror(errno));
    if (!is_regular(fd, there)) {
      ::close(fd);
      return tell_unfollowed("not a regular file");
    }
    ::close(std::exchange(fd_, fd));
  }
  unfollowed_ = false;
}

}  // namespace heddle::server
