// Sockets and the table of file descriptors over one stack.
#pragma once

#include <cerrno>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "packetdrill.h"
#include "stack.h"

namespace heddle::packetdrill {

enum class SocketState : uint8_t { kIdle, kListening, kConnecting, kConnected };

struct Socket {
  uint64_t id = 0;
  int family = AF_INET;
  SocketState state = SocketState::kIdle;
  bool bound = false;
  bool closed = false;  // no descriptor names it
  bool nonblocking = false;
  bool reuse_address = false;
  bool nodelay = false;
  bool keepalive = false;
  bool read_shut = false;
  bool write_shut = false;
  struct linger linger{};
  int error = 0;  // what SO_ERROR gives, once
  tcp::Endpoint local;
  tcp::Endpoint remote;
  tcp::ConnectionId connection;
  // Listening.
  tcp::ListenerId listener = kNoSlot;
  std::deque<std::shared_ptr<Socket>> waiting;  // for accept
  // Settings that differ from the flags'.
  tcp::Profile profile;
  uint8_t profile_index = 0;
  uint64_t happened = 0;  // counts events, for edge-triggered epoll
};

using SocketPointer = std::shared_ptr<Socket>;

struct Watch {
  SocketPointer socket;
  int fd = -1;
  uint32_t events = 0;
  epoll_data_t data{};
  uint64_t reported = UINT64_MAX;  // Socket::happened at the last report
};

struct Epoll {
  std::map<int, Watch> watches;
};

struct Descriptor {
  SocketPointer socket;
  std::shared_ptr<Epoll> epoll;
};

// What a call answers: a value, or an errno.
struct Answer {
  ssize_t value = 0;
  int error = 0;
  static Answer failed(int error) { return {-1, error}; }
};

class Sockets {
 public:
  explicit Sockets(const Options& options);
  ~Sockets();

  Stack& stack() { return stack_; }

  // sockets_open.cc
  Answer socket(int domain, int type, int protocol);
  Answer bind(int fd, const sockaddr* address, socklen_t size);
  Answer listen(int fd, int backlog);
  Answer accept(int fd, sockaddr* address, socklen_t* size);
  Answer connect(int fd, const sockaddr* address, socklen_t size);
  Answer shutdown(int fd, int how);
  Answer close(int fd);

  // sockets_data.cc
  Answer receive(int fd, const iovec* parts, size_t count, int flags);
  Answer send(int fd, const iovec* parts, size_t count, int flags);

  // sockets_options.cc
  Answer fcntl(int fd, int command, int argument);
  Answer ioctl(int fd, unsigned long request, void* argument);
  Answer get_option(int fd, int level, int name, void* value, socklen_t* size);
  Answer set_option(int fd, int level, int name, const void* value, socklen_t size);

  // sockets_poll.cc
  Answer poll(pollfd* fds, nfds_t count, int timeout_ms);
  Answer epoll_create(int size);
  Answer epoll_ctl(int epoll, int operation, int fd, const epoll_event* event);
  Answer epoll_wait(int epoll, epoll_event* events, int most, int timeout_ms);

 private:
  using Lock = Stack::Lock;

  // Null, with errno for the caller in *error.
  SocketPointer find(int fd, int* error);
  int add(Descriptor descriptor);
  std::shared_ptr<Epoll> find_epoll(int fd, int* error);

  void on_note(const tcp::EventNote& note);
  void on_accepted(const tcp::EventNote& note, Socket& listener);
  const tcp::Connection* connection_of(const Socket& socket) const;
  void let_go(Socket& socket);
  void apply_options(Socket& socket);
  bool address_is_free(const Socket& socket, const tcp::Endpoint& local) const;
  Answer wait_for_connection(Lock& lock, const SocketPointer& socket);
  void linger(Lock& lock, const SocketPointer& socket);

  bool has_ended(const Socket& socket) const;  // the peer sends no more
  bool can_read(const Socket& socket) const;
  bool can_write(const Socket& socket) const;
  short poll_events(const Socket& socket) const;
  int collect(Epoll& epoll, epoll_event* events, int most);
  void peek(const tcp::Connection& connection, std::span<uint8_t> to) const;

  // sockets_options.cc: settings that live in a profile.
  bool change_profile(Socket& socket, const std::function<void(tcp::Profile&)>& change);
  Answer set_socket_option(Socket& socket, int name, const void* value, socklen_t size);
  Answer set_tcp_option(Socket& socket, int name, const void* value, socklen_t size);
  Answer set_number(Socket& socket, int name, int value);
  Answer set_congestion(Socket& socket, const void* value, socklen_t size);
  std::optional<int> number_of(Socket& socket, int level, int name);

  Stack stack_;
  std::map<int, Descriptor> descriptors_;
  std::map<uint64_t, SocketPointer> by_id_;
  uint64_t next_id_ = 1;
  uint16_t next_port_ = 49152;
};

// Takes as many bytes of an address as the caller has room for, as the system calls do.
void give_address(int family, const tcp::Endpoint& endpoint, sockaddr* to, socklen_t* size);

}  // namespace heddle::packetdrill
