// fcntl, ioctl, getsockopt, setsockopt. What cannot be done is refused, never taken and ignored.
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstring>

#include "sockets.h"
#include "tcp_info.h"

namespace heddle::packetdrill {

namespace {

constexpr int kLeastBuffer = 536;
constexpr int kMostBuffer = 1 << 30;

int milliseconds_of(Duration duration) { return static_cast<int>(duration.ms()); }
int seconds_of(Duration duration) { return static_cast<int>(duration.ms() / 1000); }

std::string_view name_of(tcp::CongestionKind kind) {
  return kind == tcp::CongestionKind::kCubic ? "cubic" : "reno";
}

// As the system calls do it: no more than the caller has room for.
Answer give(const void* from, size_t whole, void* to, socklen_t* size) {
  const size_t n = std::min<size_t>(*size, whole);
  std::memcpy(to, from, n);
  *size = static_cast<socklen_t>(n);
  return {};
}

uint16_t header_bytes(const Socket& socket) { return socket.family == AF_INET ? 40 : 60; }

}  // namespace

Answer Sockets::fcntl(int fd, int command, int argument) {
  const Lock lock = stack_.enter();
  int error = 0;
  const SocketPointer socket = find(fd, &error);
  if (socket == nullptr) return Answer::failed(error == ENOTSOCK ? EINVAL : error);
  switch (command) {
    case F_GETFL:
      return {O_RDWR | (socket->nonblocking ? O_NONBLOCK : 0)};
    case F_SETFL:
      if ((argument & ~(O_NONBLOCK | O_ACCMODE)) != 0) return Answer::failed(EINVAL);
      socket->nonblocking = (argument & O_NONBLOCK) != 0;
      return {};
    case F_GETFD:
      return {0};
    default:
      return Answer::failed(EINVAL);
  }
}

Answer Sockets::ioctl(int fd, unsigned long request, void* argument) {
  const Lock lock = stack_.enter();
  int error = 0;
  const SocketPointer socket = find(fd, &error);
  if (socket == nullptr) return Answer::failed(error == ENOTSOCK ? ENOTTY : error);
  if (argument == nullptr) return Answer::failed(EFAULT);
  const tcp::Connection* connection = connection_of(*socket);
  int value = 0;
  switch (request) {
    case FIONBIO:
      std::memcpy(&value, argument, sizeof(value));
      socket->nonblocking = value != 0;
      return {};
    case SIOCINQ:  // FIONREAD
      if (socket->state == SocketState::kListening) return Answer::failed(EINVAL);
      value = connection == nullptr ? 0 : static_cast<int>(connection->readable());
      break;
    case SIOCOUTQ:  // not acknowledged
      if (socket->state == SocketState::kListening) return Answer::failed(EINVAL);
      value = connection == nullptr ? 0 : static_cast<int>(connection->send_queue().bytes());
      break;
    case SIOCOUTQNSD:  // not sent
      if (socket->state == SocketState::kListening) return Answer::failed(EINVAL);
      value = connection == nullptr ? 0 : static_cast<int>(connection->send_queue().unsent());
      break;
    default:
      return Answer::failed(ENOTTY);
  }
  std::memcpy(argument, &value, sizeof(value));
  return {};
}

// The socket's own profile from now on; false when there are no more.
bool Sockets::change_profile(Socket& socket, const std::function<void(tcp::Profile&)>& change) {
  const auto shared = [&] {
    return socket.profile_index == 0 || std::ranges::any_of(by_id_, [&](const auto& entry) {
             return entry.second.get() != &socket &&
                    entry.second->profile_index == socket.profile_index;
           });
  };
  if (shared() && !stack_.own_profile(socket.profile_index)) return false;
  change(socket.profile);
  stack_.transport().set_profile(socket.profile_index, socket.profile);
  if (socket.connection) stack_.transport().use_profile(socket.connection, socket.profile_index);
  return true;
}

Answer Sockets::set_option(int fd, int level, int name, const void* value, socklen_t size) {
  const Lock lock = stack_.enter();
  int error = 0;
  const SocketPointer socket = find(fd, &error);
  if (socket == nullptr) return Answer::failed(error);
  if (value == nullptr) return Answer::failed(EFAULT);
  if (level == SOL_SOCKET) return set_socket_option(*socket, name, value, size);
  if (level == IPPROTO_TCP) return set_tcp_option(*socket, name, value, size);
  int number = 0;
  if (size < sizeof(number)) return Answer::failed(EINVAL);
  std::memcpy(&number, value, sizeof(number));
  // A listener at :: takes IPv4 too, and packets are never fragmented.
  const bool is_so = (level == IPPROTO_IPV6 && name == IPV6_V6ONLY && number == 0) ||
                     (level == IPPROTO_IP && name == IP_MTU_DISCOVER && number == IP_PMTUDISC_DO);
  return is_so ? Answer{} : Answer::failed(ENOPROTOOPT);
}

Answer Sockets::set_socket_option(Socket& socket, int name, const void* value, socklen_t size) {
  if (name == SO_LINGER) {
    if (size < sizeof(socket.linger)) return Answer::failed(EINVAL);
    std::memcpy(&socket.linger, value, sizeof(socket.linger));
    return {};
  }
  int number = 0;
  if (size < sizeof(number)) return Answer::failed(EINVAL);
  std::memcpy(&number, value, sizeof(number));
  const int buffer = std::clamp(number, kLeastBuffer, kMostBuffer);
  switch (name) {
    case SO_REUSEADDR:
      socket.reuse_address = number != 0;
      return {};
    case SO_KEEPALIVE:
      socket.keepalive = number != 0;
      stack_.transport().set_keepalive(socket.connection, number != 0, stack_.now());
      return {};
    case SO_RCVBUF:
      // The window scale is agreed on in the handshake.
      if (socket.state != SocketState::kIdle) return Answer::failed(ENOPROTOOPT);
      if (!change_profile(socket, [&](tcp::Profile& profile) {
            profile.receive_initial = profile.receive_max = static_cast<uint32_t>(buffer);
          })) {
        return Answer::failed(ENOBUFS);
      }
      return {};
    case SO_SNDBUF:
      if (!change_profile(socket, [&](tcp::Profile& profile) {
            profile.send_max = static_cast<uint32_t>(buffer);
          })) {
        return Answer::failed(ENOBUFS);
      }
      return {};
    default:
      return Answer::failed(ENOPROTOOPT);
  }
}

Answer Sockets::set_tcp_option(Socket& socket, int name, const void* value, socklen_t size) {
  if (name == TCP_CONGESTION) return set_congestion(socket, value, size);
  int number = 0;
  if (size < sizeof(number)) return Answer::failed(EINVAL);
  std::memcpy(&number, value, sizeof(number));
  if (name == TCP_NODELAY) {
    socket.nodelay = number != 0;
    stack_.transport().set_nodelay(socket.connection, number != 0);
    return {};
  }
  return set_number(socket, name, number);
}

Answer Sockets::set_congestion(Socket& socket, const void* value, socklen_t size) {
  const auto* text = static_cast<const char*>(value);
  const std::string_view name(text, strnlen(text, size));
  if (name != "cubic" && name != "reno" && name != "newreno") return Answer::failed(ENOENT);
  if (socket.state != SocketState::kIdle) return Answer::failed(ENOPROTOOPT);
  const auto kind = name == "cubic" ? tcp::CongestionKind::kCubic : tcp::CongestionKind::kNewReno;
  if (!change_profile(socket, [&](tcp::Profile& profile) { profile.congestion = kind; })) {
    return Answer::failed(ENOBUFS);
  }
  return {};
}

Answer Sockets::set_number(Socket& socket, int name, int value) {
  const bool idle = socket.state == SocketState::kIdle;
  const tcp::Profile& defaults = stack_.options().profile;
  std::function<void(tcp::Profile&)> change;
  bool in_range = value > 0;
  switch (name) {
    case TCP_MAXSEG:
      if (!idle) return Answer::failed(ENOPROTOOPT);  // the peer has been told
      in_range = value >= 64 && value <= 32767;
      change = [&](tcp::Profile& profile) {
        profile.interface_mtu = static_cast<uint16_t>(value + header_bytes(socket));
      };
      break;
    case TCP_USER_TIMEOUT:
      in_range = value >= 0;  // 0: the default
      change = [&](tcp::Profile& profile) {
        profile.user_timeout = value == 0 ? defaults.user_timeout : milliseconds(value);
      };
      break;
    case TCP_KEEPIDLE:
      in_range = value > 0 && value <= 32767;
      change = [&](tcp::Profile& profile) { profile.keepalive_idle = seconds(value); };
      break;
    case TCP_KEEPINTVL:
      in_range = value > 0 && value <= 32767;
      change = [&](tcp::Profile& profile) { profile.keepalive_interval = seconds(value); };
      break;
    case TCP_KEEPCNT:
      in_range = value > 0 && value <= 127;
      change = [&](tcp::Profile& profile) {
        profile.keepalive_probes = static_cast<uint8_t>(value);
      };
      break;
    case TCP_SYNCNT:
      in_range = value > 0 && value <= 20;
      change = [&](tcp::Profile& profile) { profile.syn_retries = static_cast<uint8_t>(value); };
      break;
    case TCP_LINGER2:
      change = [&](tcp::Profile& profile) { profile.fin_wait2 = seconds(value); };
      break;
    default:
      return Answer::failed(ENOPROTOOPT);
  }
  if (!in_range) return Answer::failed(EINVAL);
  if (!change_profile(socket, change)) return Answer::failed(ENOBUFS);
  // A keepalive timer that runs is set anew.
  if (socket.keepalive) {
    stack_.transport().set_keepalive(socket.connection, true, stack_.now());
  }
  return {};
}

std::optional<int> Sockets::number_of(Socket& socket, int level, int name) {
  const tcp::Profile& profile = socket.profile;
  const tcp::Connection* connection = connection_of(socket);
  if (level == SOL_SOCKET) {
    switch (name) {
      case SO_ERROR:
        return std::exchange(socket.error, 0);
      case SO_TYPE:
        return SOCK_STREAM;
      case SO_DOMAIN:
        return socket.family;
      case SO_PROTOCOL:
        return IPPROTO_TCP;
      case SO_ACCEPTCONN:
        return socket.state == SocketState::kListening ? 1 : 0;
      case SO_REUSEADDR:
        return socket.reuse_address ? 1 : 0;
      case SO_KEEPALIVE:
        return socket.keepalive ? 1 : 0;
      case SO_RCVBUF:
        return static_cast<int>(connection == nullptr ? profile.receive_initial
                                                      : connection->receive_window().capacity());
      case SO_SNDBUF:
        return static_cast<int>(profile.send_max);
      default:
        return std::nullopt;
    }
  }
  if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY) return 0;
  if (level == IPPROTO_IP && name == IP_MTU_DISCOVER) return IP_PMTUDISC_DO;
  if (level != IPPROTO_TCP) return std::nullopt;
  switch (name) {
    case TCP_NODELAY:
      return socket.nodelay ? 1 : 0;
    case TCP_MAXSEG:
      if (connection != nullptr && tcp::is_synchronized(connection->state())) {
        return static_cast<int>(connection->mss());
      }
      return profile.interface_mtu - header_bytes(socket);
    case TCP_USER_TIMEOUT:
      return milliseconds_of(profile.user_timeout);
    case TCP_KEEPIDLE:
      return seconds_of(profile.keepalive_idle);
    case TCP_KEEPINTVL:
      return seconds_of(profile.keepalive_interval);
    case TCP_KEEPCNT:
      return profile.keepalive_probes;
    case TCP_SYNCNT:
      return profile.syn_retries;
    case TCP_LINGER2:
      return seconds_of(profile.fin_wait2);
    default:
      return std::nullopt;
  }
}

Answer Sockets::get_option(int fd, int level, int name, void* value, socklen_t* size) {
  const Lock lock = stack_.enter();
  int error = 0;
  const SocketPointer socket = find(fd, &error);
  if (socket == nullptr) return Answer::failed(error);
  if (value == nullptr || size == nullptr) return Answer::failed(EFAULT);
  if (level == SOL_SOCKET && name == SO_LINGER) {
    return give(&socket->linger, sizeof(socket->linger), value, size);
  }
  if (level == IPPROTO_TCP && name == TCP_INFO) {
    const tcp::Connection* connection = connection_of(*socket);
    const tcp_info info =
        tcp_info_of(connection, socket->profile, socket->state == SocketState::kListening);
    return give(&info, sizeof(info), value, size);
  }
  if (level == IPPROTO_TCP && name == TCP_CONGESTION) {
    std::string text(name_of(socket->profile.congestion));
    return give(text.c_str(), text.size() + 1, value, size);
  }
  const auto number = number_of(*socket, level, name);
  if (!number) return Answer::failed(ENOPROTOOPT);
  return give(&*number, sizeof(*number), value, size);
}

}  // namespace heddle::packetdrill
