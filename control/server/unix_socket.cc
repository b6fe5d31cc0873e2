#include "server/unix_socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace heddle::server {

Result<> check_socket_path(std::string_view path) {
  if (path.empty()) return fail("the path of the socket is empty");
  if (path.size() > kMaxSocketPath) {
    return fail("the path of the socket is {} bytes long; the system allows {}", path.size(),
                kMaxSocketPath);
  }
  if (path.find('\0') != std::string_view::npos)
    return fail("the path of the socket contains a zero byte");
  return {};
}

int probe_unix_socket(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errno;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, kMaxSocketPath);
  const int failed =
      ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ? 0 : errno;
  ::close(fd);
  // A full backlog: somebody listens, and is busy.
  return failed == EAGAIN ? 0 : failed;
}

std::string grpc_target(std::string_view path) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-~";
  std::string target = "unix:";
  for (const char c : path) {
    if (kPlain.find(c) != std::string_view::npos) {
      target += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      target += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return target;
}

}  // namespace heddle::server
