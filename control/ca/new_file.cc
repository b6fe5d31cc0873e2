#include "ca/new_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "write_all.h"

namespace heddle::ca {
namespace {

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A name that no other process takes, so that what is there is of one that was killed.
std::string name_beside(const std::string& path) {
  const size_t name = path.rfind('/') + 1;  // npos + 1 is 0
  return fmt::format("{}.{}.{}.new", path.substr(0, name), path.substr(name), ::getpid());
}

Result<> check_place(const std::string& path, NewFile::Place place) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return fail("cannot look at {}: {}", path, std::strerror(errno));
  }
  if (place == NewFile::Place::kFree) return fail("{} is there already", path);
  if (!S_ISREG(info.st_mode)) return fail("{} is not a regular file", path);
  return {};
}

}  // namespace

Result<NewFile> NewFile::make(const std::string& path, mode_t mode, Place place) {
  HEDDLE_TRY(check_place(path, place));
  NewFile file(path, place);
  const std::string beside = name_beside(path);
  ::unlink(beside.c_str());
  file.fd_ =
      ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & kPrivate);
  if (file.fd_ < 0) return fail("cannot write {}: {}", path, std::strerror(errno));
  file.beside_ = beside;
  // The umask may have taken bits away.
  if (::fchmod(file.fd_, mode) != 0)
    return fail("cannot set the mode of {}: {}", path, std::strerror(errno));
  return file;
}

NewFile::NewFile(NewFile&& other) noexcept
    : path_(std::move(other.path_)),
      beside_(std::exchange(other.beside_, {})),
      place_(other.place_),
      fd_(std::exchange(other.fd_, -1)) {}

NewFile::~NewFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!beside_.empty()) ::unlink(beside_.c_str());
}

Result<> NewFile::put(std::string_view text) {
  if (!write_all(fd_, text) || ::fsync(fd_) != 0)
    return fail("cannot write {}: {}", path_, std::strerror(errno));
  // A link does not replace, and a rename does.
  if (place_ == Place::kFree && ::link(beside_.c_str(), path_.c_str()) != 0)
    return fail("cannot make {}: {}", path_, std::strerror(errno));
  if (place_ == Place::kReplace) {
    if (::rename(beside_.c_str(), path_.c_str()) != 0)
      return fail("cannot replace {}: {}", path_, std::strerror(errno));
    beside_.clear();
  }
  return sync_directory(directory_of(path_));
}

Result<> write_file(const std::string& path, std::string_view text, mode_t mode,
                    NewFile::Place place) {
  auto file = NewFile::make(path, mode, place);
  if (!file) return std::unexpected(file.error());
  return file->put(text);
}

Result<> sync_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool done = fd >= 0 && ::fsync(fd) == 0;
  const int failed = errno;
  if (fd >= 0) ::close(fd);
  if (!done) return fail("cannot write the directory {}: {}", path, std::strerror(failed));
  return {};
}

}  // namespace heddle::ca
