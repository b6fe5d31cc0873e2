// Translated flows and two workers: whatever port and worker a packet comes in by, it comes to the
// worker that has its flow, in both directions.
#include "nat.h"

namespace heddle::rig {
namespace {

constexpr uint16_t kFlows = 32;

struct TwoWorkers : NatRig {
  explicit TwoWorkers(Forwarding forwarding = Forwarding::kDnat)
      : NatRig(forwarding, nat_net(), {.workers = 2}) {}

  // Comes in at a worker without RSS; all that leaves.
  std::vector<Sent> all(std::string_view port, const Stack& frame, int at) {
    return in(port, frame, {.worker = static_cast<uint16_t>(at), .steer = true}).take_all();
  }
  // The one frame that leaves.
  Sent one(std::string_view port, const Stack& frame, int at) {
    std::vector<Sent> sent = all(port, frame, at);
    EXPECT_EQ(sent.size(), 1u);
    return sent.size() == 1 ? sent[0] : Sent{};
  }
  // The worker that sent `wanted`.
  int expect(const Sent& sent, const Stack& wanted) {
    EXPECT_EQ(sent.frame, wanted.bytes())
        << "got " << describe(sent.frame) << "\nwanted " << describe(wanted.bytes());
    return sent.worker;
  }
};

template <class V>
struct NatWorkers : testing::Test {};
TYPED_TEST_SUITE(NatWorkers, BothVersions);

TYPED_TEST(NatWorkers, AnswersComeToTheClientsWorker) {
  using V = TypeParam;
  TwoWorkers rig;
  std::array<int, 2> clients{};
  for (uint16_t i = 0; i < kFlows; ++i) {
    typename V::Address client;
    if constexpr (std::is_same_v<V, V4>)
      client = Ipv4Address(8, 8, 4, static_cast<uint8_t>(i));
    else
      client = Ipv6Address::from_host(0x2001486000000000, i);
    const int owner =
        rig.expect(rig.one("wan", to_us(0) / V::ip(client, V::kVip) / syn(40000, 80, 1000), i % 2),
                   to_first() / V::routed(client, V::kFirst) / syn(40000, 8080, 1000));
    ++clients[static_cast<size_t>(owner)];
    for (const int at : {0, 1}) {
      const Stack answer = from_first() / V::ip(V::kFirst, client) / syn_ack(8080, 40000, 5, 1001);
      const Stack wanted = from_us(0) / V::routed(V::kVip, client) / syn_ack(80, 40000, 5, 1001);
      EXPECT_EQ(rig.expect(rig.one("lan", answer, at), wanted), owner);
    }
    EXPECT_EQ(
        rig.expect(rig.one("wan", to_us(0) / V::ip(client, V::kVip) / ack(40000, 80, 1001, 6), 1),
                   to_first() / V::routed(client, V::kFirst) / ack(40000, 8080, 1001, 6)),
        owner);
  }
  for (const int count : clients) EXPECT_GE(count, kFlows / 4);
  EXPECT_EQ(rig.flows(0) + rig.flows(1), kFlows);
}

template <class V>
void answers_under_own_addresses(TwoWorkers& rig) {
  for (uint16_t i = 0; i < kFlows; ++i) {
    const auto client_port = static_cast<uint16_t>(40000 + i);
    const Sent sent = rig.one(
        "wan", to_us(0) / V::ip(V::kClient, V::kVip) / udp(client_port, 53) / data(4), i % 2);
    const uint16_t port = source_port_of<V>(sent.frame);
    rig.expect(sent, to_first() / V::routed(V::kNat, V::kFirst) / udp(port, 5353) / data(4));
    for (const int at : {0, 1}) {
      const Stack answer = from_first() / V::ip(V::kFirst, V::kNat) / udp(5353, port) / data(9);
      const Stack wanted =
          from_us(0) / V::routed(V::kVip, V::kClient) / udp(53, client_port) / data(9);
      EXPECT_EQ(rig.expect(rig.one("lan", answer, at), wanted), sent.worker);
      const Stack error = V::ip(V::kFirst, V::kNat) / V::no_port() /
                          quote(V::routed(V::kNat, V::kFirst) / udp(port, 5353) / data(4));
      const Stack error_wanted =
          V::routed(V::kVip, V::kClient) / V::no_port() /
          quote(V::routed(V::kClient, V::kVip) / udp(client_port, 53) / data(4));
      EXPECT_EQ(rig.expect(rig.one("lan", from_first() / error, at), from_us(0) / error_wanted),
                sent.worker);
    }
  }
}

TYPED_TEST(NatWorkers, AnswersUnderFullNatComeToTheFlowsWorker) {
  TwoWorkers rig(Forwarding::kFullNat);
  answers_under_own_addresses<TypeParam>(rig);
}

TYPED_TEST(NatWorkers, AnswersUnderAMappingComeToItsWorker) {
  TwoWorkers rig;
  rig.apply({web(Forwarding::kFullNat, policy::SourceMapping::kPerSource)});
  answers_under_own_addresses<TypeParam>(rig);
}

TYPED_TEST(NatWorkers, ErrorsAboutTranslatedPacketsComeToTheirFlow) {
  using V = TypeParam;
  TwoWorkers rig;
  for (uint16_t i = 0; i < kFlows; ++i) {
    const auto port = static_cast<uint16_t>(40000 + i);
    const Stack in = V::ip(V::kClient, V::kVip) / udp(port, 53) / data(4);
    const Sent sent = rig.one("wan", to_us(0) / in, i % 2);
    const Stack out = V::routed(V::kClient, V::kFirst) / udp(port, 5353) / data(4);
    for (const int at : {0, 1}) {
      const Stack error = V::ip(V::kLanRouter, V::kClient) / V::too_big(1300) / quote(out);
      const Stack wanted = V::routed(V::kLanRouter, V::kClient) / V::too_big(1300) /
                           quote(V::routed(V::kClient, V::kVip) / udp(port, 53) / data(4));
      EXPECT_EQ(rig.expect(rig.one("lan", to_us(1) / error, at), from_us(0) / wanted), sent.worker);
      const Stack about_answer = V::ip(V::kRouter, V::kVip) / V::too_big(1300) /
                                 quote(V::ip(V::kVip, V::kClient) / udp(53, port) / data(4));
      const Stack answer_wanted = V::routed(V::kRouter, V::kFirst) / V::too_big(1300) /
                                  quote(V::ip(V::kFirst, V::kClient) / udp(5353, port) / data(4));
      EXPECT_EQ(rig.expect(rig.one("wan", to_us(0) / about_answer, at), to_first() / answer_wanted),
                sent.worker);
    }
  }
}

// Fragments are steered by addresses alone: their ports say where the flow is.
template <class V>
void fragments_both_ways(TwoWorkers& rig, typename V::Address seen) {
  for (uint16_t i = 0; i < kFlows; ++i) {
    const auto client_port = static_cast<uint16_t>(40000 + i);
    const Sent sent =
        rig.one("wan", to_us(0) / V::ip(V::kClient, V::kVip) / udp(client_port, 53), i % 2);
    const uint16_t port = source_port_of<V>(sent.frame);
    rig.expect(sent, to_first() / V::routed(seen, V::kFirst) / udp(port, 5353));
    const Bytes in = l4_of<V>(V::ip(V::kFirst, seen) / udp(5353, port) / data(1000));
    const Bytes out = l4_of<V>(V::ip(V::kVip, V::kClient) / udp(53, client_port) / data(1000));
    const auto answer = [&](uint16_t id, size_t at) {
      return from_first() / V::piece(V::kFirst, seen, id, in, at, 504);
    };
    const auto wanted = [&](uint16_t id, size_t at) {
      return from_us(0) / V::piece(V::kVip, V::kClient, id, out, at, 504, IpProtocol::kUdp, 63);
    };
    for (const uint16_t at : {uint16_t{0}, uint16_t{1}}) {
      const auto id = static_cast<uint16_t>(4 * i + at);
      EXPECT_EQ(rig.expect(rig.one("lan", answer(id, 0), at), wanted(id, 0)), sent.worker);
      EXPECT_EQ(rig.expect(rig.one("lan", answer(id, 504), at), wanted(id, 504)), sent.worker);
      const auto other = static_cast<uint16_t>(id + 2);
      EXPECT_TRUE(rig.all("lan", answer(other, 504), at).empty());
      const std::vector<Sent> both = rig.all("lan", answer(other, 0), at);
      ASSERT_EQ(both.size(), 2u);
      EXPECT_EQ(rig.expect(both[0], wanted(other, 0)), sent.worker);
      EXPECT_EQ(rig.expect(both[1], wanted(other, 504)), sent.worker);
    }
  }
}

TYPED_TEST(NatWorkers, FragmentsOfAnswersComeToTheirFlow) {
  TwoWorkers rig;
  fragments_both_ways<TypeParam>(rig, TypeParam::kClient);
}

TYPED_TEST(NatWorkers, FragmentsOfAnswersUnderFullNatComeToTheirFlow) {
  TwoWorkers rig(Forwarding::kFullNat);
  fragments_both_ways<TypeParam>(rig, TypeParam::kNat);
}

TYPED_TEST(NatWorkers, FragmentsOfAnswersUnderAMappingComeToTheirFlow) {
  TwoWorkers rig;
  rig.apply({web(Forwarding::kFullNat, policy::SourceMapping::kPerSource)});
  fragments_both_ways<TypeParam>(rig, TypeParam::kNat);
}

TYPED_TEST(NatWorkers, HairpinAnswersComeToTheFlowsWorker) {
  using V = TypeParam;
  TwoWorkers rig;
  for (uint16_t i = 0; i < kFlows; ++i) {
    const auto client_port = static_cast<uint16_t>(40000 + i);
    const Sent sent =
        rig.one("lan", to_us(1) / V::ip(V::kLanRouter, V::kVip) / udp(client_port, 53), i % 2);
    const uint16_t port = source_port_of<V>(sent.frame);
    rig.expect(sent, to_first() / V::routed(V::kNat, V::kFirst) / udp(port, 5353));
    for (const int at : {0, 1})
      EXPECT_EQ(
          rig.expect(rig.one("lan", from_first() / V::ip(V::kFirst, V::kNat) / udp(5353, port), at),
                     from_us(1) / V::routed(V::kVip, V::kLanRouter) / udp(53, client_port)),
          sent.worker);
  }
}

// Two workers never choose the same port for one endpoint.
TYPED_TEST(NatWorkers, ShareTheOwnPortsOut) {
  using V = TypeParam;
  TwoWorkers rig(Forwarding::kFullNat);
  std::set<uint16_t> ports;
  for (uint16_t i = 0; i < 200; ++i) {
    typename V::Address client;
    if constexpr (std::is_same_v<V, V4>)
      client = Ipv4Address(8, 8, 4, static_cast<uint8_t>(i));
    else
      client = Ipv6Address::from_host(0x2001486000000000, i);
    ports.insert(source_port_of<V>(
        rig.one("wan", to_us(0) / V::ip(client, V::kVip) / udp(40000, 53), 0).frame));
  }
  EXPECT_EQ(ports.size(), 200u);
  EXPECT_GE(rig.flows(0), 50u);
  EXPECT_GE(rig.flows(1), 50u);
}

// First fragments of what comes to an own address: without ports they lead to one worker, and the
// port that they tell may lead to the other.
TYPED_TEST(NatWorkers, NamesADropWhenAFragmentsOwnerDoesNotKeepUp) {
  using V = TypeParam;
  TwoWorkers rig(Forwarding::kFullNat);
  constexpr size_t kSent = 600;
  for (uint16_t port = 40000;; ++port) {
    ASSERT_LT(port, 40064u) << "no port of the other worker";
    const Bytes all = l4_of<V>(V::ip(V::kFirst, V::kNat) / udp(5353, port) / data(1000));
    std::vector<Stack> firsts;
    for (uint16_t id = 0; id < kSent; ++id)
      firsts.push_back(from_first() / V::piece(V::kFirst, V::kNat,
                                               static_cast<uint16_t>(port * 1000u + id), all, 0,
                                               504));
    Row row = rig.in("lan", firsts, {.worker = 0});
    const Rig::Counts drops = rig.counts(0);
    const auto full = drops.find(V::node("conntrack.handoff_full"));
    if (full == drops.end() || full->second == 0) {
      row.expect_drop(V::node("lookup.no_nat_flow"), kSent);
      continue;
    }
    row.expect_drop(V::node("conntrack.handoff_full"), kSent - app::Outlet::kCapacity);
    row.expect_drop(V::node("lookup.no_nat_flow"), app::Outlet::kCapacity);
    return;
  }
}

}  // namespace
}  // namespace heddle::rig
