// MetricsServer: just enough of HTTP/1.1 for who scrapes metrics or asks for health: GET and HEAD,
// one request a connection. One thread, a bounded number of connections, a time-out for each.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/result.h"

namespace heddle::server {

struct HttpAnswer {
  int status = 200;  // 200, 404, 503
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string body;
};

class MetricsServer {
 public:
  // Runs on the server's thread; the path is without its query.
  using Answer = std::function<HttpAnswer(std::string_view path)>;

  // Takes over the listening socket, which does not block.
  MetricsServer(int listening_fd, Answer answer);
  ~MetricsServer();  // cuts what is under way
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  [[nodiscard]] Result<> start();

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr size_t kMaxConnections = 16;
  static constexpr size_t kMaxHead = 8'192;

  struct Connection {
    int fd = -1;
    std::string in, out;
    size_t sent = 0;
    Clock::time_point end;  // when it is given up
    bool lingers = false;   // all is sent: waits for the peer to close
  };

  void run();
  void wait();
  void accept_all();
  // False: the connection is over.
  bool serve(Connection& connection);
  bool read(Connection& connection);
  bool send(Connection& connection);
  std::string answer_to(std::string_view head) const;

  int listening_fd_;
  int stop_fd_ = -1;
  Answer answer_;
  std::vector<Connection> connections_;  // the thread's
  std::vector<bool> ready_;              // by connection
  bool stopping_ = false, acceptable_ = false;
  Clock::time_point accept_after_{};
  std::thread thread_;
};

}  // namespace heddle::server
