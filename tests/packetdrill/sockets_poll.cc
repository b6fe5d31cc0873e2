// poll and epoll.
#include <algorithm>
#include <vector>

#include "sockets.h"

namespace heddle::packetdrill {

namespace {

constexpr uint32_t kEpollEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLERR | EPOLLHUP |
                                  EPOLLRDNORM | EPOLLWRNORM | EPOLLET | EPOLLONESHOT;

Instant deadline_of(Instant now, int timeout_ms) {
  return timeout_ms < 0 ? kNever : now + milliseconds(timeout_ms);
}

}  // namespace

short Sockets::poll_events(const Socket& socket) const {
  int events = 0;
  if (socket.state == SocketState::kListening) {
    return socket.waiting.empty() ? short{0} : short{POLLIN | POLLRDNORM};
  }
  const tcp::Connection* connection = connection_of(socket);
  const bool over = socket.state == SocketState::kIdle || connection == nullptr ||
                    connection->state() == tcp::State::kClosed ||
                    connection->state() == tcp::State::kTimeWait;
  if (can_read(socket)) events |= POLLIN | POLLRDNORM;
  if (can_write(socket)) events |= POLLOUT | POLLWRNORM;
  if (socket.error != 0) events |= POLLERR | POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
  const bool ended =
      socket.read_shut || (socket.state == SocketState::kConnected && has_ended(socket));
  if (ended) events |= POLLRDHUP;
  if (over || (socket.write_shut && ended)) events |= POLLHUP;
  return static_cast<short>(events);
}

Answer Sockets::poll(pollfd* fds, nfds_t count, int timeout_ms) {
  Lock lock = stack_.enter();
  if (fds == nullptr && count > 0) return Answer::failed(EFAULT);
  const auto look = [&] {
    int ready = 0;
    for (nfds_t i = 0; i < count; ++i) {
      pollfd& it = fds[i];
      it.revents = 0;
      if (it.fd < 0) continue;
      int error = 0;
      const SocketPointer socket = find(it.fd, &error);
      it.revents = socket == nullptr
                       ? short{POLLNVAL}
                       : static_cast<short>(poll_events(*socket) & (it.events | POLLERR | POLLHUP));
      if (it.revents != 0) ++ready;
    }
    return ready;
  };
  const Woken woken =
      stack_.wait(lock, [&] { return look() > 0; }, deadline_of(stack_.now(), timeout_ms));
  if (woken == Woken::kShutDown) return Answer::failed(EBADF);
  return {look()};
}

Answer Sockets::epoll_create(int size) {
  const Lock lock = stack_.enter();
  if (size <= 0) return Answer::failed(EINVAL);
  const int fd = add({.socket = {}, .epoll = std::make_shared<Epoll>()});
  return fd < 0 ? Answer::failed(EMFILE) : Answer{fd};
}

Answer Sockets::epoll_ctl(int epoll, int operation, int fd, const epoll_event* event) {
  const Lock lock = stack_.enter();
  int error = 0;
  const auto set = find_epoll(epoll, &error);
  if (set == nullptr) return Answer::failed(error);
  const SocketPointer socket = find(fd, &error);
  if (socket == nullptr) return Answer::failed(error == ENOTSOCK ? EPERM : error);
  if (operation == EPOLL_CTL_DEL) {
    return set->watches.erase(fd) > 0 ? Answer{} : Answer::failed(ENOENT);
  }
  if (operation != EPOLL_CTL_ADD && operation != EPOLL_CTL_MOD) return Answer::failed(EINVAL);
  if (event == nullptr) return Answer::failed(EFAULT);
  if ((event->events & ~kEpollEvents) != 0) return Answer::failed(EINVAL);
  const bool known = set->watches.contains(fd);
  if (operation == EPOLL_CTL_ADD && known) return Answer::failed(EEXIST);
  if (operation == EPOLL_CTL_MOD && !known) return Answer::failed(ENOENT);
  set->watches[fd] = {.socket = socket, .fd = fd, .events = event->events, .data = event->data};
  stack_.changed();
  return {};
}

// Fills in what is ready; with no place to put it, only counts.
int Sockets::collect(Epoll& epoll, epoll_event* events, int most) {
  int n = 0;
  for (auto& [fd, watch] : epoll.watches) {
    if (n == most) break;
    const uint32_t wanted = watch.events & ~uint32_t{EPOLLET | EPOLLONESHOT};
    if (wanted == 0) continue;  // a one-shot that has gone off
    const auto is = static_cast<uint32_t>(static_cast<uint16_t>(poll_events(*watch.socket)));
    const uint32_t ready = is & (wanted | EPOLLERR | EPOLLHUP);
    if (ready == 0) continue;
    const bool edge = (watch.events & EPOLLET) != 0;
    if (edge && watch.reported == watch.socket->happened) continue;
    ++n;
    if (events == nullptr) continue;
    events[n - 1].events = ready;
    events[n - 1].data = watch.data;
    watch.reported = watch.socket->happened;
    if ((watch.events & EPOLLONESHOT) != 0) watch.events = 0;
  }
  return n;
}

Answer Sockets::epoll_wait(int epoll, epoll_event* events, int most, int timeout_ms) {
  Lock lock = stack_.enter();
  int error = 0;
  const auto set = find_epoll(epoll, &error);
  if (set == nullptr) return Answer::failed(error);
  if (most <= 0) return Answer::failed(EINVAL);
  if (events == nullptr) return Answer::failed(EFAULT);
  const Woken woken = stack_.wait(
      lock, [&] { return collect(*set, nullptr, most) > 0; },
      deadline_of(stack_.now(), timeout_ms));
  if (woken == Woken::kShutDown) return Answer::failed(EBADF);
  return {collect(*set, events, most)};
}

}  // namespace heddle::packetdrill
