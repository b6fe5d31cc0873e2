// l4_generator: the clients and the endpoints of an L4 service, one lcore. Each --wire pair is two
// DPDK devices: on the first one clients send 64-byte UDP packets to the service, on the second one
// arrives what reaches an endpoint.
//
//   l4_generator --cpu 1 --flows 1000000 --to 198.18.0.1:53 --wire DEVICE,.. --wire DEVICE,..
//
// --queues N before a --wire says by how many queues packets come in there.
//
// It reads commands and answers each with one line of JSON:
//   warm PAIR     one packet of every flow, answered by its endpoint
//   send PAIR MS  packets of all flows in turn, as fast as the wire takes them, not answered
#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "wire/ethernet.h"
#include "wire/ipv4.h"
#include "wire/udp.h"

namespace {

using namespace heddle;

constexpr uint16_t kBurst = 64;
constexpr uint32_t kBuffers = 32767;
constexpr uint16_t kFrame = 60;  // and 4 of checksum, which no software wire carries
constexpr uint16_t kUpper = kFrame - 14 - 20;
// Clients that share an address, by different ports.
constexpr uint32_t kPortsPerClient = 16;
// Packets under way while flows are opened, so that none is lost for want of room.
constexpr uint32_t kWindow = 256;
// DPDK declares it signed and takes it unsigned.
constexpr auto kAnySocket = static_cast<unsigned>(SOCKET_ID_ANY);

[[noreturn]] void die(const std::string& text) {
  fmt::print(stderr, "l4_generator: {}\n", text);
  std::exit(2);
}

struct Wire {
  std::string device;
  uint16_t queues = 1;
};

struct Options {
  std::string cpu = "1", memory = "128";
  uint32_t flows = 1000;
  wire::Ipv4Address to;
  uint16_t port = 53;
  wire::MacAddress mac;  // of who is under test
  std::vector<Wire> wires;
};

template <class Number>
Number number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    die(fmt::format("'{}' is no number", text));
  return value;
}

Options parse(int argc, char** argv) {
  Options options;
  uint16_t queues = 1;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view key = argv[i];
    if (i + 1 == argc) die(fmt::format("{} wants a value", key));
    const std::string_view value = argv[i + 1];
    if (key == "--cpu") {
      options.cpu = value;
    } else if (key == "--memory") {
      options.memory = value;
    } else if (key == "--flows") {
      options.flows = number<uint32_t>(value);
    } else if (key == "--mac") {
      const auto mac = wire::MacAddress::parse(value);
      if (!mac) die(fmt::format("'{}' is no MAC address", value));
      options.mac = *mac;
    } else if (key == "--to") {
      const size_t colon = value.find(':');
      const auto address = wire::Ipv4Address::parse(value.substr(0, colon));
      if (!address || colon == value.npos) die(fmt::format("'{}' is no address:port", value));
      options.to = *address;
      options.port = number<uint16_t>(value.substr(colon + 1));
    } else if (key == "--wire") {
      options.wires.push_back({std::string(value), queues});
    } else if (key == "--queues") {
      queues = number<uint16_t>(value);
    } else {
      die(fmt::format("unknown argument '{}'", key));
    }
  }
  if (options.wires.empty() || options.wires.size() % 2 != 0) die("--wire is given in pairs");
  if (options.flows == 0 || options.flows > 100'000'000) die("--flows is 1 to 100000000");
  return options;
}

// The sum of 16-bit words, folded: what a checksum is the complement of.
uint16_t fold(uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum + (sum >> 16));
}

// Writes the packets of flows: a frame that is ready but for who sends it.
class Frames {
 public:
  explicit Frames(const Options& options) : flows_(options.flows) {
    uint8_t* at = frame_.data();
    const wire::Ipv4Address nobody;
    wire::Ethernet{options.mac, wire::MacAddress({2, 0, 0, 0, 1, 0}), wire::EtherType::kIpv4}.emit(
        at);
    wire::Udp{Be16(0), Be16(options.port)}.emit(nobody, options.to, {at + 34, kUpper});
    wire::Ipv4{.payload_length = kUpper,
               .protocol = wire::IpProtocol::kUdp,
               .source = nobody,
               .destination = options.to}
        .emit(at + 14);
    ip_sum_ = static_cast<uint16_t>(~word(at + 24));
    udp_sum_ = static_cast<uint16_t>(~word(at + 40));
  }

  uint32_t flows() const { return flows_; }

  void write_next(rte_mbuf* packet) {
    const uint32_t address = 0x0a00'0000 + 2 + next_ / kPortsPerClient;
    const auto port = static_cast<uint16_t>(1024 + next_ % kPortsPerClient * 4001);
    if (++next_ == flows_) next_ = 0;
    auto* at = rte_pktmbuf_mtod(packet, uint8_t*);
    std::memcpy(at, frame_.data(), kFrame);
    packet->data_len = kFrame;
    packet->pkt_len = kFrame;
    const uint32_t added = (address >> 16) + (address & 0xffff);
    put(at + 26, static_cast<uint16_t>(address >> 16));
    put(at + 28, static_cast<uint16_t>(address));
    put(at + 34, port);
    put(at + 24, static_cast<uint16_t>(~fold(ip_sum_ + added)));
    const auto sum = static_cast<uint16_t>(~fold(udp_sum_ + added + port));
    put(at + 40, sum == 0 ? 0xffff : sum);
  }
  void start_over() { next_ = 0; }

 private:
  static uint16_t word(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }
  static void put(uint8_t* at, uint16_t value) {
    value = __builtin_bswap16(value);
    std::memcpy(at, &value, 2);
  }

  uint32_t flows_, next_ = 0;
  uint16_t ip_sum_ = 0, udp_sum_ = 0;
  std::array<uint8_t, kFrame> frame_{};
};

// What an endpoint sends back. Exchanging addresses and ports leaves the checksums right.
void turn_around(rte_mbuf* packet) {
  auto* at = rte_pktmbuf_mtod(packet, uint8_t*);
  std::swap_ranges(at, at + 6, at + 6);
  std::swap_ranges(at + 26, at + 30, at + 30);
  std::swap_ranges(at + 34, at + 36, at + 36);
}

bool is_udp(const rte_mbuf* packet) {
  const auto* at = rte_pktmbuf_mtod(packet, const uint8_t*);
  return packet->data_len >= 42 && at[12] == 8 && at[13] == 0 && at[23] == 17;
}

class Generator {
 public:
  Generator(const Options& options, rte_mempool* pool)
      : frames_(options), wires_(options.wires), pool_(pool) {}

  // Every flow once, with its answer: flows that are open in both directions.
  std::string warm(uint16_t clients) {
    const auto endpoints = static_cast<uint16_t>(clients + 1);
    const uint64_t patience = rte_get_tsc_hz() / 10;
    uint64_t sent = 0, lost = 0, returned = 0, progress = rte_rdtsc();
    frames_.start_over();
    while (sent < frames_.flows() || returned + lost < sent) {
      if (sent < frames_.flows() && sent - returned - lost < kWindow) {
        const auto count =
            static_cast<uint16_t>(std::min<uint64_t>(kBurst, frames_.flows() - sent));
        make(count);
        send_all(clients);
        sent += count;
      }
      answer(endpoints);
      const uint64_t got = std::min<uint64_t>(receive(clients), sent - returned);
      returned += got;
      lost = std::min(lost, sent - returned);
      const uint64_t now = rte_rdtsc();
      if (got != 0) progress = now;
      if (now - progress < patience) continue;
      lost = sent - returned;
      progress = now;
    }
    return fmt::format(R"({{"flows": {}, "returned": {}}})", sent, returned);
  }

  std::string send(uint16_t clients, uint64_t ms) {
    const auto endpoints = static_cast<uint16_t>(clients + 1);
    uint64_t sent = 0, received = 0;
    receive(endpoints);
    const uint64_t start = rte_rdtsc();
    const uint64_t end = start + rte_get_tsc_hz() * ms / 1000;
    uint64_t now = start;
    for (; now < end; now = rte_rdtsc()) {
      if (pending_ == 0) make(kBurst);
      sent += push(clients);
      received += receive(endpoints);
      receive(clients);
    }
    const double seconds = static_cast<double>(now - start) / static_cast<double>(rte_get_tsc_hz());
    rte_pktmbuf_free_bulk(burst_.data() + first_, pending_);
    pending_ = 0;
    settle(clients);
    return fmt::format(R"({{"seconds": {:.4f}, "sent": {}, "received": {}}})", seconds, sent,
                       received);
  }

 private:
  void make(uint16_t count) {
    while (rte_pktmbuf_alloc_bulk(pool_, burst_.data(), count) != 0) rte_pause();
    for (uint16_t i = 0; i < count; ++i) frames_.write_next(burst_[i]);
    first_ = 0;
    pending_ = count;
  }
  uint16_t push(uint16_t port) {
    const uint16_t taken = rte_eth_tx_burst(port, 0, burst_.data() + first_, pending_);
    first_ = static_cast<uint16_t>(first_ + taken);
    pending_ = static_cast<uint16_t>(pending_ - taken);
    return taken;
  }
  // A wire that takes nothing for seconds has nobody at its other end.
  void send_all(uint16_t port) {
    const uint64_t end = rte_rdtsc() + 10 * rte_get_tsc_hz();
    while (pending_ != 0) {
      push(port);
      if (rte_rdtsc() > end) die("the wire takes no packets");
    }
  }
  template <class Take>
  void receive_each(uint16_t port, Take&& take) {
    for (uint16_t queue = 0; queue < wires_[port].queues; ++queue) {
      std::array<rte_mbuf*, kBurst> got;
      const uint16_t count = rte_eth_rx_burst(port, queue, got.data(), kBurst);
      if (count != 0) take(got.data(), count);
    }
  }
  uint16_t receive(uint16_t port) {
    uint16_t udp = 0;
    receive_each(port, [&](rte_mbuf** got, uint16_t count) {
      for (uint16_t i = 0; i < count; ++i) udp = static_cast<uint16_t>(udp + is_udp(got[i]));
      rte_pktmbuf_free_bulk(got, count);
    });
    return udp;
  }
  void answer(uint16_t port) {
    receive_each(port, [&](rte_mbuf** got, uint16_t count) {
      uint16_t kept = 0;
      for (uint16_t i = 0; i < count; ++i) {
        if (!is_udp(got[i])) {
          rte_pktmbuf_free(got[i]);
          continue;
        }
        turn_around(got[i]);
        got[kept++] = got[i];
      }
      const uint16_t sent = rte_eth_tx_burst(port, 0, got, kept);
      rte_pktmbuf_free_bulk(got + sent, static_cast<unsigned>(kept - sent));
    });
  }
  // What is still on its way belongs to this command, not to the next one.
  void settle(uint16_t clients) {
    const uint64_t end = rte_rdtsc() + rte_get_tsc_hz() / 50;
    while (rte_rdtsc() < end) {
      receive(clients);
      receive(static_cast<uint16_t>(clients + 1));
    }
  }

  Frames frames_;
  const std::vector<Wire>& wires_;
  rte_mempool* pool_;
  std::array<rte_mbuf*, kBurst> burst_{};
  uint16_t first_ = 0, pending_ = 0;
};

void start_eal(const Options& options) {
  std::vector<std::string> list = {"l4_generator",
                                   "--in-memory",
                                   "--no-pci",
                                   "--no-telemetry",
                                   "--iova-mode=va",
                                   "--single-file-segments",
                                   "-m",
                                   options.memory,
                                   "--log-level=4",
                                   "--lcores=0@" + options.cpu};
  for (const Wire& wire : options.wires) list.push_back("--vdev=" + wire.device);
  std::vector<char*> argv;
  for (std::string& word : list) argv.push_back(word.data());
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0)
    die(fmt::format("DPDK does not start: it needs root and {} MiB of free hugepages",
                    options.memory));
}

void start_port(uint16_t port, uint16_t queues, rte_mempool* pool) {
  const rte_eth_conf conf{};
  uint16_t rx = 1024, tx = 1024;
  bool ok = rte_eth_dev_configure(port, queues, 1, &conf) == 0 &&
            rte_eth_dev_adjust_nb_rx_tx_desc(port, &rx, &tx) == 0;
  for (uint16_t queue = 0; ok && queue < queues; ++queue)
    ok = rte_eth_rx_queue_setup(port, queue, rx, kAnySocket, nullptr, pool) == 0;
  ok = ok && rte_eth_tx_queue_setup(port, 0, tx, kAnySocket, nullptr) == 0 &&
       rte_eth_dev_start(port) == 0;
  if (!ok) die(fmt::format("port {} does not start", port));
  rte_eth_promiscuous_enable(port);
}

// The other end of a memif may still be starting.
void wait_until_up(uint16_t port) {
  const uint64_t end = rte_rdtsc() + 10 * rte_get_tsc_hz();
  for (rte_eth_link link{}; link.link_status != RTE_ETH_LINK_UP; rte_delay_ms(1)) {
    if (rte_eth_link_get_nowait(port, &link) != 0 || rte_rdtsc() > end)
      die(fmt::format("wire {} has nobody at its other end", port));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  start_eal(options);
  rte_mempool* pool =
      rte_pktmbuf_pool_create("l4", kBuffers, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
  if (pool == nullptr) die("no memory for packet buffers");
  for (uint16_t port = 0; port < options.wires.size(); ++port)
    start_port(port, options.wires[port].queues, pool);
  Generator generator(options, pool);
  fmt::print("ready\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string command;
    uint16_t pair = 0;
    uint64_t ms = 0;
    words >> command >> pair >> ms;
    if (pair * 2u >= options.wires.size()) die(fmt::format("there is no pair {}", pair));
    const auto clients = static_cast<uint16_t>(pair * 2);
    for (const int side : {0, 1}) wait_until_up(static_cast<uint16_t>(clients + side));
    if (command == "warm")
      fmt::print("{}\n", generator.warm(clients));
    else if (command == "send")
      fmt::print("{}\n", generator.send(clients, ms));
    else
      die(fmt::format("unknown command '{}'", command));
    std::fflush(stdout);
  }
  return 0;
}
