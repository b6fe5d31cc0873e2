#include "sockets.h"

#include <algorithm>
#include <cstring>

namespace heddle::packetdrill {

namespace {

constexpr int kFirstDescriptor = 3;
constexpr int kMostDescriptors = 1024;

int errno_of(tcp::EndReason reason) {
  switch (reason) {
    case tcp::EndReason::kPeerReset:
      return ECONNRESET;
    case tcp::EndReason::kRefused:
      return ECONNREFUSED;
    case tcp::EndReason::kTimedOut:
      return ETIMEDOUT;
    case tcp::EndReason::kUnreachable:
      return EHOSTUNREACH;
    case tcp::EndReason::kAborted:
      return ECONNABORTED;
    case tcp::EndReason::kNoMemory:
      return ENOBUFS;
    case tcp::EndReason::kNone:
    case tcp::EndReason::kFinished:
      break;
  }
  return 0;
}

}  // namespace

Sockets::Sockets(const Options& options)
    : stack_(options, [this](const tcp::EventNote& note) { on_note(note); }) {}

Sockets::~Sockets() { stack_.shut_down(); }

SocketPointer Sockets::find(int fd, int* error) {
  const auto at = descriptors_.find(fd);
  *error = at == descriptors_.end() ? EBADF : ENOTSOCK;
  return at == descriptors_.end() ? nullptr : at->second.socket;
}

std::shared_ptr<Epoll> Sockets::find_epoll(int fd, int* error) {
  const auto at = descriptors_.find(fd);
  *error = at == descriptors_.end() ? EBADF : EINVAL;
  return at == descriptors_.end() ? nullptr : at->second.epoll;
}

// The lowest number that is free, as POSIX wants it; -1: none is left.
int Sockets::add(Descriptor descriptor) {
  int fd = kFirstDescriptor;
  while (descriptors_.contains(fd)) ++fd;
  if (fd >= kMostDescriptors) return -1;
  descriptors_.emplace(fd, std::move(descriptor));
  return fd;
}

const tcp::Connection* Sockets::connection_of(const Socket& socket) const {
  return const_cast<Sockets*>(this)->stack_.transport().find(socket.connection);
}

void Sockets::on_note(const tcp::EventNote& note) {
  const auto at = by_id_.find(note.user);
  if (at == by_id_.end()) {
    stack_.transport().abort(note.id, stack_.now());
    return;
  }
  const SocketPointer socket = at->second;
  ++socket->happened;
  if (socket->state == SocketState::kListening) return on_accepted(note, *socket);
  const bool reset = note.has(tcp::Notice::kReset);
  if (socket->state == SocketState::kConnecting && note.has(tcp::Notice::kConnected)) {
    socket->state = SocketState::kConnected;
  }
  if (!reset) return;
  if (const tcp::Connection* connection = connection_of(*socket)) {
    socket->error = errno_of(connection->ended_by());
  }
}

void Sockets::on_accepted(const tcp::EventNote& note, Socket& listener) {
  auto child = std::make_shared<Socket>();
  child->id = next_id_++;
  child->family = listener.family;
  child->state = SocketState::kConnected;
  child->bound = true;
  child->closed = true;  // until accept gives it a descriptor
  child->nodelay = listener.nodelay;
  child->keepalive = listener.keepalive;
  child->linger = listener.linger;
  child->connection = note.id;
  child->profile = listener.profile;
  child->profile_index = listener.profile_index;
  ++child->happened;
  by_id_.emplace(child->id, child);
  stack_.transport().set_user(note.id, child->id);
  if (const tcp::Connection* connection = connection_of(*child)) {
    child->local = connection->tuple().local;
    child->remote = connection->tuple().remote;
    if (note.has(tcp::Notice::kReset)) child->error = errno_of(connection->ended_by());
  }
  apply_options(*child);
  listener.waiting.push_back(std::move(child));
}

// What was set on the socket before there was a connection.
void Sockets::apply_options(Socket& socket) {
  if (socket.nodelay) stack_.transport().set_nodelay(socket.connection, true);
  if (socket.keepalive) stack_.transport().set_keepalive(socket.connection, true, stack_.now());
}

// The socket's last descriptor is gone.
void Sockets::let_go(Socket& socket) {
  socket.closed = true;
  by_id_.erase(socket.id);
  tcp::Transport& transport = stack_.transport();
  if (socket.listener != kNoSlot) transport.unlisten(socket.listener);
  for (const SocketPointer& child : socket.waiting) {
    by_id_.erase(child->id);
    transport.abort(child->connection, stack_.now());
  }
  socket.waiting.clear();
  if (!socket.connection) return;
  if (socket.linger.l_onoff != 0 && socket.linger.l_linger == 0) {
    transport.abort(socket.connection, stack_.now());
  } else {
    transport.close(socket.connection, stack_.now());
  }
}

bool Sockets::has_ended(const Socket& socket) const {
  const tcp::Connection* connection = connection_of(socket);
  if (connection == nullptr) return true;
  switch (connection->state()) {
    case tcp::State::kCloseWait:
    case tcp::State::kClosing:
    case tcp::State::kLastAck:
    case tcp::State::kTimeWait:
    case tcp::State::kClosed:
      return true;
    default:
      return false;
  }
}

bool Sockets::can_read(const Socket& socket) const {
  if (socket.closed || socket.error != 0 || socket.read_shut) return true;
  if (socket.state == SocketState::kListening) return !socket.waiting.empty();
  if (socket.state != SocketState::kConnected) return false;
  const tcp::Connection* connection = connection_of(socket);
  return has_ended(socket) || connection->readable() > 0;
}

bool Sockets::can_write(const Socket& socket) const {
  if (socket.closed || socket.error != 0 || socket.write_shut) return true;
  if (socket.state != SocketState::kConnected) return false;
  const tcp::Connection* connection = connection_of(socket);
  if (connection == nullptr || !tcp::can_send(connection->state())) return true;  // and fails
  return connection->writable() > 0;
}

}  // namespace heddle::packetdrill
