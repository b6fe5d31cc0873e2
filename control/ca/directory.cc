#include "directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace heddle::ca {
namespace {

constexpr size_t kMaxNames = 100'000;
constexpr size_t kMaxKey = 16 << 10;

const char* why(int failed) { return std::strerror(failed); }

Result<std::string> read_all(int fd, const std::string& path, size_t most) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return fail("cannot look at {}: {}", path, why(errno));
  if (!S_ISREG(info.st_mode)) return fail("{} is not a regular file", path);
  if (static_cast<uint64_t>(info.st_size) > most)
    return fail("{} has {} bytes; at most {} are taken", path, info.st_size, most);
  std::string text(static_cast<size_t>(info.st_size), '\0');
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::read(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail("cannot read {}: {}", path, n < 0 ? why(errno) : "it became shorter");
    done += static_cast<size_t>(n);
  }
  return text;
}

}  // namespace

Result<Directory> Directory::open(const std::string& path, Access access, uint32_t patience_ms) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail("cannot open the directory {}: {}", path, why(errno));
  Directory directory(path, fd);
  HEDDLE_TRY(directory.check());
  if (access == Access::kWrite && ::faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
    return fail("cannot write to the directory {}: {}", path, why(errno));
  HEDDLE_TRY(directory.lock(access, patience_ms));
  return directory;
}

Directory::Directory(Directory&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

Directory::~Directory() {
  if (fd_ >= 0) ::close(fd_);
}

Result<> Directory::check() const {
  struct stat info{};
  if (::fstat(fd_, &info) != 0) return fail("cannot look at {}: {}", path_, why(errno));
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fail("others may write to the directory {}; chmod 700 it", path_);
  return {};
}

Result<> Directory::lock(Access access, uint32_t patience_ms) const {
  constexpr uint32_t kStepMs = 20;
  const int how = (access == Access::kWrite ? LOCK_EX : LOCK_SH) | LOCK_NB;
  for (uint32_t waited = 0; ::flock(fd_, how) != 0; waited += kStepMs) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return fail("cannot lock the directory {}: {}", path_, why(errno));
    if (waited >= patience_ms) return fail("{} is in use by another heddlectl; try again", path_);
    ::poll(nullptr, 0, static_cast<int>(kStepMs));
  }
  return {};
}

bool Directory::has(std::string_view name) const {
  struct stat info{};
  return ::lstat(file(name).c_str(), &info) == 0;
}

Result<std::vector<std::string>> Directory::list() const {
  const std::unique_ptr<DIR, int (*)(DIR*)> handle(::opendir(path_.c_str()), ::closedir);
  if (handle == nullptr) return fail("cannot list {}: {}", path_, why(errno));
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(handle.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (names.size() == kMaxNames) return fail("{} has more than {} files", path_, kMaxNames);
    names.emplace_back(name);
  }
  if (errno != 0) return fail("cannot list {}: {}", path_, why(errno));
  std::ranges::sort(names);
  return names;
}

Result<std::optional<std::string>> Directory::read(std::string_view name, size_t most) const {
  const std::string path = file(name);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0 && errno == ENOENT) return std::nullopt;
  if (fd < 0) return fail("cannot open {}: {}", path, why(errno));
  auto text = read_all(fd, path, most);
  ::close(fd);
  if (!text) return std::unexpected(text.error());
  return std::move(*text);
}

Result<std::optional<SecretText>> Directory::read_secret(std::string_view name) const {
  struct stat info{};
  // A link is followed: keys may be kept on another medium.
  if (::stat(file(name).c_str(), &info) == 0 && (info.st_mode & 0077) != 0)
    return fail("{} is a private key that others may read or write; chmod 600 it", file(name));
  auto text = read(name, kMaxKey);
  if (!text) return std::unexpected(text.error());
  if (!*text) return std::nullopt;
  return SecretText(std::move(**text));
}

Result<> Directory::write_new(std::string_view name, std::string_view text, mode_t mode) const {
  return write_file(file(name), text, mode, NewFile::Place::kFree);
}

Result<> Directory::replace(std::string_view name, std::string_view text, mode_t mode) const {
  return write_file(file(name), text, mode, NewFile::Place::kReplace);
}

Result<> Directory::rename(std::string_view from, std::string_view to) const {
  if (!has(from)) return {};
  if (has(to)) return fail("{} is in the way of {}; move it away", file(to), from);
  if (::rename(file(from).c_str(), file(to).c_str()) != 0)
    return fail("cannot rename {} to {}: {}", file(from), to, why(errno));
  return sync_directory(path_);
}

Result<> Directory::remove(std::string_view name) const {
  if (::unlink(file(name).c_str()) != 0 && errno != ENOENT)
    return fail("cannot remove {}: {}", file(name), why(errno));
  return sync_directory(path_);
}

Result<> Directory::remove_unfinished() const {
  const auto names = list();
  if (!names) return std::unexpected(names.error());
  for (const std::string& name : *names)
    if (name == kUnfinishedMark || (name.starts_with('.') && name.ends_with(".new")))
      HEDDLE_TRY(remove(name));
  return {};
}

}  // namespace heddle::ca
