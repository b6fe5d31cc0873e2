#include "flow/tracker.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "core/random.h"
#include "seed.h"
#include "tracking.h"

namespace heddle::flow {
namespace {

template <class Address>
class Track : public testing::Test {
 protected:
  const Address client = host<Address>(1, 1), server = host<Address>(2, 2);
  const Address service = host<Address>(9, 9);
  const Key<Address> key = key_of(client, 1000, server, 53);
};
TYPED_TEST_SUITE(Track, Families);

TYPED_TEST(Track, UdpIsOneWayUntilItIsAnswered) {
  Tracking<TypeParam> t;
  const Tracked first = t.see(udp_packet(this->key));
  ASSERT_EQ(first.outcome, Outcome::kPass);
  EXPECT_EQ(t.state(first.slot), State::kUdpOneWay);
  EXPECT_EQ(t.tracker.table().record(first.slot).user, 7u);
  EXPECT_EQ(t.see(udp_packet(this->key)).slot, first.slot);
  EXPECT_EQ(t.state(first.slot), State::kUdpOneWay);
  const Tracked answer = t.see(udp_packet(this->key.reversed()));
  EXPECT_EQ(answer.slot, first.slot);
  EXPECT_EQ(answer.direction, Direction::kReply);
  EXPECT_EQ(t.state(first.slot), State::kUdpTwoWay);
}

TYPED_TEST(Track, EchoAndOtherProtocolsByWhatTheyHave) {
  Tracking<TypeParam> t;
  const auto echo = key_of(this->client, 77, this->server, 77, kIcmpOf<TypeParam>);
  // An answer that nobody asked for begins nothing.
  const Tracked unasked = t.see(echo_packet(echo.reversed(), false));
  EXPECT_EQ(unasked.outcome, Outcome::kUnknown);
  EXPECT_EQ(unasked.drop, Drop::kNoQueryFlow);
  const Tracked asked = t.see(echo_packet(echo));
  ASSERT_EQ(asked.outcome, Outcome::kPass);
  EXPECT_EQ(t.state(asked.slot), State::kQueryOneWay);
  EXPECT_EQ(t.see(echo_packet(echo.reversed(), false)).slot, asked.slot);
  EXPECT_EQ(t.state(asked.slot), State::kQueryTwoWay);

  const auto gre = key_of(this->client, 0, this->server, 0, IpProtocol::kGre);
  const Tracked other = t.see(packet_of(gre));
  EXPECT_EQ(t.state(other.slot), State::kOtherOneWay);
  EXPECT_EQ(t.see(packet_of(gre.reversed())).slot, other.slot);
  EXPECT_EQ(t.state(other.slot), State::kOtherTwoWay);
}

// DNAT: the service's address on one side, the endpoint's on the other, both ways.
TYPED_TEST(Track, TranslatesBothWaysWithAllChecksumsRight) {
  for (const IpProtocol protocol : {IpProtocol::kUdp, IpProtocol::kTcp, kIcmpOf<TypeParam>}) {
    const bool query = protocol == kIcmpOf<TypeParam>;
    const auto inside = key_of(this->client, 1000, this->service, query ? 1000 : 80, protocol);
    const auto outside = query ? key_of(host<TypeParam>(8, 8), 2000, this->server, 2000, protocol)
                               : key_of(this->client, 1000, this->server, 8080, protocol);
    Tracking<TypeParam> t;
    const Tracked first = t.see(packet_of(inside), outside);
    ASSERT_EQ(first.outcome, Outcome::kPass);
    EXPECT_TRUE(checksums_ok<TypeParam>(t.last));
    EXPECT_EQ(parsed<TypeParam>(t.last).key, outside);
    Bytes answer = query ? echo_packet(outside.reversed(), false) : packet_of(outside.reversed());
    if (protocol == IpProtocol::kTcp) {
      answer = tcp_packet(outside.reversed(), {.sequence = Be32(9),
                                               .acknowledgment = Be32(7),
                                               .flags = wire::TcpFlag::kSyn | wire::TcpFlag::kAck});
    }
    ASSERT_EQ(t.see(answer).outcome, Outcome::kPass);
    EXPECT_TRUE(checksums_ok<TypeParam>(t.last));
    EXPECT_EQ(parsed<TypeParam>(t.last).key, inside.reversed());
    // The same tuples from the wrong sides.
    EXPECT_EQ(t.see(packet_of(outside)).drop, Drop::kWrongWay);
    EXPECT_EQ(t.see(packet_of(inside.reversed())).drop, Drop::kWrongWay);
  }
}

TYPED_TEST(Track, PacketsOfOneBatchMakeOneFlow) {
  Tracking<TypeParam> t;
  std::vector<Bytes> packets(5, udp_packet(this->key));
  std::vector<Parsed<TypeParam>> all;
  for (Bytes& packet : packets) all.push_back(parsed<TypeParam>(packet));
  std::vector<Tracked> out(5);
  t.tracker.track(std::span<const Parsed<TypeParam>>(all), kCurrent, t.now, out);
  for (size_t i = 0; i < 5; ++i) {
    ASSERT_EQ(out[i].outcome, Outcome::kNew);
    out[i] = t.tracker.open(all[i], {.outside = this->key, .generation = kCurrent}, t.now);
    ASSERT_EQ(out[i].outcome, Outcome::kPass);
    EXPECT_EQ(out[i].slot, out[0].slot);
  }
  EXPECT_EQ(t.tracker.table().size(), 1u);
}

// A new deny must cut live flows: their next packet asks again.
TYPED_TEST(Track, AFlowOfAnOldGenerationIsDecidedAnew) {
  Tracking<TypeParam> t;
  const uint32_t slot = t.see(udp_packet(this->key)).slot;
  Bytes packet = udp_packet(this->key.reversed());
  const auto at = parsed<TypeParam>(packet);
  Tracked stale;
  const Generation next{2};
  t.tracker.track(std::span<const Parsed<TypeParam>>(&at, 1), next, t.now, {&stale, 1});
  ASSERT_EQ(stale.outcome, Outcome::kStale);
  EXPECT_EQ(stale.slot, slot);
  EXPECT_EQ(t.state(slot), State::kUdpOneWay);  // nothing has happened to it yet
  t.tracker.confirm(slot, next);
  EXPECT_EQ(t.tracker.resume(at, stale, t.now).outcome, Outcome::kPass);
  EXPECT_EQ(t.state(slot), State::kUdpTwoWay);
  t.tracker.track(std::span<const Parsed<TypeParam>>(&at, 1), next, t.now, {&stale, 1});
  EXPECT_EQ(stale.outcome, Outcome::kPass);
  t.tracker.table().cut(slot);
  t.tracker.track(std::span<const Parsed<TypeParam>>(&at, 1), next, t.now, {&stale, 1});
  EXPECT_EQ(stale.outcome, Outcome::kNew);
}

TYPED_TEST(Track, AFloodIsNotLearnedAndLearningGoesOnAfterIt) {
  TrackerConfig config = small_config(1000);
  config.limits.learn_rate = 10;
  config.limits.learn_burst = 5;
  Tracking<TypeParam> t(config);
  int learned = 0;
  for (uint32_t n = 0; n < 50; ++n) {
    const Tracked tracked = t.see(udp_packet(key_of(host<TypeParam>(1, n), 1, this->server, 53)));
    if (tracked.outcome == Outcome::kPass) {
      ++learned;
      continue;
    }
    EXPECT_EQ(tracked.outcome, Outcome::kNotLearned);
    EXPECT_EQ(tracked.drop, Drop::kLearnRate);
  }
  EXPECT_EQ(learned, 5);
  EXPECT_EQ(t.tracker.last_not_learned(), t.now);
  EXPECT_EQ(t.tracker.drops().value(Drop::kLearnRate), 45u);
  // Known flows go on as before.
  EXPECT_EQ(t.see(udp_packet(key_of(host<TypeParam>(1, 0), 1, this->server, 53))).outcome,
            Outcome::kPass);
  t.now = t.now + seconds(1);
  EXPECT_EQ(t.see(udp_packet(this->key)).outcome, Outcome::kPass);
}

TYPED_TEST(Track, ASynFloodStopsAtItsLimitAndEstablishedFlowsDoNotSuffer) {
  TrackerConfig config = small_config(100);
  config.limits.half_open = 10;
  Tracking<TypeParam> t(config);
  ASSERT_EQ(t.see(udp_packet(this->key)).outcome, Outcome::kPass);
  const auto syn = [&](uint32_t n) {
    return t.see(packet_of(key_of(host<TypeParam>(1, n), 5, this->server, 80, IpProtocol::kTcp)));
  };
  for (uint32_t n = 0; n < 10; ++n) ASSERT_EQ(syn(n).outcome, Outcome::kPass);
  EXPECT_EQ(syn(10).outcome, Outcome::kNotLearned);
  EXPECT_EQ(syn(11).drop, Drop::kHalfOpenLimit);
  EXPECT_EQ(t.see(udp_packet(this->key.reversed())).outcome, Outcome::kPass);
}

TYPED_TEST(Track, OneSourceMayOpenSoManyFlows) {
  TrackerConfig config = small_config(1000);
  config.limits.source_rate = 10;
  config.limits.source_burst = 3;
  Tracking<TypeParam> t(config);
  const auto open = [&](uint32_t source, uint16_t port) {
    return t.see(udp_packet(key_of(host<TypeParam>(source, 1), port, this->server, 53)));
  };
  uint16_t port = 1;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(open(1, port++).outcome, Outcome::kPass);
  EXPECT_EQ(open(1, port++).drop, Drop::kSourceRate);
  EXPECT_EQ(open(2, port++).outcome, Outcome::kPass);  // others may
  EXPECT_EQ(open(1, 1).outcome, Outcome::kPass);       // and known flows
  t.now = t.now + milliseconds(100);
  EXPECT_EQ(open(1, port++).outcome, Outcome::kPass);
  EXPECT_EQ(open(1, port++).drop, Drop::kSourceRate);
  t.now = t.now + seconds(10);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(open(1, port++).outcome, Outcome::kPass);
  EXPECT_EQ(open(1, port++).drop, Drop::kSourceRate);
}

TEST(Track6, TheAddressesOfOneSubnetAreOneSource) {
  TrackerConfig config = small_config(1000);
  config.limits.source_rate = 1;
  config.limits.source_burst = 2;
  Tracking<Ipv6Address> t(config);
  int opened = 0;
  for (uint32_t n = 0; n < 20; ++n) {
    opened += t.see(udp_packet(key_of(host<Ipv6Address>(1, n), 9, host<Ipv6Address>(2, 1), 53)))
                  .outcome == Outcome::kPass;
  }
  EXPECT_EQ(opened, 2);
}

TYPED_TEST(Track, WhatCannotBeTranslatedIsRefusedByName) {
  Tracking<TypeParam> t;
  const auto inside = key_of(this->client, 0, this->service, 0, IpProtocol::kUdpLite);
  const auto outside = key_of(this->client, 0, this->server, 0, IpProtocol::kUdpLite);
  EXPECT_EQ(t.see(packet_of(inside), outside).drop, Drop::kCannotTranslate);
  EXPECT_EQ(t.see(packet_of(inside)).outcome, Outcome::kPass);
}

TYPED_TEST(Track, BrokenHeadersHaveNames) {
  Tracking<TypeParam> t;
  const auto tcp = key_of(this->client, 1, this->server, 2, IpProtocol::kTcp);
  const auto cut = [&](IpProtocol protocol, size_t size) {
    return in_ip(protocol, this->client, this->server, filled(size));
  };
  EXPECT_EQ(t.see(cut(IpProtocol::kTcp, 19)).drop, Drop::kTcpHeader);
  EXPECT_EQ(t.see(cut(IpProtocol::kUdp, 7)).drop, Drop::kUdpHeader);
  EXPECT_EQ(t.see(cut(kIcmpOf<TypeParam>, 7)).drop, Drop::kIcmpHeader);
  constexpr auto kOther = kIsV6<TypeParam> ? IpProtocol::kIcmp : IpProtocol::kIcmpv6;
  EXPECT_EQ(t.see(cut(kOther, 20)).drop, Drop::kIcmpFamily);
  Bytes packet = packet_of(tcp);
  packet[kIpHeader<TypeParam> + 12] = 0x40;
  EXPECT_EQ(t.see(packet).drop, Drop::kTcpHeader);
  packet = udp_packet(this->key);
  packet[kIpHeader<TypeParam> + 5] = 7;
  EXPECT_EQ(t.see(packet).drop, Drop::kUdpHeader);
  const auto land = key_of(this->client, 5, this->client, 5);
  EXPECT_EQ(t.see(udp_packet(land)).drop, Drop::kLandAttack);
  EXPECT_EQ(t.tracker.table().size(), 0u);
}

// Its gateway's address cannot be translated, and it is for the hosts of one link.
TEST(Track4, ARedirectIsNotTracked) {
  const auto a = host<Ipv4Address>(1, 1), b = host<Ipv4Address>(1, 2);
  Bytes packet = icmp_packet(a, b, 5, 1, 0x0a01'0009, udp_packet(key_of(b, 5, a, 6)));
  EXPECT_EQ(parsed<Ipv4Address>(packet).kind, PacketKind::kUntracked);
}

TEST(Track6, NeighbourDiscoveryIsNotTracked) {
  Tracking<Ipv6Address> t;
  const auto a = host<Ipv6Address>(1, 1), b = host<Ipv6Address>(1, 2);
  const Tracked tracked = t.see(icmp_packet(a, b, 135, 0, 0, filled(16)));
  EXPECT_EQ(tracked.outcome, Outcome::kNotTracked);
  Bytes packet = icmp_packet(a, b, 135, 0, 0, filled(16));
  EXPECT_EQ(parsed<Ipv6Address>(packet).kind, PacketKind::kUntracked);
}

TEST(Drops, EachHasANameAndASentence) {
  std::set<std::string> names;
  for (size_t i = 0; i < kDrops; ++i) {
    const DropText& drop = text(static_cast<Drop>(i));
    ASSERT_NE(drop.name, nullptr) << i;
    EXPECT_TRUE(names.insert(drop.name).second) << drop.name;
    EXPECT_GT(std::string(drop.means).size(), 5u);
  }
  EXPECT_STREQ(text(Drop::kErrorSequence).name, "error_sequence");  // the last in its place
}

}  // namespace
}  // namespace heddle::flow
