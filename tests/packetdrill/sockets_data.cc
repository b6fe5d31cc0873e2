// Reading and writing.
#include <algorithm>
#include <utility>

#include "sockets.h"

namespace heddle::packetdrill {

namespace {

constexpr int kReceiveFlags = MSG_DONTWAIT | MSG_PEEK | MSG_WAITALL | MSG_CMSG_CLOEXEC;
constexpr int kSendFlags = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_EOR;

size_t size_of(const iovec* parts, size_t count) {
  size_t size = 0;
  for (size_t i = 0; i < count; ++i) size += parts[i].iov_len;
  return size;
}

// Calls f(span) for each part of the iovecs from `offset` on, until f answers false.
template <class F>
void each_part(const iovec* parts, size_t count, size_t offset, F&& f) {
  for (size_t i = 0; i < count; ++i) {
    const size_t skip = std::min(offset, parts[i].iov_len);
    offset -= skip;
    if (skip == parts[i].iov_len) continue;
    if (!f(std::span(static_cast<uint8_t*>(parts[i].iov_base) + skip, parts[i].iov_len - skip))) {
      return;
    }
  }
}

}  // namespace

void Sockets::peek(const tcp::Connection& connection, std::span<uint8_t> to) const {
  const tcp::Pieces& pieces = const_cast<Sockets*>(this)->stack_.transport().pieces();
  pieces.copy_out(connection.reassembly().ready(), to);
}

Answer Sockets::receive(int fd, const iovec* parts, size_t count, int flags) {
  Lock lock = stack_.enter();
  int error = 0;
  const SocketPointer socket = find(fd, &error);
  if (socket == nullptr) return Answer::failed(error);
  if ((flags & ~kReceiveFlags) != 0) return Answer::failed(EOPNOTSUPP);
  if (socket->state == SocketState::kIdle || socket->state == SocketState::kListening) {
    return Answer::failed(socket->error != 0 ? std::exchange(socket->error, 0) : ENOTCONN);
  }
  const bool waits = !socket->nonblocking && (flags & MSG_DONTWAIT) == 0;
  const size_t wanted = size_of(parts, count);
  if (wanted == 0) return {};
  size_t taken = 0;
  while (taken < wanted) {
    if (!can_read(*socket)) {
      if (taken > 0 && (flags & MSG_WAITALL) == 0) break;
      if (!waits) return taken > 0 ? Answer{static_cast<ssize_t>(taken)} : Answer::failed(EAGAIN);
      const Woken woken = stack_.wait(lock, [&] { return can_read(*socket); });
      if (woken == Woken::kShutDown || socket->closed) return Answer::failed(EBADF);
      continue;
    }
    const tcp::Connection* connection = connection_of(*socket);
    const uint32_t ready = connection == nullptr || socket->read_shut ? 0 : connection->readable();
    if (ready == 0) {
      if (taken > 0) break;
      if (socket->error != 0) return Answer::failed(std::exchange(socket->error, 0));
      return {};  // the end
    }
    const auto n = static_cast<uint32_t>(std::min<size_t>(ready, wanted - taken));
    std::vector<uint8_t> bytes(n);
    peek(*connection, bytes);
    size_t at = 0;
    each_part(parts, count, taken, [&](std::span<uint8_t> to) {
      const size_t part = std::min(to.size(), bytes.size() - at);
      std::copy_n(bytes.data() + at, part, to.data());
      at += part;
      return at < bytes.size();
    });
    taken += n;
    if ((flags & MSG_PEEK) != 0) break;
    tcp::Chain chain = stack_.transport().receive(socket->connection, n, stack_.now());
    stack_.transport().pieces().free(chain);
    stack_.changed();
  }
  return {static_cast<ssize_t>(taken)};
}

Answer Sockets::send(int fd, const iovec* parts, size_t count, int flags) {
  Lock lock = stack_.enter();
  int error = 0;
  const SocketPointer socket = find(fd, &error);
  if (socket == nullptr) return Answer::failed(error);
  if ((flags & ~kSendFlags) != 0) return Answer::failed(EOPNOTSUPP);
  if (socket->error != 0) return Answer::failed(std::exchange(socket->error, 0));
  if (socket->write_shut) return Answer::failed(EPIPE);
  if (socket->state == SocketState::kIdle || socket->state == SocketState::kListening) {
    return Answer::failed(ENOTCONN);
  }
  const bool waits = !socket->nonblocking && (flags & MSG_DONTWAIT) == 0;
  const size_t wanted = size_of(parts, count);
  size_t given = 0;
  while (given < wanted) {
    if (!can_write(*socket)) {
      if (!waits) return given > 0 ? Answer{static_cast<ssize_t>(given)} : Answer::failed(EAGAIN);
      const Woken woken = stack_.wait(lock, [&] { return can_write(*socket); });
      if (woken == Woken::kShutDown || socket->closed) return Answer::failed(EBADF);
      continue;
    }
    const tcp::Connection* connection = connection_of(*socket);
    if (socket->error != 0 || socket->write_shut || connection == nullptr ||
        !tcp::can_send(connection->state())) {
      if (given > 0) break;
      return Answer::failed(socket->error != 0 ? std::exchange(socket->error, 0) : EPIPE);
    }
    const size_t before = given;
    each_part(parts, count, given, [&](std::span<uint8_t> from) {
      const uint32_t n = stack_.transport().send_copy(socket->connection, from, stack_.now());
      given += n;
      return n == from.size();
    });
    stack_.changed();
    if (given == before)
      return given > 0 ? Answer{static_cast<ssize_t>(given)} : Answer::failed(ENOBUFS);
  }
  return {static_cast<ssize_t>(given)};
}

}  // namespace heddle::packetdrill
