// A great many kernel TCP connections, as client or as echo server, by epoll and in several
// processes, as one may have only so many files open.
//
//   many_connections server ADDRESS PORT
//   many_connections client ADDRESS PORT COUNT SECONDS SOURCE...
//
// The client opens COUNT connections, from each of its source addresses in turn; when all of them
// are open, it lets bytes of their own go round on every one of them, one after the other and again
// and again, for SECONDS and until each has had its turn; then all are closed. It prints one JSON
// object: how many were open at once, rounds, how many connections had one, and what failed.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

sockaddr_in address_of(const char* text, int port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(port));
  if (inet_pton(AF_INET, text, &to.sin_addr) != 1) die(text);
  return to;
}

const sockaddr* plain(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

// Of one process.
constexpr size_t kMost = 15'000;
constexpr int kServers = 10;
// Handshakes, then words, on their way at once: it is not a flood that is tried here. Packets that
// overflow a ring would be sent again, but by senders that back off for minutes.
constexpr size_t kAtOnce = 256;

void watch(int poll, int fd, uint32_t events, int how = EPOLL_CTL_ADD) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (epoll_ctl(poll, how, fd, &event) != 0) die("epoll_ctl");
}

// The kernel shares out new connections among those who listen in this way.
int listen_on(const char* address, int port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
  const sockaddr_in own = address_of(address, port);
  if (bind(listener, plain(own), sizeof(own)) != 0 || listen(listener, 65'535) != 0) die("listen");
  return listener;
}

[[noreturn]] void serve_one(int listener) {
  const int poll = epoll_create1(0);
  watch(poll, listener, EPOLLIN);
  std::vector<epoll_event> events(4096);
  std::vector<char> buffer(65'536);
  while (true) {
    const int count = epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == listener) {
        for (int taken = 0; (taken = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;)
          watch(poll, taken, EPOLLIN);
        continue;
      }
      const ssize_t got = read(fd, buffer.data(), buffer.size());
      const bool good = got > 0 && write(fd, buffer.data(), static_cast<size_t>(got)) == got;
      if (!good && !(got < 0 && errno == EAGAIN)) close(fd);
    }
  }
}

int serve(const char* address, int port) {
  for (int i = 0; i < kServers; ++i) {
    const int listener = listen_on(address, port);
    const pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      serve_one(listener);
    }
    close(listener);
  }
  std::puts("ready");
  std::fflush(stdout);
  pause();
  return 0;
}

struct Connection {
  int fd = -1;
  bool open = false;
  uint64_t sent = 0;  // the word that is to come back
  bool waits = false;
  bool moved = false;
};

// What one process tells the first.
struct Counts {
  size_t open, failed, rounds, moved, wrong, lost;
  char why[256];
};

class Client {
 public:
  Client(const char* address, int port, size_t count, std::vector<std::string> sources)
      : to_(address_of(address, port)), connections_(count), sources_(std::move(sources)) {
    poll_ = epoll_create1(0);
  }

  bool open_all(Clock::time_point end) {
    size_t begun = 0;
    while (open_ + failed_ < connections_.size() && Clock::now() < end) {
      while (begun < connections_.size() && begun < open_ + failed_ + kAtOnce) begin(begun++);
      turn(50);
    }
    return open_ == connections_.size();
  }
  void go_round(Clock::time_point end, Clock::time_point latest) {
    for (size_t i = 0; i < std::min(kAtOnce, connections_.size()); ++i) send_next();
    while (Clock::now() < end || (moved_ < open_ && Clock::now() < latest)) turn(50);
  }
  void finish(Clock::time_point end) {
    stopping_ = true;
    while (waiting_ > 0 && Clock::now() < end) turn(50);
    lost_ = waiting_;
    for (const Connection& each : connections_)
      if (lost_ > 0 && why_.empty() && each.waits) why_ = "no answer" + facts(each.fd);
    for (Connection& each : connections_)
      if (each.fd >= 0) close(each.fd);
  }
  Counts counts() const {
    Counts all{open_, failed_, rounds_, moved_, wrong_, lost_, {}};
    std::snprintf(all.why, sizeof(all.why), "%s", why_.c_str());
    return all;
  }

 private:
  void begin(size_t at) {
    Connection& it = connections_[at];
    it.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (it.fd < 0) die("socket");
    const int on = 1;
    setsockopt(it.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    setsockopt(it.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    const sockaddr_in from = address_of(sources_[at % sources_.size()].c_str(), 0);
    if (bind(it.fd, plain(from), sizeof(from)) != 0) die("bind");
    if (connect(it.fd, plain(to_), sizeof(to_)) != 0 && errno != EINPROGRESS)
      return fail(it, "connect");
    if (by_fd_.size() <= static_cast<size_t>(it.fd))
      by_fd_.resize(static_cast<size_t>(it.fd) + 4096);
    by_fd_[static_cast<size_t>(it.fd)] = at;
    watch(poll_, it.fd, EPOLLOUT);
  }
  // What the kernel knows of the connection: enough to tell who has fallen silent.
  static std::string facts(int fd) {
    tcp_info info{};
    socklen_t size = sizeof(info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return "";
    const auto part = [](const char* name, uint32_t value) {
      return std::string(", ") + name + " " + std::to_string(value);
    };
    return part("retransmits", info.tcpi_retransmits) + part("probes", info.tcpi_probes) +
           part("backoff", info.tcpi_backoff) + part("unacked", info.tcpi_unacked) +
           part("rto us", info.tcpi_rto) + part("heard ms ago", info.tcpi_last_ack_recv) +
           part("received ms ago", info.tcpi_last_data_recv);
  }
  void fail(Connection& it, const char* what) {
    if (why_.empty()) why_ = std::string(what) + ": " + std::strerror(errno) + facts(it.fd);
    ++failed_;
    if (it.open) --open_;
    it.open = false;
    close(it.fd);
    it.fd = -1;
  }
  // On the next connection that has none on its way.
  void send_next() {
    for (size_t tried = 0; tried < connections_.size(); ++tried) {
      const size_t at = next_++ % connections_.size();
      if (connections_[at].fd >= 0 && !connections_[at].waits) return send_word(at);
    }
  }
  void send_word(size_t at) {
    Connection& it = connections_[at];
    it.sent = (at << 24) ^ ++words_;
    if (write(it.fd, &it.sent, sizeof(it.sent)) != sizeof(it.sent)) return fail(it, "write");
    it.waits = true;
    ++waiting_;
  }
  void turn(int milliseconds) {
    epoll_event events[1024];
    const int count = epoll_wait(poll_, events, 1024, milliseconds);
    for (int i = 0; i < count; ++i) {
      const size_t at = by_fd_[static_cast<size_t>(events[i].data.fd)];
      if (connections_[at].open)
        on_word(at);
      else
        on_connected(connections_[at]);
    }
  }
  void on_connected(Connection& it) {
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(it.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    errno = error;
    if (error != 0) return fail(it, "connect");
    it.open = true;
    ++open_;
    watch(poll_, it.fd, EPOLLIN, EPOLL_CTL_MOD);
  }
  void on_word(size_t at) {
    Connection& it = connections_[at];
    uint64_t word = 0;
    const ssize_t got = read(it.fd, &word, sizeof(word));
    if (got < 0 && errno == EAGAIN) return;
    it.waits = false;
    --waiting_;
    if (got != sizeof(word)) return fail(it, got == 0 ? "closed" : "read");
    if (word != it.sent) ++wrong_;
    ++rounds_;
    if (!it.moved) ++moved_;
    it.moved = true;
    if (!stopping_) send_next();
  }

  sockaddr_in to_;
  std::vector<Connection> connections_;
  std::vector<std::string> sources_;
  std::vector<size_t> by_fd_;
  int poll_ = -1;
  size_t open_ = 0, failed_ = 0, rounds_ = 0, moved_ = 0, wrong_ = 0, lost_ = 0, waiting_ = 0;
  size_t next_ = 0;
  uint64_t words_ = 0;
  bool stopping_ = false;
  std::string why_;
};

// The two ends of a child's talk with the first process: it tells that all of its connections are
// open, waits until all others' are, and tells its counts at the end.
struct Child {
  int from = -1, to = -1;
};

[[noreturn]] void call_one(Client& client, int seconds, int from, int to) {
  const bool all = client.open_all(Clock::now() + std::chrono::seconds(300));
  char go = all ? 1 : 0;
  if (write(to, &go, 1) != 1 || read(from, &go, 1) != 1) _exit(1);
  if (go != 0) {
    const auto now = Clock::now();
    client.go_round(now + std::chrono::seconds(seconds), now + std::chrono::seconds(seconds + 60));
    client.finish(Clock::now() + std::chrono::seconds(60));
  }
  const Counts counts = client.counts();
  if (write(to, &counts, sizeof(counts)) != sizeof(counts)) _exit(1);
  _exit(0);
}

int call(int argc, char** argv) {
  const std::vector<std::string> sources(argv + 6, argv + argc);
  size_t left = std::strtoul(argv[4], nullptr, 10);
  std::vector<Child> children;
  while (left > 0) {
    const size_t count = std::min(left, kMost);
    left -= count;
    int up[2], down[2];
    if (pipe(up) != 0 || pipe(down) != 0) die("pipe");
    const pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      Client client(argv[2], std::atoi(argv[3]), count, sources);
      call_one(client, std::atoi(argv[5]), down[0], up[1]);
    }
    close(up[1]);
    close(down[0]);
    children.push_back({up[0], down[1]});
  }
  char go = 1;
  for (const Child& child : children) {
    char opened = 0;
    if (read(child.from, &opened, 1) != 1 || opened == 0) go = 0;
  }
  Counts sum{};
  for (const Child& child : children)
    if (write(child.to, &go, 1) != 1) die("write");
  for (const Child& child : children) {
    Counts counts{};
    if (read(child.from, &counts, sizeof(counts)) != sizeof(counts)) die("a process ended");
    sum.open += counts.open;
    sum.failed += counts.failed;
    sum.rounds += counts.rounds;
    sum.moved += counts.moved;
    sum.wrong += counts.wrong;
    sum.lost += counts.lost;
    if (counts.why[0] != 0) std::memcpy(sum.why, counts.why, sizeof(sum.why));
  }
  while (wait(nullptr) > 0) {
  }
  std::printf(
      "{\"open\": %zu, \"failed\": %zu, \"rounds\": %zu, \"moved\": %zu, \"wrong\": %zu, \"lost\": "
      "%zu, "
      "\"why\": \"%s\"}\n",
      sum.open, sum.failed, sum.rounds, sum.moved, sum.wrong, sum.lost, sum.why);
  return go != 0 && sum.failed + sum.wrong + sum.lost == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "server") == 0) return serve(argv[2], std::atoi(argv[3]));
  if (argc >= 7 && std::strcmp(argv[1], "client") == 0) return call(argc, argv);
  std::fputs(
      "usage: many_connections server ADDRESS PORT\n"
      "       many_connections client ADDRESS PORT COUNT SECONDS SOURCE...\n",
      stderr);
  return 2;
}
