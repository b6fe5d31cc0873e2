#include "pem_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace heddle::server {

Result<std::string> read_pem_file(const std::string& path, FileKind kind, size_t most_bytes) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return fail("{}: cannot open: {}", path, std::strerror(errno));
  struct stat info{};
  std::string text;
  std::string wrong;
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
    wrong = "not a regular file";
  else if (static_cast<size_t>(info.st_size) > most_bytes)
    wrong = fmt::format("has {} bytes; at most {} are allowed", info.st_size, most_bytes);
  else if (kind == FileKind::kPrivateKey && (info.st_mode & 0007) != 0)
    wrong = "a private key that everybody may read or write; chmod 600 it";
  if (wrong.empty()) {
    text.resize(static_cast<size_t>(info.st_size));
    const ssize_t got = ::read(fd, text.data(), text.size());
    if (got != static_cast<ssize_t>(text.size())) wrong = "cannot be read whole";
  }
  ::close(fd);
  if (!wrong.empty()) return fail("{}: {}", path, wrong);
  return text;
}

}  // namespace heddle::server
