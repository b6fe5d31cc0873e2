#include "metrics_server.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>
#include <utility>

namespace heddle::server {
namespace {

// For a request to come, then for the answer to be taken.
constexpr auto kRequestTime = std::chrono::seconds(5), kAnswerTime = std::chrono::seconds(10);
// How long to wait for a descriptor or memory to become free.
constexpr auto kRetry = std::chrono::milliseconds(100);

const char* reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

std::string text_of(const HttpAnswer& answer, bool with_body) {
  std::string text = fmt::format(
      "HTTP/1.1 {} {}\r\ncontent-type: {}\r\ncontent-length: {}\r\n{}connection: close\r\n\r\n",
      answer.status, reason_of(answer.status), answer.content_type, answer.body.size(),
      answer.status == 405 ? "allow: GET, HEAD\r\n" : "");
  if (with_body) text += answer.body;
  return text;
}

bool is_later(int error) { return error == EAGAIN || error == EINTR; }

}  // namespace

MetricsServer::MetricsServer(int listening_fd, Answer answer)
    : listening_fd_(listening_fd), answer_(std::move(answer)) {}

MetricsServer::~MetricsServer() {
  if (thread_.joinable()) {
    ::eventfd_write(stop_fd_, 1);
    thread_.join();
  }
  for (const Connection& connection : connections_) ::close(connection.fd);
  if (stop_fd_ >= 0) ::close(stop_fd_);
  ::close(listening_fd_);
}

Result<> MetricsServer::start() {
  stop_fd_ = ::eventfd(0, EFD_CLOEXEC);
  if (stop_fd_ < 0) return fail("cannot make an eventfd: {}", std::strerror(errno));
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    return fail("cannot start a thread for metrics: {}", error.what());
  }
  return {};
}

void MetricsServer::run() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  ::pthread_setname_np(::pthread_self(), "metrics");
  while (true) {
    wait();
    if (stopping_) return;
    size_t kept = 0;
    for (size_t i = 0; i < connections_.size(); ++i) {
      Connection& connection = connections_[i];
      const bool goes_on = Clock::now() < connection.end && (!ready_[i] || serve(connection));
      if (!goes_on)
        ::close(connection.fd);
      else if (kept++ != i)
        connections_[kept - 1] = std::move(connection);
    }
    connections_.resize(kept);
    if (acceptable_) accept_all();
  }
}

void MetricsServer::wait() {
  const auto now = Clock::now();
  auto end = now + std::chrono::hours(1);
  std::vector<pollfd> waits;
  waits.push_back({.fd = stop_fd_, .events = POLLIN, .revents = 0});
  const bool room = connections_.size() < kMaxConnections;
  const bool may_accept = room && now >= accept_after_;
  if (room && !may_accept) end = std::min(end, accept_after_);
  waits.push_back({.fd = may_accept ? listening_fd_ : -1, .events = POLLIN, .revents = 0});
  for (const Connection& connection : connections_) {
    const short what = connection.out.size() > connection.sent ? POLLOUT : POLLIN;
    waits.push_back({.fd = connection.fd, .events = what, .revents = 0});
    end = std::min(end, connection.end);
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - now).count();
  ::poll(waits.data(), waits.size(), static_cast<int>(std::max<int64_t>(left, 0)));
  stopping_ = waits[0].revents != 0;
  acceptable_ = waits[1].revents != 0;
  ready_.assign(connections_.size(), false);
  for (size_t i = 0; i < connections_.size(); ++i) ready_[i] = waits[i + 2].revents != 0;
}

void MetricsServer::accept_all() {
  while (connections_.size() < kMaxConnections) {
    const int fd = ::accept4(listening_fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
      // Without descriptors the listening socket stays readable: look away for a while.
      if (!is_later(errno) && errno != ECONNABORTED) accept_after_ = Clock::now() + kRetry;
      return;
    }
    Connection& connection = connections_.emplace_back();
    connection.fd = fd;
    connection.end = Clock::now() + kRequestTime;
  }
}

bool MetricsServer::serve(Connection& connection) {
  if (connection.out.empty() && !read(connection)) return false;
  if (connection.out.empty()) return true;
  if (!connection.lingers) return send(connection);
  // A close with unread bytes would reset the connection, and the answer with it.
  char rest[4096];
  const ssize_t got = ::read(connection.fd, rest, sizeof(rest));
  return got > 0 || (got < 0 && is_later(errno));
}

bool MetricsServer::read(Connection& connection) {
  char bytes[4096];
  const ssize_t got = ::read(connection.fd, bytes, sizeof(bytes));
  if (got < 0) return is_later(errno);
  if (got == 0) return false;
  connection.in.append(bytes, static_cast<size_t>(got));
  const size_t end = connection.in.find("\r\n\r\n");
  if (end == std::string::npos && connection.in.size() < kMaxHead) return true;
  connection.out = end == std::string::npos
                       ? text_of({.status = 431, .body = "the request's head is too large\n"}, true)
                       : answer_to(std::string_view(connection.in).substr(0, end));
  connection.end = Clock::now() + kAnswerTime;
  return true;
}

bool MetricsServer::send(Connection& connection) {
  const ssize_t sent = ::send(connection.fd, connection.out.data() + connection.sent,
                              connection.out.size() - connection.sent, MSG_NOSIGNAL);
  if (sent < 0) return is_later(errno);
  connection.sent += static_cast<size_t>(sent);
  if (connection.sent < connection.out.size()) return true;
  connection.lingers = true;
  return ::shutdown(connection.fd, SHUT_WR) == 0;
}

std::string MetricsServer::answer_to(std::string_view head) const {
  const std::string_view line = head.substr(0, head.find("\r\n"));
  const size_t first = line.find(' '), second = line.rfind(' ');
  const bool is_http = first != std::string_view::npos && second > first &&
                       line.substr(second + 1).starts_with("HTTP/1.");
  if (!is_http) return text_of({.status = 400, .body = "this is HTTP/1.1\n"}, true);
  const std::string_view method = line.substr(0, first);
  std::string_view path = line.substr(first + 1, second - first - 1);
  path = path.substr(0, path.find('?'));
  if (method != "GET" && method != "HEAD")
    return text_of({.status = 405, .body = "GET or HEAD\n"}, true);
  return text_of(answer_(path), method == "GET");
}

}  // namespace heddle::server
