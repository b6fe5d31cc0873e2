// kernel_goodput: a bulk transfer of the Linux kernel's TCP over the simulator's own link (tests/
// sim/link.h) in real time, between TUN devices in two network namespaces of this process, which
// end with it.
//
//   kernel_goodput                  lists the cells: number, Mbit/s, loss in millionths, ms, name
//   kernel_goodput CELL SEED        runs one and prints a line of JSON
//   kernel_goodput CELL SEED spin   the same, awake all the time: more exact, costs a core
//
// The relay is the real-time thread. How late it delivered each packet is in the answer, so that
// runs which the machine has spoilt are told apart.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "cells.h"

namespace {

using namespace heddle;

constexpr uint16_t kPort = 5001;
constexpr int kQueuedByTun = 20'000;  // packets; the link's queue is the one that counts
constexpr auto kSpin = microseconds(80);

[[noreturn]] void die(const char* what) {
  fmt::print(stderr, "kernel_goodput: {}: {}\n", what, std::strerror(errno));
  std::exit(2);
}

int must(int result, const char* what) {
  if (result < 0) die(what);
  return result;
}

Instant clock_now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return Instant(t.tv_sec * 1'000'000'000 + t.tv_nsec);
}

void set_sysctl(const std::string& name, const std::string& value, bool needed = true) {
  std::ofstream file("/proc/sys/net/" + name);
  file << value << std::flush;
  if (!file && needed) die(name.c_str());
}

sockaddr_in endpoint(uint32_t address) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(kPort);
  at.sin_addr.s_addr = htonl(address);
  return at;
}

// One end: a namespace with a TUN device, and a TCP socket in it.
struct Side {
  int tun = -1;
  int socket = -1;
  int network = -1;  // its namespace
  uint32_t address = 0;
};

Side make_side(uint32_t address) {
  Side side;
  side.address = address;
  must(unshare(CLONE_NEWNET), "unshare");
  side.network = must(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), "namespace");
  set_sysctl("ipv6/conf/all/disable_ipv6", "1", false);
  set_sysctl("ipv6/conf/default/disable_ipv6", "1", false);
  set_sysctl("ipv4/tcp_rmem", "4096 131072 33554432");
  set_sysctl("ipv4/tcp_wmem", "4096 16384 33554432");
  side.tun = must(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), "/dev/net/tun");
  ifreq request{};
  std::strcpy(request.ifr_name, "link");
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  must(ioctl(side.tun, TUNSETIFF, &request), "TUNSETIFF");
  side.socket = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  const sockaddr_in own = endpoint(address);
  std::memcpy(&request.ifr_addr, &own, sizeof own);
  must(ioctl(side.socket, SIOCSIFADDR, &request), "SIOCSIFADDR");
  const sockaddr_in mask = endpoint(0xffff'ff00);
  std::memcpy(&request.ifr_netmask, &mask, sizeof mask);
  must(ioctl(side.socket, SIOCSIFNETMASK, &request), "SIOCSIFNETMASK");
  request.ifr_qlen = kQueuedByTun;
  must(ioctl(side.socket, SIOCSIFTXQLEN, &request), "SIOCSIFTXQLEN");
  request.ifr_mtu = 1500;
  must(ioctl(side.socket, SIOCSIFMTU, &request), "SIOCSIFMTU");
  request.ifr_flags = IFF_UP;
  must(ioctl(side.socket, SIOCSIFFLAGS, &request), "SIOCSIFFLAGS");
  must(setsockopt(side.socket, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5), "cubic");
  return side;
}

// Where a link ends: what arrives is the device's.
class TunWriter final : public sim::Element {
 public:
  explicit TunWriter(int tun) : tun_(tun) {}
  void forward(sim::Packet packet, Instant) override {
    if (write(tun_, packet.data(), packet.size()) < 0) ++refused;
  }
  Instant next_event() const override { return kNever; }
  void run(Instant) override {}
  uint64_t refused = 0;

 private:
  int tun_;
};

class Relay {
 public:
  Relay(const sim::Conditions& c, uint64_t seed, const Side& client, const Side& server, bool spin)
      : client_(client),
        server_(server),
        to_server_(server.tun),
        to_client_(client.tun),
        there(sim::forward_link(c), to_server_, seed * 4 + 3),  // as in sim::Pair
        back(sim::return_link(c), to_client_, seed * 4 + 4),
        spin_(spin) {
    late_us.reserve(4'000'000);
  }

  template <class Done>
  void run_while(Done&& done) {
    while (!done(clock_now())) {
      take(client_.tun, there);
      take(server_.tun, back);
      deliver(there);
      deliver(back);
      wait();
    }
  }

 private:
  void take(int tun, sim::Link& link) {
    for (int i = 0; i < 32; ++i) {
      std::array<uint8_t, 2048> buffer;
      const ssize_t n = read(tun, buffer.data(), buffer.size());
      if (n <= 0) return;
      const bool tcp = n > 20 && buffer[0] >> 4 == 4 && buffer[9] == IPPROTO_TCP;
      if (tcp) link.forward(sim::Packet(buffer.begin(), buffer.begin() + n), clock_now());
    }
  }

  void deliver(sim::Link& link) {
    for (;;) {
      const Instant due = link.next_event();
      const Instant now = clock_now();
      if (due > now) return;
      link.run(due);  // those that were due together
      if (late_us.size() < late_us.capacity())
        late_us.push_back(static_cast<uint32_t>((now - due).us()));
    }
  }

  void wait() {
    const Instant next = std::min(there.next_event(), back.next_event());
    Duration left = std::min(next - clock_now(), milliseconds(10));
    if (spin_) left = left - kSpin;
    if (left.ns() <= 0) return;
    pollfd fds[] = {{client_.tun, POLLIN, 0}, {server_.tun, POLLIN, 0}};
    const timespec t{0, left.ns()};
    ppoll(fds, 2, &t, nullptr);
  }

  const Side& client_;
  const Side& server_;
  TunWriter to_server_;
  TunWriter to_client_;

 public:
  sim::Link there;
  sim::Link back;
  std::vector<uint32_t> late_us;
  uint64_t refused() const { return to_server_.refused + to_client_.refused; }

 private:
  bool spin_;
};

void real_time(int priority) {
  const sched_param parameters{.sched_priority = priority};
  must(pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameters), "SCHED_FIFO");
}

std::atomic<int64_t> began{0};
std::atomic<uint64_t> received{0};

void receive_all(int listener) {
  real_time(1);
  const int from = must(accept(listener, nullptr, nullptr), "accept");
  std::vector<uint8_t> buffer(256 << 10);
  for (ssize_t n; (n = recv(from, buffer.data(), buffer.size(), 0)) > 0;)
    received += static_cast<uint64_t>(n);
}

void send_all(const Side& client, uint32_t to) {
  real_time(1);
  const sockaddr_in server = endpoint(to);
  began = clock_now().ns();
  must(connect(client.socket, reinterpret_cast<const sockaddr*>(&server), sizeof server),
       "connect");
  const std::vector<uint8_t> buffer(64 << 10);
  while (send(client.socket, buffer.data(), buffer.size(), MSG_NOSIGNAL) > 0) {
  }
}

// Of the namespace's only connection, from the table of names over the table of values.
uint64_t timeouts(const Side& side) {
  must(setns(side.network, CLONE_NEWNET), "setns");
  std::ifstream file("/proc/thread-self/net/netstat");
  for (std::string names, values; std::getline(file, names) && std::getline(file, values);) {
    std::istringstream name(names);
    std::istringstream value(values);
    for (std::string n, v; name >> n && value >> v;)
      if (n == "TCPTimeouts") return std::strtoull(v.c_str(), nullptr, 10);
  }
  return 0;
}

void print(const Relay& relay, uint64_t bytes, const Side& client, double seconds) {
  std::vector<uint32_t> late = relay.late_us;
  std::sort(late.begin(), late.end());
  const auto at = [&](double share) {
    return late.empty() ? 0
                        : late[static_cast<size_t>(share * static_cast<double>(late.size() - 1))];
  };
  tcp_info info{};
  socklen_t size = sizeof info;
  getsockopt(client.socket, IPPROTO_TCP, TCP_INFO, &info, &size);
  fmt::print(
      "{{\"mbit\": {:.4f}, \"late_us\": {{\"p50\": {}, \"p99\": {}, \"p999\": {}, \"max\": {}}}, "
      "\"lost\": {}, \"overflowed\": {}, \"refused\": {}, \"resent\": {}, \"twice\": {}, "
      "\"reordered\": {}, \"timeouts\": {}}}\n",
      static_cast<double>(bytes) * 8 / 1e6 / seconds, at(0.5), at(0.99), at(0.999), at(1),
      relay.there.lost(), relay.there.overflowed(), relay.refused(), info.tcpi_total_retrans,
      info.tcpi_dsack_dups, info.tcpi_reord_seen, timeouts(client));
}

void run(const sim::Conditions& conditions, uint64_t seed, bool spin) {
  const Side client = make_side(0x0a09'0001);
  const Side server = make_side(0x0a09'0002);
  const sockaddr_in own = endpoint(server.address);
  must(bind(server.socket, reinterpret_cast<const sockaddr*>(&own), sizeof own), "bind");
  must(listen(server.socket, 1), "listen");
  Relay relay(conditions, seed, client, server, spin);
  static_cast<void>(mlockall(MCL_CURRENT | MCL_FUTURE));
  prctl(PR_SET_TIMERSLACK, 1);
  real_time(2);
  std::thread(receive_all, server.socket).detach();
  std::thread(send_all, client, server.address).detach();
  relay.run_while([&](Instant now) {
    const int64_t begin = began.load();
    return begin != 0 && now >= Instant(begin) + conditions.lasts;
  });
  print(relay, received, client, static_cast<double>(conditions.lasts.ns()) / 1e9);
}

}  // namespace

int main(int argc, char** argv) {
  const auto cells = sim::kernel_cells();
  if (argc < 3) {
    for (size_t i = 0; i < cells.size(); ++i) {
      const sim::Conditions& c = cells[i].conditions;
      fmt::print("{} {} {} {} {} {}\n", i, c.megabits, c.loss, c.rtt.ms(), c.lasts.ms() / 1000,
                 cells[i].name);
    }
    return 0;
  }
  const size_t cell = std::strtoul(argv[1], nullptr, 10);
  if (cell >= cells.size()) return 2;
  run(cells[cell].conditions, std::strtoull(argv[2], nullptr, 10), argc > 3);
  std::fflush(stdout);
  std::_Exit(0);  // the threads are in the kernel; their sockets and namespaces end with us
}
