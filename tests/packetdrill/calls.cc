#include "calls.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>
#include <vector>

#include "call_names.h"
#include "flow.h"

namespace heddle::packetdrill {

Calls::Calls(const packetdrill_interface& interface, bool ipv4)
    : interface_(interface), ipv4_(ipv4) {}

void Calls::set_peer(const tcp::IpAddress& address, uint16_t port) {
  peer_address_ = address;
  peer_port_ = port;
}

long long Calls::number(const std::string& word, CallResult& result) const {
  const auto value = value_of(word);
  if (!value) result.wrong += fmt::format(" '{}' is not known;", word);
  return value.value_or(0);
}

int Calls::fd_of(Arguments arguments, CallResult& result) const {
  if (arguments.empty()) result.wrong += " a descriptor is missing;";
  return arguments.empty() ? -1 : static_cast<int>(number(arguments[0], result));
}

CallResult Calls::make(const CallText& call) {
  CallResult result;
  errno = 0;
  if (!make_opening(call.name, call.arguments, result) &&
      !make_moving(call.name, call.arguments, result) &&
      !make_option(call.name, call.arguments, result) &&
      !make_waiting(call.name, call.arguments, result)) {
    result.wrong = fmt::format(" there is no call '{}';", call.name);
  }
  return result;
}

std::string Calls::compare(const CallText& call, const CallResult& result) const {
  std::string wrong = result.wrong;
  const auto expected = value_of(call.expected);
  if (!result.text.empty()) {
    if (result.text != call.expected) {
      wrong += fmt::format(" {} instead of {};", result.text, call.expected);
    }
  } else if (!expected || *expected != result.value) {
    wrong += fmt::format(" {} ({}) instead of {};", result.value, name_of_error(result.error),
                         call.expected);
  }
  if (!call.error.empty() && name_of_error(result.error) != call.error) {
    wrong += fmt::format(" {} instead of {};", name_of_error(result.error), call.error);
  }
  if (result.value < 0 && call.error.empty() && result.text.empty()) {
    wrong += " the script does not say which error;";
  }
  return wrong.empty() ? wrong : call.name + ":" + wrong;
}

socklen_t Calls::make_address(sockaddr_storage& to, const tcp::IpAddress& address,
                              uint16_t port) const {
  if (ipv4_) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    in.sin_addr.s_addr = htonl(address.is_v4_mapped() ? tcp::to_ipv4(address).host() : 0);
    std::memcpy(&to, &in, sizeof(in));
    return sizeof(in);
  }
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(port);
  address.store(in.sin6_addr.s6_addr);
  std::memcpy(&to, &in, sizeof(in));
  return sizeof(in);
}

namespace {

void note(CallResult& result, long long value) {
  result.value = value;
  result.error = value < 0 ? errno : 0;
}

}  // namespace

bool Calls::make_opening(const std::string& name, Arguments arguments, CallResult& result) {
  const packetdrill_interface& i = interface_;
  void* u = i.userdata;
  sockaddr_storage storage{};
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (name == "socket") {
    const long long type = arguments.empty() ? int{SOCK_STREAM} : number(arguments[0], result);
    note(result, i.socket(u, ipv4_ ? AF_INET : AF_INET6, static_cast<int>(type), 0));
    return true;
  }
  const bool known = name == "bind" || name == "listen" || name == "accept" || name == "connect" ||
                     name == "close" || name == "shutdown" || name == "nonblock";
  if (!known) return false;
  const int fd = fd_of(arguments, result);
  const long long second = arguments.size() > 1 ? number(arguments[1], result) : 0;
  if (name == "bind") {
    const auto size = make_address(storage, tcp::IpAddress(), static_cast<uint16_t>(second));
    note(result, i.bind(u, fd, address, size));
  } else if (name == "listen") {
    note(result, i.listen(u, fd, static_cast<int>(second)));
  } else if (name == "accept") {
    socklen_t size = sizeof(storage);
    note(result, i.accept(u, fd, address, &size));
    sockaddr_storage peer{};
    if (result.value >= 0 && (size != make_address(peer, peer_address_, peer_port_) ||
                              std::memcmp(&peer, &storage, size) != 0)) {
      result.wrong += " the address is not the peer's;";
    }
  } else if (name == "connect") {
    const auto size = make_address(storage, peer_address_, peer_port_);
    note(result, i.connect(u, fd, address, size));
  } else if (name == "close") {
    note(result, i.close(u, fd));
  } else if (name == "shutdown") {
    note(result, i.shutdown(u, fd, static_cast<int>(second)));
  } else {
    const int flags = i.fcntl(u, fd, F_GETFL);
    note(result, flags < 0 ? flags : i.fcntl(u, fd, F_SETFL, flags | O_NONBLOCK));
  }
  // A new connection behind a descriptor begins its streams anew.
  if (result.value >= 0 && (name == "accept" || name == "connect")) {
    const std::lock_guard lock(mutex_);
    const int made = name == "accept" ? static_cast<int>(result.value) : fd;
    read_[made] = written_[made] = 1;
  }
  return true;
}

bool Calls::make_moving(const std::string& name, Arguments arguments, CallResult& result) {
  if (name == "read" || name == "readv" || name == "recv" || name == "recvfrom" ||
      name == "recvmsg") {
    read(name, arguments, result);
    return true;
  }
  if (name == "write" || name == "writev" || name == "send" || name == "sendto" ||
      name == "sendmsg") {
    write(name, arguments, result);
    return true;
  }
  return false;
}

void Calls::read(const std::string& name, Arguments arguments, CallResult& result) {
  const packetdrill_interface& i = interface_;
  void* u = i.userdata;
  const int fd = fd_of(arguments, result);
  const auto size = static_cast<size_t>(arguments.size() > 1 ? number(arguments[1], result) : 0);
  const auto flags = static_cast<int>(arguments.size() > 2 ? number(arguments[2], result) : 0);
  std::vector<uint8_t> bytes(size + 1);
  // In two parts of which the first is small, where the call takes parts.
  const size_t first = std::min<size_t>(size, 3);
  std::array<iovec, 2> parts{{{bytes.data(), first}, {bytes.data() + first, size - first}}};
  if (name == "read") note(result, i.read(u, fd, bytes.data(), size));
  if (name == "recv") note(result, i.recv(u, fd, bytes.data(), size, flags));
  if (name == "readv") note(result, i.readv(u, fd, parts.data(), 2));
  if (name == "recvfrom") {
    sockaddr_storage address{};
    socklen_t address_size = sizeof(address);
    note(result, i.recvfrom(u, fd, bytes.data(), size, flags, reinterpret_cast<sockaddr*>(&address),
                            &address_size));
  }
  if (name == "recvmsg") {
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    note(result, i.recvmsg(u, fd, &message, flags));
  }
  if (result.value <= 0) return;
  const std::lock_guard lock(mutex_);
  uint32_t& at = read_.try_emplace(fd, 1).first->second;
  for (uint32_t k = 0; k < result.value; ++k) {
    if (bytes[k] == Flow::stream_byte(at + k)) continue;
    result.wrong += fmt::format(" byte {} that was read is wrong;", at + k);
    break;
  }
  if ((flags & MSG_PEEK) == 0) at += static_cast<uint32_t>(result.value);
}

void Calls::write(const std::string& name, Arguments arguments, CallResult& result) {
  const packetdrill_interface& i = interface_;
  void* u = i.userdata;
  const int fd = fd_of(arguments, result);
  const auto size = static_cast<size_t>(arguments.size() > 1 ? number(arguments[1], result) : 0);
  const auto flags = static_cast<int>(arguments.size() > 2 ? number(arguments[2], result) : 0);
  uint32_t at = 1;
  {
    const std::lock_guard lock(mutex_);
    at = written_.try_emplace(fd, 1).first->second;
  }
  std::vector<uint8_t> bytes(size + 1);
  for (uint32_t k = 0; k < size; ++k) bytes[k] = Flow::stream_byte(at + k);
  const size_t first = std::min<size_t>(size, 3);
  std::array<iovec, 2> parts{{{bytes.data(), first}, {bytes.data() + first, size - first}}};
  if (name == "write") note(result, i.write(u, fd, bytes.data(), size));
  if (name == "send") note(result, i.send(u, fd, bytes.data(), size, flags));
  if (name == "sendto") note(result, i.sendto(u, fd, bytes.data(), size, flags, nullptr, 0));
  if (name == "writev") note(result, i.writev(u, fd, parts.data(), 2));
  if (name == "sendmsg") {
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    note(result, i.sendmsg(u, fd, &message, flags));
  }
  if (result.value <= 0) return;
  const std::lock_guard lock(mutex_);
  written_[fd] += static_cast<uint32_t>(result.value);
}

long long Calls::info(int fd, const std::string& field, CallResult& result) {
  const auto value = info_of(interface_, fd, field);
  if (!value) result.wrong += fmt::format(" TCP_INFO has no '{}' for us;", field);
  return value.value_or(-1);
}

// setsockopt(3, SO_LINGER, 1, 0), getsockopt(3, TCP_INFO, tcpi_state).
long long Calls::option(Arguments arguments, bool set, CallResult& result) {
  const packetdrill_interface& i = interface_;
  const int fd = fd_of(arguments, result);
  const auto name = arguments.size() > 1 ? option_of(arguments[1]) : std::nullopt;
  if (!name || (set && arguments.size() < 3)) {
    result.wrong += " the option or its value is missing or not known;";
    return 0;
  }
  if (arguments[1] == "TCP_INFO" && arguments.size() > 2) return info(fd, arguments[2], result);
  if (arguments[1] == "TCP_CONGESTION") {
    std::string text = set ? arguments[2] : std::string(16, '\0');
    socklen_t size = static_cast<socklen_t>(text.size());
    if (set) return i.setsockopt(i.userdata, fd, name->level, name->name, text.data(), size);
    const int answer = i.getsockopt(i.userdata, fd, name->level, name->name, text.data(), &size);
    if (answer == 0) result.text = text.c_str();
    return answer;
  }
  std::array<int, 2> value{};
  socklen_t size = arguments[1] == "SO_LINGER" ? sizeof(value) : sizeof(int);
  if (set) {
    for (size_t k = 2; k < arguments.size() && k < 4; ++k)
      value[k - 2] = static_cast<int>(number(arguments[k], result));
    return i.setsockopt(i.userdata, fd, name->level, name->name, value.data(), size);
  }
  const int answer = i.getsockopt(i.userdata, fd, name->level, name->name, value.data(), &size);
  if (answer < 0) return answer;
  if (arguments[1] == "SO_ERROR" && value[0] != 0) result.text = name_of_error(value[0]);
  return value[0];
}

bool Calls::make_option(const std::string& name, Arguments arguments, CallResult& result) {
  if (name == "setsockopt" || name == "getsockopt") {
    note(result, option(arguments, name == "setsockopt", result));
    return true;
  }
  if (name != "ioctl") return false;
  const int fd = fd_of(arguments, result);
  const long long request = arguments.size() > 1 ? number(arguments[1], result) : 0;
  int value = 0;
  note(result,
       interface_.ioctl(interface_.userdata, fd, static_cast<unsigned long>(request), &value));
  if (result.value == 0) result.value = value;
  return true;
}

// poll(3, POLLIN, timeout in ms) = POLLIN; epoll_wait(4, timeout) = EPOLLIN.
bool Calls::make_waiting(const std::string& name, Arguments arguments, CallResult& result) {
  const packetdrill_interface& i = interface_;
  void* u = i.userdata;
  const auto argument = [&](size_t at) {
    return at < arguments.size() ? static_cast<int>(number(arguments[at], result)) : 0;
  };
  if (name == "poll") {
    pollfd fd{.fd = argument(0), .events = static_cast<short>(argument(1)), .revents = 0};
    note(result, i.poll(u, &fd, 1, argument(2)));
    if (result.value > 0) result.text = poll_names(static_cast<uint16_t>(fd.revents), "POLL");
  } else if (name == "epoll_create") {
    note(result, i.epoll_create(u, argument(0)));
  } else if (name == "epoll_ctl") {
    epoll_event event{};
    event.events = static_cast<uint32_t>(argument(3));
    event.data.fd = argument(2);
    note(result, i.epoll_ctl(u, argument(0), argument(1), argument(2), &event));
  } else if (name == "epoll_wait") {
    epoll_event event{};
    note(result, i.epoll_wait(u, argument(0), &event, 1, argument(1)));
    if (result.value > 0) result.text = poll_names(event.events, "EPOLL");
  } else if (name == "pipe") {
    int fds[2] = {};
    note(result, i.pipe(u, fds));
  } else if (name == "splice") {
    note(result, i.splice(u, argument(0), nullptr, argument(1), nullptr, 100, 0));
  } else {
    return false;
  }
  return true;
}

}  // namespace heddle::packetdrill
