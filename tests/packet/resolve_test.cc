// arp_resolve, nd_resolve and originate: packets wait for their neighbour, in order, not forever.
#include "expect.h"

namespace heddle::rig {
namespace {

using l3::NeighbourState;

// Both families do the same in other words; a test is written once for both.
struct Four {
  using Address = Ipv4Address;
  static constexpr const char* kResolve = "arp_resolve";
  static constexpr const char* kTimeout = "originate.neighbour_timeout";
  static Address peer() { return kLanPeer4; }
  static Address station(uint32_t n) {
    return Ipv4Address::from_host(0xc6330000 + n);
  }  // 198.51/16
  static Stack packet(Address target, uint16_t n, bool sent) {
    return ip4(kCart4, target).ttl(sent ? 63 : 64) / udp(n, 2) / data(n);
  }
  static Stack question(Address target) {
    return eth(MacAddress::broadcast(), own_mac(1)) / arp(arp_request(own_mac(1), kLan4, target));
  }
  static Stack probe(Address target) {
    return from_us(1) / arp(arp_request(own_mac(1), kLan4, target));
  }
  static Stack answer(Address target, MacAddress mac) {
    return eth(own_mac(1), mac) / arp(arp_reply(mac, target, own_mac(1), kLan4));
  }
  // To the workload, from the node's first address.
  static Stack unreachable(const Stack& about, uint16_t id) {
    return from_us(2) / ip4(kWan4, kCart4).id(id) / icmp4(3, 1) / quote(about);
  }
  static auto& table(Rig& rig) { return rig.worker().neighbours4; }
};

struct Six {
  using Address = Ipv6Address;
  static constexpr const char* kResolve = "nd_resolve";
  static constexpr const char* kTimeout = "originate.neighbour_timeout6";
  static Address peer() { return kLanPeer6; }
  static Address station(uint32_t n) {
    return Ipv6Address::from_host(0x20010db800010000, 0x1000 + n);
  }
  static Stack packet(Address target, uint16_t n, bool sent) {
    return ip6(kCart6, target).hops(sent ? 63 : 64) / udp(n, 2) / data(n);
  }
  static Stack question(Address target) {
    const Ipv6Address group = wire::solicited_node(target);
    return eth(wire::multicast_mac(group), own_mac(1)) / ip6(kLan6, group).hops(255) /
           ns(target, own_mac(1));
  }
  static Stack probe(Address target) {
    return from_us(1) / ip6(kLan6, target).hops(255) / ns(target, own_mac(1));
  }
  static Stack answer(Address target, MacAddress mac) {
    return eth(own_mac(1), mac) / ip6(target, kLan6).hops(255) /
           na(target, kSolicited | kOverride, mac);
  }
  static Stack unreachable(const Stack& about, uint16_t) {
    return from_us(2) / ip6(kWan6, kCart6) / icmp6(1, 3) / quote(about);
  }
  static auto& table(Rig& rig) { return rig.worker().neighbours6; }
};

template <class Kind>
class Resolve : public testing::Test {
 protected:
  TestRig rig;
  Resolve() : rig(net()) {
    rig.know("cart", kCart4, peer_mac(2));
    rig.know("cart", kCart6, peer_mac(2));
  }
  static Net net() {
    return Net()
        .uplink("wan")
        .address("192.0.2.10/24")
        .address("2001:db8::10/64")
        .uplink("lan")
        .address("198.51.100.10/16")
        .address("2001:db8:1::10/64")
        .workload("cart", {"10.8.0.11", "2001:db8:8::11"});
  }
  static Stack in_packet(uint16_t n, typename Kind::Address target = Kind::peer()) {
    return to_us(2) / Kind::packet(target, n, false);
  }
  static Stack out_packet(uint16_t n, typename Kind::Address target = Kind::peer()) {
    return from_us(1) / Kind::packet(target, n, true);
  }
  Row send(uint16_t n, Row::Where where = Row::Where::current()) {
    return rig.in("cart", in_packet(n), {}, where);
  }
  Row answer(Row::Where where = Row::Where::current()) {
    return rig.in("lan", Kind::answer(Kind::peer(), peer_mac(1)), {}, where);
  }
  NeighbourState state() {
    const auto* neighbour = Kind::table(rig).find(rig.interface_id("lan"), Kind::peer());
    EXPECT_NE(neighbour, nullptr);
    return neighbour == nullptr ? NeighbourState::kStatic : neighbour->state;
  }
};

using Families = testing::Types<Four, Six>;
TYPED_TEST_SUITE(Resolve, Families);

TYPED_TEST(Resolve, AsksOnceAndReleasesInOrder) {
  using F = TypeParam;
  this->send(1).expect_out("lan", F::question(F::peer()));
  this->send(2);
  this->send(3);
  EXPECT_EQ(this->rig.waiting(), 3u);
  this->answer()
      .expect_out("lan", this->out_packet(1))
      .expect_out("lan", this->out_packet(2))
      .expect_out("lan", this->out_packet(3));
  EXPECT_EQ(this->state(), NeighbourState::kReachable);
  this->send(4).expect_out("lan", this->out_packet(4));
}

TYPED_TEST(Resolve, PushesTheOldestOutOfAFullQueue) {
  using F = TypeParam;
  this->send(1).expect_out("lan", F::question(F::peer()));
  for (uint16_t n = 2; n <= 4; ++n) this->send(n);
  this->send(5).expect_drop(std::string(F::kResolve) + ".neighbour_queue_full");
  this->send(6).expect_drop(std::string(F::kResolve) + ".neighbour_queue_full");
  Row row = this->answer();
  for (uint16_t n = 3; n <= 6; ++n) row.expect_out("lan", this->out_packet(n));
}

TYPED_TEST(Resolve, GivesUpAfterThreeQuestions) {
  using F = TypeParam;
  this->send(1).expect_out("lan", F::question(F::peer()));
  this->send(2);
  this->rig.after(milliseconds(990));
  this->rig.after(milliseconds(30)).expect_out("lan", F::question(F::peer()));
  this->rig.after(milliseconds(1010)).expect_out("lan", F::question(F::peer()));
  // The quoted packets have lost their TTL on the way here (RFC 1812 4.3.2.3 allows it).
  this->rig.after(milliseconds(1010))
      .expect_drop(F::kTimeout, 2)
      .expect_out("cart", F::unreachable(F::packet(F::peer(), 1, true), 0))
      .expect_out("cart", F::unreachable(F::packet(F::peer(), 2, true), 1));
  EXPECT_EQ(this->state(), NeighbourState::kFailed);
  // For a while nobody is asked again.
  this->send(3)
      .expect_drop(std::string(F::kResolve) + ".neighbour_failed")
      .expect_out("cart", F::unreachable(F::packet(F::peer(), 3, true), 2));
  this->rig.after(milliseconds(3020));
  this->send(4).expect_out("lan", F::question(F::peer()));
  this->answer().expect_out("lan", this->out_packet(4));
}

TYPED_TEST(Resolve, ProbesByUnicastWhatIsInUse) {
  using F = TypeParam;
  this->send(1).expect_out("lan", F::question(F::peer()));
  this->answer().expect_out("lan", this->out_packet(1));
  this->rig.after(seconds(29));
  this->send(2).expect_out("lan", this->out_packet(2));
  this->rig.after(milliseconds(1020)).expect_out("lan", F::probe(F::peer()));
  EXPECT_EQ(this->state(), NeighbourState::kProbe);
  this->send(3).expect_out("lan", this->out_packet(3));
  this->answer();
  EXPECT_EQ(this->state(), NeighbourState::kReachable);
}

TYPED_TEST(Resolve, AsksAStaleNeighbourAtItsNextUse) {
  using F = TypeParam;
  this->send(1).expect_out("lan", F::question(F::peer()));
  this->answer().expect_out("lan", this->out_packet(1));
  this->rig.after(milliseconds(30'020));
  EXPECT_EQ(this->state(), NeighbourState::kStale);
  this->send(2).expect_out("lan", F::probe(F::peer())).expect_out("lan", this->out_packet(2));
  EXPECT_EQ(this->state(), NeighbourState::kProbe);
  this->send(3).expect_out("lan", this->out_packet(3));
  this->answer();
  EXPECT_EQ(this->state(), NeighbourState::kReachable);
}

TYPED_TEST(Resolve, AsksAllBeforeItGivesUpAKnownNeighbour) {
  using F = TypeParam;
  this->send(1).expect_out("lan", F::question(F::peer()));
  this->answer().expect_out("lan", this->out_packet(1));
  this->rig.after(milliseconds(30'020));
  this->send(2).expect_out("lan", F::probe(F::peer())).expect_out("lan", this->out_packet(2));
  this->rig.after(milliseconds(1010)).expect_out("lan", F::probe(F::peer()));
  this->rig.after(milliseconds(1010)).expect_out("lan", F::probe(F::peer()));
  this->rig.after(milliseconds(1010)).expect_out("lan", F::question(F::peer()));
  this->send(3);
  this->rig.after(milliseconds(2020))
      .expect_out("lan", F::question(F::peer()))
      .expect_out("lan", F::question(F::peer()));
  this->rig.after(milliseconds(1010))
      .expect_drop(F::kTimeout)
      .expect_out("cart", F::unreachable(F::packet(F::peer(), 3, true), 0));
}

TYPED_TEST(Resolve, ForgetsWhatIsNotUsed) {
  using F = TypeParam;
  this->send(1).expect_out("lan", F::question(F::peer()));
  this->answer().expect_out("lan", this->out_packet(1));
  this->rig.after(seconds(631));
  EXPECT_EQ(F::table(this->rig).size(), 1u + 0u) << "the configured neighbour alone";
}

// RFC 6583: a scan of stations that are not there pushes out its own questions, no neighbour.
TYPED_TEST(Resolve, SurvivesAScan) {
  using F = TypeParam;
  constexpr uint32_t kInResolution = 512;  // an eighth of the table
  const std::string given_up = std::string(F::kResolve) + ".neighbour_timeout";
  this->send(1).expect_out("lan", F::question(F::peer()));
  this->answer().expect_out("lan", this->out_packet(1));
  for (uint32_t n = 0; n < kInResolution; ++n) {
    this->rig.put("cart", this->in_packet(1, F::station(256 + n)).bytes());
    if (n % 256 != 255) continue;
    Row row = this->rig.now_expect();
    EXPECT_EQ(row.out_count(), 256u);
    row.ignore_output();
  }
  EXPECT_EQ(this->rig.waiting(), kInResolution);
  // The next question takes the place of one before: whose packet is given up.
  const auto next = F::station(256 + kInResolution);
  Row row = this->rig.in("cart", this->in_packet(1, next));
  row.expect_drop(given_up).expect_out("lan", F::question(next));
  EXPECT_EQ(row.take("cart").size(), F::unreachable(F::packet(next, 1, true), 0).bytes().size());
  EXPECT_EQ(this->rig.waiting(), kInResolution);
  this->send(2).expect_out("lan", this->out_packet(2));
  this->rig.in("lan", F::answer(next, peer_mac(1))).expect_out("lan", this->out_packet(1, next));
}

TYPED_TEST(Resolve, RefusesWhenItsInterfaceIsFullOfNeighboursThatWork) {
  using F = TypeParam;
  for (uint32_t n = 0; n < 2048; ++n) this->rig.know("lan", F::station(256 + n), peer_mac(1));
  this->send(1).expect_drop(std::string(F::kResolve) + ".neighbour_table_full");
}

// What waits keeps its way out when the routes change meanwhile.
TYPED_TEST(Resolve, ReleasesAcrossAChangeOfTopology) {
  using F = TypeParam;
  this->send(1).expect_out("lan", F::question(F::peer()));
  this->rig.set_link("wan", false);
  this->rig.now_expect();
  this->answer().expect_out("lan", this->out_packet(1));
}

// Whoever comes back with the link may be another station: nothing is kept over its absence.
TYPED_TEST(Resolve, ForgetsTheNeighboursOfALinkThatGoesDown) {
  using F = TypeParam;
  this->send(1).expect_out("lan", F::question(F::peer()));
  this->rig.set_link("lan", false);
  this->rig.now_expect()
      .expect_drop(F::kTimeout)
      .expect_out("cart", F::unreachable(F::packet(F::peer(), 1, true), 0));
  this->rig.set_link("lan", true);
  this->rig.now_expect().ignore_output();  // announcements
  this->send(2).expect_out("lan", F::question(F::peer()));
  this->answer().expect_out("lan", this->out_packet(2));
  this->rig.set_link("lan", false);
  this->rig.now_expect();
  this->rig.set_link("lan", true);
  this->rig.now_expect().ignore_output();
  this->send(3).expect_out("lan", F::question(F::peer()));
}

// The sender's own link is gone when its packet fails: nobody is left to tell.
TYPED_TEST(Resolve, GivesUpWithoutAnAnswerWhenTheSenderIsGone) {
  using F = TypeParam;
  constexpr bool kFour = std::is_same_v<F, Four>;
  this->send(1).expect_out("lan", F::question(F::peer()));
  this->rig.set_link("cart", false);
  this->rig.after(milliseconds(3050))
      .expect_drop(F::kTimeout)
      .expect_drop(kFour ? "ip4_lookup.links_down" : "ip6_lookup.links_down")
      .expect_drop(kFour ? "icmp4_error.not_allowed" : "icmp6_error.not_allowed")
      .ignore_output();  // the two further questions
}

Stack announced(uint16_t port, Ipv4Address own) {
  return eth(MacAddress::broadcast(), own_mac(port)) / arp(arp_request(own_mac(port), own, own));
}
Stack announced(uint16_t port, Ipv6Address own) {
  return eth(wire::multicast_mac(wire::kAllNodes), own_mac(port)) /
         ip6(own, wire::kAllNodes).hops(255) / na(own, kRouter | kOverride, own_mac(port));
}

TEST(Announce, TellsOfEachAddressOfALinkThatComesUp) {
  TestRig rig(Net()
                  .uplink("wan")
                  .address("192.0.2.10/24")
                  .address("192.0.3.10/24")
                  .address("2001:db8::10/64")
                  .uplink("lan")
                  .address("198.51.100.10/24")
                  .down()
                  .workload("cart", {"10.8.0.11"})
                  .host("host"),
              {.announced = false});
  rig.now_expect()
      .expect_out("wan", announced(0, kWan4))
      .expect_out("wan", announced(0, "192.0.3.10"_v4))
      .expect_out("wan", announced(0, kWan6))
      .expect_out("cart", announced(2, l3::kGateway4))
      .expect_out("cart", announced(2, l3::kGateway6))
      .expect_out("host", announced(3, l3::kGateway4))
      .expect_out("host", announced(3, l3::kGateway6));
  rig.now_expect();
  for (int i = 0; i < 2; ++i) {
    rig.set_link("lan", true);
    rig.now_expect().expect_out("lan", announced(1, kLan4));
    rig.set_link("lan", false);
    rig.now_expect();
  }
}

TEST(Announce, IsOneWorkersTask) {
  TestRig rig(Net().uplink("wan").address("192.0.2.10/24"), {.workers = 3, .announced = false});
  rig.now_expect().expect_out("wan", announced(0, kWan4));
}

// What the loop takes from in front of a port that no longer sends.
TEST(Originate, DropsByNameWhatAPortDidNotTake) {
  TestRig rig;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(rig.worker().undeliverable.push(Rig::pool().allocate()));
  rig.now_expect().expect_drop("originate.port_stuck", 3);
}

}  // namespace
}  // namespace heddle::rig
