// What a request costs the HTTP proxy on one core, in memory (memory_net.h): clients, the proxy, a
// server. Prints one JSON object. Arguments: seconds a measurement
// (default 0.5), and one figure's name, for that alone.
//
//   rps_*      requests a second on connections that stay: HTTP/1.1 by connections and by body, and
//              HTTP/2 with requests at once; the endpoint speaks HTTP/1.1
//   http2_both_*  HTTP/2 at the endpoint, too
//   crr        a connection for each request
//   tls_*      the same with mutual TLS on both sides
//   routes_*   with so many rules of policy, by prefix
//   idle_bytes memory for a client's connection and the endpoint's, when both wait
#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <functional>

#include "http_players.h"
#include "route_table.h"
#include "tls_net.h"

namespace {

using namespace heddle;
using namespace heddle::bench;

enum { kClient, kMeasured, kServer, kPlainSides, kBegins = kPlainSides, kEnds, kTlsSides };

mesh::HttpLimits proxy_limits() {
  mesh::HttpLimits limits;
  limits.connections = 32'768;
  limits.requests = 10'240;
  limits.endpoints = 4;
  limits.idle_per_endpoint = 10'240;
  return limits;
}

// In clear on both sides.
double plain(double time, uint64_t body, const std::function<std::unique_ptr<Player>(Side&)>& make,
             uint64_t (*done)(const Player&),
             std::shared_ptr<const policy::HttpRoutes> routes = nullptr) {
  Bench bench(time);
  HttpServer server(*bench.sides[kServer], body);
  Proxy proxy(*bench.sides[kMeasured], address(2), bench.now, proxy_limits(), {},
              std::move(routes));
  const auto caller = make(*bench.sides[kClient]);
  return bench.per_second(kMeasured, [&] { return done(*caller); });
}

double over_http1(double time, uint64_t body, uint32_t connections, bool again = true,
                  std::vector<std::string> paths = {"/"},
                  std::shared_ptr<const policy::HttpRoutes> routes = nullptr) {
  return plain(
      time, body,
      [&](Side& side) {
        return std::make_unique<Http1Caller>(side, address(9), connections, again, paths);
      },
      [](const Player& caller) { return static_cast<const Http1Caller&>(caller).done; },
      std::move(routes));
}

double over_http2(double time, uint64_t body, uint32_t connections, uint32_t streams) {
  return plain(
      time, body,
      [&](Side& side) { return std::make_unique<Http2Caller>(side, connections, streams); },
      [](const Player& caller) { return static_cast<const Http2Caller&>(caller).done; });
}

// HTTP/2 on both sides.
double all_http2(double time, uint32_t connections, uint32_t streams) {
  Bench bench(time);
  Http2Server server(*bench.sides[kServer]);
  Proxy proxy(*bench.sides[kMeasured], address(2), bench.now, proxy_limits(), {}, nullptr, true);
  Http2Caller caller(*bench.sides[kClient], connections, streams);
  return bench.per_second(kMeasured, [&] { return caller.done; });
}

double with_routes(double time, uint32_t routes) {
  policy::Model model(policy::NodeFacts{}, policy::Limits{});
  stage_routes(model, {}, routes);
  const auto snapshot = model.commit(1).snapshot;
  std::vector<std::string> paths;
  for (uint32_t i = 0; i < 512; ++i) paths.push_back(path_of(i * 7919 % routes));
  return over_http1(time, 0, 64, true, paths, snapshot->frontends[0]->http);
}

// Relays on either side of the proxy put on TLS and take it off again.
struct TlsBench {
  TlsBench(double time, uint64_t body)
      : bench(time, kTlsSides),
        identities(tls::KeyKind::kP256),
        works{work_of(*bench.sides[kBegins]), work_of(*bench.sides[kMeasured]),
              work_of(*bench.sides[kEnds])},
        begins(*bench.sides[kBegins], address(9), bench.now,
               {&works[0], nullptr, identities.client()}),
        proxy(*bench.sides[kMeasured], address(4), bench.now, proxy_limits(),
              {&works[1], identities.server(true), identities.client()}),
        ends(*bench.sides[kEnds], address(2), bench.now,
             {&works[2], identities.server(true), nullptr}),
        server(*bench.sides[kServer], body) {}

  Bench bench;
  Identities identities;
  mesh::TlsWork works[3];
  Relay begins;
  Proxy proxy;
  Relay ends;
  HttpServer server;
};

double over_tls(double time, uint64_t body, bool again = true) {
  TlsBench tls(time, body);
  Http1Caller caller(*tls.bench.sides[kClient], address(3), 64, again);
  // The handshakes that the connections begin with are not what is measured.
  while (again && caller.done < 256) tls.bench.turn();
  return tls.bench.per_second(kMeasured, [&] { return caller.done; });
}

// For an idle pair of connections: heap memory that the proxy has taken, and its share of the
// stores made before. All clients' requests are at the server before it answers, so that each has
// a connection of its own to it.
template <class Idle>
double idle_bytes(Idle& idle, HttpServer& server, const Proxy& proxy, Http1Caller& caller,
                  uint32_t connections) {
  caller.ask_no_more_than(1);
  server.wait_for(connections);
  int64_t taken = 0;
  const auto turn = [&] {
    for (auto& side : idle.sides) {
      if (side->player == nullptr) continue;
      const auto before = static_cast<int64_t>(mallinfo2().uordblks);
      side->run(idle.now);
      if (side.get() == idle.sides[kMeasured].get())
        taken += static_cast<int64_t>(mallinfo2().uordblks) - before;
    }
    idle.now = idle.now + microseconds(10);
  };
  while (caller.done < connections) turn();
  for (int i = 0; i < 1000; ++i) turn();
  HEDDLE_CHECK(proxy.proxy().connections() == 2 * connections, "all pairs stand");
  return static_cast<double>(taken) / connections +
         static_cast<double>(2 * (Transport::idle_bytes() + mesh::HttpProxy::connection_bytes()));
}

double idle_plain(uint32_t connections) {
  Bench bench(1);
  HttpServer server(*bench.sides[kServer], 0);
  Proxy proxy(*bench.sides[kMeasured], address(2), bench.now, proxy_limits());
  Http1Caller caller(*bench.sides[kClient], address(9), connections, true);
  return idle_bytes(bench, server, proxy, caller, connections);
}

double idle_tls(uint32_t connections) {
  TlsBench tls(1, 0);
  Http1Caller caller(*tls.bench.sides[kClient], address(3), connections, true);
  return idle_bytes(tls.bench, tls.server, tls.proxy, caller, connections);
}

}  // namespace

int main(int argc, char** argv) {
  const double time = argc > 1 ? std::atof(argv[1]) : 0.5;
  const std::pair<const char*, std::function<double()>> figures[] = {
      {"rps_1", [&] { return over_http1(time, 0, 1); }},
      {"rps_64", [&] { return over_http1(time, 0, 64); }},
      {"rps_1024", [&] { return over_http1(time, 0, 1024); }},
      {"rps_10000", [&] { return over_http1(time, 0, 10'000); }},
      {"rps_64_1k", [&] { return over_http1(time, 1024, 64); }},
      {"rps_64_16k", [&] { return over_http1(time, 16'384, 64); }},
      {"rps_64_1m", [&] { return over_http1(time, 1 << 20, 64); }},
      {"crr", [&] { return over_http1(time, 0, 64, false); }},
      {"http2_rps_64x1", [&] { return over_http2(time, 0, 64, 1); }},
      {"http2_rps_8x16", [&] { return over_http2(time, 0, 8, 16); }},
      {"http2_rps_64x16", [&] { return over_http2(time, 0, 64, 16); }},
      {"http2_both_8x16", [&] { return all_http2(time, 8, 16); }},
      {"http2_both_64x16", [&] { return all_http2(time, 64, 16); }},
      {"http2_rps_8x16_16k", [&] { return over_http2(time, 16'384, 8, 16); }},
      {"routes_10", [&] { return with_routes(time, 10); }},
      {"routes_5000", [&] { return with_routes(time, 5000); }},
      {"tls_rps_64", [&] { return over_tls(time, 0); }},
      {"tls_rps_64_16k", [&] { return over_tls(time, 16'384); }},
      {"tls_crr", [&] { return over_tls(time, 0, false); }},
      {"idle_pair_bytes", [&] { return idle_plain(2000); }},
      {"tls_idle_pair_bytes", [&] { return idle_tls(2000); }},
  };
  const char* before = "{";
  for (const auto& [name, measure] : figures) {
    if (argc > 2 && name != std::string_view(argv[2])) continue;
    std::printf("%s\"%s\": %.0f", before, name, measure());
    before = ", ";
  }
  std::printf("}\n");
  return 0;
}
