#include "acceptor.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>
#include <utility>

namespace heddle::server {
namespace {

// How long to wait for a descriptor or memory to become free.
constexpr int kRetryMs = 100;

// All signals are for the thread that heddled chose for them.
void block_signals() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

Acceptor::Acceptor(int listening_fd, size_t max_connections, Take take)
    : listening_fd_(listening_fd), max_connections_(max_connections), take_(std::move(take)) {}

Acceptor::~Acceptor() {
  if (thread_.joinable()) {
    ::eventfd_write(stop_fd_, 1);
    thread_.join();
  }
  if (stop_fd_ >= 0) ::close(stop_fd_);
  ::close(listening_fd_);
}

Result<> Acceptor::start() {
  stop_fd_ = ::eventfd(0, EFD_CLOEXEC);
  if (stop_fd_ < 0) return fail("cannot make an eventfd: {}", std::strerror(errno));
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    return fail("cannot start a thread for the gRPC socket: {}", error.what());
  }
  return {};
}

void Acceptor::run() {
  block_signals();
  ::pthread_setname_np(::pthread_self(), "grpc_accept");
  pollfd waits[] = {{.fd = stop_fd_, .events = POLLIN, .revents = 0},
                    {.fd = listening_fd_, .events = POLLIN, .revents = 0}};
  while (true) {
    ::poll(waits, 2, -1);
    // Without descriptors the listening socket stays readable: look away for a while.
    if (waits[0].revents == 0 && !accept_one()) ::poll(waits, 1, kRetryMs);
    if (waits[0].revents != 0) return;
  }
}

bool Acceptor::accept_one() {
  const int fd = ::accept4(listening_fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return errno == EINTR || errno == ECONNABORTED || errno == EAGAIN;
  struct stat info{};
  if (::fstat(fd, &info) != 0 || open_connections() >= max_connections_) {
    ::close(fd);
    return true;
  }
  connections_.push_back({fd, info.st_ino});
  take_(fd);
  return true;
}

size_t Acceptor::open_connections() {
  std::erase_if(connections_, [](const Connection& connection) {
    struct stat info{};
    return ::fstat(connection.fd, &info) != 0 || info.st_ino != connection.inode;
  });
  return connections_.size();
}

}  // namespace heddle::server
