// Nanoseconds a packet, a new flow and an expired one of the flow table, in memory, one core.
// Prints one JSON object. Arguments: the numbers of flows to measure with.
//
// Established: 64-byte UDP packets (and TCP ones, with strict window checks) of flows picked at
// random, half of them answers, in batches of 256 as the graph brings them: parse, look-up, state,
// translation of addresses and ports with both checksums. The packets are written between the
// batches, untimed, into 1,024 buffers.
#include <time.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/random.h"
#include "flow/tracker.h"
#include "wire/ipv4.h"
#include "wire/tcp.h"
#include "wire/udp.h"

namespace {

using namespace heddle;
using namespace heddle::flow;

constexpr size_t kBatch = Tracker::kMaxBatch;
constexpr size_t kBuffers = 1024;
constexpr size_t kPacket = 50;  // 64 bytes on the wire less Ethernet
constexpr Generation kNow{1};

// An odd number of cache lines, as packet pools have it: else all headers would share a few sets
// of the cache.
struct Buffer {
  alignas(64) uint8_t bytes[37 * 64];
};

double nanoseconds_now() {
  return static_cast<double>(std::chrono::steady_clock::now().time_since_epoch() /
                             std::chrono::nanoseconds(1));
}

// Of this thread: for what is too long to leave out the times in which it did not run.
double cpu_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

wire::Ipv4Address client(uint32_t i) { return wire::Ipv4Address::from_host(0x0a00'0000 + i / 64); }
Be16 client_port(uint32_t i) { return Be16(static_cast<uint16_t>(1024 + i % 64 * 911)); }
constexpr wire::Ipv4Address kService(192, 0, 2, 1);
wire::Ipv4Address endpoint(uint32_t i) {
  return wire::Ipv4Address::from_host(0x0b00'0000 + i * 7 % 1000);
}

// Its ports are those of the key.
std::span<uint8_t> write_packet(Buffer& buffer, const Key4& key, wire::Tcp tcp) {
  uint8_t* const at = buffer.bytes + 64;
  const uint16_t payload = kPacket - wire::kIpv4HeaderSize;
  const std::span<uint8_t> upper(at + wire::kIpv4HeaderSize, payload);
  if (key.protocol() == wire::IpProtocol::kUdp) {
    wire::Udp{key.source_port(), key.destination_port()}.emit(key.source(), key.destination(),
                                                              upper);
  } else {
    tcp.source_port = key.source_port();
    tcp.destination_port = key.destination_port();
    tcp.emit(key.source(), key.destination(), upper);
  }
  wire::Ipv4{.payload_length = payload,
             .protocol = key.protocol(),
             .source = key.source(),
             .destination = key.destination()}
      .emit(at);
  return {at, kPacket};
}

class Bench {
 public:
  Bench(uint32_t flows, wire::IpProtocol protocol)
      : flows_(flows),
        protocol_(protocol),
        tracker_(std::make_unique<Tracker>(config(flows), 42, Instant(0))) {
    buffers_ = std::make_unique<Buffer[]>(kBuffers);
  }

  // Nanoseconds a new flow, from an empty table to a full one; the first look-up included.
  double fill() {
    std::vector<double> batches;
    for (uint32_t first = 0; first < flows_; first += kBatch) {
      const auto count = std::min<uint32_t>(kBatch, flows_ - first);
      write_batch(count, [&](size_t i) { return inside(first + static_cast<uint32_t>(i)); });
      batches.push_back(
          open_batch(count, [&](size_t i) { return outside(first + static_cast<uint32_t>(i)); }) *
          kBatch / count);
    }
    HEDDLE_CHECK(tracker_->table().size() == flows_, "every flow must be made");
    return mean(batches);
  }

  // Every flow is answered, and TCP's handshake ended.
  void establish() {
    for (const bool reply : {true, false}) {
      tcp_ = reply ? kSynAck : kData;
      for (uint32_t first = 0; first < flows_; first += kBatch) {
        const auto count = std::min<uint32_t>(kBatch, flows_ - first);
        write_batch(count, [&](size_t i) {
          const uint32_t flow = first + static_cast<uint32_t>(i);
          return reply ? outside(flow).reversed() : inside(flow);
        });
        forward_batch(count, Outcome::kPass);
      }
    }
    const FlowTable& table = tracker_->table();
    HEDDLE_CHECK(table.count(EvictionClass::kEstablished) == flows_, "a flow is not established");
  }

  // Packets of flows that are there.
  double established() {
    std::vector<double> batches;
    for (int batch = 0; batch < 20'000; ++batch) {
      write_batch(kBatch, [&](size_t i) {
        const uint32_t flow = random_.below(flows_);
        return i % 2 == 0 ? inside(flow) : outside(flow).reversed();
      });
      batches.push_back(timed([&] { forward_batch(kBatch, Outcome::kPass); }));
    }
    return mean(batches);
  }

  // Packets of no flow: parse and look-up alone.
  double miss() {
    std::vector<double> batches;
    for (int batch = 0; batch < 10'000; ++batch) {
      write_batch(kBatch, [&](size_t) { return inside(flows_ + random_.below(1u << 29)); });
      batches.push_back(timed([&] { forward_batch(kBatch, Outcome::kNew); }));
    }
    return mean(batches);
  }

  // New flows in a table in which flows come and go at random: a batch is cut, untimed, and
  // another opened.
  double churn() {
    std::vector<double> batches;
    for (int batch = 0; batch < 3'000; ++batch) {
      uint32_t picked[kBatch];
      for (uint32_t& flow : picked) {
        uint32_t slot = kNoFlow;
        do {
          flow = random_.below(flows_);
          slot = tracker_->table().find(inside(flow)).slot;
        } while (slot == kNoFlow);
        tracker_->table().cut(slot);
      }
      write_batch(kBatch, [&](size_t i) { return inside(picked[i]); });
      batches.push_back(open_batch(kBatch, [&](size_t i) { return outside(picked[i]); }));
    }
    return mean(batches);
  }

  // Nanoseconds a flow that is silent for too long, all at once.
  double expire() {
    const uint32_t before = tracker_->table().size();
    const double start = cpu_nanoseconds();
    for (int64_t second = 0; tracker_->table().size() != 0; ++second) {
      HEDDLE_CHECK(second < 1'000, "every flow must expire");
      while (tracker_->table().advance(now_ + seconds(second), 4096) == 4096) {
      }
    }
    return (cpu_nanoseconds() - start) / before;
  }

  double bytes_a_flow() const { return static_cast<double>(tracker_->bytes()) / flows_; }

 private:
  // Each segment carries ten bytes: the SYNs end at 11.
  static constexpr wire::Tcp kSyn{.flags = wire::TcpFlag::kSyn, .window = 1000};
  static constexpr wire::Tcp kSynAck{.acknowledgment = Be32(11),
                                     .flags = wire::TcpFlag::kSyn | wire::TcpFlag::kAck,
                                     .window = 1000};
  static constexpr wire::Tcp kData{.sequence = Be32(11),
                                   .acknowledgment = Be32(11),
                                   .flags = wire::TcpFlag::kAck,
                                   .window = 1000};

  Key4 inside(uint32_t i) const {
    return {client(i), kService, client_port(i), Be16(80), protocol_};
  }
  Key4 outside(uint32_t i) const {
    return {client(i), endpoint(i), client_port(i), Be16(8080), protocol_};
  }

  static TrackerConfig config(uint32_t flows) {
    TrackerConfig config;
    config.limits.flows = flows;
    config.limits.flows_v6 = 0;
    config.limits.flows_per_tenant = flows;
    config.limits.half_open = flows;
    config.limits.learn_rate = 100'000'000;
    config.limits.learn_burst = 200'000'000;
    return config;
  }

  // The mean nanoseconds of one in a batch, without the slowest twentieth of the batches: those
  // in which the kernel gave the core to somebody else.
  static double mean(std::vector<double>& batches) {
    std::ranges::sort(batches);
    const size_t count = batches.size() * 19 / 20;
    double sum = 0;
    for (size_t i = 0; i < count; ++i) sum += batches[i];
    return sum / static_cast<double>(count * kBatch);
  }

  template <class Run>
  static double timed(Run&& run) {
    const double start = nanoseconds_now();
    run();
    return nanoseconds_now() - start;
  }

  template <class KeyOf>
  void write_batch(size_t count, KeyOf&& key_of) {
    for (size_t i = 0; i < count; ++i) {
      packets_[i] = write_packet(buffers_[at_], key_of(i), tcp_);
      at_ = (at_ + 1) % kBuffers;
    }
    now_ = now_ + microseconds(10);
  }

  void parse_batch(size_t count) {
    for (size_t i = 0; i < count; ++i) parse(packets_[i], parsed_[i]);
  }

  void forward_batch(size_t count, Outcome expected) {
    parse_batch(count);
    tracker_->track<wire::Ipv4Address>({parsed_, count}, kNow, now_, tracked_);
    bool all = true;
    for (size_t i = 0; i < count; ++i) {
      all = all && tracked_[i].outcome == expected;
      if (tracked_[i].outcome == Outcome::kPass) tracker_->translate(parsed_[i], tracked_[i]);
    }
    HEDDLE_CHECK(all, "a packet went another way");
  }

  template <class OutsideOf>
  double open_batch(size_t count, OutsideOf&& outside_of) {
    Decision<wire::Ipv4Address> decisions[kBatch];
    Key4 outsides[kBatch];
    for (size_t i = 0; i < count; ++i) {
      outsides[i] = outside_of(i);
      decisions[i] = {.outside = outsides[i], .tenant = TenantId(0), .generation = kNow};
    }
    return timed([&] {
      forward_batch(count, Outcome::kNew);
      tracker_->prepare<wire::Ipv4Address>({outsides, count});
      bool all = true;
      for (size_t i = 0; i < count; ++i) {
        tracked_[i] = tracker_->open(parsed_[i], decisions[i], now_);
        all = all && tracked_[i].outcome == Outcome::kPass;
        if (all) tracker_->translate(parsed_[i], tracked_[i]);
      }
      HEDDLE_CHECK(all, "a flow was not made");
    });
  }

  uint32_t flows_;
  wire::IpProtocol protocol_;
  wire::Tcp tcp_ = kSyn;
  std::unique_ptr<Tracker> tracker_;
  std::unique_ptr<Buffer[]> buffers_;
  size_t at_ = 0;
  std::span<uint8_t> packets_[kBatch];
  Parsed4 parsed_[kBatch];
  Tracked tracked_[kBatch];
  Random random_{7};
  Instant now_ = Instant(0) + seconds(1);
};

}  // namespace

int main(int argc, char** argv) {
  std::printf("{");
  for (int i = 1; i < argc; ++i) {
    const auto flows = static_cast<uint32_t>(std::strtoul(argv[i], nullptr, 10));
    if (flows < kBatch) {
      std::fprintf(stderr, "%s: at least %zu flows\n", argv[i], kBatch);
      return 2;
    }
    double established_tcp = 0;
    {
      Bench bench(flows, wire::IpProtocol::kTcp);
      bench.fill();
      bench.establish();
      established_tcp = bench.established();
    }
    Bench bench(flows, wire::IpProtocol::kUdp);
    const double insert = bench.fill();
    bench.establish();
    const double established = bench.established();
    const double miss = bench.miss();
    const double churn = bench.churn();
    const double bytes = bench.bytes_a_flow();
    const double expire = bench.expire();
    std::printf(
        "%s\"%u\": {\"established_ns\": %.2f, \"established_tcp_ns\": %.2f, \"miss_ns\": %.2f, "
        "\"insert_ns\": %.2f, "
        "\"churn_ns\": %.2f, \"expire_ns\": %.2f, \"bytes\": %.2f}",
        i == 1 ? "" : ", ", flows, established, established_tcp, miss, insert, churn, expire,
        bytes);
    std::fflush(stdout);
  }
  std::printf("}\n");
  return 0;
}
