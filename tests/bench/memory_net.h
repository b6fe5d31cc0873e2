// Transports that pass whole packets to each other in memory, written and read with headers,
// options and checksums. CPU time is taken by side, so that each figure is what one core can do
// that plays that side alone; what other processes take of the core does not count.
#pragma once

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

namespace heddle::bench {

using namespace heddle::tcp;

inline constexpr uint32_t kBuffer = 2048;
inline constexpr uint16_t kPort = 80;

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
inline int64_t cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

// Memory of this process that is really there.
inline uint64_t resident_bytes() {
  unsigned long long all = 0, resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  HEDDLE_CHECK(file != nullptr && std::fscanf(file, "%llu %llu", &all, &resident) == 2,
               "/proc tells the size of a process");
  std::fclose(file);
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

// Of the sides in their order; the last one is the server.
inline constexpr uint8_t kAddresses[] = {1, 9, 2, 3, 4};
inline IpAddress address(uint8_t last) { return from_ipv4(wire::Ipv4Address(10, 0, 0, last)); }

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

inline Limits limits() {
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

inline Profile profile() {
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
    worked = !taken_.empty();
    for (const Frame& frame : taken_) take(frame, now);
    taken_.clear();
    transport.on_timer(now);
    transport.drain(now, [&](const EventNote& note) { player->note(note, now); });
    player->turn(now);
    transport.emit(now, *this);
    const int64_t took = cpu_ns() - begin;
    if (turns_ns != nullptr && !worked) return;
    spent_ns += took;
    if (turns_ns != nullptr) turns_ns->push_back(took);
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
  // When it is there: takes the time of each turn that has a packet or in which the player says
  // that it worked; others do not count then, as they wait for a thread.
  std::vector<int64_t>* turns_ns = nullptr;
  bool worked = false;
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

inline Side& World::at(const IpAddress& to) {
  for (Side* side : sides)
    if (side->own == to) return *side;
  HEDDLE_CHECK(false, "an address of the benchmark's own");
  return *sides.front();
}

// Into a buffer of the receiver's, as a port of shared memory does it: the sender pays the copy.
inline bool Side::send(const OutSegment& segment) {
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
    if (again_) return done < most_ ? ask(note.id, now) : void();
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
  // With `again`: so many requests of each connection on the average, then they are idle.
  void ask_no_more_than(uint64_t each) { most_ = each * missing_; }
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
  uint64_t most_ = UINT64_MAX;
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

// What a relay speaks with its clients and its endpoints; null: plaintext.
struct RelayTls {
  mesh::TlsWork* work = nullptr;
  std::shared_ptr<tls::Context> clients, endpoints;
};

// The relay, whose policy knows one endpoint.
class Relay final : public Player, private mesh::RelayPolicy {
 public:
  Relay(Side& side, const IpAddress& to, Instant start, const RelayTls& tls = {})
      : side_(side), to_(to), tls_(tls), relay_(side.transport, *this, 32'768, start, tls.work) {
    side.transport.listen({.local = {side.own, Be16(kPort)}, .max_half_open = 16'384});
    side.player = this;
  }
  void note(const EventNote& note, Instant now) override { relay_.on_note(note, now); }
  void turn(Instant now) override {
    relay_.on_timer(now);
    const uint32_t before = away();
    if (tls_.work != nullptr) tls_.work->start_turn(now);
    relay_.shake_hands(now);
    if (tls_.work != nullptr) tls_.work->end_turn(now);
    side_.worked |= away() != before;
  }
  uint32_t pairs() const { return relay_.pairs(); }

 private:
  uint32_t away() const {
    uint32_t count = 0;
    if (tls_.work == nullptr) return count;
    for (const auto& helper : tls_.work->helpers) count += helper->away();
    return count;
  }
  bool wants_proxy_header(uint32_t) override { return false; }
  std::optional<mesh::ClientTerms> terms(uint32_t, const mesh::Client&) override {
    const bool plain = tls_.clients == nullptr;
    return mesh::ClientTerms{.side = plain ? mesh::ClientSide::kPlain : mesh::ClientSide::kTls,
                             .tls = tls_.clients,
                             .timeout = seconds(3600)};
  }
  std::optional<mesh::Upstream> choose(uint32_t, const mesh::Client&,
                                       const mesh::ClientFacts&) override {
    return mesh::Upstream{.tuple = {{side_.own, Be16(0)}, {to_, Be16(kPort)}},
                          .connect_timeout = seconds(5),
                          .idle_timeout = seconds(3600),
                          .tls = tls_.endpoints};
  }
  void opened(uint32_t, uint32_t) override {}
  void closed(uint32_t, uint32_t) override {}
  void moved(uint32_t, uint32_t, bool, uint32_t) override {}
  mesh::Standing judge(const mesh::RelayPair&) override { return mesh::Standing::kStays; }

  Side& side_;
  IpAddress to_;
  RelayTls tls_;
  mesh::TcpRelay relay_;
};

struct Bench {
  explicit Bench(double seconds, size_t count = 3) : seconds_(seconds), sides(count) {
    for (size_t i = 0; i < count; ++i)
      sides[i] = std::make_unique<Side>(world, kAddresses[i], limits(), 160'000, now);
  }
  // Turns of 10 us until the measured side has worked for the time; the first tenth warms up.
  template <class Count>
  double per_second(size_t side, Count&& count) {
    const auto run_for = [&](double time) {
      const int64_t end = sides[side]->spent_ns + static_cast<int64_t>(time * 1e9);
      while (sides[side]->spent_ns < end) turn();
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
  void turn() {
    for (auto& each : sides)
      if (each->player != nullptr) each->run(now);
    now = now + microseconds(10);
  }
  double seconds_;
  Instant now{1'000'000'000};
  World world;
  std::vector<std::unique_ptr<Side>> sides;
  uint64_t packets = 0;
  double units = 0;
};

}  // namespace heddle::bench
