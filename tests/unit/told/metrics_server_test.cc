#include "metrics_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "tcp_listener.h"

namespace heddle::server {
namespace {

class MetricsServerTest : public testing::Test {
 protected:
  MetricsServerTest() {
    const auto fd = listen_on_tcp("127.0.0.1:0", "a test");
    EXPECT_TRUE(fd) << fd.error().text;
    socklen_t size = sizeof(address_);
    EXPECT_EQ(::getsockname(*fd, reinterpret_cast<sockaddr*>(&address_), &size), 0);
    server_.emplace(*fd, [](std::string_view path) {
      if (path == "/large") return HttpAnswer{.body = std::string(5'000'000, 'x')};
      return HttpAnswer{.status = path == "/" ? 200 : 404, .body = std::string(path)};
    });
    const auto started = server_->start();
    EXPECT_TRUE(started) << started.error().text;
  }

  int connect() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address_), sizeof(address_)), 0);
    return fd;
  }
  static std::string read_all(int fd) {
    std::string all;
    char bytes[65'536];
    for (ssize_t got; (got = ::read(fd, bytes, sizeof(bytes))) > 0;)
      all.append(bytes, static_cast<size_t>(got));
    ::close(fd);
    return all;
  }
  std::string ask(const std::string& request) const {
    const int fd = connect();
    EXPECT_EQ(::send(fd, request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    return read_all(fd);
  }

  sockaddr_in address_{};
  std::optional<MetricsServer> server_;
};

TEST_F(MetricsServerTest, AnswersAndCloses) {
  EXPECT_EQ(ask("GET /?query HTTP/1.1\r\nhost: x\r\n\r\n"),
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 1\r\n"
            "connection: close\r\n\r\n/");
  EXPECT_TRUE(ask("HEAD / HTTP/1.0\r\n\r\n").ends_with("connection: close\r\n\r\n"));
  EXPECT_TRUE(ask("GET /large HTTP/1.1\r\n\r\n").ends_with(std::string(5'000'000, 'x')));
}

TEST_F(MetricsServerTest, RefusesAllElse) {
  EXPECT_TRUE(ask("GET /other HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(ask("POST / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
  EXPECT_TRUE(ask("hello\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(ask("\x16\x03\x01\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(ask("GET / HTTP/1.1\r\nx: " + std::string(8'200, 'x')).starts_with("HTTP/1.1 431 "));
}

TEST_F(MetricsServerTest, TakesARequestInPieces) {
  const int fd = connect();
  for (const char* piece : {"GE", "T / HT", "TP/1.1\r\n", "a: b\r\n\r", "\n"})
    EXPECT_GT(::send(fd, piece, std::string_view(piece).size(), MSG_NOSIGNAL), 0);
  EXPECT_TRUE(read_all(fd).starts_with("HTTP/1.1 200 OK"));
}

TEST_F(MetricsServerTest, SomeThatSayNothingDoNotKeepOthersOut) {
  std::vector<int> silent;
  for (int i = 0; i < 15; ++i) silent.push_back(connect());
  EXPECT_TRUE(ask("GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200 OK"));
  for (const int fd : silent) ::close(fd);
}

TEST_F(MetricsServerTest, EndsWithRequestsUnderWay) {
  const int fd = connect();
  EXPECT_GT(::send(fd, "GET", 3, MSG_NOSIGNAL), 0);
  server_.reset();
  EXPECT_EQ(read_all(fd), "");
}

}  // namespace
}  // namespace heddle::server
