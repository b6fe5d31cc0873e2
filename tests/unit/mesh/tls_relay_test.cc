// The relay with TLS on one side or both, in the simulator.
#include <gtest/gtest.h>

#include "seed.h"
#include "tls_net.h"

namespace heddle::mesh {
namespace {

TEST(TlsRelay, EndsTheClientsTlsAndTellsPolicyWhoItIs) {
  TlsNet net;
  net.terminate();
  net.serve(300'000);
  const TlsPeer& peer = net.open_tls(200'000, client_config(), "shop.test");
  net.until([&] { return net.tls_client.all_ended() && net.server_app.all_closed(); });
  EXPECT_EQ(peer.received, 300'000u);
  EXPECT_EQ(net.server_app.received(), 200'000u);
  EXPECT_TRUE(peer.right && net.server_app.all_right());
  EXPECT_TRUE(peer.peer_said_close);
  EXPECT_EQ(peer.why, tcp::EndReason::kFinished);
  EXPECT_EQ(net.policy.identity, "spiffe://mesh.test/ns/shop/sa/client");
  EXPECT_EQ(net.policy.server_name, "shop.test");
  EXPECT_EQ(net.policy.sent, 200'000u) << "plaintext is what is counted";
  net.until([&] { return net.count(RelayStat::kFinished) == 1; });
  EXPECT_EQ(net.count(RelayStat::kFinished), 1u);
  EXPECT_EQ(net.work->gate.in_flight, 0u);
}

TEST(TlsRelay, BeginsTlsTowardsTheEndpoint) {
  TlsNet net;
  net.originate();
  const StreamState& client = net.open(200'000);
  net.until([&] { return net.client_app.all_closed() && net.tls_server.all_ended(); });
  ASSERT_EQ(net.tls_server.peers.size(), 1u);
  const TlsPeer& server = net.tls_server.peers.front();
  EXPECT_EQ(server.received, 200'000u);
  EXPECT_EQ(client.received, 300'000u);
  EXPECT_TRUE(server.right && client.right);
  EXPECT_TRUE(server.peer_said_close);
  EXPECT_EQ(server.tls->agreed()->peer_identity, "spiffe://mesh.test/ns/shop/sa/node");
}

// Every version and suite, over links that lose, on both legs.
TEST(TlsRelay, LosesNothingOverBadLinksInAnySuite) {
  Random random(test_seed());
  for (const tls::Suite& suite : tls::kSuites) {
    LinkSpec near = wire(50, milliseconds(5));
    near.loss = 10'000;
    near.reorder = random.below(20'000);
    near.reorder_by = milliseconds(3);
    TlsNet net(near, near);
    tls::Config serving = server_config(), calling = client_config();
    for (tls::Config* each : {&serving, &calling}) {
      each->suites = {suite.id};
      each->min_version = each->max_version = suite.version;
    }
    if (suite.name.find("RSA") != std::string_view::npos) {
      const auto rsa =
          tls::issue({.common_name = "node", .uris = {"spiffe://mesh.test/ns/shop/sa/node"}},
                     &tls::authorities().mesh, tls::KeyKind::kRsa2048);
      serving.certificates = {tls::config_of(rsa)};
    }
    net.terminate(serving);
    net.originate(calling, serving);
    for (int i = 0; i < 3; ++i) net.open_tls(1 + random.below(300'000), calling);
    net.until([&] { return net.tls_client.all_ended() && net.tls_server.all_ended(); },
              seconds(120));
    EXPECT_EQ(net.tls_server.peers.size(), 3u) << suite.name;
    EXPECT_TRUE(net.tls_client.all_right() && net.tls_server.all_right());
    for (const TlsPeer& each : net.tls_client.peers) EXPECT_EQ(each.received, 300'000u);
    net.until([&] { return net.app.relay.pairs() == 0; });
    EXPECT_EQ(net.count(RelayStat::kFinished), 3u);
  }
}

TEST(TlsRelay, RefusesPlaintextWhereTlsIsAskedFor) {
  TlsNet net;
  net.terminate();
  net.client.set_app(net.client_app);
  net.serve(100);
  const StreamState& client = net.open(1000);
  net.until([&] { return net.client_app.all_closed(); });
  EXPECT_EQ(client.received, 7u) << "an alert";
  EXPECT_TRUE(net.server_app.streams().empty());
  EXPECT_EQ(net.count(RelayStat::kTlsClient), 1u);
  EXPECT_EQ(net.refused(tls::Refusal::kNotTls), 1u);
}

TEST(TlsRelay, NeverFallsBackToPlaintextTowardsAnEndpoint) {
  TlsNet net;
  net.policy.server_tls = shared(client_config("node"));
  net.serve(1000);  // in clear
  const StreamState& client = net.open(5000);
  net.until([&] { return net.client_app.all_closed(); });
  EXPECT_EQ(client.received, 0u);
  EXPECT_EQ(client.ended, tcp::EndReason::kPeerReset);
  EXPECT_EQ(net.count(RelayStat::kTlsServer), 1u);
  EXPECT_EQ(net.count(RelayStat::kBytesToServer), 0u);
}

TEST(TlsRelay, RefusesAClientOfAnUnknownTrustDomain) {
  TlsNet net;
  net.terminate();
  net.serve(100);
  tls::Config stranger = client_config();
  stranger.certificates = {
      tls::config_of(tls::issue({.common_name = "x", .uris = {"spiffe://other.test/ns/shop/sa/x"}},
                                &tls::authorities().other))};
  const TlsPeer& peer = net.open_tls(1000, stranger);
  net.until([&] { return net.tls_client.all_ended(); });
  EXPECT_EQ(peer.received, 0u);
  EXPECT_TRUE(net.server_app.streams().empty());
  EXPECT_EQ(net.refused(tls::Refusal::kUnknownTrustDomain), 1u);
}

TEST(TlsRelay, TellsTlsFromPlaintextByTheFirstBytes) {
  for (const bool speaks_tls : {true, false}) {
    TlsNet net;
    net.terminate();
    net.policy.side = ClientSide::kEither;
    net.serve(100'000);
    if (speaks_tls) {
      const TlsPeer& peer = net.open_tls(70'000);
      net.until([&] { return net.tls_client.all_ended() && net.server_app.all_closed(); });
      EXPECT_EQ(peer.received, 100'000u);
      EXPECT_FALSE(net.policy.identity.empty());
    } else {
      net.client.set_app(net.client_app);
      const StreamState& client = net.open(70'000);
      net.until([&] { return net.all_closed(); });
      EXPECT_EQ(client.received, 100'000u);
      EXPECT_TRUE(net.policy.identity.empty());
    }
    EXPECT_EQ(net.server_app.received(), 70'000u);
    EXPECT_TRUE(net.server_app.all_right());
  }
}

// Reads, and says nothing, so that nothing but bytes wakes the relay.
class Reader final : public sim::App {
 public:
  void on_event(tcp::Transport& transport, const tcp::EventNote& note, Instant now) override {
    tcp::Chain chain = transport.receive(note.id, UINT32_MAX, now);
    received += chain.bytes;
    transport.pieces().free(chain);
    if (note.has(tcp::Notice::kHalfClosed) || note.has(tcp::Notice::kReset))
      transport.close(note.id, now);
  }
  uint64_t received = 0;
};

// All of it is there before the endpoint has answered, and the client says nothing more.
TEST(TlsRelay, HandsOnAllOfAPlainRequestThatCameBeforeTheEndpointAnswered) {
  TlsNet net(wire(), wire(100, milliseconds(300)));
  net.terminate();
  net.policy.side = ClientSide::kEither;
  net.client.set_app(net.client_app);
  Reader reader;
  net.server.set_app(reader);
  net.server.transport().listen({.local = {address(2), Be16(kServerPort)}});
  StreamState& client = net.open(40'000);
  client.close_when_sent = false;
  net.until([&] { return reader.received == 40'000u; }, seconds(20));
  EXPECT_EQ(reader.received, 40'000u);
  net.client.transport().close(client.id, net.network.now());
  client.closed = true;
  net.client.wake(net.network.now());
}

TEST(TlsRelay, PassesTlsThroughByItsServerName) {
  TlsNet net;
  net.policy.side = ClientSide::kTlsNamed;
  net.server.set_app(net.tls_server);
  net.tls_server.listen({address(2), Be16(kServerPort)}, shared(server_config("server")), 50'000);
  const TlsPeer& peer = net.open_tls(60'000, client_config(), "a.shop.test");
  net.until([&] { return net.tls_client.all_ended() && net.tls_server.all_ended(); });
  EXPECT_EQ(net.policy.server_name, "a.shop.test");
  EXPECT_EQ(peer.received, 50'000u);
  EXPECT_EQ(peer.tls->agreed()->peer_identity, "spiffe://mesh.test/ns/shop/sa/server");
  EXPECT_EQ(net.work->records->counters().value(tls::Stat::kHandshakesStarted), 0u);
}

TEST(TlsRelay, ASilentClientHoldsNoHandshakeAndIsSentAway) {
  TlsNet net;
  net.terminate();
  net.tls_client.silent = true;
  const TlsPeer& peer = net.open_tls(100);
  net.until([&] { return peer.connected; });
  EXPECT_EQ(net.work->gate.in_flight, 0u);
  net.until([&] { return peer.peer_done; }, milliseconds(9'900));
  EXPECT_FALSE(peer.peer_done);
  net.until([&] { return peer.peer_done; }, milliseconds(400));
  EXPECT_TRUE(peer.peer_done);
  EXPECT_EQ(net.count(RelayStat::kTooSlow), 1u);
  net.client.transport().abort(peer.id, net.network.now());
}

TEST(TlsRelay, HandshakesBeyondTheGateWaitForOthers) {
  TlsNet net(wire(), wire(), 16);
  net.work->gate.limit = 2;
  net.terminate();
  net.serve(1000);
  for (int i = 0; i < 12; ++i) net.open_tls(1000);
  net.until([&] {
    EXPECT_LE(net.work->gate.in_flight, 2u);
    return net.tls_client.all_ended();
  });
  for (const TlsPeer& each : net.tls_client.peers) EXPECT_EQ(each.received, 1000u);
  EXPECT_EQ(net.refused(tls::Refusal::kHandshakesInFlight), 0u);
}

TEST(TlsRelay, AStreamThatWasCutOffIsNotPassedOnAsWhole) {
  TlsNet net;
  net.terminate();
  net.serve(0);
  net.tls_client.says_close = false;
  net.open_tls(10'000);
  net.until([&] { return net.server_app.all_closed() && !net.server_app.streams().empty(); });
  EXPECT_EQ(net.server_app.streams()[0]->ended, tcp::EndReason::kPeerReset);
  EXPECT_EQ(net.count(RelayStat::kTruncated), 1u);
  EXPECT_EQ(net.refused(tls::Refusal::kTruncated), 1u);
}

TEST(TlsRelay, HoldsASenderBackThatIsFasterThanTheReader) {
  TlsNet net;
  net.terminate();
  net.serve(0);
  net.server_app.set_read_limit(200);  // a millisecond
  const TlsPeer& peer = net.open_tls(4'000'000);
  uint32_t most = 0;
  for (int i = 0; i < 300; ++i) {
    net.network.run_until(net.network.now() + milliseconds(5));
    most = std::max<uint32_t>(most, net.node.transport().pieces().in_use());
  }
  EXPECT_LT(peer.sent, 4'000'000u);
  EXPECT_LT(most, 2'500u) << "pieces of about 1.4 KB";
  net.until([&] { return net.tls_client.all_ended() && net.server_app.all_closed(); });
  EXPECT_EQ(net.server_app.received(), 4'000'000u);
  EXPECT_TRUE(net.server_app.all_right());
}

}  // namespace
}  // namespace heddle::mesh
