// What two nodes of a mesh cost a request, in memory (memory_net.h): a client, the caller's node,
// the workload's node, a server. Prints one JSON object. Argument: seconds a measurement (default
// 0.5).
//
//   rps_*      requests a second of one core that plays both nodes, 64 connections of HTTP/1.1:
//              between the nodes mutual TLS 1.3 and HTTP/2, or HTTP/1.1 in plaintext
//   work_*_us  CPU time of both nodes for one request, one at a time: what it waits for them at
//              least, without wires and without sleep. TLS has its records sealed and opened in it
//   idle_bytes memory of both nodes for a workload's connection that waits, under mutual TLS
#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "http_players.h"
#include "tls_net.h"

namespace {

using namespace heddle;
using namespace heddle::bench;

enum { kClient, kCaller, kServer, kReceiver, kSides };

mesh::HttpLimits proxy_limits() {
  mesh::HttpLimits limits;
  limits.connections = 8'192;
  limits.requests = 10'240;
  limits.endpoints = 4;
  limits.idle_per_endpoint = 1'024;
  return limits;
}

Identities nodes() {
  Identities made(tls::KeyKind::kP256);
  made.config.alpn = {"h2"};
  return made;
}

struct Mesh {
  Mesh(double time, uint32_t connections, bool mutual)
      : bench(time, kSides),
        identities(nodes()),
        works{work_of(*bench.sides[kCaller]), work_of(*bench.sides[kReceiver])},
        server(*bench.sides[kServer], 0),
        receiver(*bench.sides[kReceiver], address(2), bench.now, proxy_limits(),
                 {&works[1], mutual ? identities.server(true) : nullptr, nullptr}),
        caller(*bench.sides[kCaller], address(3), bench.now, proxy_limits(),
               {&works[0], nullptr, mutual ? identities.client() : nullptr}, nullptr, mutual),
        client(*bench.sides[kClient], address(9), connections, true) {}

  int64_t spent_ns() const {
    return bench.sides[kCaller]->spent_ns + bench.sides[kReceiver]->spent_ns;
  }
  // Handshakes and the first requests are not what is measured.
  void warm_up(uint64_t requests) {
    while (client.done < requests) bench.turn();
  }

  Bench bench;
  Identities identities;
  mesh::TlsWork works[2];
  HttpServer server;
  Proxy receiver, caller;
  Http1Caller client;
};

double rate(double time, bool mutual) {
  Mesh mesh(time, 64, mutual);
  mesh.warm_up(10'000);
  const uint64_t before = mesh.client.done;
  const int64_t began = mesh.spent_ns(), until = began + static_cast<int64_t>(time * 1e9);
  while (mesh.spent_ns() < until) mesh.bench.turn();
  return 1e9 * static_cast<double>(mesh.client.done - before) /
         static_cast<double>(mesh.spent_ns() - began);
}

struct Work {
  double p50, p99;
};

// Only turns with packets count: others wait for the other side.
Work work(double time, bool mutual) {
  Mesh mesh(time, 1, mutual);
  std::vector<int64_t> turns[2];
  mesh.bench.sides[kCaller]->turns_ns = &turns[0];
  mesh.bench.sides[kReceiver]->turns_ns = &turns[1];
  mesh.warm_up(2'000);
  std::vector<int64_t> each;
  for (int64_t all = 0; static_cast<double>(all) < time * 1e9; all += each.back()) {
    const uint64_t before = mesh.client.done;
    const int64_t began = mesh.spent_ns();
    while (mesh.client.done == before) mesh.bench.turn();
    each.push_back(mesh.spent_ns() - began);
  }
  std::ranges::sort(each);
  const auto at = [&](double share) {
    return 1e-3 *
           static_cast<double>(each[static_cast<size_t>(share * static_cast<double>(each.size()))]);
  };
  return {at(0.5), at(0.99)};
}

// Heap memory that the nodes have taken, and what connections occupy of the stores made before.
double idle_bytes(uint32_t connections) {
  Mesh mesh(1, connections, true);
  mesh.client.ask_no_more_than(1);
  int64_t taken = 0;
  const auto turn = [&] {
    for (auto& side : mesh.bench.sides) {
      const auto before = static_cast<int64_t>(mallinfo2().uordblks);
      side->run(mesh.bench.now);
      if (side.get() == mesh.bench.sides[kCaller].get() ||
          side.get() == mesh.bench.sides[kReceiver].get())
        taken += static_cast<int64_t>(mallinfo2().uordblks) - before;
    }
    mesh.bench.now = mesh.bench.now + microseconds(10);
  };
  while (mesh.client.done < connections) turn();
  for (int i = 0; i < 1'000; ++i) turn();
  const uint32_t standing = mesh.caller.proxy().connections() + mesh.receiver.proxy().connections();
  HEDDLE_CHECK(mesh.caller.proxy().connections() > connections, "all connections stand");
  const auto each = static_cast<double>(Transport::idle_bytes()) +
                    static_cast<double>(mesh::HttpProxy::connection_bytes());
  return (static_cast<double>(taken) + each * standing) / connections;
}

}  // namespace

int main(int argc, char** argv) {
  const double time = argc > 1 ? std::atof(argv[1]) : 0.5;
  const Work tls = work(time, true), plain = work(time, false);
  std::printf("{\"rps_mtls\": %.0f, \"rps_plain\": %.0f, ", rate(time, true), rate(time, false));
  std::printf("\"work_mtls_us\": {\"p50\": %.2f, \"p99\": %.2f}, ", tls.p50, tls.p99);
  std::printf("\"work_plain_us\": {\"p50\": %.2f, \"p99\": %.2f}, ", plain.p50, plain.p99);
  std::printf("\"idle_bytes\": %.0f}\n", idle_bytes(1'000));
  return 0;
}
