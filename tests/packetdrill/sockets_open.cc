// Sockets come, connect and go.
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "sockets.h"

namespace heddle::packetdrill {

namespace {

tcp::IpAddress any_of(int family) {
  return family == AF_INET ? tcp::from_ipv4(wire::Ipv4Address()) : tcp::IpAddress();
}

bool is_any(const tcp::IpAddress& address) {
  return address.is_unspecified() || address == tcp::from_ipv4(wire::Ipv4Address());
}

bool is_one_host(const tcp::IpAddress& address) {
  if (is_any(address) || address.is_multicast()) return false;
  if (!address.is_v4_mapped()) return true;
  const wire::Ipv4Address v4 = tcp::to_ipv4(address);
  return !v4.is_multicast() && !v4.is_limited_broadcast();
}

// 0, or the errno that says why the address is no good.
int read_address(int family, const sockaddr* address, socklen_t size, tcp::Endpoint& to) {
  if (address == nullptr) return EFAULT;
  if (size < sizeof(sa_family_t)) return EINVAL;
  if (address->sa_family != family) return EAFNOSUPPORT;
  if (family == AF_INET) {
    sockaddr_in in{};
    if (size < sizeof(in)) return EINVAL;
    std::memcpy(&in, address, sizeof(in));
    to.address = tcp::from_ipv4(wire::Ipv4Address::from_host(ntohl(in.sin_addr.s_addr)));
    to.port = Be16(ntohs(in.sin_port));
    return 0;
  }
  sockaddr_in6 in{};
  if (size < sizeof(in)) return EINVAL;
  std::memcpy(&in, address, sizeof(in));
  to.address = tcp::IpAddress::from(in.sin6_addr.s6_addr);
  to.port = Be16(ntohs(in.sin6_port));
  return 0;
}

}  // namespace

void give_address(int family, const tcp::Endpoint& endpoint, sockaddr* to, socklen_t* size) {
  if (to == nullptr || size == nullptr) return;
  sockaddr_storage storage{};
  socklen_t whole = sizeof(sockaddr_in);
  if (family == AF_INET) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(endpoint.port.host());
    in.sin_addr.s_addr = htonl(tcp::to_ipv4(endpoint.address).host());
    std::memcpy(&storage, &in, sizeof(in));
  } else {
    sockaddr_in6 in{};
    whole = sizeof(in);
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(endpoint.port.host());
    endpoint.address.store(in.sin6_addr.s6_addr);
    std::memcpy(&storage, &in, sizeof(in));
  }
  std::memcpy(to, &storage, std::min(*size, whole));
  *size = whole;
}

Answer Sockets::socket(int domain, int type, int protocol) {
  const Lock lock = stack_.enter();
  if (domain != AF_INET && domain != AF_INET6) return Answer::failed(EAFNOSUPPORT);
  const int plain = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (plain != SOCK_STREAM) return Answer::failed(ESOCKTNOSUPPORT);
  if (protocol != 0 && protocol != IPPROTO_TCP) return Answer::failed(EPROTONOSUPPORT);
  auto made = std::make_shared<Socket>();
  made->id = next_id_++;
  made->family = domain;
  made->nonblocking = (type & SOCK_NONBLOCK) != 0;
  made->local.address = any_of(domain);
  made->profile = stack_.options().profile;
  made->nodelay = !made->profile.nagle;
  made->keepalive = made->profile.keepalive;
  const int fd = add({.socket = made, .epoll = {}});
  if (fd < 0) return Answer::failed(EMFILE);
  by_id_.emplace(made->id, std::move(made));
  return {fd};
}

// Two sockets share a port when both allow it and neither listens.
bool Sockets::address_is_free(const Socket& socket, const tcp::Endpoint& local) const {
  return std::ranges::none_of(by_id_, [&](const auto& entry) {
    const Socket& other = *entry.second;
    if (&other == &socket || !other.bound || other.local.port != local.port) return false;
    const bool same = other.local.address == local.address || is_any(other.local.address) ||
                      is_any(local.address);
    const bool may_share =
        other.reuse_address && socket.reuse_address && other.state != SocketState::kListening;
    // An accepted connection keeps its listener's port, and is in nobody's way.
    const bool accepted = other.state == SocketState::kConnected && socket.reuse_address;
    return same && !may_share && !accepted;
  });
}

Answer Sockets::bind(int fd, const sockaddr* address, socklen_t size) {
  const Lock lock = stack_.enter();
  int error = 0;
  const SocketPointer socket = find(fd, &error);
  if (socket == nullptr) return Answer::failed(error);
  tcp::Endpoint local;
  if (error = read_address(socket->family, address, size, local); error != 0) {
    return Answer::failed(error);
  }
  if (socket->bound || socket->state != SocketState::kIdle) return Answer::failed(EINVAL);
  if (!is_any(local.address) && !is_one_host(local.address)) {
    return Answer::failed(EADDRNOTAVAIL);
  }
  if (local.port == Be16(0)) {
    do {
      local.port = Be16(next_port_++);
    } while (!address_is_free(*socket, local));
  } else if (!address_is_free(*socket, local)) {
    return Answer::failed(EADDRINUSE);
  }
  socket->local = local;
  socket->bound = true;
  return {};
}

Answer Sockets::listen(int fd, int backlog) {
  const Lock lock = stack_.enter();
  int error = 0;
  const SocketPointer socket = find(fd, &error);
  if (socket == nullptr) return Answer::failed(error);
  if (socket->state == SocketState::kListening) return {};
  if (socket->state != SocketState::kIdle || !socket->bound) return Answer::failed(EINVAL);
  socket->listener =
      stack_.transport().listen({.local = socket->local,
                                 .profile = socket->profile_index,
                                 .max_half_open = static_cast<uint32_t>(std::max(backlog, 1)),
                                 .cookies = stack_.options().cookies,
                                 .user = socket->id});
  if (socket->listener == kNoSlot) return Answer::failed(ENOBUFS);
  socket->state = SocketState::kListening;
  return {};
}

Answer Sockets::accept(int fd, sockaddr* address, socklen_t* size) {
  Lock lock = stack_.enter();
  int error = 0;
  const SocketPointer socket = find(fd, &error);
  if (socket == nullptr) return Answer::failed(error);
  if (socket->state != SocketState::kListening) return Answer::failed(EINVAL);
  while (socket->waiting.empty()) {
    if (socket->nonblocking) return Answer::failed(EAGAIN);
    const Woken woken =
        stack_.wait(lock, [&] { return socket->closed || !socket->waiting.empty(); });
    if (woken == Woken::kShutDown || socket->closed) return Answer::failed(EBADF);
  }
  const SocketPointer child = socket->waiting.front();
  const int made = add({.socket = child, .epoll = {}});
  if (made < 0) return Answer::failed(EMFILE);
  socket->waiting.pop_front();
  child->closed = false;
  give_address(child->family, child->remote, address, size);
  return {made};
}

Answer Sockets::connect(int fd, const sockaddr* address, socklen_t size) {
  Lock lock = stack_.enter();
  int error = 0;
  const SocketPointer socket = find(fd, &error);
  if (socket == nullptr) return Answer::failed(error);
  tcp::Endpoint remote;
  if (error = read_address(socket->family, address, size, remote); error != 0) {
    return Answer::failed(error);
  }
  if (socket->state == SocketState::kListening) return Answer::failed(EOPNOTSUPP);
  if (socket->state == SocketState::kConnecting) {
    if (socket->error != 0) return wait_for_connection(lock, socket);
    return Answer::failed(EALREADY);
  }
  if (socket->state == SocketState::kConnected) return Answer::failed(EISCONN);
  if (!is_one_host(remote.address)) return Answer::failed(ENETUNREACH);
  if (remote.port == Be16(0)) return Answer::failed(EADDRNOTAVAIL);
  tcp::FourTuple tuple{socket->local, remote};
  if (is_any(tuple.local.address)) {
    tuple.local.address = tuple.is_ipv4() ? tcp::from_ipv4(stack_.options().local4)
                                          : tcp::IpAddress(stack_.options().local6);
  }
  if (tuple.local.address.is_v4_mapped() != tuple.is_ipv4()) return Answer::failed(ENETUNREACH);
  socket->connection = stack_.transport().connect(
      {.tuple = tuple, .profile = socket->profile_index, .user = socket->id}, stack_.now());
  if (!socket->connection) return Answer::failed(socket->bound ? EADDRINUSE : EADDRNOTAVAIL);
  socket->local = connection_of(*socket)->tuple().local;
  socket->bound = true;
  socket->remote = remote;
  socket->state = SocketState::kConnecting;
  apply_options(*socket);
  stack_.changed();
  if (socket->nonblocking) return Answer::failed(EINPROGRESS);
  return wait_for_connection(lock, socket);
}

Answer Sockets::wait_for_connection(Lock& lock, const SocketPointer& socket) {
  const Woken woken = stack_.wait(lock, [&] {
    return socket->closed || socket->error != 0 || socket->state == SocketState::kConnected;
  });
  if (woken == Woken::kShutDown || socket->closed) return Answer::failed(EBADF);
  if (socket->error == 0) return {};
  // The socket may try again.
  stack_.transport().close(socket->connection, stack_.now());
  socket->connection = {};
  socket->state = SocketState::kIdle;
  return Answer::failed(std::exchange(socket->error, 0));
}

Answer Sockets::shutdown(int fd, int how) {
  const Lock lock = stack_.enter();
  int error = 0;
  const SocketPointer socket = find(fd, &error);
  if (socket == nullptr) return Answer::failed(error);
  if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR) return Answer::failed(EINVAL);
  if (socket->state != SocketState::kConnected && socket->state != SocketState::kConnecting) {
    return Answer::failed(ENOTCONN);
  }
  const tcp::Connection* connection = connection_of(*socket);
  if (connection == nullptr || connection->state() == tcp::State::kClosed) {
    return Answer::failed(ENOTCONN);
  }
  if (how != SHUT_WR) socket->read_shut = true;
  if (how != SHUT_RD) {
    socket->write_shut = true;
    stack_.transport().shutdown(socket->connection, stack_.now());
  }
  ++socket->happened;
  stack_.changed();
  return {};
}

Answer Sockets::close(int fd) {
  Lock lock = stack_.enter();
  const auto at = descriptors_.find(fd);
  if (at == descriptors_.end()) return Answer::failed(EBADF);
  const Descriptor descriptor = std::move(at->second);
  descriptors_.erase(at);
  if (descriptor.socket == nullptr) return {};
  for (auto& [number, other] : descriptors_) {
    if (other.epoll != nullptr) other.epoll->watches.erase(fd);
  }
  let_go(*descriptor.socket);
  stack_.changed();
  linger(lock, descriptor.socket);
  return {};
}

// SO_LINGER with a time: until the peer has all, and our FIN, or the time is over.
void Sockets::linger(Lock& lock, const SocketPointer& socket) {
  if (socket->linger.l_onoff == 0 || socket->linger.l_linger == 0) return;
  if (!socket->connection || socket->nonblocking) return;
  const auto done = [&] {
    const tcp::Connection* connection = connection_of(*socket);
    return connection == nullptr || connection->state() == tcp::State::kFinWait2;
  };
  stack_.wait(lock, done, stack_.now() + seconds(socket->linger.l_linger));
}

}  // namespace heddle::packetdrill
