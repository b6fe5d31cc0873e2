#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/random.h"
#include "flow/flow_table.h"
#include "packets.h"
#include "seed.h"

namespace heddle::flow {
namespace {

constexpr Instant kStart{seconds(1000).ns()};

Limits small(uint32_t flows) {
  Limits limits;
  limits.flows = flows;
  limits.flows_v6 = flows;
  limits.half_open = flows;
  limits.tenants = 4;
  limits.own_addresses = 64;
  limits.evict_idle = seconds(0);
  return limits;
}

template <class Address>
NewFlow<Address> new_flow(const Key<Address>& inside, const Key<Address>& outside,
                          State state = State::kUdpTwoWay) {
  return {.inside = inside,
          .outside = outside,
          .state = state,
          .flags = 0,
          .tenant = TenantId(0),
          .generation = Generation(1),
          .user = 5};
}

template <class Address>
Key<Address> udp_key(uint32_t n) {
  return key_of(host<Address>(1, n), 1000, host<Address>(2, 1), 53);
}

template <class Address>
uint32_t add(FlowTable& table, uint32_t n, State state, Instant now,
             TenantId tenant = TenantId(0)) {
  auto flow = new_flow(udp_key<Address>(n), udp_key<Address>(n), state);
  flow.tenant = tenant;
  uint32_t slot = kNoFlow;
  EXPECT_EQ(table.create(flow, Stamp(now), slot), Created::kOk);
  return slot;
}

template <class Address>
class Table : public testing::Test {};
TYPED_TEST_SUITE(Table, Families);

TYPED_TEST(Table, OneEntryServesBothDirections) {
  FlowTable table(small(10), Timeouts{}, 1, kStart);
  const auto key = udp_key<TypeParam>(1);
  uint32_t slot = kNoFlow;
  ASSERT_EQ(table.create(new_flow(key, key), Stamp(kStart), slot), Created::kOk);
  EXPECT_EQ(table.find(key).slot, slot);
  EXPECT_EQ(table.find(key).direction, Direction::kOriginal);
  EXPECT_EQ(table.find(key.reversed()).slot, slot);
  EXPECT_EQ(table.find(key.reversed()).direction, Direction::kReply);
  EXPECT_FALSE(table.find(key.reversed()).wrong_way);
  EXPECT_EQ(table.size(), 1u);
}

TYPED_TEST(Table, ATranslatedFlowIsFoundFromBothTuples) {
  FlowTable table(small(10), Timeouts{}, 1, kStart);
  const auto client = host<TypeParam>(1, 1), service = host<TypeParam>(9, 9);
  const auto own = host<TypeParam>(8, 8), endpoint = host<TypeParam>(3, 3);
  const auto inside = key_of(client, 1000, service, 80);
  const auto outside = key_of(own, 2000, endpoint, 8080);
  uint32_t slot = kNoFlow;
  ASSERT_EQ(table.create(new_flow(inside, outside), Stamp(kStart), slot), Created::kOk);
  EXPECT_EQ(table.find(inside).slot, slot);
  EXPECT_EQ(table.find(inside).direction, Direction::kOriginal);
  EXPECT_EQ(table.find(outside.reversed()).slot, slot);
  EXPECT_EQ(table.find(outside.reversed()).direction, Direction::kReply);
  EXPECT_TRUE(table.find(inside.reversed()).wrong_way);
  EXPECT_TRUE(table.find(outside).wrong_way);
  EXPECT_EQ(table.tuple<TypeParam>(slot, kInside), inside);
  EXPECT_EQ(table.tuple<TypeParam>(slot, kOutside), outside);
  table.cut(slot);
  EXPECT_EQ(table.find(inside).slot, kNoFlow);
  EXPECT_EQ(table.find(outside.reversed()).slot, kNoFlow);
  EXPECT_EQ(table.size(), 0u);
}

// RFC 4787: nobody's packets may be taken for another's.
TYPED_TEST(Table, ATupleThatIsTakenIsRefused) {
  FlowTable table(small(10), Timeouts{}, 1, kStart);
  const auto client = host<TypeParam>(1, 1), service = host<TypeParam>(9, 9);
  const auto endpoint = host<TypeParam>(3, 3);
  const auto direct = key_of(client, 1000, endpoint, 8080);
  const auto inside = key_of(client, 1000, service, 80);
  uint32_t slot = kNoFlow;
  ASSERT_EQ(table.create(new_flow(direct, direct), Stamp(kStart), slot), Created::kOk);
  EXPECT_EQ(table.create(new_flow(inside, direct), Stamp(kStart), slot), Created::kTupleTaken);
  EXPECT_EQ(table.create(new_flow(direct, direct), Stamp(kStart), slot), Created::kTupleTaken);
  // To exchange the ends would make one tuple of both.
  EXPECT_EQ(table.create(new_flow(inside, inside.reversed()), Stamp(kStart), slot),
            Created::kTupleTaken);
  EXPECT_EQ(table.size(), 1u);
}

// A slow, obviously correct twin: flows by each of their tuples in a map.
template <class Address>
struct Twin {
  struct Flow {
    Key<Address> inside, outside;
    Instant seen;
    State state;
  };
  using Text = std::string;
  static Text text(const Key<Address>& key) {
    return fmt::format("{} {} {} {} {}", key.source(), key.source_port().host(), key.destination(),
                       key.destination_port().host(), static_cast<int>(key.protocol()));
  }
  // The flow that has this tuple in either direction.
  std::optional<uint32_t> user_of(const Key<Address>& key) const {
    for (const auto& tuple : {key, key.reversed()}) {
      if (const auto found = tuples.find(text(tuple)); found != tuples.end()) return found->second;
    }
    return std::nullopt;
  }
  void add(uint32_t user, const Flow& flow) {
    flows[user] = flow;
    tuples[text(flow.inside)] = user;
    tuples[text(flow.outside)] = user;
  }
  void remove(uint32_t user) {
    tuples.erase(text(flows[user].inside));
    tuples.erase(text(flows[user].outside));
    flows.erase(user);
  }
  std::map<Text, uint32_t> tuples;
  std::map<uint32_t, Flow> flows;
};

TYPED_TEST(Table, AgreesWithItsTwin) {
  Random random(test_seed());
  Timeouts timeouts;
  timeouts.udp_two_way = seconds(20);
  Limits limits = small(4000);
  limits.own_addresses = 500;
  FlowTable table(limits, timeouts, random.next(), kStart);
  Twin<TypeParam> twin;
  Instant now = kStart;
  uint32_t next_user = 1;
  for (int step = 0; step < 40'000; ++step) {
    now = now + milliseconds(random.below(20));
    const auto inside = random_key<TypeParam>(random);
    auto outside = inside;
    if (random.below(2) == 0) {
      outside = {random.below(2) == 0 ? inside.source() : host<TypeParam>(4, random.below(4)),
                 host<TypeParam>(3, random.below(4)), inside.source_port(),
                 inside.destination_port(), inside.protocol()};
    }
    const Found found = table.find(inside);
    const auto expected = twin.user_of(inside);
    ASSERT_EQ(found.slot != kNoFlow, expected.has_value());
    if (expected) {
      ASSERT_EQ(table.record(found.slot).user, *expected);
      const auto& flow = twin.flows[*expected];
      ASSERT_EQ(table.template tuple<TypeParam>(found.slot, kInside), flow.inside);
      ASSERT_EQ(table.template tuple<TypeParam>(found.slot, kOutside), flow.outside);
      const bool rightly = inside == flow.inside || inside == flow.outside.reversed();
      ASSERT_EQ(found.wrong_way, !rightly);
      if (random.below(4) == 0) {
        table.cut(found.slot);
        twin.remove(*expected);
      } else {
        table.touch(found.slot, Stamp(now));
        twin.flows[*expected].seen = now;
      }
    } else {
      auto flow = new_flow(inside, outside);
      flow.user = next_user++;
      uint32_t slot = kNoFlow;
      const bool taken = twin.user_of(outside).has_value();
      ASSERT_EQ(table.create(flow, Stamp(now), slot), taken ? Created::kTupleTaken : Created::kOk);
      if (!taken) twin.add(flow.user, {inside, outside, now, flow.state});
    }
    if (random.below(50) == 0) {
      while (table.advance(now, 16) == 16) {
      }
      std::vector<uint32_t> gone;
      for (const auto& [user, flow] : twin.flows) {
        const int64_t silent_ms = now.ns() / 1'000'000 - flow.seen.ns() / 1'000'000;
        const bool there = table.find(flow.inside).slot != kNoFlow;
        ASSERT_TRUE(there || silent_ms >= 20'000) << "gone too early";
        ASSERT_TRUE(!there || silent_ms <= 20'000 + int64_t{Wheels::kTickMs}) << "gone too late";
        if (!there) gone.push_back(user);
      }
      for (const uint32_t user : gone) twin.remove(user);
    }
    ASSERT_EQ(table.size(), twin.flows.size());
  }
  EXPECT_GT(table.counters().expired.value(), 100u);
  EXPECT_GT(table.counters().cut.value(), 100u);
}

constexpr State kOfClass[] = {State::kSynSent, State::kTimeWait, State::kUdpOneWay,
                              State::kEstablished};

// Half-open, closing, one-way, idle established; each is counted.
TYPED_TEST(Table, GivesFlowsUpInTheOrderOfTheirClasses) {
  Random random(test_seed());
  FlowTable table(small(40), Timeouts{}, random.next(), kStart);
  Instant now = kStart;
  // Ten of each class, mixed.
  std::vector<int> left(4, 10);
  for (uint32_t n = 1; n <= 40;) {
    const uint32_t in = random.below(4);
    if (left[in] == 0) continue;
    --left[in];
    add<TypeParam>(table, n++, kOfClass[in], now);
    now = now + milliseconds(10);
  }
  for (uint32_t n = 100; n < 140; ++n) {
    const size_t expected = (n - 100) / 10;
    const uint64_t before = table.counters().evicted[expected].value();
    // Of the last class, so that they are not given up before.
    add<TypeParam>(table, n, State::kEstablished, now);
    EXPECT_EQ(table.counters().evicted[expected].value(), before + 1) << n;
    now = now + milliseconds(10);
  }
  EXPECT_EQ(table.size(), 40u);
  for (const auto& counter : table.counters().evicted) EXPECT_EQ(counter.value(), 10u);
}

TYPED_TEST(Table, GivesUpTheEstablishedFlowThatWasSilentForLongest) {
  Limits limits = small(4);
  limits.evict_idle = seconds(60);
  FlowTable table(limits, Timeouts{}, 1, kStart);
  Instant now = kStart;
  uint32_t slots[4];
  for (uint32_t n = 0; n < 4; ++n) slots[n] = add<TypeParam>(table, n, State::kUdpTwoWay, now);
  now = now + seconds(59);
  auto flow = new_flow(udp_key<TypeParam>(9), udp_key<TypeParam>(9));
  uint32_t slot = kNoFlow;
  // Nobody was silent for long enough.
  EXPECT_EQ(table.create(flow, Stamp(now), slot), Created::kTableFull);
  now = now + seconds(10);
  for (const uint32_t n : {0u, 1u, 3u}) table.touch(slots[n], Stamp(now));
  EXPECT_EQ(table.create(flow, Stamp(now), slot), Created::kOk);
  EXPECT_EQ(slot, slots[2]);
  EXPECT_EQ(table.find(udp_key<TypeParam>(2)).slot, kNoFlow);
  EXPECT_EQ(table.create(new_flow(udp_key<TypeParam>(8), udp_key<TypeParam>(8)), Stamp(now), slot),
            Created::kTableFull);
}

TYPED_TEST(Table, ANamespaceHasItsQuota) {
  FlowTable table(small(20), Timeouts{}, 1, kStart);
  table.set_quota(TenantId(1), 3);
  std::vector<uint32_t> slots;
  for (uint32_t n = 0; n < 3; ++n) {
    slots.push_back(add<TypeParam>(table, n, State::kUdpOneWay, kStart, TenantId(1)));
  }
  auto flow = new_flow(udp_key<TypeParam>(9), udp_key<TypeParam>(9));
  flow.tenant = TenantId(1);
  uint32_t slot = kNoFlow;
  EXPECT_EQ(table.create(flow, Stamp(kStart), slot), Created::kTenantQuota);
  flow.tenant = TenantId(2);  // others are not touched by it
  EXPECT_EQ(table.create(flow, Stamp(kStart), slot), Created::kOk);
  EXPECT_EQ(table.tenant(slot), TenantId(2));
  EXPECT_EQ(table.tenant_flows(TenantId(1)), 3u);
  table.cut(slots[0]);
  EXPECT_EQ(table.tenant_flows(TenantId(1)), 2u);
  add<TypeParam>(table, 7, State::kUdpOneWay, kStart, TenantId(1));
}

TYPED_TEST(Table, HalfOpenFlowsAreLimited) {
  Limits limits = small(20);
  limits.half_open = 5;
  FlowTable table(limits, Timeouts{}, 1, kStart);
  uint32_t first = add<TypeParam>(table, 0, State::kSynSent, kStart);
  for (uint32_t n = 1; n < 5; ++n) add<TypeParam>(table, n, State::kSynSent, kStart);
  auto flow = new_flow(udp_key<TypeParam>(9), udp_key<TypeParam>(9), State::kSynSent);
  uint32_t slot = kNoFlow;
  EXPECT_EQ(table.create(flow, Stamp(kStart), slot), Created::kHalfOpenLimit);
  add<TypeParam>(table, 10, State::kUdpOneWay, kStart);  // other flows are not
  table.change_state(first, State::kEstablished, Stamp(kStart));
  EXPECT_EQ(table.count(EvictionClass::kHalfOpen), 4u);
  EXPECT_EQ(table.create(flow, Stamp(kStart), slot), Created::kOk);
}

// A flood's handshakes are never done; those of others are, within a round trip.
TYPED_TEST(Table, OldHalfOpenFlowsMakeRoomForNewOnes) {
  Limits limits = small(20);
  limits.half_open = 3;
  FlowTable table(limits, Timeouts{}, 1, kStart);
  for (uint32_t n = 0; n < 3; ++n)
    add<TypeParam>(table, n, State::kSynSent, kStart + milliseconds(200 * n));
  const auto flow = new_flow(udp_key<TypeParam>(9), udp_key<TypeParam>(9), State::kSynSent);
  uint32_t slot = kNoFlow;
  EXPECT_EQ(table.create(flow, Stamp(kStart + milliseconds(400)), slot), Created::kOk);
  EXPECT_EQ(table.find(udp_key<TypeParam>(0)).slot, kNoFlow);
  EXPECT_NE(table.find(udp_key<TypeParam>(1)).slot, kNoFlow);
  EXPECT_EQ(table.count(EvictionClass::kHalfOpen), 3u);
  EXPECT_EQ(table.counters().evicted[0].value(), 1u);
}

// A change to a state with a shorter time must move the timer, not wait for it.
TYPED_TEST(Table, EachStateLastsAsLongAsItSays) {
  const Timeouts timeouts;
  for (size_t i = 1; i < kStates; ++i) {
    const auto state = static_cast<State>(i);
    FlowTable table(small(4), timeouts, 1, kStart);
    const uint32_t slot = add<TypeParam>(table, 1, State::kEstablished, kStart);
    const Instant changed = kStart + seconds(5);
    table.change_state(slot, state, Stamp(changed));
    table.touch(slot, Stamp(changed));
    const Duration lasts = timeouts.of(state);
    for (Instant now = changed; now < changed + lasts; now = now + seconds(7)) {
      table.advance(now, 100);
      ASSERT_TRUE(table.live(slot)) << name(state);
    }
    table.advance(changed + lasts - milliseconds(1), 100);
    ASSERT_TRUE(table.live(slot)) << name(state);
    table.advance(changed + lasts + milliseconds(int64_t{Wheels::kTickMs}), 100);
    ASSERT_FALSE(table.live(slot)) << name(state);
    EXPECT_EQ(table.counters().expired.value(), 1u);
  }
}

TYPED_TEST(Table, IsWalkedAndFlushedInPieces) {
  FlowTable table(small(100), Timeouts{}, 1, kStart);
  for (uint32_t n = 0; n < 70; ++n) add<TypeParam>(table, n, State::kUdpOneWay, kStart);
  uint32_t seen = 0;
  int pieces = 0;
  for (uint32_t at = 0; at != kNoFlow; ++pieces) {
    at = table.for_each(at, 16, [&](uint32_t slot) { seen += table.live(slot) ? 1u : 0u; });
  }
  EXPECT_EQ(seen, 70u);
  EXPECT_EQ(pieces, 5);
  for (uint32_t at = 0; at != kNoFlow;) at = table.flush(at, 30);
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(table.find(udp_key<TypeParam>(3)).slot, kNoFlow);
  for (uint32_t n = 0; n < 100; ++n) add<TypeParam>(table, n, State::kUdpOneWay, kStart);
}

TEST(TableOfBoth, EitherFamilyInItsOwnSlots) {
  Limits limits = small(10);
  limits.flows_v6 = 4;
  FlowTable table(limits, Timeouts{}, 1, kStart);
  for (uint32_t n = 0; n < 4; ++n) add<Ipv6Address>(table, n, State::kUdpOneWay, kStart);
  for (uint32_t n = 0; n < 6; ++n) add<Ipv4Address>(table, n, State::kUdpOneWay, kStart);
  EXPECT_EQ(table.size(), 10u);
  // An IPv6 flow can take the place of an IPv6 flow alone.
  add<Ipv6Address>(table, 50, State::kUdpTwoWay, kStart);
  EXPECT_EQ(table.size(), 10u);
  for (uint32_t n = 0; n < 6; ++n) {
    EXPECT_NE(table.find(udp_key<Ipv4Address>(n)).slot, kNoFlow) << n;
  }
}

TEST(TableOfBoth, Ipv4FlowsUseTheSlotsOfIpv6WhenTheirsAreTaken) {
  Limits limits = small(10);
  limits.flows_v6 = 4;
  FlowTable table(limits, Timeouts{}, 1, kStart);
  for (uint32_t n = 0; n < 10; ++n) add<Ipv4Address>(table, n, State::kUdpOneWay, kStart);
  EXPECT_EQ(table.size(), 10u);
  add<Ipv6Address>(table, 1, State::kUdpOneWay, kStart);
  EXPECT_EQ(table.size(), 10u);
  EXPECT_EQ(table.counters().evicted[2].value(), 1u);
}

// Where a walk of so many slots a step comes by, and in how many steps.
std::vector<uint32_t> walk(const FlowTable& table, uint32_t step, uint32_t& steps) {
  std::vector<uint32_t> seen;
  steps = 0;
  for (uint32_t next = 0; next != kNoFlow; ++steps)
    next = table.for_each(next, step, [&](uint32_t slot) { seen.push_back(slot); });
  return seen;
}

TEST(TableOfBoth, AWalkPassesOverSlotsThatNoFlowEverHad) {
  Limits limits = small(100'000);
  limits.flows_v6 = 50'000;
  FlowTable table(limits, Timeouts{}, 1, kStart);
  uint32_t steps = 0;
  EXPECT_TRUE(walk(table, 16, steps).empty());
  EXPECT_EQ(steps, 1u);
  std::vector<uint32_t> slots;
  for (uint32_t n = 0; n < 20; ++n)
    slots.push_back(add<Ipv4Address>(table, n, State::kUdpTwoWay, kStart));
  EXPECT_EQ(walk(table, 16, steps), slots);
  EXPECT_EQ(steps, 2u);
  // Those of IPv6 lie in front.
  std::vector<uint32_t> both;
  for (uint32_t n = 0; n < 5; ++n)
    both.push_back(add<Ipv6Address>(table, n, State::kUdpTwoWay, kStart));
  both.insert(both.end(), slots.begin(), slots.end());
  for (const uint32_t step : {1u, 3u, 16u, 1'000'000u}) EXPECT_EQ(walk(table, step, steps), both);
  table.cut(both.back());
  table.cut(both.front());
  both.pop_back();
  both.erase(both.begin());
  EXPECT_EQ(walk(table, 7, steps), both);
  for (const uint32_t slot : both) table.cut(slot);
  EXPECT_TRUE(walk(table, 7, steps).empty());
}

TEST(Table6, OwnAddressesAreBoundedAndShared) {
  Limits limits = small(100);
  limits.own_addresses = 2;
  FlowTable table(limits, Timeouts{}, 1, kStart);
  const auto translated = [](uint32_t n, uint32_t service) {
    const auto inside = key_of(host<Ipv6Address>(1, n), 9, host<Ipv6Address>(9, service), 80);
    const auto outside = key_of(host<Ipv6Address>(1, n), 9, host<Ipv6Address>(3, 1), 8080);
    return new_flow(inside, outside);
  };
  uint32_t slot = kNoFlow;
  for (uint32_t n = 0; n < 20; ++n) {
    ASSERT_EQ(table.create(translated(n, n % 2), Stamp(kStart), slot), Created::kOk);
  }
  EXPECT_EQ(table.create(translated(50, 2), Stamp(kStart), slot), Created::kAddressesFull);
  EXPECT_EQ(table.size(), 20u);
  for (uint32_t at = 0; at != kNoFlow;) at = table.flush(at, 30);
  for (uint32_t n = 0; n < 20; ++n) {
    ASSERT_EQ(table.create(translated(n, 2 + n % 2), Stamp(kStart), slot), Created::kOk);
  }
}

TEST(TableSize, AFlowCostsAtMost128BytesWithEverything) {
  Limits limits;
  limits.flows = 1'000'000;
  limits.flows_v6 = 0;
  const FlowTable only4(limits, Timeouts{}, 1, kStart);
  EXPECT_LE(static_cast<double>(only4.bytes()) / limits.flows, 104.0);
  limits.flows_v6 = limits.flows;
  limits.own_addresses = 1'000;
  const FlowTable both(limits, Timeouts{}, 1, kStart);
  EXPECT_LE(static_cast<double>(both.bytes()) / limits.flows, 128.0);
}

}  // namespace
}  // namespace heddle::flow
