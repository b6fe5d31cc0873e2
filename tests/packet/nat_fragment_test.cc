// Fragments of translated flows: all of a datagram come to where its first one goes, in whatever
// order they arrive, and what overlaps or never completes goes nowhere.
#include "nat.h"

namespace heddle::rig {
namespace {

template <class V>
struct NatFragment : testing::Test {};
TYPED_TEST_SUITE(NatFragment, BothVersions);

constexpr size_t kCut = 504;

// A datagram of 1,008 bytes from the client to the service, and how the endpoint gets it.
template <class V>
struct Datagram {
  uint16_t id = 77;
  uint16_t port = 40000;

  Bytes in = l4_of<V>(V::ip(V::kClient, V::kVip) / udp(port, 53) / data(1000));
  Bytes out = l4_of<V>(V::ip(V::kClient, V::kFirst) / udp(port, 5353) / data(1000));

  Stack sent(size_t at, size_t size) const {
    return to_us(0) / V::piece(V::kClient, V::kVip, id, in, at, size);
  }
  Stack got(size_t at, size_t size) const {
    return to_first() / V::piece(V::kClient, V::kFirst, id, out, at, size, IpProtocol::kUdp, 63);
  }
  Stack first() const { return sent(0, kCut); }
  Stack later() const { return sent(kCut, 1008 - kCut); }
  Stack got_first() const { return got(0, kCut); }
  Stack got_later() const { return got(kCut, 1008 - kCut); }
};

TYPED_TEST(NatFragment, FollowTheirFirst) {
  using V = TypeParam;
  NatRig rig;
  const Datagram<V> datagram;
  rig.in("wan", datagram.first()).expect_out("lan", datagram.got_first());
  rig.in("wan", datagram.later()).expect_out("lan", datagram.got_later());
  EXPECT_EQ(rig.flows(), 1u);
  // In one batch, and of a flow that is known.
  const Datagram<V> next{.id = 78};
  rig.in("wan", {next.first(), next.later()})
      .expect_out("lan", next.got_first())
      .expect_out("lan", next.got_later());
  const Datagram<V> fresh{.id = 79, .port = 40001};
  rig.in("wan", {fresh.first(), fresh.later()})
      .expect_out("lan", fresh.got_first())
      .expect_out("lan", fresh.got_later());
}

TYPED_TEST(NatFragment, WaitForTheirFirst) {
  using V = TypeParam;
  NatRig rig;
  for (const uint16_t id : {uint16_t{1}, uint16_t{2}}) {  // of a new flow, of a known one
    const Datagram<V> datagram{.id = id};
    rig.in("wan", datagram.sent(808, 200));
    rig.in("wan", datagram.sent(504, 304));
    rig.in("wan", datagram.first())
        .expect_out("lan", datagram.got_first())
        .expect_out("lan", datagram.got(808, 200))
        .expect_out("lan", datagram.got(504, 304));
  }
}

TYPED_TEST(NatFragment, ThatWaitBelongToTheirOwnDatagram) {
  using V = TypeParam;
  NatRig rig;
  const Datagram<V> one{.id = 1, .port = 40001};
  const Datagram<V> other{.id = 2, .port = 40002};
  rig.in("wan", one.later());
  // The first completes its datagram; what comes next in the batch is another's.
  rig.in("wan", {one.first(), other.later()})
      .expect_out("lan", one.got_first())
      .expect_out("lan", one.got_later());
  rig.in("wan", other.first())
      .expect_out("lan", other.got_first())
      .expect_out("lan", other.got_later());
}

TYPED_TEST(NatFragment, OfManyDatagramsAreReleasedInOneBatch) {
  using V = TypeParam;
  NatRig rig;
  std::vector<Stack> later, first;
  for (uint16_t i = 0; i < 200; ++i) {
    const Datagram<V> datagram{.id = i, .port = static_cast<uint16_t>(20000 + i)};
    later.push_back(datagram.later());
    first.push_back(datagram.first());
  }
  rig.in("wan", later);
  auto row = rig.in("wan", first);
  EXPECT_EQ(row.out_count(), 400u);
  row.ignore_output();
}

TYPED_TEST(NatFragment, OfTwoDatagramsMayBeMixed) {
  using V = TypeParam;
  NatRig rig;
  const Datagram<V> one{.id = 1, .port = 40001};
  const Datagram<V> other{.id = 2, .port = 40002};
  rig.in("wan", {one.later(), other.first(), one.first(), other.later()})
      .expect_out("lan", other.got_first())
      .expect_out("lan", one.got_first())
      .expect_out("lan", other.got_later())
      .expect_out("lan", one.got_later());
}

TYPED_TEST(NatFragment, OfAnswersGetTheServicesAddress) {
  using V = TypeParam;
  NatRig rig;
  rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / udp(40000, 53)).ignore_output();
  const Bytes in = l4_of<V>(V::ip(V::kFirst, V::kClient) / udp(5353, 40000) / data(1000));
  const Bytes out = l4_of<V>(V::ip(V::kVip, V::kClient) / udp(53, 40000) / data(1000));
  const auto sent = [&](uint16_t id, size_t at, size_t size) {
    return from_first() / V::piece(V::kFirst, V::kClient, id, in, at, size);
  };
  const auto got = [&](uint16_t id, size_t at, size_t size) {
    return from_us(0) / V::piece(V::kVip, V::kClient, id, out, at, size, IpProtocol::kUdp, 63);
  };
  rig.in("lan", sent(1, 0, 504)).expect_out("wan", got(1, 0, 504));
  rig.in("lan", sent(1, 504, 504)).expect_out("wan", got(1, 504, 504));
  rig.in("lan", sent(2, 504, 504));
  rig.in("lan", sent(2, 0, 504))
      .expect_out("wan", got(2, 0, 504))
      .expect_out("wan", got(2, 504, 504));
}

TYPED_TEST(NatFragment, OfFullNatGoBothWays) {
  using V = TypeParam;
  NatRig rig(Forwarding::kFullNat);
  const Datagram<V> datagram;
  auto row = rig.in("wan", datagram.first());
  const Bytes got = row.take("lan");
  const size_t ports = 14 + V::kHeader + (V::kHeader == 40 ? 8 : 0);
  const auto port = load_be<uint16_t>(got.data() + ports);
  const Bytes out = l4_of<V>(V::ip(V::kNat, V::kFirst) / udp(port, 5353) / data(1000));
  const auto piece = [&](size_t at, size_t size) {
    return to_first() / V::piece(V::kNat, V::kFirst, 77, out, at, size, IpProtocol::kUdp, 63);
  };
  EXPECT_EQ(got, piece(0, kCut).bytes());
  rig.in("wan", datagram.later()).expect_out("lan", piece(kCut, 1008 - kCut));
  const Bytes answer = l4_of<V>(V::ip(V::kFirst, V::kNat) / udp(5353, port) / data(1000));
  const Bytes wanted = l4_of<V>(V::ip(V::kVip, V::kClient) / udp(53, 40000) / data(1000));
  for (const size_t at : {kCut, size_t{0}})
    rig.put("lan", (from_first() / V::piece(V::kFirst, V::kNat, 5, answer, at, kCut)).bytes());
  const auto to_client = [&](size_t at) {
    return from_us(0) / V::piece(V::kVip, V::kClient, 5, wanted, at, kCut, IpProtocol::kUdp, 63);
  };
  rig.now_expect().expect_out("wan", to_client(0)).expect_out("wan", to_client(kCut));
}

TYPED_TEST(NatFragment, WithoutAFirstTimeOut) {
  using V = TypeParam;
  NatRig rig;
  const Datagram<V> datagram;
  rig.in("wan", datagram.later());
  rig.after(seconds(29));
  rig.after(seconds(2)).expect_drop("originate.fragment_timeout");
}

TYPED_TEST(NatFragment, ThatWaitAreFew) {
  using V = TypeParam;
  NatRig rig;
  const Datagram<V> datagram;
  for (size_t at = 504; at < 504 + 4 * 8; at += 8) rig.in("wan", datagram.sent(at, 8));
  auto row = rig.in("wan", datagram.sent(600, 8));
  row.expect_drop("flow_refused.fragment_hold_full");
  rig.after(milliseconds(20)).expect_drop("originate.fragment_timeout", 4);
  rig.in("wan", datagram.first()).expect_drop("flow_refused.fragment_poisoned");
}

TYPED_TEST(NatFragment, OverlapOrRepeat) {
  using V = TypeParam;
  NatRig rig;
  const Datagram<V> datagram;
  rig.in("wan", datagram.first()).expect_out("lan", datagram.got_first());
  rig.in("wan", datagram.first()).expect_drop("flow_refused.fragment_duplicate");
  rig.in("wan", datagram.sent(kCut - 8, 16)).expect_drop("flow_refused.fragment_overlap");
  rig.in("wan", datagram.later()).expect_drop("flow_refused.fragment_poisoned");
}

TYPED_TEST(NatFragment, OfALengthThatCannotBe) {
  using V = TypeParam;
  NatRig rig;
  const Datagram<V> datagram;
  rig.in("wan", datagram.sent(0, 104)).ignore_output();
  rig.in("wan", datagram.later()).ignore_output();  // its end
  const Bytes longer(1200);
  rig.in("wan", to_us(0) / V::piece(V::kClient, V::kVip, 77, longer, 1008, 8))
      .expect_drop("flow_refused.fragment_bad_length");
}

TYPED_TEST(NatFragment, TooSmallToJudge) {
  using V = TypeParam;
  NatRig rig;
  const Bytes all = l4_of<V>(V::ip(V::kClient, V::kVip) / tcp(40000, 80) / data(100));
  rig.in("wan", to_us(0) / V::piece(V::kClient, V::kVip, 1, all, 0, 16, IpProtocol::kTcp))
      .expect_drop("flow_refused.tiny_fragment");
  rig.in("wan", to_us(0) / V::piece(V::kClient, V::kVip, 2, all, 8, 16, IpProtocol::kTcp))
      .expect_drop("flow_refused.fragment_tiny");
}

TYPED_TEST(NatFragment, MoreThanAreCounted) {
  using V = TypeParam;
  NatRig rig;
  const Datagram<V> datagram;
  for (size_t at = 0; at < 64 * 8; at += 8)
    rig.in("wan", datagram.sent(at, 8)).expect_out("lan", datagram.got(at, 8));
  rig.in("wan", datagram.sent(64 * 8, 8)).expect_drop("flow_refused.fragment_too_many");
}

// The first one's refusal is the others' too.
TYPED_TEST(NatFragment, WhoseFirstIsRefusedGoNowhere) {
  using V = TypeParam;
  NatRig rig;
  rig.apply({deny_web(Refusal::kDrop)});
  const Datagram<V> datagram;
  rig.in("wan", {datagram.first(), datagram.later()})
      .expect_drop(V::node("service.denied"))
      .expect_drop("flow_refused.fragment_ports");
}

TYPED_TEST(NatFragment, OfAFlowThatPolicyEndsGoNowhere) {
  using V = TypeParam;
  NatRig rig;
  open_many<V>(rig);
  const Datagram<V> datagram;
  rig.in("wan", datagram.first()).ignore_output();
  rig.apply({deny_web(Refusal::kDrop)});
  rig.in("wan", datagram.later()).expect_drop(V::node("conntrack.cut"));
}

// Larger than the way to the endpoint: cut once more, behind the translation.
TEST(NatFragment4, AreMadeBehindTheTranslation) {
  NatRig rig;
  rig.set_mtu("lan", 600);
  const Datagram<V4> datagram;
  rig.in("wan",
         to_us(0) / V4::ip(V4::kClient, V4::kVip).id(77) / raw(datagram.in).as(IpProtocol::kUdp))
      .expect_out("lan", datagram.got(0, 576))
      .expect_out("lan", datagram.got(576, 1008 - 576));
}

}  // namespace
}  // namespace heddle::rig
