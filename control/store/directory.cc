#include "directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "database.h"

namespace heddle::store {
namespace {

constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kFileMode = 0600;
constexpr const char* kUnfinished[] = {".new", ".new-journal", ".new-wal", ".new-shm"};
// Never without their database: SQLite would replay a log onto any policy.db it lies beside.
constexpr const char* kLogs[] = {"-wal", "-shm", "-journal"};

std::string why(int failed) { return std::strerror(failed); }

bool exists(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0;
}

}  // namespace

Result<Directory> Directory::take(const std::string& path) {
  if (path.empty()) return fail("the directory of the policy store has no name");
  if (::mkdir(path.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
    const int failed = errno;
    if (failed == ENOENT)
      return fail("cannot make the policy store's directory {}: its parent does not exist", path);
    return fail("cannot make the policy store's directory {}: {}", path, why(failed));
  }
  return take_existing(path);
}

Result<Directory> Directory::take_existing(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail("cannot open the policy store's directory {}: {}", path, why(errno));
  Directory directory(path, fd);
  struct stat info{};
  if (::fstat(fd, &info) != 0)
    return fail("cannot look at the policy store's directory {}: {}", path, why(errno));
  if (!S_ISDIR(info.st_mode))
    return fail("the policy store's directory {} is not a directory", path);
  if ((info.st_mode & S_IWOTH) != 0)
    return fail("everyone may write to the policy store's directory {}; chmod 700 it", path);
  if (::faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK | X_OK, AT_EACCESS) != 0)
    return fail("cannot write to the policy store's directory {}: {}", path, why(errno));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return in_use(directory.place());
    return fail("cannot lock the policy store's directory {}: {}", path, why(errno));
  }
  return directory;
}

Directory::Directory(Directory&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      device_(other.device_),
      inode_(other.inode_) {}

Directory::~Directory() {
  if (fd_ >= 0) ::close(fd_);
}

std::string Directory::file(const std::string& suffix) const {
  return path_ + '/' + kFileName + suffix;
}

// The file itself is not opened here: closing it would drop the locks of SQLite, which belong to
// the process (fcntl(2)).
Result<bool> Directory::look() {
  const std::string path = file();
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno != ENOENT) return fail("cannot look at {}: {}", path, why(errno));
    for (const char* log : kLogs)
      if (exists(file(log)))
        return damaged_store(place(), fmt::format("{0}{1} is there without {0}", kFileName, log));
    return false;
  }
  if (!S_ISREG(info.st_mode)) return fail("{} is not a file; move it away", path);
  if ((info.st_mode & 07777) != kFileMode && ::chmod(path.c_str(), kFileMode) != 0)
    return fail("{} has mode {:o}, and it cannot be made {:o}: {}", path, info.st_mode & 07777,
                kFileMode, why(errno));
  if (::faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) != 0)
    return fail("cannot read and write {}: {}", path, why(errno));
  device_ = info.st_dev;
  inode_ = info.st_ino;
  return true;
}

Result<> Directory::still_there() const {
  struct stat info{};
  if (::lstat(file().c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_)
    return {};
  return fail("{} was moved or removed while in use; restart heddled", file());
}

Result<> Directory::sync() const {
  if (::fsync(fd_) != 0)
    return fail("cannot write the policy store's directory {}: {}", path_, why(errno));
  return {};
}

Result<> Directory::remove_unfinished() {
  for (const char* suffix : kUnfinished)
    if (::unlink(file(suffix).c_str()) != 0 && errno != ENOENT)
      return fail("cannot remove {}: {}", file(suffix), why(errno));
  return {};
}

Result<> Directory::put_in_place() {
  if (::rename(file(".new").c_str(), file().c_str()) != 0)
    return fail("cannot rename {} to {}: {}", file(".new"), kFileName, why(errno));
  return sync();
}

Result<std::string> Directory::set_aside(const std::string& suffix) {
  bool found = exists(file());
  for (const char* log : kLogs) found = found || exists(file(log));
  if (!found) return std::string();

  std::string aside = file() + suffix;
  for (int n = 2; exists(aside); ++n) aside = file() + suffix + '-' + std::to_string(n);
  // The database first: should this end in between, the log alone is told as damage.
  for (const char* part : {"", "-wal", "-shm", "-journal"})
    if (::rename(file(part).c_str(), (aside + part).c_str()) != 0 && errno != ENOENT)
      return fail("cannot rename {} to {}: {}", file(part), aside + part, why(errno));
  HEDDLE_TRY(sync());
  return aside;
}

}  // namespace heddle::store
