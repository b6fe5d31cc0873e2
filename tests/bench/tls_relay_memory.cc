// What TLS on the relay costs one core, in memory (memory_net.h): a client and a server in clear,
// and between them a relay that begins TLS, the one that is measured, with TLS on both sides, and
// one that ends it. Prints one JSON object. Arguments: seconds a measurement (default 1).
//
//   bulk   one connection, and 100, that move bytes
//   crr    open with both handshakes, one request of 64 bytes, its answer, close
//   idle   memory of the measured relay for each of 2,000 connections with both legs
#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "certificates.h"
#include "memory_net.h"

namespace {

using namespace heddle;
using namespace heddle::bench;

enum { kClient, kBegins, kServer, kMeasured, kEnds, kSides };

// An SVID for everybody, of one kind of key, and each other's authority.
struct Identities {
  explicit Identities(tls::KeyKind kind)
      : library(std::move(*tls::Library::create())), authority(tls::make_authority("bench")) {
    const tls::Issued svid = tls::issue(
        {.common_name = "svid", .uris = {"spiffe://bench.test/ns/a/sa/b"}}, &authority, kind);
    config = {.name = "bench",
              .certificates = {{"bench", svid.pem(), svid.key_pem()}},
              .peer = tls::PeerCheck::kSpiffe,
              .trust = {{.trust_domain = "bench.test", .roots_pem = authority.pem()}}};
  }
  std::shared_ptr<tls::Context> context(tls::Role role, tls::PeerCheck peer) const {
    tls::Config its = config;
    its.role = role;
    its.peer = peer;
    return std::move(*tls::Context::create(*library, its));
  }
  std::unique_ptr<tls::Library> library;
  tls::Issued authority;
  tls::Config config;
};

mesh::TlsWork work_of(Side& side) {
  mesh::TlsWork work;
  work.records = std::move(*tls::RecordContext::create({}, side.transport.pieces(), side.buffers));
  work.wall = [] { return tls::UnixTime(1'800'000'000); };
  return work;
}

struct TlsBench {
  TlsBench(double time, tls::KeyKind kind, bool mutual)
      : bench(time, kSides),
        identities(kind),
        works{work_of(*bench.sides[kBegins]), work_of(*bench.sides[kMeasured]),
              work_of(*bench.sides[kEnds])},
        begins(*bench.sides[kBegins], address(3), bench.now, {&works[0], nullptr, client()}),
        measured(*bench.sides[kMeasured], address(4), bench.now,
                 {&works[1], server(mutual), client()}),
        ends(*bench.sides[kEnds], address(2), bench.now, {&works[2], server(mutual), nullptr}) {}

  std::shared_ptr<tls::Context> client() const {
    return identities.context(tls::Role::kClient, tls::PeerCheck::kSpiffe);
  }
  std::shared_ptr<tls::Context> server(bool mutual) const {
    return identities.context(tls::Role::kServer,
                              mutual ? tls::PeerCheck::kSpiffe : tls::PeerCheck::kNone);
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
  std::printf("{\"gbps_1\": %.2f", bulk(time, 1));
  std::printf(", \"gbps_100\": %.2f", bulk(time, 100));
  for (const auto& [name, kind] :
       {std::pair("ecdsa", tls::KeyKind::kP256), std::pair("rsa", tls::KeyKind::kRsa2048)}) {
    std::printf(", \"cps_%s\": %.0f", name, crr(time, kind, false));
    std::printf(", \"cps_%s_mutual\": %.0f", name, crr(time, kind, true));
  }
  std::printf(", \"idle_bytes\": %.0f}\n", idle_bytes(2000));
}
