// What TCP costs one core, in memory: a client, the relay, a server (memory_net.h).
// Prints one JSON object. Arguments: seconds a measurement (default 1), or "idle" and a number of
// connections.
//
//   crr    open, one request of 64 bytes, its answer, close; at the server, and through the relay
//   rr     requests of 64 bytes on 64 connections that stay
//   bulk   one connection, and 1,000, that move bytes through the relay as fast as it takes them
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "memory_net.h"

namespace {

using namespace heddle;
using namespace heddle::bench;

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
