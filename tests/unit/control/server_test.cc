// The server's socket: who may use it, who may have it, and what hostile clients can do.
#include "server/server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <thread>

#include "core/random.h"
#include "fake_node.h"
#include "process.h"
#include "server/unix_socket.h"

namespace heddle::server {
namespace {

using test::connect_to;
using test::Descriptor;
using test::heddlectl;
using test::listen_on;
using test::TempDirectory;

class ServerSocket : public testing::Test {
 protected:
  TempDirectory directory_;
  std::string path_ = directory_.path("heddled.sock");
  FakeNode node_;

  bool answers() const {
    return heddlectl({"--server", "unix:" + path_, "show", "version"}).exit_code == 0;
  }
  std::string refusal() {
    const auto server = Server::start(path_, node_);
    return server ? "started" : server.error().text;
  }
};

TEST_F(ServerSocket, IsForItsOwnerAloneUnderAnyUmask) {
  const mode_t before = ::umask(0);
  const auto server = Server::start(path_, node_);
  ::umask(before);
  ASSERT_TRUE(server) << server.error().text;
  struct stat info{};
  ASSERT_EQ(::lstat(path_.c_str(), &info), 0);
  EXPECT_TRUE(S_ISSOCK(info.st_mode));
  EXPECT_EQ(info.st_mode & 07777, 0600u);
}

TEST_F(ServerSocket, AnswersAndIsRemovedAtTheEnd) {
  auto server = Server::start(path_, node_);
  ASSERT_TRUE(server) << server.error().text;
  EXPECT_TRUE(answers());
  server->reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_FALSE(answers());
}

TEST_F(ServerSocket, StartsAgainAfterItsEnd) {
  for (int i = 0; i < 3; ++i) {
    const auto server = Server::start(path_, node_);
    ASSERT_TRUE(server) << server.error().text;
    EXPECT_TRUE(answers());
  }
}

TEST_F(ServerSocket, SecondServerIsRefusedAndTheFirstGoesOn) {
  const auto server = Server::start(path_, node_);
  ASSERT_TRUE(server) << server.error().text;
  EXPECT_EQ(refusal(), path_ + ": another heddled is listening on this socket");
  // The same file by another spelling of its path.
  const std::string other = directory_.path("./heddled.sock");
  EXPECT_FALSE(Server::start(other, node_));
  EXPECT_TRUE(answers());
}

TEST_F(ServerSocket, OfADeadProcessIsReplaced) {
  {
    const Descriptor dead = listen_on(path_);
  }
  ASSERT_EQ(probe_unix_socket(path_), ECONNREFUSED);
  const auto server = Server::start(path_, node_);
  ASSERT_TRUE(server) << server.error().text;
  EXPECT_TRUE(answers());
}

TEST_F(ServerSocket, OfALivingStrangerIsLeftAlone) {
  const Descriptor stranger = listen_on(path_);
  EXPECT_EQ(refusal(), path_ + ": another heddled is listening on this socket");
  EXPECT_EQ(probe_unix_socket(path_), 0);
}

TEST_F(ServerSocket, GoesToOneOfManyStarters) {
  {
    const Descriptor dead = listen_on(path_);
  }
  constexpr size_t kStarters = 8;
  std::array<std::unique_ptr<Server>, kStarters> started;
  {
    std::vector<std::jthread> threads;
    std::atomic<bool> go = false;
    for (auto& mine : started) {
      threads.emplace_back([&] {
        go.wait(false);
        if (auto server = Server::start(path_, node_)) mine = std::move(*server);
      });
    }
    go = true;
    go.notify_all();
  }
  EXPECT_EQ(std::ranges::count_if(started, [](const auto& server) { return server != nullptr; }),
            1);
  EXPECT_TRUE(answers());
}

TEST_F(ServerSocket, OtherFilesAreNotReplaced) {
  std::ofstream(path_) << "precious";
  EXPECT_EQ(refusal(), path_ + " exists and is not a socket; remove it or choose another path");
  EXPECT_EQ(std::filesystem::file_size(path_), 8u);
}

TEST_F(ServerSocket, ThatSomebodyReplacedIsNotRemoved) {
  auto server = Server::start(path_, node_);
  ASSERT_TRUE(server) << server.error().text;
  std::filesystem::remove(path_);
  const Descriptor stranger = listen_on(path_);
  server->reset();
  EXPECT_EQ(probe_unix_socket(path_), 0);
}

TEST_F(ServerSocket, DirectoryIsMadeWhenOnlyItIsMissing) {
  path_ = directory_.path("run/heddled.sock");
  auto server = Server::start(path_, node_);
  ASSERT_TRUE(server) << server.error().text;
  path_ = directory_.path("no/such/heddled.sock");
  EXPECT_EQ(refusal(), "cannot make the directory " + directory_.path("no/such") +
                           ": No such file or directory");
}

TEST_F(ServerSocket, PathsThatCannotBeAreRefused) {
  path_ = "";
  EXPECT_EQ(refusal(), "the path of the socket is empty");
  path_ = std::string(kMaxSocketPath + 1, 'x');
  EXPECT_EQ(refusal(), "the path of the socket is 108 bytes long; the system allows 107");
  path_ = std::string("a\0b", 3);
  EXPECT_EQ(refusal(), "the path of the socket contains a zero byte");
  path_ = "/tmp/";
  EXPECT_EQ(refusal(), "/tmp/ names a directory, not a socket");
}

TEST_F(ServerSocket, PathMayHoldWhatAnUriMayNot) {
  path_ = directory_.path("a %20?#\xc3\xa4.sock");
  const auto server = Server::start(path_, node_);
  ASSERT_TRUE(server) << server.error().text;
  EXPECT_TRUE(answers());
}

TEST_F(ServerSocket, HostileBytesDoNotDisturbOthers) {
  const auto server = Server::start(path_, node_);
  ASSERT_TRUE(server) << server.error().text;
  constexpr std::string_view kPreface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
  constexpr uint64_t kSeed = 20260302;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  for (int i = 0; i < 300; ++i) {
    std::string bytes;
    if (random.below(4) != 0)
      bytes = kPreface.substr(0, random.below(4) == 0 ? 20 : kPreface.size());
    // A frame header with a length, type and stream that mostly make sense, then anything.
    if (random.below(2) == 0)
      bytes += {0,
                0,
                static_cast<char>(random.below(64)),
                static_cast<char>(random.below(11)),
                static_cast<char>(random.next()),
                0,
                0,
                0,
                static_cast<char>(random.below(4))};
    for (uint32_t n = random.below(300); n > 0; --n) bytes += static_cast<char>(random.next());
    const Descriptor client = connect_to(path_);
    EXPECT_GE(::send(client.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL), 0);
    // Until the server has closed its end, so that none of them fills the limit of connections.
    ::shutdown(client.fd(), SHUT_WR);
    std::array<char, 4096> buffer;
    while (::recv(client.fd(), buffer.data(), buffer.size(), 0) > 0) continue;
  }
  EXPECT_TRUE(answers());
}

TEST_F(ServerSocket, ConnectionsAreLimitedAndTheLimitIsGivenBack) {
  const auto server = Server::start(path_, node_);
  ASSERT_TRUE(server) << server.error().text;
  constexpr size_t kMaxConnections = 64;
  {
    // Connections are taken in order, so those up to the limit are all in when the one after
    // them is closed: its read ends without a byte of HTTP/2.
    std::vector<Descriptor> held;
    for (size_t i = 0; i <= kMaxConnections; ++i) held.push_back(connect_to(path_));
    char byte = 0;
    EXPECT_EQ(::recv(held.back().fd(), &byte, 1, 0), 0);
    EXPECT_EQ(::recv(held.front().fd(), &byte, 1, 0), 1);
    const auto refused = heddlectl({"--server", "unix:" + path_, "show", "version"});
    EXPECT_EQ(refused.exit_code, 2) << refused.out;
  }
  // gRPC closes its ends when it notices; that is soon, but not at once.
  bool answered = false;
  for (int i = 0; i < 100 && !answered; ++i) answered = answers();
  EXPECT_TRUE(answered);
}

TEST(GrpcTarget, EscapesWhatAnUriCannotHold) {
  EXPECT_EQ(grpc_target("/run/heddle/heddled.sock"), "unix:/run/heddle/heddled.sock");
  EXPECT_EQ(grpc_target("a %?#\xc3\xa4"), "unix:a%20%25%3F%23%C3%A4");
}

}  // namespace
}  // namespace heddle::server
