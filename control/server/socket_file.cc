#include "server/socket_file.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "server/unix_socket.h"

namespace heddle::server {
namespace {

constexpr mode_t kSocketMode = 0600;
constexpr int kBacklog = 64;
constexpr const char* kTaken = "{}: another heddled is listening on this socket";

struct PathParts {
  std::string directory, name;
};

PathParts split(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

// Makes the directory if needed. Its device and inode name it, so that two spellings of one path
// make one claim.
Result<struct stat> find_directory(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST)
    return fail("cannot make the directory {}: {}", directory, std::strerror(errno));
  struct stat info{};
  if (::stat(directory.c_str(), &info) != 0)
    return fail("cannot look at the directory {}: {}", directory, std::strerror(errno));
  if (!S_ISDIR(info.st_mode)) return fail("{} is not a directory", directory);
  if (::access(directory.c_str(), W_OK | X_OK) != 0)
    return fail("cannot make a socket in the directory {}: {}", directory, std::strerror(errno));
  return info;
}

Result<int> take_claim(const std::string& path) {
  const PathParts parts = split(path);
  if (parts.name.empty()) return fail("{} names a directory, not a socket", path);
  const auto directory = find_directory(parts.directory);
  if (!directory) return std::unexpected(directory.error());

  const std::string name =
      fmt::format("heddled/{:x}:{:x}/{}", directory->st_dev, directory->st_ino, parts.name);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() > kMaxSocketPath) return fail("{}: the file's name is too long", path);
  name.copy(address.sun_path + 1, kMaxSocketPath);  // a leading zero byte: abstract
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());

  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail("cannot make a socket: {}", std::strerror(errno));
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), length) == 0) return fd;
  const int failed = errno;
  ::close(fd);
  if (failed == EADDRINUSE) return fail(fmt::runtime(kTaken), path);
  return fail("{}: cannot claim the socket: {}", path, std::strerror(failed));
}

Result<> remove_stale(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return fail("{}: {}", path, std::strerror(errno));
  }
  if (!S_ISSOCK(info.st_mode))
    return fail("{} exists and is not a socket; remove it or choose another path", path);
  switch (const int failed = probe_unix_socket(path)) {
    case ECONNREFUSED:
      if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
      return fail("{}: cannot remove the socket that a dead process left: {}", path,
                  std::strerror(errno));
    case ENOENT:
      return {};
    case 0:
    case EPROTOTYPE:  // a datagram socket, and alive
      return fail(fmt::runtime(kTaken), path);
    default:
      return fail("{}: cannot find out whether somebody listens here: {}", path,
                  std::strerror(failed));
  }
}

}  // namespace

Result<SocketFile> SocketFile::claim(const std::string& path) {
  HEDDLE_TRY(check_socket_path(path));
  const auto fd = take_claim(path);
  if (!fd) return std::unexpected(fd.error());
  SocketFile file(path, *fd);
  HEDDLE_TRY(remove_stale(path));
  return file;
}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::move(other.path_)),
      claim_fd_(std::exchange(other.claim_fd_, -1)),
      file_(std::exchange(other.file_, std::nullopt)) {}

SocketFile::~SocketFile() {
  struct stat info{};
  if (file_ && ::lstat(path_.c_str(), &info) == 0 && info.st_dev == file_->device &&
      info.st_ino == file_->inode) {
    ::unlink(path_.c_str());
  }
  if (claim_fd_ >= 0) ::close(claim_fd_);
}

Result<int> SocketFile::listen() {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail("cannot make a socket: {}", std::strerror(errno));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, kMaxSocketPath);
  struct stat info{};
  // Linux gives the file the mode that the socket has when it is bound, so there is no moment
  // at which others could connect, and the umask of the other threads is left alone.
  if (::fchmod(fd, kSocketMode) == 0 &&
      ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      ::lstat(path_.c_str(), &info) == 0) {
    file_ = Identity{info.st_dev, info.st_ino};
    if ((info.st_mode & 07777) == kSocketMode && ::listen(fd, kBacklog) == 0) return fd;
  }
  const int failed = errno;
  ::close(fd);
  if (file_ && (info.st_mode & 07777) != kSocketMode)
    return fail("{}: the socket has mode {:o} instead of {:o}", path_, info.st_mode & 07777,
                kSocketMode);
  return fail("{}: cannot listen on this socket: {}", path_, std::strerror(failed));
}

}  // namespace heddle::server
