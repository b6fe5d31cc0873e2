// The functions that the runner is given: from C to Sockets and back.
#include <fmt/format.h>

#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "packetdrill.h"
#include "sockets.h"

namespace heddle::packetdrill {

namespace {

// The answer as a system call gives it. `userdata` is null after flags that were refused.
template <class Value, class F>
Value call(void* userdata, F&& f) {
  if (userdata == nullptr) {
    errno = EINVAL;
    return Value{-1};
  }
  const Answer answer = f(*static_cast<Sockets*>(userdata));
  if (answer.value < 0) errno = answer.error;
  return static_cast<Value>(answer.value);
}

// The runner reads the clock in a loop for the last microseconds before an event.
constexpr Duration kLookAtClock = microseconds(1);

Answer receive_packet(Sockets& sockets, void* to, size_t* size, long long* time_us) {
  Stack& stack = sockets.stack();
  Stack::Lock lock = stack.enter();
  if (to == nullptr || size == nullptr || time_us == nullptr) return Answer::failed(EFAULT);
  if (stack.options().receive == Receive::kWait) {
    stack.advance_to_output(lock, stack.now() + stack.options().receive_limit);
  }
  if (stack.leaving().empty()) {
    *size = 0;
    *time_us = stack.now().ns() / 1000;
    return {};
  }
  const LeavingPacket& packet = stack.leaving().front();
  if (packet.bytes.size() > *size) return Answer::failed(EMSGSIZE);
  std::memcpy(to, packet.bytes.data(), packet.bytes.size());
  *size = packet.bytes.size();
  *time_us = packet.at.ns() / 1000;
  stack.leaving().pop_front();
  return {};
}

Answer send_packet(Sockets& sockets, const void* packet, size_t size) {
  const Stack::Lock lock = sockets.stack().enter();
  if (packet == nullptr) return Answer::failed(EFAULT);
  if (size == 0 || size > UINT16_MAX) return Answer::failed(EINVAL);
  sockets.stack().take({static_cast<const uint8_t*>(packet), size});
  return {};
}

Answer sleep_for(Sockets& sockets, useconds_t us) {
  Stack::Lock lock = sockets.stack().enter();
  sockets.stack().advance(lock, sockets.stack().now() + microseconds(us));
  return {};
}

Answer tell_time(Sockets& sockets, timeval* time) {
  Stack::Lock lock = sockets.stack().enter();
  if (time == nullptr) return Answer::failed(EFAULT);
  const int64_t us = sockets.stack().now().ns() / 1000;
  time->tv_sec = us / 1'000'000;
  time->tv_usec = us % 1'000'000;
  sockets.stack().advance(lock, sockets.stack().now() + kLookAtClock);
  return {};
}

bool bad_parts(const iovec* parts, size_t count) {
  return count > IOV_MAX || (parts == nullptr && count > 0);
}

Answer receive_parts(Sockets& sockets, int fd, const iovec* parts, size_t count, int flags) {
  if (bad_parts(parts, count)) return Answer::failed(EINVAL);
  return sockets.receive(fd, parts, count, flags);
}

Answer send_parts(Sockets& sockets, int fd, const iovec* parts, size_t count, int flags) {
  if (bad_parts(parts, count)) return Answer::failed(EINVAL);
  return sockets.send(fd, parts, count, flags);
}

iovec one(const void* at, size_t size) { return {const_cast<void*>(at), size}; }

void fill_opening(packetdrill_interface& i) {
  i.free = [](void* u) { delete static_cast<Sockets*>(u); };
  i.socket = [](void* u, int domain, int type, int protocol) {
    return call<int>(u, [&](Sockets& s) { return s.socket(domain, type, protocol); });
  };
  i.bind = [](void* u, int fd, const sockaddr* address, socklen_t size) {
    return call<int>(u, [&](Sockets& s) { return s.bind(fd, address, size); });
  };
  i.listen = [](void* u, int fd, int backlog) {
    return call<int>(u, [&](Sockets& s) { return s.listen(fd, backlog); });
  };
  i.accept = [](void* u, int fd, sockaddr* address, socklen_t* size) {
    return call<int>(u, [&](Sockets& s) { return s.accept(fd, address, size); });
  };
  i.connect = [](void* u, int fd, const sockaddr* address, socklen_t size) {
    return call<int>(u, [&](Sockets& s) { return s.connect(fd, address, size); });
  };
  i.close = [](void* u, int fd) { return call<int>(u, [&](Sockets& s) { return s.close(fd); }); };
  i.shutdown = [](void* u, int fd, int how) {
    return call<int>(u, [&](Sockets& s) { return s.shutdown(fd, how); });
  };
}

void fill_reading(packetdrill_interface& i) {
  i.read = [](void* u, int fd, void* to, size_t size) {
    const iovec part = one(to, size);
    return call<ssize_t>(u, [&](Sockets& s) { return receive_parts(s, fd, &part, 1, 0); });
  };
  i.readv = [](void* u, int fd, const iovec* parts, int count) {
    return call<ssize_t>(
        u, [&](Sockets& s) { return receive_parts(s, fd, parts, static_cast<size_t>(count), 0); });
  };
  i.recv = [](void* u, int fd, void* to, size_t size, int flags) {
    const iovec part = one(to, size);
    return call<ssize_t>(u, [&](Sockets& s) { return receive_parts(s, fd, &part, 1, flags); });
  };
  // Of a stream nobody is told the sender's address, as on Linux.
  i.recvfrom = [](void* u, int fd, void* to, size_t size, int flags, sockaddr*,
                  socklen_t* address_size) {
    const iovec part = one(to, size);
    if (address_size != nullptr) *address_size = 0;
    return call<ssize_t>(u, [&](Sockets& s) { return receive_parts(s, fd, &part, 1, flags); });
  };
  i.recvmsg = [](void* u, int fd, msghdr* message, int flags) {
    return call<ssize_t>(u, [&](Sockets& s) {
      if (message == nullptr) return Answer::failed(EFAULT);
      message->msg_namelen = 0;
      message->msg_controllen = 0;
      message->msg_flags = 0;
      return receive_parts(s, fd, message->msg_iov, message->msg_iovlen, flags);
    });
  };
}

void fill_writing(packetdrill_interface& i) {
  i.write = [](void* u, int fd, const void* from, size_t size) {
    const iovec part = one(from, size);
    return call<ssize_t>(u, [&](Sockets& s) { return send_parts(s, fd, &part, 1, 0); });
  };
  i.writev = [](void* u, int fd, const iovec* parts, int count) {
    return call<ssize_t>(
        u, [&](Sockets& s) { return send_parts(s, fd, parts, static_cast<size_t>(count), 0); });
  };
  i.send = [](void* u, int fd, const void* from, size_t size, int flags) {
    const iovec part = one(from, size);
    return call<ssize_t>(u, [&](Sockets& s) { return send_parts(s, fd, &part, 1, flags); });
  };
  i.sendto = [](void* u, int fd, const void* from, size_t size, int flags, const sockaddr* address,
                socklen_t) {
    const iovec part = one(from, size);
    return call<ssize_t>(u, [&](Sockets& s) {
      return address != nullptr ? Answer::failed(EISCONN) : send_parts(s, fd, &part, 1, flags);
    });
  };
  i.sendmsg = [](void* u, int fd, const msghdr* message, int flags) {
    return call<ssize_t>(u, [&](Sockets& s) {
      if (message == nullptr) return Answer::failed(EFAULT);
      if (message->msg_name != nullptr) return Answer::failed(EISCONN);
      if (message->msg_controllen > 0) return Answer::failed(EINVAL);
      return send_parts(s, fd, message->msg_iov, message->msg_iovlen, flags);
    });
  };
}

// Callers give an int, or nothing where the command wants nothing.
int control_descriptor(void* u, int fd, int command, ...) {
  va_list list;
  va_start(list, command);
  const int argument = va_arg(list, int);
  va_end(list);
  return call<int>(u, [&](Sockets& s) { return s.fcntl(fd, command, argument); });
}

int control_device(void* u, int fd, unsigned long request, ...) {
  va_list list;
  va_start(list, request);
  void* argument = va_arg(list, void*);
  va_end(list);
  return call<int>(u, [&](Sockets& s) { return s.ioctl(fd, request, argument); });
}

void fill_control(packetdrill_interface& i) {
  i.fcntl = control_descriptor;
  i.ioctl = control_device;
  i.getsockopt = [](void* u, int fd, int level, int name, void* value, socklen_t* size) {
    return call<int>(u, [&](Sockets& s) { return s.get_option(fd, level, name, value, size); });
  };
  i.setsockopt = [](void* u, int fd, int level, int name, const void* value, socklen_t size) {
    return call<int>(u, [&](Sockets& s) { return s.set_option(fd, level, name, value, size); });
  };
  i.poll = [](void* u, pollfd* fds, nfds_t count, int timeout_ms) {
    return call<int>(u, [&](Sockets& s) { return s.poll(fds, count, timeout_ms); });
  };
  i.epoll_create = [](void* u, int size) {
    return call<int>(u, [&](Sockets& s) { return s.epoll_create(size); });
  };
  i.epoll_ctl = [](void* u, int epoll, int operation, int fd, epoll_event* event) {
    return call<int>(u, [&](Sockets& s) { return s.epoll_ctl(epoll, operation, fd, event); });
  };
  i.epoll_wait = [](void* u, int epoll, epoll_event* events, int most, int timeout_ms) {
    return call<int>(u, [&](Sockets& s) { return s.epoll_wait(epoll, events, most, timeout_ms); });
  };
  i.pipe = [](void* u, int*) {
    return call<int>(u, [](Sockets&) { return Answer::failed(ENOSYS); });
  };
  i.splice = [](void* u, int, loff_t*, int, loff_t*, size_t, unsigned) {
    return call<int>(u, [](Sockets&) { return Answer::failed(ENOSYS); });
  };
}

void fill_network(packetdrill_interface& i) {
  i.netdev_send = [](void* u, const void* packet, size_t size) {
    return call<int>(u, [&](Sockets& s) { return send_packet(s, packet, size); });
  };
  i.netdev_receive = [](void* u, void* to, size_t* size, long long* time_us) {
    return call<int>(u, [&](Sockets& s) { return receive_packet(s, to, size, time_us); });
  };
  i.usleep = [](void* u, useconds_t us) {
    return call<int>(u, [&](Sockets& s) { return sleep_for(s, us); });
  };
  i.gettimeofday = [](void* u, timeval* time, struct timezone*) {
    return call<int>(u, [&](Sockets& s) { return tell_time(s, time); });
  };
}

}  // namespace

}  // namespace heddle::packetdrill

// The runner expects netdev_receive to wait, and has no means to say so: it is known by its name.
static bool is_the_runner() {
  return std::string_view(program_invocation_short_name) == "packetdrill";
}

extern "C" void packetdrill_interface_init(const char* flags, packetdrill_interface* interface) {
  using namespace heddle::packetdrill;
  *interface = {};
  fill_opening(*interface);
  fill_reading(*interface);
  fill_writing(*interface);
  fill_control(*interface);
  fill_network(*interface);
  std::string text = is_the_runner() ? "receive=wait " : "";
  if (flags != nullptr) text += flags;
  const auto options = parse_options(text);
  if (!options) {
    fmt::print(stderr, "libheddle_packetdrill: {}\n", options.error().text);
    return;
  }
  interface->userdata = new Sockets(*options);
}
