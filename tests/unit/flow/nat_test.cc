// Ports, pools, mappings, and the flows that use them.
#include <gtest/gtest.h>

#include <set>

#include "core/random.h"
#include "flow/translator.h"
#include "seed.h"
#include "tracking.h"

namespace heddle::flow {
namespace {

TEST(PortColours, EachPortHasOneColourAndOneNumber) {
  std::set<uint32_t> seen;
  for (uint32_t port = 0; port < 65'536; ++port) {
    const auto p = static_cast<uint16_t>(port);
    const uint32_t colour = port_colour(p), number = number_of(p);
    ASSERT_LT(colour, kSteeringSlots);
    ASSERT_LT(number, kPortsPerColour);
    ASSERT_TRUE(seen.insert(colour << 16 | number).second) << port;
    ASSERT_EQ(port_of(colour, number), p);
    ASSERT_EQ(number & 1, port & 1u) << port;  // the parity
  }
}

TEST(PortColours, TheColourMovesTheSlotOfTheAnswer) {
  Random random(test_seed());
  for (int i = 0; i < 20'000; ++i) {
    const auto own = Ipv4Address::from_host(static_cast<uint32_t>(random.next()));
    const auto other = Ipv4Address::from_host(static_cast<uint32_t>(random.next()));
    const auto port = static_cast<uint16_t>(random.next());
    const Be16 other_port(static_cast<uint16_t>(random.next()));
    const uint32_t hash = wire::steering_hash(other, own, other_port, Be16(port));
    ASSERT_EQ(steering_slot(hash), base_slot(other, other_port, own) ^ port_colour(port));
    ASSERT_EQ(own_end_slot(own, Be16(port)), own_end_slot(own, Be16(0)) ^ port_colour(port));
  }
}

template <class Address>
class Nat : public testing::Test {
 protected:
  using Request = typename NatPool<Address>::Request;

  static NatPoolConfig<Address> pool_config(uint32_t addresses, uint64_t own_slots = UINT64_MAX) {
    NatPoolConfig<Address> config;
    config.groups.resize(1);
    for (uint32_t i = 0; i < addresses; ++i) {
      config.groups[0].push_back(host<Address>(8, 1 + i));
    }
    config.own_slots = own_slots;
    return config;
  }
  static Request request(Random& random, IpProtocol protocol = IpProtocol::kUdp) {
    return {.protocol = protocol,
            .source = {host<Address>(1, random.below(60'000)),
                       Be16(static_cast<uint16_t>(random.next()))},
            .remote = {host<Address>(2, random.below(60'000)),
                       Be16(static_cast<uint16_t>(random.next()))}};
  }
};
TYPED_TEST_SUITE(Nat, Families);

// Three workers share the slots: each answer must come to the worker that chose the port.
TYPED_TEST(Nat, TheAnswerHashesToTheSameWorker) {
  Random random(test_seed());
  for (uint64_t worker = 0; worker < 3; ++worker) {
    uint64_t own_slots = 0;
    for (uint64_t slot = worker; slot < 64; slot += 3) own_slots |= 1ull << slot;
    NatPool<TypeParam> pool(this->pool_config(4, own_slots), random.next());
    for (int i = 0; i < 5'000; ++i) {
      auto request = this->request(random);
      if (random.below(2) == 0) request.protocol = IpProtocol::kTcp;
      const auto end = pool.take(request);
      ASSERT_TRUE(end);
      ASSERT_GE(end->port.host(), 1024);
      const uint32_t hash =
          wire::steering_hash(request.remote.address, end->address, request.remote.port, end->port);
      ASSERT_EQ(hash % 64 % 3, worker);
      if (request.protocol == IpProtocol::kUdp) {
        ASSERT_EQ(end->port.host() & 1, request.source.port.host() & 1);
      }
    }
    for (int i = 0; i < 500; ++i) {
      auto request = this->request(random);
      request.steer = Steer::kByOwnEnd;
      const auto end = pool.take(request);
      ASSERT_TRUE(end);
      ASSERT_EQ(own_end_slot(end->address, end->port) % 3, worker);
    }
    // Answers to queries are steered by their addresses alone: some addresses do not serve.
    for (int i = 0; i < 200; ++i) {
      const auto request = this->request(random, kIcmpOf<TypeParam>);
      const auto end = pool.take(request);
      if (!end) continue;
      ASSERT_EQ(wire::steering_hash(request.remote.address, end->address) % 64 % 3, worker);
    }
  }
}

TYPED_TEST(Nat, EveryPortIsFoundAndThenItIsExhausted) {
  Random random(test_seed());
  NatPool<TypeParam> pool(this->pool_config(1), random.next());
  std::set<uint16_t> taken;
  std::vector<End<TypeParam>> ends;
  const auto usual = this->request(random, IpProtocol::kTcp);
  for (uint32_t i = 0; i < 65'536 - 1024; ++i) {
    const auto end = pool.take(usual);
    ASSERT_TRUE(end) << i;
    ASSERT_TRUE(taken.insert(end->port.host()).second);
    ends.push_back(*end);
  }
  EXPECT_FALSE(pool.take(usual));
  EXPECT_EQ(pool.counters().exhausted.value(), 1u);
  EXPECT_TRUE(pool.take(this->request(random)));  // UDP has ports of its own
  pool.give(IpProtocol::kTcp, ends[777]);
  EXPECT_EQ(pool.take(usual), ends[777]);
}

TYPED_TEST(Nat, ParityAndTheUsualAddressGiveWayBeforeAFlowIsRefused) {
  Random random(test_seed());
  auto config = this->pool_config(2);
  config.first_port = 2000;
  config.last_port = 2009;
  NatPool<TypeParam> pool(config, random.next());
  auto request = this->request(random);
  request.source.port = Be16(6);
  std::set<TypeParam> addresses;
  for (int i = 0; i < 10; ++i) {
    const auto end = pool.take(request);
    ASSERT_TRUE(end);
    addresses.insert(end->address);
    EXPECT_EQ(end->port.host() % 2 == 0, i < 5);
  }
  EXPECT_EQ(addresses.size(), 1u);  // RFC 4787 REQ-2
  EXPECT_EQ(pool.counters().parity_lost.value(), 5u);
  EXPECT_EQ(pool.counters().unpaired.value(), 0u);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(pool.take(request));
  EXPECT_EQ(pool.counters().unpaired.value(), 10u);
  EXPECT_FALSE(pool.take(request));
}

TYPED_TEST(Nat, WhatHasNoPortsTakesNone) {
  Random random(test_seed());
  NatPool<TypeParam> pool(this->pool_config(1), 1);
  EXPECT_FALSE(pool.take(this->request(random, IpProtocol::kGre)));
  auto request = this->request(random);
  request.group = 1;
  EXPECT_FALSE(pool.take(request));
  EXPECT_EQ(pool.used(), 0u);
}

template <class Address>
struct Lab {
  explicit Lab(uint32_t mappings = 100, uint32_t flows = 200, uint16_t last_port = 65'535)
      : t(small_config(flows)), translator(config(mappings, last_port), t.tracker, 5) {}
  static TranslatorConfig config(uint32_t mappings, uint16_t last_port) {
    TranslatorConfig config;
    config.pool4.groups = {{host<Ipv4Address>(8, 1), host<Ipv4Address>(8, 2)}};
    config.pool6.groups = {{host<Ipv6Address>(8, 1), host<Ipv6Address>(8, 2)}};
    config.pool4.last_port = config.pool6.last_port = last_port;
    config.mappings4 = config.mappings6 = mappings;
    return config;
  }

  // Opens a flow by plan; the packet as it leaves is in t.last.
  Tracked open(const Key<Address>& key, Plan<Address> plan) {
    plan.generation = kCurrent;
    t.last = packet_of(key);
    const auto at = parsed<Address>(t.last);
    Tracked tracked = t.track(at);
    if (tracked.outcome == Outcome::kNew) tracked = translator.open(at, plan, t.now);
    if (tracked.outcome == Outcome::kPass) t.tracker.translate(at, tracked);
    return tracked;
  }
  Key<Address> left() { return parsed<Address>(t.last).key; }
  NatPool<Address>& pool() { return translator.pool<Address>(); }
  Mappings<Address>& mappings() { return translator.mappings<Address>(); }

  Tracking<Address> t;
  Translator translator;
};

TYPED_TEST(Nat, FullTranslationBothWays) {
  const auto client = host<TypeParam>(1, 1), service = host<TypeParam>(9, 9);
  const auto endpoint = host<TypeParam>(2, 2);
  for (const IpProtocol protocol : {IpProtocol::kUdp, IpProtocol::kTcp, kIcmpOf<TypeParam>}) {
    Lab<TypeParam> lab;
    const bool query = protocol == kIcmpOf<TypeParam>;
    const auto key = key_of(client, 1000, service, query ? 1000 : 80, protocol);
    const Tracked tracked = lab.open(
        key, {.destination = End<TypeParam>{endpoint, Be16(8080)}, .source = SourceNat::kPerFlow});
    ASSERT_EQ(tracked.outcome, Outcome::kPass) << text(tracked.drop).name;
    EXPECT_TRUE(checksums_ok<TypeParam>(lab.t.last));
    const Key<TypeParam> out = lab.left();
    EXPECT_TRUE(lab.pool().has(out.source()));
    EXPECT_EQ(out.destination(), endpoint);
    EXPECT_EQ(out.destination_port().host(), query ? out.source_port().host() : 8080);
    EXPECT_EQ(lab.pool().used(), 1u);
    Bytes answer = query ? echo_packet(out.reversed(), false) : udp_packet(out.reversed());
    if (protocol == IpProtocol::kTcp) {
      answer = tcp_packet(out.reversed(), {.acknowledgment = Be32(7),
                                           .flags = wire::TcpFlag::kSyn | wire::TcpFlag::kAck});
    }
    ASSERT_EQ(lab.t.see(answer).outcome, Outcome::kPass);
    EXPECT_TRUE(checksums_ok<TypeParam>(lab.t.last));
    EXPECT_EQ(lab.left(), key.reversed());
    lab.t.tracker.table().cut(tracked.slot);
    EXPECT_EQ(lab.pool().used(), 0u);
  }
}

// However a flow ends, its port comes back.
TYPED_TEST(Nat, PortsComeBackWhenFlowsExpireAreEvictedOrAreNotMade) {
  Lab<TypeParam> lab(100, 50);
  const Plan<TypeParam> plan{.source = SourceNat::kPerFlow};
  const auto key = [](uint32_t n) {
    return key_of(host<TypeParam>(1, n), 9, host<TypeParam>(2, 1), 53);
  };
  for (uint32_t n = 0; n < 200; ++n) ASSERT_EQ(lab.open(key(n), plan).outcome, Outcome::kPass);
  EXPECT_EQ(lab.t.tracker.table().size(), 50u);
  EXPECT_EQ(lab.pool().used(), 50u);
  lab.t.tracker.table().advance(lab.t.now + seconds(500), 1'000);
  EXPECT_EQ(lab.t.tracker.table().size(), 0u);
  EXPECT_EQ(lab.pool().used(), 0u);
  lab.t.tracker.table().set_quota(TenantId(0), 0);
  EXPECT_EQ(lab.open(key(1), plan).drop, Drop::kTenantQuota);
  EXPECT_EQ(lab.pool().used(), 0u);
}

TYPED_TEST(Nat, ExhaustionIsCountedAndRefused) {
  Lab<TypeParam> lab(100, 200, 1024 + 9);
  int passed = 0;
  for (uint32_t n = 0; n < 30; ++n) {
    const auto key = key_of(host<TypeParam>(1, n), 9, host<TypeParam>(2, 1), 53);
    const Tracked tracked = lab.open(key, {.source = SourceNat::kPerFlow});
    passed += tracked.outcome == Outcome::kPass;
    EXPECT_EQ(tracked.drop,
              tracked.outcome == Outcome::kPass ? Drop::kNone : Drop::kPortsExhausted);
  }
  EXPECT_EQ(passed, 20);
  EXPECT_EQ(lab.t.tracker.drops().value(Drop::kPortsExhausted), 10u);
}

// RFC 4787 REQ-1, REQ-8, REQ-9.
TYPED_TEST(Nat, OneMappingForAllFarEnds) {
  Lab<TypeParam> lab;
  const auto inner = host<TypeParam>(1, 1);
  const Plan<TypeParam> plan{.source = SourceNat::kPerSource};
  const Tracked first = lab.open(key_of(inner, 1000, host<TypeParam>(2, 1), 53), plan);
  ASSERT_EQ(first.outcome, Outcome::kPass);
  const End<TypeParam> outer{lab.left().source(), lab.left().source_port()};
  const Tracked second = lab.open(key_of(inner, 1000, host<TypeParam>(3, 7), 99), plan);
  EXPECT_EQ(lab.left().source(), outer.address);
  EXPECT_EQ(lab.left().source_port(), outer.port);
  ASSERT_EQ(lab.open(key_of(inner, 1001, host<TypeParam>(2, 1), 53), plan).outcome, Outcome::kPass);
  EXPECT_NE(lab.left().source_port(), outer.port);
  EXPECT_EQ(lab.mappings().size(), 2u);

  // Somebody whom it has never called comes in, if policy looks up who is behind the mapping.
  const auto stranger = host<TypeParam>(4, 4);
  const auto unasked = key_of(stranger, 5, outer.address, outer.port.host());
  const auto behind = lab.mappings().find_outside(IpProtocol::kUdp, outer);
  ASSERT_EQ(behind, (End<TypeParam>{inner, Be16(1000)}));
  const Tracked third = lab.open(unasked, {.destination = behind});
  ASSERT_EQ(third.outcome, Outcome::kPass);
  EXPECT_EQ(lab.left(), key_of(stranger, 5, inner, 1000));
  EXPECT_TRUE(checksums_ok<TypeParam>(lab.t.last));

  // The mapping lives as long as one of its flows does.
  auto& table = lab.t.tracker.table();
  table.cut(first.slot);
  table.cut(second.slot);
  EXPECT_TRUE(lab.mappings().find_outside(IpProtocol::kUdp, outer));
  table.cut(third.slot);
  EXPECT_FALSE(lab.mappings().find_outside(IpProtocol::kUdp, outer));
  EXPECT_EQ(lab.pool().used(), 1u);
}

TYPED_TEST(Nat, HostsBehindUsMeetByTheirOutsideEnds) {  // RFC 4787 REQ-9
  Lab<TypeParam> lab;
  const auto a = host<TypeParam>(1, 1), b = host<TypeParam>(1, 2), far = host<TypeParam>(2, 2);
  const Plan<TypeParam> plan{.source = SourceNat::kPerSource};
  lab.open(key_of(b, 2000, far, 53), plan);
  const End<TypeParam> outer_b{lab.left().source(), lab.left().source_port()};
  const auto inner_b = lab.mappings().find_outside(IpProtocol::kUdp, outer_b);
  ASSERT_TRUE(inner_b);
  const auto key = key_of(a, 1000, outer_b.address, outer_b.port.host());
  ASSERT_EQ(lab.open(key, {.destination = inner_b, .source = SourceNat::kPerSource}).outcome,
            Outcome::kPass);
  const Key<TypeParam> seen_by_b = lab.left();
  EXPECT_EQ(seen_by_b.destination(), b);
  EXPECT_TRUE(lab.pool().has(seen_by_b.source()));  // the outside end, not a's own
  ASSERT_EQ(lab.t.see(udp_packet(seen_by_b.reversed())).outcome, Outcome::kPass);
  EXPECT_EQ(lab.left(), key.reversed());
  EXPECT_TRUE(checksums_ok<TypeParam>(lab.t.last));
  for (uint32_t at = 0; at != kNoFlow;) at = lab.t.tracker.table().flush(at, 50);
  EXPECT_EQ(lab.mappings().size(), 0u);
  EXPECT_EQ(lab.pool().used(), 0u);
}

TYPED_TEST(Nat, AFullTableOfMappingsRefuses) {
  Lab<TypeParam> lab(2);
  const Plan<TypeParam> plan{.source = SourceNat::kPerSource};
  for (uint32_t n = 0; n < 3; ++n) {
    const Tracked tracked =
        lab.open(key_of(host<TypeParam>(1, n), 9, host<TypeParam>(2, 1), 53), plan);
    EXPECT_EQ(tracked.outcome, n < 2 ? Outcome::kPass : Outcome::kDrop);
  }
  EXPECT_EQ(lab.mappings().full(), 1u);
  EXPECT_EQ(lab.pool().used(), 2u);
}

// The client keeps its address and calls the endpoint directly too, from the same port.
TYPED_TEST(Nat, TwoWaysToOneEndpointFromOnePortClashByName) {
  Lab<TypeParam> lab;
  const auto client = host<TypeParam>(1, 1), endpoint = host<TypeParam>(2, 2);
  ASSERT_EQ(lab.open(key_of(client, 7, endpoint, 80), {}).outcome, Outcome::kPass);
  const auto service = key_of(client, 7, host<TypeParam>(9, 9), 80);
  const Plan<TypeParam> kept{.destination = End<TypeParam>{endpoint, Be16(80)}};
  EXPECT_EQ(lab.open(service, kept).drop, Drop::kTupleTaken);
  Plan<TypeParam> full = kept;
  full.source = SourceNat::kPerFlow;
  EXPECT_EQ(lab.open(service, full).outcome, Outcome::kPass);
}

}  // namespace
}  // namespace heddle::flow
