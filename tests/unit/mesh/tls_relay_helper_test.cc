// The relay whose handshakes' steps other threads make.
#include <gtest/gtest.h>

#include "seed.h"
#include "tls_net.h"

namespace heddle::mesh {
namespace {

// The relay's contexts are of the helpers' lanes.
std::shared_ptr<tls::Context> of_lane(uint32_t lane, const tls::Config& config) {
  static const std::unique_ptr<tls::Library> libraries[] = {std::move(*tls::Library::create(0)),
                                                            std::move(*tls::Library::create(1))};
  auto made = tls::Context::create(*libraries[lane], config);
  HEDDLE_CHECK(made.has_value(), "a context of the test's own");
  return std::move(*made);
}

struct HelpedNet : TlsNet {
  // Without threads, the test plays the helpers.
  explicit HelpedNet(bool threads, uint32_t pairs = 8, uint32_t room = 256)
      : TlsNet(wire(), wire(), pairs) {
    for (int lane = 0; lane < 2; ++lane) {
      work->helpers.push_back(std::make_unique<tls::HandshakeHelper>(room));
      if (threads) {
        EXPECT_TRUE(work->helpers.back()->start("tls-test"));
      }
    }
    app.wait_for_helpers = threads;
  }
  // Ends what is still away, so that all comes to rest.
  ~HelpedNet() {
    app.wait_for_helpers = false;
    for (int i = 0; i < 10; ++i) {
      play();
      network.run_until(network.now() + seconds(1));
    }
  }

  void terminate_helped(const tls::Config& config = server_config()) {
    terminate(config);
    policy.client_tls = of_lane(0, config);
  }
  void originate_helped() {
    originate();
    policy.server_tls = of_lane(1, client_config("node"));
  }
  uint32_t away() const { return work->helpers[0]->away() + work->helpers[1]->away(); }
  void play() {
    for (const auto& helper : work->helpers) {
      while (helper->work()) {
      }
    }
  }
  uint64_t stat(tls::Stat stat) const { return work->records->counters().value(stat); }
};

TEST(TlsRelayHelper, BothLegsOfManyConnections) {
  HelpedNet net(true, 16);
  net.terminate_helped();
  net.originate_helped();
  for (int i = 0; i < 12; ++i) net.open_tls(20'000);
  net.until([&] { return net.tls_client.all_ended() && net.tls_server.peers.size() == 12; });
  net.until([&] { return net.count(RelayStat::kFinished) == 12; });
  EXPECT_EQ(net.count(RelayStat::kFinished), 12u);
  EXPECT_TRUE(net.tls_client.all_right() && net.tls_server.all_right());
  for (const TlsPeer& each : net.tls_client.peers) EXPECT_EQ(each.received, 300'000u);
  for (const TlsPeer& each : net.tls_server.peers) EXPECT_EQ(each.received, 20'000u);
  EXPECT_EQ(net.policy.identity, "spiffe://mesh.test/ns/shop/sa/client");
  EXPECT_EQ(net.stat(tls::Stat::kHandshakesDone), 24u);
  EXPECT_EQ(net.work->gate.in_flight, 0u);
  EXPECT_EQ(net.away(), 0u);
}

TEST(TlsRelayHelper, RefusesAndTellsTheClientWhy) {
  HelpedNet net(true);
  net.terminate_helped();
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
  EXPECT_EQ(net.count(RelayStat::kTlsClient), 1u);
  EXPECT_EQ(net.work->gate.in_flight, 0u);
}

TEST(TlsRelayHelper, HandshakesBeyondTheGateWaitForOthers) {
  HelpedNet net(true, 16);
  net.work->gate.limit = 2;
  net.terminate_helped();
  net.serve(1000);
  for (int i = 0; i < 12; ++i) net.open_tls(1000);
  net.until([&] {
    EXPECT_LE(net.work->gate.in_flight, 2u);
    return net.tls_client.all_ended();
  });
  for (const TlsPeer& each : net.tls_client.peers) EXPECT_EQ(each.received, 1000u);
}

TEST(TlsRelayHelper, WhatFindsNoRoomWaitsForItsTurn) {
  HelpedNet net(false, 16, 1);
  net.terminate_helped();
  net.serve(1000);
  for (int i = 0; i < 6; ++i) net.open_tls(1000);
  net.until([&] { return net.work->gate.in_flight == 2; });
  EXPECT_EQ(net.away(), 1u);
  net.until([&] {
    net.play();
    EXPECT_LE(net.away(), 1u);
    return net.tls_client.all_ended();
  });
  for (const TlsPeer& each : net.tls_client.peers) EXPECT_EQ(each.received, 1000u);
}

// While one is away, others go on.
TEST(TlsRelayHelper, EstablishedConnectionsDoNotWaitForHandshakes) {
  HelpedNet net(false);
  net.terminate_helped();
  net.serve(1000);
  net.tls_client.says_close = false;
  const TlsPeer& first = net.open_tls(3'000'000);
  net.until([&] {
    net.play();
    return first.sent > 0;
  });
  net.open_tls(1000);
  net.until([&] { return net.away() == 1; });
  EXPECT_EQ(net.away(), 1u);
  const uint64_t before = net.policy.sent;
  net.until([&] { return net.policy.sent > before + 1'000'000; });
  EXPECT_GT(net.policy.sent, before + 1'000'000);
  EXPECT_EQ(net.away(), 1u);
}

TEST(TlsRelayHelper, AClientThatResetsWhileItsHandshakeIsAway) {
  for (const bool made : {false, true}) {
    HelpedNet net(false);
    net.terminate_helped();
    net.serve(1000);
    const TlsPeer& peer = net.open_tls(1000);
    net.until([&] { return net.away() == 1; });
    ASSERT_EQ(net.away(), 1u);
    net.client.transport().abort(peer.id, net.network.now());
    net.client.wake(net.network.now());
    net.until([&] { return net.count(RelayStat::kClientGone) == 1; });
    EXPECT_EQ(net.app.relay.pairs(), 0u);
    EXPECT_EQ(net.work->gate.in_flight, 1u) << "until it is back";
    EXPECT_EQ(net.stat(tls::Stat::kHandshakesDone), 0u);
    const std::weak_ptr<tls::Context> seen = net.policy.client_tls;
    net.policy.client_tls.reset();
    EXPECT_FALSE(seen.expired());
    if (made) net.play();
    net.until([&] { return net.away() == 0; }, milliseconds(10));
    EXPECT_EQ(net.away(), made ? 0u : 1u);
    net.play();
    net.until([&] { return net.away() == 0; });
    EXPECT_EQ(net.work->gate.in_flight, 0u);
    EXPECT_TRUE(seen.expired());
  }
}

TEST(TlsRelayHelper, AClientWhoseTimeIsUpWhileItsHandshakeIsAway) {
  HelpedNet net(false);
  net.terminate_helped();
  const TlsPeer& peer = net.open_tls(1000);
  net.until([&] { return net.away() == 1; });
  net.until([&] { return peer.peer_done; }, seconds(11));
  EXPECT_TRUE(peer.peer_done);
  EXPECT_EQ(net.count(RelayStat::kTooSlow), 1u);
  EXPECT_EQ(net.refused(tls::Refusal::kHandshakeTimeout), 1u);
  EXPECT_EQ(net.work->gate.in_flight, 1u);
  net.play();
  net.until([&] { return net.away() == 0; });
  EXPECT_EQ(net.work->gate.in_flight, 0u);
  EXPECT_EQ(net.stat(tls::Stat::kHandshakesRefused), 1u);
}

// The client says all, and that it is all, while its last flight is away.
TEST(TlsRelayHelper, AStreamThatEndsWhileItsHandshakeIsAwayIsWhole) {
  HelpedNet net(false);
  net.terminate_helped();
  net.serve(500);
  const TlsPeer& peer = net.open_tls(60'000);
  net.until([&] { return net.away() == 1; });
  net.play();  // the server's flight
  net.until([&] { return net.away() == 0; });
  net.until([&] { return net.away() == 1; });
  net.until([&] { return false; }, seconds(3));
  EXPECT_TRUE(net.server_app.streams().empty());
  net.until([&] {
    net.play();
    return net.count(RelayStat::kFinished) == 1;
  });
  EXPECT_EQ(net.server_app.received(), 60'000u);
  EXPECT_TRUE(net.server_app.all_right());
  EXPECT_EQ(peer.received, 500u);
  EXPECT_EQ(net.count(RelayStat::kFinished), 1u);
}

// Clients that come and go as they like, while threads make steps that nobody waits for.
TEST(TlsRelayHelper, AStormOfHandshakesAndResets) {
  Random random(test_seed());
  HelpedNet net(true, 64, 16);
  net.work->gate.limit = 16;
  net.terminate_helped();
  net.originate_helped();
  uint32_t reset = 0;
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 4; ++i) net.open_tls(1 + random.below(2000));
    net.app.wait_for_helpers = random.below(3) == 0;
    net.network.run_until(net.network.now() + microseconds(500 * int64_t{random.below(20)}));
    for (TlsPeer& each : net.tls_client.peers) {
      if (each.ended || random.below(4) != 0) continue;
      net.client.transport().abort(each.id, net.network.now());
      each.ended = true;
      each.tls->release(*net.client_work);
      ++reset;
    }
    net.client.wake(net.network.now());
    EXPECT_LE(net.work->gate.in_flight, 16u);
  }
  net.app.wait_for_helpers = true;
  net.until([&] { return net.tls_client.all_ended() && net.app.relay.pairs() == 0; });
  EXPECT_TRUE(net.tls_client.all_right());
  EXPECT_GT(reset, 10u);
  EXPECT_GT(net.stat(tls::Stat::kHandshakesDone), 50u);
  EXPECT_EQ(net.app.relay.pairs(), 0u);
  EXPECT_EQ(net.work->gate.in_flight, 0u);
  EXPECT_EQ(net.away(), 0u);
}

}  // namespace
}  // namespace heddle::mesh
