// A relay between a client and a server in the simulator: three hosts, four links.
#pragma once

#include <gtest/gtest.h>

#include <thread>

#include "flows.h"
#include "host.h"
#include "link.h"
#include "mesh/tcp_relay.h"

namespace heddle::mesh {

using sim::address;
using sim::Host;
using sim::Link;
using sim::LinkSpec;
using sim::StreamApp;
using sim::StreamState;

inline constexpr uint16_t kPort = 80, kServerPort = 8080;
inline constexpr uint32_t kFrontend = 5, kEndpoint = 9;

// To one of two links, by the last byte of the destination.
class Fork final : public sim::Element {
 public:
  Fork(sim::Element& to_first, sim::Element& to_second) : to_{&to_first, &to_second} {}
  void forward(sim::Packet packet, Instant now) override {
    to_[packet[19] == 1 ? 0 : 1]->forward(std::move(packet), now);
  }
  Instant next_event() const override { return kNever; }
  void run(Instant) override {}

 private:
  sim::Element* to_[2];
};

// Everything goes to the server, until told otherwise.
class Policy final : public RelayPolicy {
 public:
  bool wants_proxy_header(uint32_t) override { return proxy_header_in; }
  std::optional<ClientTerms> terms(uint32_t frontend, const Client& client) override {
    EXPECT_EQ(frontend, kFrontend);
    EXPECT_EQ(client.tuple.remote.address, client_address);
    return ClientTerms{.side = side, .tls = client_tls};
  }
  std::optional<Upstream> choose(uint32_t frontend, const Client& client,
                                 const ClientFacts& facts) override {
    EXPECT_EQ(frontend, kFrontend);
    EXPECT_EQ(client.tuple.remote.address, client_address);
    server_name = facts.server_name;
    identity = facts.identity;
    if (refuse) return std::nullopt;
    return Upstream{.tuple = {{address(9), Be16(0)}, {address(2), Be16(port)}},
                    .endpoint = kEndpoint,
                    .generation = generation,
                    .connect_timeout = seconds(5),
                    .idle_timeout = idle,
                    .tls = server_tls,
                    .proxy_header = proxy_header};
  }
  void opened(uint32_t, uint32_t endpoint) override {
    EXPECT_EQ(endpoint, kEndpoint);
    ++active;
  }
  void closed(uint32_t, uint32_t) override { --active; }
  void moved(uint32_t, uint32_t, bool to_endpoint, uint32_t bytes) override {
    (to_endpoint ? sent : received) += bytes;
  }
  Standing judge(const RelayPair& pair) override {
    EXPECT_EQ(pair.client.tuple.remote.address, client_address);
    EXPECT_EQ(pair.endpoint, (tcp::Endpoint{address(2), Be16(port)}));
    EXPECT_EQ(pair.frontend, kFrontend);
    ++judged;
    return standing;
  }

  ClientSide side = ClientSide::kPlain;
  std::shared_ptr<tls::Context> client_tls, server_tls;
  std::string server_name, identity;
  bool proxy_header_in = false;
  ProxyHeaderVersion proxy_header = ProxyHeaderVersion::kNone;  // to the server
  tcp::IpAddress client_address = address(1);
  bool refuse = false;
  uint16_t port = kServerPort;
  uint32_t generation = 1;
  Duration idle = seconds(60);
  Standing standing = Standing::kStays;
  int active = 0;
  int judged = 0;
  uint64_t sent = 0, received = 0;
};

class RelayApp final : public sim::App {
 public:
  RelayApp(Host& host, Policy& policy, uint32_t pairs, TlsWork& work)
      : relay(host.transport(), policy, pairs, Instant(1'000'000'000), &work),
        host_(host),
        work_(work) {
    host.transport().listen({.local = {address(9), Be16(kPort)}, .user = kFrontend});
  }
  void on_event(tcp::Transport&, const tcp::EventNote& note, Instant now) override {
    relay.on_note(note, now);
  }
  void on_turn(tcp::Transport&, Instant now) override {
    relay.on_timer(now);
    bool more = turn(now);
    // Virtual time does not wait for a thread, so its handshakes are waited for here.
    while (wait_for_helpers && work_.any_away()) {
      std::this_thread::yield();
      more |= turn(now);
    }
    if (more) host_.wake_later(now + microseconds(1));
    const Instant next = std::min(relay.next_deadline(), work_.next_deadline());
    host_.wake_later(std::max(next, now + milliseconds(1)));
  }
  TcpRelay relay;
  bool wait_for_helpers = false;

 private:
  bool turn(Instant now) {
    const bool back = work_.start_turn(now);
    const bool more = relay.shake_hands(now);
    work_.end_turn(now);
    return back || more;
  }

  Host& host_;
  TlsWork& work_;
};

inline LinkSpec wire(uint64_t megabits = 100, Duration delay = milliseconds(1)) {
  return {.bits_per_second = megabits * 1'000'000, .delay = delay, .queue_bytes = 256 << 10};
}

inline std::unique_ptr<TlsWork> tls_work(Host& host) {
  auto work = std::make_unique<TlsWork>();
  auto records = tls::RecordContext::create({}, host.transport().pieces(), host.buffers());
  HEDDLE_CHECK(records.has_value(), "no record context");
  work->records = std::move(*records);
  work->wall = [] { return tls::UnixTime(1'800'000'000); };
  return work;
}

struct Net {
  explicit Net(const LinkSpec& near = wire(), const LinkSpec& far = wire(), uint32_t pairs = 8)
      : client({}, 1),
        node({}, 2),
        server({}, 3),
        up(near, node, 4),
        down(near, client, 5),
        out(far, server, 6),
        in(far, node, 7),
        fork(down, out),
        work(tls_work(node)),
        app(node, policy, pairs, *work) {
    client.connect_to(up);
    server.connect_to(in);
    node.connect_to(fork);
    client.set_app(client_app);
    server.set_app(server_app);
    node.set_app(app);
    client_app.attach(client);
    server_app.attach(server);
    for (sim::Element* each :
         std::initializer_list<sim::Element*>{&client, &node, &server, &up, &down, &out, &in})
      network.add(*each);
  }
  ~Net() {
    network.run_until(network.now() + seconds(300));
    EXPECT_EQ(app.relay.pairs(), 0u);
    EXPECT_EQ(policy.active, 0);
    EXPECT_EQ(node.transport().connection_count(), 0u);
    EXPECT_EQ(node.transport().pieces().in_use(), 0u);
  }

  StreamState& open(uint64_t bytes) {
    return client_app.open(client, {{address(1), Be16(0)}, {address(9), Be16(kPort)}}, bytes,
                           network.now());
  }
  void serve(uint64_t reply) { server_app.listen(server, {address(2), Be16(kServerPort)}, reply); }
  template <class Done>
  void until(Done&& done, Duration most = seconds(60)) {
    network.run_until(network.now() + most, std::forward<Done>(done));
  }
  bool all_closed() const {
    return client_app.all_closed() && !server_app.streams().empty() && server_app.all_closed();
  }
  uint64_t count(RelayStat stat) const { return app.relay.counters().value(stat); }

  sim::Network network;
  Host client, node, server;
  Link up, down, out, in;
  Fork fork;
  Policy policy;
  StreamApp client_app, server_app;
  std::unique_ptr<TlsWork> work;
  RelayApp app;
};

}  // namespace heddle::mesh
