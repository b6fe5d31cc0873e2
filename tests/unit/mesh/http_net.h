// An HTTP proxy between a client and a server in the simulator.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "allocations.h"
#include "flows.h"
#include "link.h"
#include "mesh/http_proxy.h"
#include "mesh/jwt_gate.h"
#include "relay_net.h"
#include "text_app.h"

namespace heddle::mesh {

// Everything goes to the server, until told otherwise.
class HttpRules final : public HttpPolicy {
 public:
  bool wants_proxy_header(uint32_t) override { return proxy_header_in; }
  std::optional<ClientTerms> terms(uint32_t frontend, const Client& client) override {
    EXPECT_EQ(frontend, kFrontend);
    if (remembers) {
      EXPECT_EQ(client.tuple.remote.address, client_address);
      EXPECT_EQ(client.told, client_address != address(1));
    }
    return ClientTerms{.side = side,
                       .tls = client_tls,
                       .edge = edge,
                       .sniffs = relay != nullptr,
                       .silence = silence,
                       .version = version};
  }
  void take_bytes(HandedOver&& from, Instant now) override {
    relay->take_over(std::move(from), now);
  }
  bool admits(uint32_t frontend, const Client& client,
              const policy::RequestHead& request) override {
    EXPECT_EQ(frontend, kFrontend);
    if (remembers) judged.emplace_back(request.path);
    return (!denies || !denies(request)) && (!denies_client || !denies_client(client));
  }
  HttpTokens tokens(uint32_t frontend) override {
    EXPECT_EQ(frontend, kFrontend);
    return {.asked = gate != nullptr, .names = claim_names};
  }
  HttpToken authenticate(const HttpTokenAsk& ask, std::vector<uint8_t>& claims) override {
    const policy::JwtCheck* check = check_of(ask);
    if (check == nullptr) return {};
    return gate->authenticate(*check, ask.request, wall, gate_now, claims);
  }
  bool tell_token(const HttpTokenAsk& ask, const HttpToken& token,
                  const jwt::ClaimsView* claims) override {
    const policy::JwtCheck* check = check_of(ask);
    return check == nullptr || JwtGate::tell(*check, token, claims, ask.request);
  }
  const policy::JwtCheck* check_of(const HttpTokenAsk& ask) const {
    const bool own =
        ask.route != nullptr && ask.route->target != nullptr && ask.route->target->jwt != nullptr;
    return own ? ask.route->target->jwt.get() : port_tokens.get();
  }
  std::optional<HttpRoute> route(uint32_t frontend, const Client&,
                                 const http::Message& request) override {
    EXPECT_EQ(frontend, kFrontend);
    if (remembers) asked.emplace_back(request.path());
    if (!found || (hides && hides(request))) return std::nullopt;
    HttpRoute its;
    its.target = target ? &*target : nullptr;
    its.prefix = prefix;
    its.version = version;
    its.affinity = affinity;
    its.cookie.fill('c');
    return its;
  }
  std::optional<HttpLimited> limit(uint32_t, const Client& client, const HttpRoute&,
                                   const http::Message& request) override {
    return limits ? limits(client, request) : std::nullopt;
  }
  HttpInjected inject(uint32_t, const Client&, const HttpRoute&,
                      const http::Message& request) override {
    return injects ? injects(request) : HttpInjected();
  }
  std::expected<HttpDestination, HttpFault> choose(const Try& what, const Client&) override {
    if (remembers) sent.emplace_back(what.request.path());
    if (remembers) tried.assign(what.tried.begin(), what.tried.end());
    if (fault != HttpFault::kNone) return std::unexpected(fault);
    return HttpDestination{.to = {.tuple = {{address(9), Be16(0)}, {address(2), Be16(port)}},
                                  .endpoint = kEndpoint,
                                  .generation = 1,
                                  .connect_timeout = seconds(5),
                                  .idle_timeout = idle,
                                  .tls = server_tls,
                                  .proxy_header = proxy_header,
                                  .bounds = bounds},
                           .http2 = http2,
                           .retry = retry,
                           .per_try = per_try};
  }
  std::expected<HttpDestination, HttpFault> mirror(uint32_t frontend, const Client& client,
                                                   const HttpRoute& its,
                                                   const http::Message& request) override {
    if (!mirrors) return std::unexpected(HttpFault::kNone);
    std::expected<HttpDestination, HttpFault> to = choose({frontend, its, request, {}}, client);
    if (!to) return to;
    to->to.tuple.remote.port = Be16(mirror_port);
    to->to.endpoint = kEndpoint + 1;
    return to;
  }
  void opened(uint32_t, uint32_t endpoint) override {
    EXPECT_TRUE(endpoint == kEndpoint || mirrors);
    ++active;
  }
  void closed(uint32_t, uint32_t) override { --active; }
  void ended(const HttpRecord& record) override {
    if (!remembers) return;
    records.push_back(record);
    ended_of.push_back(std::string(record.authority) + std::string(record.path));
  }
  Standing judge(uint32_t, const Client& client) override {
    last_shaking = client.shaking;
    return standing;
  }
  bool may_go_on(uint32_t, const Client& client, const policy::RequestHead& request) override {
    return (!denies || !denies(request)) && (!denies_client || !denies_client(client));
  }
  bool may_stay(uint32_t, const Client&, const tcp::Endpoint& endpoint,
                const http::Message& request) override {
    if (denies_sent && denies_sent(request)) return false;
    const bool mirror = mirrors && endpoint == tcp::Endpoint{address(2), Be16(mirror_port)};
    EXPECT_TRUE(mirror || endpoint == (tcp::Endpoint{address(2), Be16(port)}));
    return stays && !(mirror && mirror_denied);
  }

  ClientSide side = ClientSide::kPlain;
  std::shared_ptr<tls::Context> client_tls, server_tls;
  std::optional<policy::HttpTarget> target;
  TcpRelay* relay = nullptr;  // not null: who takes what is other than HTTP
  Duration silence;
  bool mirrors = false;
  bool edge = false;
  uint16_t mirror_port = kServerPort + 1;
  bool mirror_denied = false;
  std::shared_ptr<const policy::HttpAffinity> affinity;
  bool proxy_header_in = false;
  ProxyHeaderVersion proxy_header = ProxyHeaderVersion::kNone;  // to the server
  tcp::IpAddress client_address = address(1);
  bool found = true, stays = true, http2 = false;
  bool remembers = true;  // what it was asked and told
  uint32_t prefix = 0;
  uint64_t version = 0;  // of what it says
  uint16_t port = kServerPort;
  HttpFault fault = HttpFault::kNone;
  Bounds bounds;
  std::shared_ptr<const policy::Retry> retry;
  Duration per_try;
  std::vector<uint32_t> tried;  // endpoints that the last try left out
  Duration idle = seconds(60);
  Standing standing = Standing::kStays;
  bool last_shaking = false;  // whether the client that was judged last had said nothing yet
  int active = 0;
  std::function<bool(const policy::RequestHead&)> denies;  // null: none
  std::function<bool(const Client&)> denies_client;        // the same, by who asks
  std::function<bool(const http::Message&)> hides;         // whether there is no rule for it
  std::function<std::optional<HttpLimited>(const Client&, const http::Message&)> limits;
  std::function<HttpInjected(const http::Message&)> injects;
  std::unique_ptr<JwtGate> gate;  // null: no token is asked for
  std::shared_ptr<const policy::JwtCheck> port_tokens;
  std::shared_ptr<const policy::ClaimNames> claim_names;
  UnixTime wall{0};
  Instant gate_now;
  std::function<bool(const http::Message&)> denies_sent;  // of those at endpoints
  std::vector<std::string> asked, judged, sent;           // paths
  std::vector<HttpRecord> records;
  std::vector<std::string> ended_of;  // authority and path of each record
};

class ProxyApp final : public sim::App {
 public:
  ProxyApp(Host& host, HttpRules& rules, const HttpLimits& limits, TlsWork& work)
      : proxy(host.transport(), host.buffers(), rules, limits, Instant(1'000'000'000), &work, 77),
        host_(host),
        work_(work),
        rules_(rules) {
    host.transport().listen({.local = {address(9), Be16(kPort)}, .user = kFrontend});
  }
  void on_event(tcp::Transport&, const tcp::EventNote& note, Instant now) override {
    if (rules_.relay != nullptr && note.user > UINT32_MAX && !HttpProxy::is_mine(note.user))
      return rules_.relay->on_note(note, now);
    const rig::AllocationCount count;
    proxy.on_note(note, now);
    allocations += count.value();
  }
  void on_turn(tcp::Transport&, Instant now) override {
    const bool back = work_.start_turn(now);
    const bool more = turn(now);
    work_.end_turn(now);
    if (back || more) host_.wake_later(now + microseconds(1));
    Instant next = std::min(proxy.next_deadline(), work_.next_deadline());
    if (rules_.relay != nullptr) next = std::min(next, rules_.relay->next_deadline());
    host_.wake_later(std::max(next, now + microseconds(100)));
  }
  HttpProxy proxy;
  uint64_t allocations = 0;  // within the proxy

 private:
  bool turn(Instant now) {
    if (rules_.relay != nullptr) rules_.relay->on_timer(now);
    const rig::AllocationCount count;
    const bool more = proxy.on_turn(now);
    allocations += count.value();
    return more;
  }

  Host& host_;
  TlsWork& work_;
  HttpRules& rules_;
};

inline HttpLimits small_limits() {
  HttpLimits limits;
  limits.connections = 64;
  limits.requests = 32;
  limits.endpoints = 16;
  return limits;
}

struct HttpNet {
  explicit HttpNet(const HttpLimits& limits = small_limits(), const LinkSpec& near = wire(),
                   const LinkSpec& far = wire(), const tcp::Limits& tcp = Host::small_limits())
      : client({}, 1, tcp),
        node({}, 2, tcp),
        server({}, 3, tcp),
        up(near, node, 4),
        down(near, client, 5),
        out(far, server, 6),
        in(far, node, 7),
        fork(down, out),
        work(tls_work(node)),
        clients(client),
        servers(server),
        app(node, rules, limits, *work) {
    client.connect_to(up);
    server.connect_to(in);
    node.connect_to(fork);
    client.set_app(clients);
    server.set_app(servers);
    node.set_app(app);
    for (sim::Element* each :
         std::initializer_list<sim::Element*>{&client, &node, &server, &up, &down, &out, &in})
      network.add(*each);
  }
  ~HttpNet() {
    servers.answer_no_more();  // what tests have put around this is gone already
    for (TextStream& each : clients.streams)
      if (!each.closed) clients.close(each, network.now());
    network.run_until(network.now() + seconds(400));
    EXPECT_EQ(app.proxy.requests(), 0u);
    EXPECT_EQ(app.proxy.connections(), 0u);
    EXPECT_EQ(rules.active, 0);
    EXPECT_EQ(node.transport().connection_count(), 0u);
    EXPECT_EQ(node.transport().pieces().in_use(), 0u);
  }

  TextStream& ask(std::string text) {
    return clients.open({{address(1), Be16(0)}, {address(9), Be16(kPort)}}, std::move(text),
                        network.now());
  }
  void serve(TextApp::Answer answer) {
    servers.serve({address(2), Be16(kServerPort)}, std::move(answer));
  }
  // Answers each request (without a body) with this.
  void serve(std::string response) {
    serve([response, this](TextStream& stream) {
      for (size_t end; (end = stream.heard.find("\r\n\r\n")) != std::string::npos;) {
        requests.push_back(stream.heard.substr(0, end + 4));
        stream.heard.erase(0, end + 4);
        stream.to_say += response;
      }
    });
  }
  void run(Duration time = seconds(2)) { network.run_until(network.now() + time); }
  uint64_t count(HttpStat stat) const { return app.proxy.counters().value(stat); }
  uint64_t count(HttpFault fault) const { return app.proxy.counters().value(fault); }

  sim::Network network;
  Host client, node, server;
  Link up, down, out, in;
  Fork fork;
  HttpRules rules;
  std::unique_ptr<TlsWork> work;
  TextApp clients, servers;
  ProxyApp app;
  std::vector<std::string> requests;  // that the server got
};

}  // namespace heddle::mesh
