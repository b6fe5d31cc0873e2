// The relay of plain TCP.
#include <gtest/gtest.h>

#include "relay_net.h"
#include "seed.h"

namespace heddle::mesh {
namespace {

TEST(TcpRelay, MovesEveryByteBothWaysAndClosesBoth) {
  Net net;
  net.serve(300'000);
  const StreamState& client = net.open(200'000);
  net.until([&] { return net.all_closed(); });
  ASSERT_EQ(net.server_app.streams().size(), 1u);
  const StreamState& server = *net.server_app.streams()[0];
  EXPECT_EQ(server.received, 200'000u);
  EXPECT_EQ(client.received, 300'000u);
  EXPECT_TRUE(client.right && server.right);
  EXPECT_EQ(client.ended, tcp::EndReason::kFinished);
  EXPECT_EQ(server.ended, tcp::EndReason::kFinished);
  EXPECT_EQ(net.policy.sent, 200'000u);
  EXPECT_EQ(net.policy.received, 300'000u);
  net.until([&] { return net.count(RelayStat::kFinished) == 1; });
  EXPECT_EQ(net.count(RelayStat::kFinished), 1u);
  EXPECT_EQ(net.count(RelayStat::kBytesToServer), 200'000u);
}

TEST(TcpRelay, CarriesAHalfCloseOverWhileTheOtherSideStillSends) {
  Net net;
  net.serve(2'000'000);
  const StreamState& client = net.open(10);  // says all that it will at once
  net.until(
      [&] { return !net.server_app.streams().empty() && net.server_app.streams()[0]->peer_done; });
  ASSERT_TRUE(net.server_app.streams()[0]->peer_done);
  EXPECT_LT(client.received, 2'000'000u) << "heard of the client's end before its own";
  net.until([&] { return net.all_closed(); });
  EXPECT_EQ(client.received, 2'000'000u);
}

TEST(TcpRelay, HoldsASenderBackThatIsFasterThanTheReader) {
  Net net;
  net.serve(0);
  net.server_app.set_read_limit(200);  // a millisecond
  const StreamState& client = net.open(4'000'000);
  uint32_t most = 0;
  for (int i = 0; i < 300; ++i) {
    net.network.run_until(net.network.now() + milliseconds(5));
    most = std::max<uint32_t>(most, net.node.transport().pieces().in_use());
  }
  EXPECT_LT(client.sent, 4'000'000u);
  EXPECT_LT(net.policy.sent, 2'000'000u);
  EXPECT_LT(most, 2'000u) << "pieces of about 1.4 KB";
  net.until([&] { return net.all_closed(); });
  EXPECT_EQ(net.server_app.received(), 4'000'000u);
  EXPECT_TRUE(net.server_app.all_right());
}

TEST(TcpRelay, PassesAResetOn) {
  Net net;
  net.serve(1'000'000);
  StreamState& client = net.open(100);
  net.until([&] { return client.received > 0; });
  net.client.transport().abort(client.id, net.network.now());
  client.closed = true;
  net.client.wake(net.network.now());
  net.until([&] { return net.server_app.all_closed(); });
  EXPECT_EQ(net.server_app.streams()[0]->ended, tcp::EndReason::kPeerReset);
  EXPECT_EQ(net.count(RelayStat::kClientReset), 1u);
}

TEST(TcpRelay, TellsTheClientThatNobodyListens) {
  Net net;
  const StreamState& client = net.open(100);
  net.until([&] { return net.client_app.all_closed(); });
  EXPECT_EQ(client.ended, tcp::EndReason::kPeerReset);
  EXPECT_EQ(net.count(RelayStat::kConnectRefused), 1u);
}

TEST(TcpRelay, GivesUpAnEndpointThatDoesNotAnswer) {
  LinkSpec dead = wire();
  dead.mtu = 1;
  Net net(wire(), dead);
  net.open(100);
  net.until([&] { return net.client_app.all_closed(); }, milliseconds(4900));
  EXPECT_FALSE(net.client_app.all_closed());
  net.until([&] { return net.client_app.all_closed(); }, milliseconds(200));
  EXPECT_TRUE(net.client_app.all_closed());
  EXPECT_EQ(net.count(RelayStat::kConnectTimedOut), 1u);
}

TEST(TcpRelay, RefusesWhomPolicyHasNoEndpointFor) {
  Net net;
  net.policy.refuse = true;
  const StreamState& client = net.open(100);
  net.until([&] { return net.client_app.all_closed(); });
  EXPECT_EQ(client.ended, tcp::EndReason::kPeerReset);
  EXPECT_EQ(net.count(RelayStat::kRefused), 1u);
}

TEST(TcpRelay, RefusesMorePairsThanThereIsRoomFor) {
  Net net(wire(), wire(), 2);
  net.serve(0);
  for (int i = 0; i < 3; ++i) net.open(1'000'000);
  net.until([&] { return net.client_app.all_closed() && net.app.relay.pairs() == 0; });
  EXPECT_EQ(net.count(RelayStat::kPairsFull), 1u);
  EXPECT_EQ(net.count(RelayStat::kFinished), 2u);
}

// Accepts, and does nothing more.
class Idle final : public sim::App {
 public:
  void on_event(tcp::Transport&, const tcp::EventNote& note, Instant) override {
    half_closed |= note.has(tcp::Notice::kHalfClosed);
  }
  bool half_closed = false;
};

TEST(TcpRelay, ClosesWhatIsIdleForItsTimeOut) {
  Net net;
  Idle idle;
  net.serve(0);
  net.server.set_app(idle);
  StreamState& client = net.open(0);
  client.close_when_sent = false;
  net.until([&] { return net.count(RelayStat::kConnected) == 1; });
  net.until([&] { return client.peer_done; }, milliseconds(59'900));
  EXPECT_FALSE(client.peer_done);
  net.until([&] { return client.peer_done && idle.half_closed; }, milliseconds(200));
  EXPECT_TRUE(client.peer_done && idle.half_closed);
  EXPECT_EQ(net.count(RelayStat::kIdle), 1u);
  net.client.transport().close(client.id, net.network.now());
  client.closed = true;
}

TEST(TcpRelay, JudgesPairsAnewWhenPolicyHasChanged) {
  for (const Standing standing : {Standing::kStays, Standing::kReset, Standing::kSilent}) {
    Net net;
    net.serve(3'000'000);
    const StreamState& client = net.open(100);
    net.until([&] { return client.received > 0; });
    net.policy.standing = standing;
    while (net.app.relay.sweep(2, 4, net.network.now())) {
    }
    EXPECT_EQ(net.policy.judged, 1);
    EXPECT_FALSE(net.app.relay.sweep(2, 4, net.network.now()));
    EXPECT_EQ(net.policy.judged, 1) << "once for each policy";
    net.node.wake(net.network.now());
    net.until([&] { return net.server_app.all_closed(); });
    const bool stays = standing == Standing::kStays;
    EXPECT_EQ(net.server_app.streams()[0]->ended,
              stays ? tcp::EndReason::kFinished : tcp::EndReason::kPeerReset);
    EXPECT_EQ(net.count(RelayStat::kCut), stays ? 0u : 1u);
  }
}

TEST(TcpRelay, LosesNothingOverBadLinksOnBothSides) {
  const uint64_t seed = test_seed();
  Random random(seed);
  for (int round = 0; round < 10; ++round) {
    LinkSpec near = wire(10 + random.below(90), milliseconds(1 + random.below(20)));
    near.loss = random.below(20'000);
    near.reorder = random.below(20'000);
    near.reorder_by = milliseconds(3);
    near.duplicate = random.below(10'000);
    LinkSpec far = near;
    far.loss = random.below(20'000);
    Net net(near, far);
    net.serve(200'000 + random.below(200'000));
    for (int i = 0; i < 4; ++i) net.open(random.below(300'000));
    net.until([&] { return net.all_closed() && net.server_app.streams().size() == 4; },
              seconds(120));
    EXPECT_TRUE(net.all_closed());
    EXPECT_TRUE(net.client_app.all_right() && net.server_app.all_right());
    EXPECT_EQ(net.server_app.received(), net.policy.sent);
    EXPECT_EQ(net.client_app.received(), net.policy.received);
    net.until([&] { return net.app.relay.pairs() == 0; });
    EXPECT_EQ(net.count(RelayStat::kFinished), 4u);
  }
}

}  // namespace
}  // namespace heddle::mesh
