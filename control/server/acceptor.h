// Acceptor: a thread that takes connections from a listening socket and hands them on.
//
// gRPC could do this itself, but 1.51 stops listening for good when the process runs out of
// descriptors once, and it does not limit how many connections there are.
#pragma once

#include <sys/types.h>

#include <functional>
#include <thread>
#include <vector>

#include "core/result.h"

namespace heddle::server {

class Acceptor {
 public:
  // `take` gets each connection's descriptor, non-blocking, and owns it; it must close the
  // descriptor itself, never a duplicate, as that is how its end is noticed.
  using Take = std::function<void(int fd)>;

  // Takes over `listening_fd`. While `max_connections` are open, new ones are closed at once.
  Acceptor(int listening_fd, size_t max_connections, Take take);
  ~Acceptor();  // stops the thread and closes the listening socket
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Call once; fails when the system has no descriptor or thread left.
  [[nodiscard]] Result<> start();

 private:
  // A descriptor that was handed on. Its number may be used again; the pair is not.
  struct Connection {
    int fd;
    ino_t inode;
  };

  void run();
  bool accept_one();  // false when the system has no room for a connection now
  size_t open_connections();

  int listening_fd_;
  int stop_fd_ = -1;  // an eventfd: readable when the thread is to end
  size_t max_connections_;
  Take take_;
  std::vector<Connection> connections_;  // the thread's own
  std::thread thread_;
};

}  // namespace heddle::server
