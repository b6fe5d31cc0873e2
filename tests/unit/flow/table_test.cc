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

}  // namespace
}  // namespace heddle::flow
