// ICMP and translated flows: errors that others send about them, translated outside and inside;
// errors of our own, which quote what the client has sent; echo, which the node answers itself.
#include "nat.h"

namespace heddle::rig {
namespace {

template <class V>
struct NatIcmp : testing::Test {};
TYPED_TEST_SUITE(NatIcmp, BothVersions);

// The client's datagram to the service, as it was sent, and as the endpoint got it or would have.
template <class V>
Stack sent(uint8_t hops = 64) {
  return V::with_hops(V::kClient, V::kVip, hops) / udp(40000, 53) / data(24);
}
template <class V>
Stack arrived(uint8_t hops = 63) {
  return V::with_hops(V::kClient, V::kFirst, hops) / udp(40000, 5353) / data(24);
}
template <class V>
Stack answered(uint8_t hops = 64) {
  return V::with_hops(V::kFirst, V::kClient, hops) / udp(5353, 40000) / data(24);
}
template <class V>
Stack answer_arrived(uint8_t hops = 63) {
  return V::with_hops(V::kVip, V::kClient, hops) / udp(53, 40000) / data(24);
}
template <class V>
void open(NatRig& rig) {
  rig.in("wan", to_us(0) / sent<V>()).expect_out("lan", to_first() / arrived<V>());
}

TYPED_TEST(NatIcmp, AnswersEchoToTheService) {
  using V = TypeParam;
  for (const Forwarding forwarding : {Forwarding::kDnat, Forwarding::kFullNat}) {
    NatRig rig(forwarding);
    rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / V::ping() / data(9))
        .expect_out("wan", from_us(0) / V::own(V::kVip, V::kClient) / V::pong() / data(9));
    EXPECT_EQ(rig.flows(), 0u);
  }
}

TYPED_TEST(NatIcmp, TranslatesErrorsOfTheEndpoint) {
  using V = TypeParam;
  NatRig rig;
  open<V>(rig);
  // It speaks to the client in the service's name.
  rig.in("lan", from_first() / V::ip(V::kFirst, V::kClient) / V::no_port() / quote(arrived<V>()))
      .expect_out("wan",
                  from_us(0) / V::routed(V::kVip, V::kClient) / V::no_port() / quote(sent<V>(63)));
}

TYPED_TEST(NatIcmp, TranslatesErrorsOfRoutersTowardsTheEndpoint) {
  using V = TypeParam;
  NatRig rig;
  open<V>(rig);
  rig.in("lan", to_us(1) / V::ip(V::kLanRouter, V::kClient) / V::too_big(1300) /
                    quote(arrived<V>(5), V::kHeader + 8))
      .expect_out("wan", from_us(0) / V::routed(V::kLanRouter, V::kClient) / V::too_big(1300) /
                             quote(sent<V>(5), V::kHeader + 8));
  // A quote of the least that there may be: the ports.
  rig.in("lan", to_us(1) / V::ip(V::kLanRouter, V::kClient) / V::expired() /
                    quote(arrived<V>(1), V::kHeader + 4))
      .expect_out("wan", from_us(0) / V::routed(V::kLanRouter, V::kClient) / V::expired() /
                             quote(sent<V>(1), V::kHeader + 4));
}

TYPED_TEST(NatIcmp, TranslatesErrorsAboutAnswers) {
  using V = TypeParam;
  NatRig rig;
  open<V>(rig);
  rig.in("lan", from_first() / answered<V>()).expect_out("wan", from_us(0) / answer_arrived<V>());
  rig.in("wan",
         to_us(0) / V::ip(V::kRouter, V::kVip) / V::too_big(1300) / quote(answer_arrived<V>(60)))
      .expect_out("lan", to_first() / V::routed(V::kRouter, V::kFirst) / V::too_big(1300) /
                             quote(answered<V>(60)));
  rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / V::no_port() / quote(answer_arrived<V>(50)))
      .expect_out("lan", to_first() / V::routed(V::kClient, V::kFirst) / V::no_port() /
                             quote(answered<V>(50)));
}

TYPED_TEST(NatIcmp, TranslatesErrorsUnderFullNat) {
  using V = TypeParam;
  NatRig rig(Forwarding::kFullNat);
  auto row = rig.in("wan", to_us(0) / sent<V>());
  const uint16_t port = source_port_of<V>(row.take("lan"));
  const auto outside = [&](uint8_t hops) {
    return V::with_hops(V::kNat, V::kFirst, hops) / udp(port, 5353) / data(24);
  };
  rig.in("lan", to_us(1) / V::ip(V::kLanRouter, V::kNat) / V::too_big(1300) / quote(outside(9)))
      .expect_out("wan", from_us(0) / V::routed(V::kLanRouter, V::kClient) / V::too_big(1300) /
                             quote(sent<V>(9)));
  rig.in("lan", from_first() / V::ip(V::kFirst, V::kNat) / V::no_port() / quote(outside(63)))
      .expect_out("wan",
                  from_us(0) / V::routed(V::kVip, V::kClient) / V::no_port() / quote(sent<V>(63)));
  // About an answer: who sends it is not shown to the endpoint, as the client is not.
  rig.in("wan",
         to_us(0) / V::ip(V::kRouter, V::kVip) / V::too_big(1300) / quote(answer_arrived<V>(60)))
      .expect_out("lan",
                  to_first() / V::routed(V::kNat, V::kFirst) / V::too_big(1300) /
                      quote(V::with_hops(V::kFirst, V::kNat, 60) / udp(5353, port) / data(24)));
}

TYPED_TEST(NatIcmp, RefusesErrorsThatDoNotFitTheirFlow) {
  using V = TypeParam;
  NatRig rig;
  open<V>(rig);
  const auto error = [](typename V::Address to, const Stack& quoted) {
    return to_us(1) / V::ip(V::kLanRouter, to) / V::too_big(1300) / quote(quoted);
  };
  // A packet as the client has sent it never left us.
  rig.in("wan", to_us(0) / V::ip(V::kRouter, V::kClient) / V::too_big(1300) / quote(sent<V>()))
      .expect_drop("flow_refused.error_no_flow");
  rig.in("lan", error(V::kLanRouter, arrived<V>())).expect_drop("flow_refused.error_address");
  rig.in("lan", to_us(1) / V::ip(V::kLanRouter, V::kClient) / V::too_big(1300).bad_checksum() /
                    quote(arrived<V>()))
      .expect_drop("flow_refused.error_checksum");
}

// The data of a connection that can be under way is known.
TYPED_TEST(NatIcmp, RefusesErrorsAboutDataThatIsNotUnderWay) {
  using V = TypeParam;
  NatRig rig;
  Connection<V> tcp{rig};
  tcp.establish();
  const auto error = [](uint32_t sequence) {
    return to_us(1) / V::ip(V::kLanRouter, V::kClient) / V::too_big(1300) /
           quote(V::ip(V::kClient, V::kFirst) / ack(40000, 8080, sequence, 5001), V::kHeader + 8);
  };
  rig.in("lan", error(900'000)).expect_drop("flow_refused.error_sequence");
  rig.in("lan", error(1002)).expect_drop("flow_refused.error_sequence");
  // A guess at ends and ports is not enough to end a connection either.
  rig.in("lan", error(1001))
      .expect_out("wan", from_us(0) / V::routed(V::kLanRouter, V::kClient) / V::too_big(1300) /
                             quote(V::ip(V::kClient, V::kVip) / ack(40000, 80, 1001, 5001),
                                   V::kHeader + 8));
}

TYPED_TEST(NatIcmp, DropsErrorsToTheServiceThatQuoteNonsense) {
  using V = TypeParam;
  NatRig rig;
  open<V>(rig);
  const auto error = [](const Stack& quoted) {
    return to_us(0) / V::ip(V::kRouter, V::kVip) / V::too_big(1300) / quote(quoted);
  };
  for (const Stack& quoted :
       {Stack(raw({0x45, 0})), Stack(raw({})), V::ip(V::kVip, V::kClient) / raw({1, 2, 3}),
        V::ip(V::kVip, V::kClient) / udp(53, 40001), V::ip(V::kVip, V::kClient) / tcp(53, 40000),
        V::ip(V::kClient, V::kClient) / udp(53, 40000),
        V::ip(V::kVip, V::kClient) / V::ping() / data(4)})
    rig.in("wan", error(quoted)).expect_drop(V::node("service.unrelated_error"));
  // To an address of nat.
  rig.in("wan", to_us(0) / V::ip(V::kRouter, V::kNat) / V::too_big(1300) /
                    quote(V::ip(V::kNat, V::kClient) / udp(4000, 53)))
      .expect_drop(V::node("lookup.no_nat_flow"));
}

// Nobody can check its checksum.
TYPED_TEST(NatIcmp, DropsErrorsInFragments) {
  using V = TypeParam;
  NatRig rig;
  open<V>(rig);
  const Stack whole = V::ip(V::kRouter, V::kVip) / V::too_big(1300) / quote(answer_arrived<V>(60));
  const IpProtocol icmp = std::is_same_v<V, V4> ? IpProtocol::kIcmp : IpProtocol::kIcmpv6;
  rig.in("wan", to_us(0) / V::piece(V::kRouter, V::kVip, 9, l4_of<V>(whole), 0, 32, icmp))
      .expect_drop("flow_refused.error_quote");
}

TYPED_TEST(NatIcmp, QuotesWhatTheClientSentWhereItsHopsEnd) {
  using V = TypeParam;
  NatRig rig;
  rig.in("wan", to_us(0) / sent<V>(1))
      .expect_drop(V::node(
          "forward." + std::string(std::is_same_v<V, V4> ? "ttl_expired" : "hop_limit_exceeded")))
      .expect_out("wan",
                  from_us(0) / V::own(V::kWan, V::kClient) / V::expired() / quote(sent<V>(1)));
  // An answer's hops end here as well: to the endpoint, about what it has sent.
  rig.in("lan", from_first() / answered<V>(1))
      .expect_drop(V::node(
          "forward." + std::string(std::is_same_v<V, V4> ? "ttl_expired" : "hop_limit_exceeded")))
      .expect_out(
          "lan", to_first() / V::own(V::kLan, V::kFirst, 1) / V::expired() / quote(answered<V>(1)));
}

TYPED_TEST(NatIcmp, QuotesWhatTheClientSentWhereItIsTooBig) {
  using V = TypeParam;
  NatRig rig(Forwarding::kFullNat);
  rig.set_mtu("lan", 1300);
  Stack packet = V::ip(V::kClient, V::kVip) / udp(40000, 53) / data(1400);
  if constexpr (std::is_same_v<V, V4>)
    packet = V::ip(V::kClient, V::kVip).df() / udp(40000, 53) / data(1400);
  constexpr size_t kLimit = std::is_same_v<V, V4> ? 576 - 28 : 1280 - 48;
  rig.in("wan", to_us(0) / packet)
      .expect_drop(V::node("forward.too_big"))
      .expect_out("wan", from_us(0) / V::own(V::kWan, V::kClient) / V::too_big(1300) /
                             quote(packet, kLimit));
}

TYPED_TEST(NatIcmp, QuotesWhatTheClientSentWhenTheEndpointIsSilent) {
  using V = TypeParam;
  NatRig rig;
  typename V::Address silent;
  if constexpr (std::is_same_v<V, V4>)
    silent = "198.51.100.99"_v4;
  else
    silent = "2001:db8:1::99"_v6;
  rig.apply({endpoints_of_web({endpoint(IpAddress(silent))})});
  rig.in("wan", to_us(0) / sent<V>()).ignore_output();
  auto row = rig.after(seconds(4));
  row.expect_drop(std::is_same_v<V, V4> ? "originate.neighbour_timeout"
                                        : "originate.neighbour_timeout6");
  row.expect_out("wan",
                 from_us(0) / V::own(V::kWan, V::kClient) / V::no_host() / quote(sent<V>(63)));
  row.ignore_output();
}

}  // namespace
}  // namespace heddle::rig
