// What TCP costs one core, in memory: transports on three sides (a client, the relay, a server)
// pass whole packets to each other, written and read with headers, options and checksums. CPU time
// is taken by side, so that each figure is what one core can do that plays that side alone; what
// other processes take of the core does not count.
// Prints one JSON object. Arguments: seconds a measurement (default 1), or "idle" and a number of
// connections.
//
//   crr    open, one request of 64 bytes, its answer, close; at the server, and through the relay
//   rr     requests of 64 bytes on 64 connections that stay
//   bulk   one connection, and 1,000, that move bytes through the relay as fast as it takes them
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "core/check.h"
#include "core/random.h"
#include "mesh/tcp_relay.h"
#include "tcp/packet_io.h"
#include "tcp/transport.h"

namespace {

using namespace heddle;
using namespace heddle::tcp;

constexpr uint32_t kBuffer = 2048;
constexpr uint16_t kPort = 80;

// Packets' buffers, as a port's pool has them: taken at the start, counted by reference.
class Buffers final : public BufferSource {
 public:
  explicit Buffers(uint32_t count) : blocks_(count) {
    for (Block& block : blocks_) free_.push_back(&block);
  }
  FreshBuffer allocate() override {
    if (free_.empty()) return {};
    Block* block = free_.back();
    free_.pop_back();
    block->references = 1;
    return {BufferHandle(reinterpret_cast<uintptr_t>(block)), block->bytes, kBuffer, kBuffer + 256};
  }
  void retain(BufferHandle buffer) override { ++block_of(buffer)->references; }
  void release(BufferHandle buffer) override {
    Block* block = block_of(buffer);
    if (--block->references == 0) free_.push_back(block);
  }

 private:
  struct alignas(64) Block {
    uint32_t references = 0;
    uint8_t bytes[kBuffer];
  };
  static Block* block_of(BufferHandle buffer) { return reinterpret_cast<Block*>(buffer.value()); }
  std::vector<Block> blocks_;
  std::vector<Block*> free_;
};

struct Frame {
  FreshBuffer buffer;
  uint32_t size = 0;
};

// Of this thread, in user mode and the kernel's; reading it costs about as much as a packet, and a
// turn has many.
int64_t cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

// Memory of this process that is really there.
uint64_t resident_bytes() {
  unsigned long long all = 0, resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  HEDDLE_CHECK(file != nullptr && std::fscanf(file, "%llu %llu", &all, &resident) == 2,
               "/proc tells the size of a process");
  std::fclose(file);
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

constexpr uint8_t kAddresses[] = {1, 9, 2};  // client, relay, server
IpAddress address(uint8_t last) { return from_ipv4(wire::Ipv4Address(10, 0, 0, last)); }

class Side;
struct World {
  std::vector<Side*> sides;
  Side& at(const IpAddress& address);
};

// Who plays on a side.
class Player {
 public:
  virtual ~Player() = default;
  virtual void note(const EventNote& note, Instant now) = 0;
  virtual void turn(Instant now) = 0;
};

Limits limits() {
  Limits all;
  all.connections = 65'536;
  all.half_open = 16'384;
  all.time_wait = 262'144;
  all.pieces = 1 << 17;
  all.sent_segments = 1 << 17;
  all.memory = 512ull << 20;
  all.ports = {.first = 1024, .last = 65'535};
  return all;
}

Profile profile() {
  Profile p;
  p.nagle = false;
  p.msl = milliseconds(1);  // of virtual time, so that ports come back
  return p;
}

class Side final : public Output {
 public:
  Side(World& world, uint8_t last, const Limits& limits, uint32_t blocks, Instant start)
      : buffers(blocks),
        resident_before(resident_bytes()),
        transport(limits, {.buffers = &buffers, .secrets = &secrets_, .profiles = {profile()}},
                  start),
        own(address(last)),
        world_(world) {
    world.sides.push_back(this);
  }

  // One turn of a worker's loop. Its cycles count for this side alone.
  void run(Instant now) {
    const int64_t begin = cpu_ns();
    now_ = now;
    inbox.swap(taken_);
    for (const Frame& frame : taken_) take(frame, now);
    taken_.clear();
    transport.on_timer(now);
    transport.drain(now, [&](const EventNote& note) { player->note(note, now); });
    player->turn(now);
    transport.emit(now, *this);
    spent_ns += cpu_ns() - begin;
  }

  bool send(const OutSegment& segment) override;

  Buffers buffers;
  uint64_t resident_before;  // without the transport
  Transport transport;
  uint64_t resident_after = resident_bytes();
  IpAddress own;
  Player* player = nullptr;
  std::vector<Frame> inbox;
  int64_t spent_ns = 0;
  uint64_t packets = 0;

 private:
  void take(const Frame& frame, Instant now) {
    ++packets;
    ParsedPacket parsed;
    Segment segment;
    const Drop drop = parse_packet({frame.buffer.data, frame.size}, parsed, segment);
    HEDDLE_CHECK(drop == Drop::kNone, "a packet of the benchmark's own");
    if (parsed.payload_size > 0) {
      transport.pieces().append(segment.payload, {.data = frame.buffer.data + parsed.payload_offset,
                                                  .buffer = frame.buffer.handle,
                                                  .size = parsed.payload_size,
                                                  .pinned = frame.buffer.pinned,
                                                  .room = kBuffer - frame.size});
    } else {
      buffers.release(frame.buffer.handle);
    }
    transport.on_segment(parsed.tuple, segment, now);
  }

  Secrets secrets_{.sequence = {1, 2}, .table = {3, 4}, .cookie = {5, 6}, .old_cookie = {7, 8}};
  World& world_;
  Instant now_;
  std::vector<Frame> taken_;
};

Side& World::at(const IpAddress& to) {
  for (Side* side : sides)
    if (side->own == to) return *side;
  HEDDLE_CHECK(false, "an address of the benchmark's own");
  return *sides.front();
}

// Into a buffer of the receiver's, as a port of shared memory does it: the sender pays the copy.
bool Side::send(const OutSegment& segment) {
  Side& to = world_.at(segment.tuple->remote.address);
  if (to.inbox.size() >= 512) return false;
  const FreshBuffer buffer = to.buffers.allocate();
  if (buffer.handle.value() == 0) return false;
  const size_t size =
      build_packet(segment, 0, segment.payload.bytes, {buffer.data, buffer.capacity});
  to.inbox.push_back({buffer, static_cast<uint32_t>(size)});
  return true;
}

// Answers 64 bytes with 64 bytes, or swallows all; closes when the other side does.
class Server final : public Player {
 public:
  Server(Side& side, bool answers, uint16_t port = kPort) : side_(side), answers_(answers) {
    side.transport.listen({.local = {side.own, Be16(port)}, .max_half_open = 16'384});
    side.player = this;
  }
  void note(const EventNote& note, Instant now) override {
    Transport& t = side_.transport;
    if (note.has(Notice::kReadable)) {
      Chain chain = t.receive(note.id, UINT32_MAX, now);
      received += chain.bytes;
      if (answers_) {
        requests += chain.bytes / 64;
        t.send(note.id, chain, now);  // the request comes back
      }
      t.pieces().free(chain);
    }
    if (note.has(Notice::kHalfClosed) || note.has(Notice::kReset)) t.close(note.id, now);
  }
  void turn(Instant) override {}
  uint64_t received = 0, requests = 0;

 private:
  Side& side_;
  bool answers_;
};

// Keeps `concurrent` connections: each sends a request and, with `again`, the next one when the
// answer has come, else it closes and another one takes its place.
class Caller final : public Player {
 public:
  Caller(Side& side, const IpAddress& to, uint32_t concurrent, bool again)
      : side_(side), to_(to), missing_(concurrent), again_(again) {
    side.player = this;
  }
  void note(const EventNote& note, Instant now) override {
    Transport& t = side_.transport;
    if (note.has(Notice::kReset)) {
      ++failed;
      t.close(note.id, now);
      ++missing_;
      return;
    }
    if (note.has(Notice::kConnected)) ask(note.id, now);
    if (!note.has(Notice::kReadable)) return;
    Chain chain = t.receive(note.id, UINT32_MAX, now);
    const bool whole = chain.bytes == 64;
    t.pieces().free(chain);
    HEDDLE_CHECK(whole, "an answer is as long as its request");
    ++done;
    if (again_) return ask(note.id, now);
    t.close(note.id, now);
    ++missing_;
  }
  void turn(Instant now) override {
    for (; missing_ > 0; --missing_) {
      const ConnectionId id =
          side_.transport.connect({.tuple = {{side_.own, Be16(0)}, {to_, Be16(kPort)}}}, now);
      if (!id) return;
    }
  }
  uint64_t done = 0, failed = 0;

 private:
  void ask(ConnectionId id, Instant now) {
    static constexpr uint8_t kRequest[64] = {};
    side_.transport.send_copy(id, kRequest, now);
  }
  Side& side_;
  IpAddress to_;
  uint32_t missing_;
  bool again_;
};

// Sends as fast as each of its connections takes it, the same buffer again and again.
class Source final : public Player {
 public:
  Source(Side& side, const IpAddress& to, uint32_t connections)
      : side_(side), to_(to), missing_(connections), buffer_(side.buffers.allocate()) {
    side.player = this;
  }
  void note(const EventNote& note, Instant now) override {
    HEDDLE_CHECK(!note.has(Notice::kReset), "a connection of the benchmark's own");
    if (note.has(Notice::kConnected) || note.has(Notice::kWritable)) fill(note.id, now);
  }
  void turn(Instant now) override {
    for (; missing_ > 0; --missing_)
      side_.transport.connect({.tuple = {{side_.own, Be16(0)}, {to_, Be16(kPort)}}}, now);
  }

 private:
  void fill(ConnectionId id, Instant now) {
    Transport& t = side_.transport;
    uint32_t room = t.find(id)->writable();
    for (; room >= kPart; room -= kPart) {
      Chain chain;
      buffer_.handle.value() != 0 ? side_.buffers.retain(buffer_.handle) : void();
      t.pieces().append(
          chain, {.data = buffer_.data, .buffer = buffer_.handle, .size = kPart, .pinned = kPart});
      t.send(id, chain, now);
      t.pieces().free(chain);
    }
    t.want_writable(id);
  }
  static constexpr uint32_t kPart = 1448;
  Side& side_;
  IpAddress to_;
  uint32_t missing_;
  FreshBuffer buffer_;
};

// The relay, whose policy knows one endpoint.
class Relay final : public Player, private mesh::RelayPolicy {
 public:
  Relay(Side& side, const IpAddress& to, Instant start)
      : side_(side), to_(to), relay_(side.transport, *this, 32'768, start) {
    side.transport.listen({.local = {side.own, Be16(kPort)}, .max_half_open = 16'384});
    side.player = this;
  }
  void note(const EventNote& note, Instant now) override { relay_.on_note(note, now); }
  void turn(Instant now) override { relay_.on_timer(now); }

 private:
  std::optional<mesh::ClientTerms> terms(uint32_t, const FourTuple&) override {
    return mesh::ClientTerms{};
  }
  std::optional<mesh::Upstream> choose(uint32_t, const FourTuple&,
                                       const mesh::ClientFacts&) override {
    return mesh::Upstream{.tuple = {{side_.own, Be16(0)}, {to_, Be16(kPort)}},
                          .connect_timeout = seconds(5),
                          .idle_timeout = seconds(3600)};
  }
  void opened(uint32_t, uint32_t) override {}
  void closed(uint32_t, uint32_t) override {}
  void moved(uint32_t, uint32_t, bool, uint32_t) override {}
  mesh::Standing judge(const mesh::RelayPair&) override { return mesh::Standing::kStays; }

  Side& side_;
  IpAddress to_;
  mesh::TcpRelay relay_;
};

struct Bench {
  explicit Bench(double seconds) : seconds_(seconds) {
    for (size_t i = 0; i < 3; ++i)
      sides[i] = std::make_unique<Side>(world, kAddresses[i], limits(), 160'000, now);
  }
  // Turns of 10 us until the measured side has worked for the time; the first tenth warms up.
  template <class Count>
  double per_second(size_t side, Count&& count) {
    const auto run_for = [&](double seconds) {
      const int64_t end = sides[side]->spent_ns + static_cast<int64_t>(seconds * 1e9);
      while (sides[side]->spent_ns < end) {
        for (auto& each : sides)
          if (each->player != nullptr) each->run(now);
        now = now + microseconds(10);
      }
    };
    run_for(seconds_ / 10);
    const uint64_t before = count();
    const int64_t spent = sides[side]->spent_ns;
    packets = sides[side]->packets;
    run_for(seconds_);
    packets = sides[side]->packets - packets;
    const auto counted = static_cast<double>(count() - before);
    units = counted;
    return counted / (1e-9 * static_cast<double>(sides[side]->spent_ns - spent));
  }
  double seconds_;
  Instant now{1'000'000'000};
  World world;
  std::unique_ptr<Side> sides[3];
  uint64_t packets = 0;
  double units = 0;
};

enum { kClientSide, kRelaySide, kServerSide };

double server_crr(double seconds, bool again) {
  Bench bench(seconds);
  Server server(*bench.sides[kServerSide], true);
  Caller caller(*bench.sides[kClientSide], address(2), 64, again);
  const double rate = bench.per_second(kServerSide, [&] { return server.requests; });
  HEDDLE_CHECK(caller.failed == 0, "no connection of the benchmark fails");
  return rate;
}

double relay_crr(double seconds, bool again) {
  Bench bench(seconds);
  Server server(*bench.sides[kServerSide], true);
  Relay relay(*bench.sides[kRelaySide], address(2), bench.now);
  Caller caller(*bench.sides[kClientSide], address(9), 64, again);
  const double rate = bench.per_second(kRelaySide, [&] { return caller.done; });
  HEDDLE_CHECK(caller.failed == 0, "no connection of the benchmark fails");
  return rate;
}

double relay_bulk(double seconds, uint32_t connections) {
  Bench bench(seconds);
  Server server(*bench.sides[kServerSide], false);
  Relay relay(*bench.sides[kRelaySide], address(2), bench.now);
  Source source(*bench.sides[kClientSide], address(9), connections);
  return 8e-9 * bench.per_second(kRelaySide, [&] { return server.received; });
}

// Opens connections and keeps them, some at a time, so that no queue on the way overflows.
class Opener final : public Player {
 public:
  Opener(Side& side, const IpAddress& to, uint32_t wanted) : side_(side), to_(to), wanted_(wanted) {
    side.player = this;
  }
  void note(const EventNote& note, Instant) override {
    HEDDLE_CHECK(!note.has(Notice::kReset), "a connection of the benchmark's own");
    if (note.has(Notice::kConnected)) ++open;
  }
  void turn(Instant now) override {
    for (uint32_t i = 0; i < 64 && begun_ < wanted_ && begun_ < open + 128; ++i, ++begun_) {
      const auto port = static_cast<uint16_t>(1 + begun_ / 32'768);
      const ConnectionId id =
          side_.transport.connect({.tuple = {{side_.own, Be16(0)}, {to_, Be16(port)}}}, now);
      HEDDLE_CHECK(static_cast<bool>(id), "there is room for all connections");
    }
  }
  uint32_t open = 0;

 private:
  Side& side_;
  IpAddress to_;
  uint32_t wanted_;
  uint32_t begun_ = 0;
};

// Bytes of the process's memory for each of `connections`, half of them on either side, when all
// stand and nothing is on its way: stores of payload and of TIME-WAIT included, as small as such
// connections let them be.
double idle_bytes(uint32_t connections) {
  Limits all;
  all.connections = connections / 2;
  all.half_open = 1024;
  all.time_wait = 1024;
  all.pieces = all.sent_segments = 8192;
  all.ranges = 256;
  all.ports = {.first = 1024, .last = 65'535};
  World world;
  Instant now{1'000'000'000};
  Side client(world, 1, all, 4096, now), server(world, 2, all, 4096, now);
  Server serving(server, true, 0);
  Opener opener(client, server.own, connections / 2);
  const uint64_t made = resident_bytes();
  while (opener.open < connections / 2) {
    client.run(now);
    server.run(now);
    now = now + microseconds(100);
  }
  const uint64_t grown = resident_bytes() - made +
                         (client.resident_after - client.resident_before) +
                         (server.resident_after - server.resident_before);
  const uint32_t stand = client.transport.connection_count() + server.transport.connection_count();
  HEDDLE_CHECK(stand == 2 * (connections / 2), "all connections stand");
  return static_cast<double>(grown) / stand;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "idle") == 0) {
    const uint32_t connections =
        argc > 2 ? static_cast<uint32_t>(std::strtoul(argv[2], nullptr, 10)) : 1'000'000;
    std::printf("{\"connections\": %u, \"resident_bytes\": %.1f, \"idle_bytes\": %zu}\n",
                connections, idle_bytes(connections), Transport::idle_bytes());
    return 0;
  }
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1.0;
  std::printf("{\"cps\": %.0f, ", server_crr(seconds, false));
  std::printf("\"relay_cps\": %.0f, ", relay_crr(seconds, false));
  std::printf("\"rps\": %.0f, ", server_crr(seconds, true));
  std::printf("\"relay_rps\": %.0f, ", relay_crr(seconds, true));
  std::printf("\"relay_gbps_1\": %.2f, ", relay_bulk(seconds, 1));
  std::printf("\"relay_gbps_1000\": %.2f, ", relay_bulk(seconds, 1000));
  std::printf("\"idle_bytes\": %zu}\n", Transport::idle_bytes());
  return 0;
}
