#include "tcp_listener.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace heddle::server {
namespace {

constexpr int kBacklog = 64;

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Addresses resolve(const std::string& address) {
  const size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), address.c_str() + colon + 1, &hints, &found) != 0)
    found = nullptr;
  return {found, ::freeaddrinfo};
}

}  // namespace

Result<int> listen_on_tcp(const std::string& address, std::string_view what) {
  const Addresses where = resolve(address);
  if (where == nullptr) return fail("{} is no address to listen on", address);
  const int fd = ::socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  // A restart must not wait for connections of the one before (SO_REUSEPORT would share it).
  const int on = 1;
  if (fd >= 0 && ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
      ::bind(fd, where->ai_addr, where->ai_addrlen) == 0 && ::listen(fd, kBacklog) == 0)
    return fd;
  const int failed = errno;
  if (fd >= 0) ::close(fd);
  return fail("cannot listen on {} for {}: {}", address, what, std::strerror(failed));
}

}  // namespace heddle::server
