// What TLS on the relay costs one core, in memory (memory_net.h): a client and a server in clear,
// and between them a relay that begins TLS, the one that is measured, with TLS on both sides, and
// one that ends it. Prints one JSON object. Arguments: seconds a
// measurement (default 1), the CPU to run on and that of the helper (default 0 and 1).
//
//   bulk   one connection, and 100, that move bytes
//   crr    open with both handshakes, one request of 64 bytes, its answer, close
//   storm  crr with 64 at once, the measured relay making its handshakes itself, and with a helper
//          thread on another CPU: connections a second of the worker's CPU time and of the
//          helper's, and how long the worker's turns with a packet take, which everybody else's
//          packets wait for
//   idle   memory of the measured relay for each of 2,000 connections with both legs
#include <malloc.h>
#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tls_net.h"

namespace {

using namespace heddle;
using namespace heddle::bench;

enum { kClient, kBegins, kServer, kMeasured, kEnds, kSides };

struct TlsBench {
  TlsBench(double time, tls::KeyKind kind, bool mutual, bool helped = false)
      : bench(time, kSides),
        identities(kind),
        works{work_of(*bench.sides[kBegins]), work_of(*bench.sides[kMeasured]),
              work_of(*bench.sides[kEnds])},
        begins(*bench.sides[kBegins], address(3), bench.now,
               {&works[0], nullptr, identities.client()}),
        measured(*bench.sides[kMeasured], address(4), bench.now,
                 {&works[1], identities.server(mutual), identities.client()}),
        ends(*bench.sides[kEnds], address(2), bench.now,
             {&works[2], identities.server(mutual), nullptr}) {
    if (!helped) return;
    auto helper = std::make_unique<tls::HandshakeHelper>(works[1].gate.limit);
    HEDDLE_CHECK(helper->start("helper").has_value(), "a thread");
    works[1].helpers.push_back(std::move(helper));
  }

  Bench bench;
  Identities identities;
  mesh::TlsWork works[3];
  Relay begins, measured, ends;
};

double bulk(double time, uint32_t connections) {
  TlsBench tls(time, tls::KeyKind::kP256, true);
  Server server(*tls.bench.sides[kServer], false);
  Source source(*tls.bench.sides[kClient], address(9), connections);
  while (tls.ends.pairs() < connections) tls.bench.turn();
  return 8e-9 * tls.bench.per_second(kMeasured, [&] { return server.received; });
}

// Both legs shake hands, so a connection is one handshake as server and one as client.
double crr(double time, tls::KeyKind kind, bool mutual) {
  TlsBench tls(time, kind, mutual);
  Server server(*tls.bench.sides[kServer], true);
  Caller caller(*tls.bench.sides[kClient], address(9), 16, false);
  const double rate = tls.bench.per_second(kMeasured, [&] { return caller.done; });
  HEDDLE_CHECK(caller.failed == 0, "no connection of the benchmark fails");
  return rate;
}

// Of all threads but this one, which is to say of the helper.
int64_t helper_ns() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec - cpu_ns();
}

void run_on(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  HEDDLE_CHECK(sched_setaffinity(0, sizeof(set), &set) == 0, "there is such a CPU");
}

struct Cpus {
  unsigned main, helper;
};

void storm(double time, tls::KeyKind kind, bool helped, const Cpus& cpus) {
  run_on(cpus.helper);  // which the helper inherits
  // With a helper the measured side has little to do itself, and all others as much as ever.
  TlsBench tls(helped ? time / 10 : time, kind, false, helped);
  run_on(cpus.main);
  Server server(*tls.bench.sides[kServer], true);
  Caller caller(*tls.bench.sides[kClient], address(9), 64, false);
  while (caller.done < 128) tls.bench.turn();
  std::vector<int64_t> turns;
  tls.bench.sides[kMeasured]->turns_ns = &turns;
  const int64_t before = helper_ns();
  const uint64_t done = caller.done;
  const double rate = tls.bench.per_second(kMeasured, [&] { return caller.done; });
  const double helper = 1e-9 * static_cast<double>(helper_ns() - before);
  HEDDLE_CHECK(caller.failed == 0, "no connection of the benchmark fails");
  std::ranges::sort(turns);
  const auto at = [&](double share) {
    return 1e-3 * static_cast<double>(
                      turns[static_cast<size_t>(share * static_cast<double>(turns.size() - 1))]);
  };
  std::printf("{\"cps_worker\": %.0f, ", rate);
  if (helped)
    std::printf("\"cps_helper\": %.0f, ", static_cast<double>(caller.done - done) / helper);
  std::printf("\"turn_us\": {\"p50\": %.1f, \"p99\": %.1f, \"p99_9\": %.1f}}", at(0.5), at(0.99),
              at(0.999));
}

// Heap memory that the measured relay has taken, and its share of the stores made before.
double idle_bytes(uint32_t connections) {
  TlsBench tls(1, tls::KeyKind::kP256, true);
  Server server(*tls.bench.sides[kServer], true);
  Caller caller(*tls.bench.sides[kClient], address(9), connections, true);
  size_t taken = 0;
  const auto turn = [&] {
    for (auto& side : tls.bench.sides) {
      const size_t before = mallinfo2().uordblks;
      side->run(tls.bench.now);
      if (side.get() == tls.bench.sides[kMeasured].get()) taken += mallinfo2().uordblks - before;
    }
    tls.bench.now = tls.bench.now + microseconds(10);
  };
  caller.ask_no_more_than(1);
  while (caller.done < connections) turn();
  for (int i = 0; i < 1000; ++i) turn();
  return static_cast<double>(taken) / connections + 2 * Transport::idle_bytes() +
         mesh::TcpRelay::pair_bytes();
}

}  // namespace

int main(int argc, char** argv) {
  const double time = argc > 1 ? std::atof(argv[1]) : 1.0;
  const auto cpu = [&](int at, int usual) {
    return static_cast<unsigned>(argc > at ? std::atoi(argv[at]) : usual);
  };
  const Cpus cpus{cpu(2, 0), cpu(3, 1)};
  run_on(cpus.main);
  std::printf("{\"gbps_1\": %.2f", bulk(time, 1));
  std::printf(", \"gbps_100\": %.2f", bulk(time, 100));
  for (const auto& [name, kind] :
       {std::pair("ecdsa", tls::KeyKind::kP256), std::pair("rsa", tls::KeyKind::kRsa2048)}) {
    std::printf(", \"cps_%s\": %.0f", name, crr(time, kind, false));
    std::printf(", \"cps_%s_mutual\": %.0f", name, crr(time, kind, true));
  }
  for (const auto& [name, kind] :
       {std::pair("ecdsa", tls::KeyKind::kP256), std::pair("rsa", tls::KeyKind::kRsa2048)}) {
    for (const bool helped : {false, true}) {
      std::printf(", \"storm_%s_%d\": ", name, helped);
      storm(time, kind, helped, cpus);
    }
  }
  std::printf(", \"idle_bytes\": %.0f}\n", idle_bytes(2000));
}
