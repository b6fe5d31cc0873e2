// nd_input: whose solicitations we answer, and what we believe.
#include "expect.h"

namespace heddle::rig {
namespace {

const Ipv6Address kGateway6 = l3::kGateway6;
const Ipv6Address kHostLocal = "fe80::77"_v6;

Eth to_group(uint16_t port, Ipv6Address group) {
  return eth(wire::multicast_mac(group), peer_mac(port));
}
// A solicitation as stations send it: to the solicited-node group, with their MAC.
Stack solicit(uint16_t port, Ipv6Address sender, Ipv6Address target) {
  const Ipv6Address group = wire::solicited_node(target);
  if (sender.is_unspecified())
    return to_group(port, group) / ip6(sender, group).hops(255) / ns(target);
  return to_group(port, group) / ip6(sender, group).hops(255) / ns(target, peer_mac(port));
}
Stack own_answer(uint16_t port, Ipv6Address target, Ipv6Address asker) {
  return from_us(port) / ip6(target, asker).hops(255) /
         na(target, kRouter | kSolicited | kOverride, own_mac(port));
}
// RFC 4861 7.2.8: a proxy does not override.
Stack proxy_answer(uint16_t port, Ipv6Address target, Ipv6Address asker) {
  return from_us(port) / ip6(wire::link_local(own_mac(port)), asker).hops(255) /
         na(target, kRouter | kSolicited, own_mac(port));
}

enum class Answer { kNone, kOwn, kProxy };
struct AnswerRow {
  const char* name;
  const char* port;
  uint16_t device;
  Ipv6Address sender, target;
  Answer answer;
};

TEST(NdInput, AnswersByRole) {
  const AnswerRow rows[] = {
      {"our address on an uplink", "wan", 0, kWanPeer6, kWan6, Answer::kOwn},
      {"our link-local address", "wan", 0, kWanPeer6, wire::link_local(own_mac(0)), Answer::kOwn},
      {"our address, asked from a link-local one", "wan", 0, kHostLocal, kWan6, Answer::kOwn},
      {"our address of another uplink", "wan", 0, kWanPeer6, kLan6, Answer::kNone},
      {"our link-local address of another uplink", "wan", 0, kWanPeer6,
       wire::link_local(own_mac(1)), Answer::kNone},
      {"a workload behind us", "wan", 0, kWanPeer6, kCart6, Answer::kProxy},
      {"another station of this uplink", "wan", 0, kWanPeer6, "2001:db8::77"_v6, Answer::kNone},
      {"an address far away", "wan", 0, kWanPeer6, kFar6, Answer::kNone},
      {"the workloads' gateway on an uplink", "wan", 0, kWanPeer6, kGateway6, Answer::kNone},
      {"the gateway on a workload's port", "cart", 2, kCart6, kGateway6, Answer::kOwn},
      {"the gateway, asked from a link-local address", "cart", 2, kHostLocal, kGateway6,
       Answer::kOwn},
      {"any address on a workload's port", "cart", 2, kCart6, kFar6, Answer::kProxy},
      {"the workload's own address", "cart", 2, kCart6, kCart6, Answer::kNone},
      {"a link-local address of the workload's", "cart", 2, kCart6, kHostLocal, Answer::kNone},
      {"the gateway on the host's port", "host", 3, kHostLocal, kGateway6, Answer::kOwn},
      {"any address on the host's port", "host", 3, kWan6, kFar6, Answer::kProxy},
      {"the address that the host shares with us", "host", 3, kHostLocal, kLan6, Answer::kNone},
  };
  for (const AnswerRow& row : rows) {
    SCOPED_TRACE(row.name);
    TestRig rig(standard_with_host());
    Row result = rig.in(row.port, solicit(row.device, row.sender, row.target));
    switch (row.answer) {
      case Answer::kNone:
        result.expect_drop("nd_input.other_target");
        break;
      case Answer::kOwn:
        result.expect_out(row.port, own_answer(row.device, row.target, row.sender));
        break;
      case Answer::kProxy:
        result.expect_out(row.port, proxy_answer(row.device, row.target, row.sender));
        break;
    }
  }
}

TEST(NdInput, AnswersOnVlanAndPriorityTags) {
  TestRig rig;
  const Ipv6Address own = "2001:db8:64::10"_v6, peer = "2001:db8:64::7"_v6;
  rig.in("wan", to_us(0) / vlan(100) / ip6(peer, own).hops(255) / ns(own))
      .expect_out("wan", from_us(0) / vlan(100) / ip6(own, peer).hops(255) /
                             na(own, kRouter | kSolicited | kOverride, own_mac(0)));
  rig.in("lan", to_us(1) / vlan(0).priority(6) / ip6(kLanPeer6, kLan6).hops(255) / ns(kLan6))
      .expect_out("lan", own_answer(1, kLan6, kLanPeer6));
}

// RFC 4861 7.2.4, RFC 4862 5.4: the answer to a duplicate address probe goes to all nodes.
TEST(NdInput, DefendsItsAddressesAgainstProbes) {
  TestRig rig;
  const Ipv6Address none;
  rig.in("lan", solicit(1, none, kLan6))
      .expect_out("lan", eth(wire::multicast_mac(wire::kAllNodes), own_mac(1)) /
                             ip6(kLan6, wire::kAllNodes).hops(255) /
                             na(kLan6, kRouter | kOverride, own_mac(1)));
  rig.in("lan", solicit(1, none, kCart6))
      .expect_out("lan", eth(wire::multicast_mac(wire::kAllNodes), own_mac(1)) /
                             ip6(wire::link_local(own_mac(1)), wire::kAllNodes).hops(255) /
                             na(kCart6, kRouter, own_mac(1)));
  rig.in("lan", solicit(1, none, "2001:db8:1::99"_v6)).expect_drop("nd_input.other_target");
  // A workload may look whether an address is free, its own or another.
  rig.in("cart", solicit(2, none, kCart6)).expect_drop("nd_input.other_target");
  rig.in("cart", solicit(2, none, "2001:db8:8::99"_v6)).expect_drop("nd_input.other_target");
  EXPECT_EQ(rig.worker().neighbours6.size(), 0u);
}

struct DropRow {
  const char* name;
  const char* port;
  Stack frame;
  const char* drop;
};

TEST(NdInput, NamesEachDrop) {
  const Ipv6Address group = wire::solicited_node(kLan6);
  const auto asked = [&](const Stack& message) {
    return to_us(1) / ip6(kLanPeer6, kLan6).hops(255) / message;
  };
  const DropRow rows[] = {
      {"19 bytes of target", "lan", asked(icmp6(135) / data(15)), "malformed"},
      {"code 1", "lan", asked(icmp6(135, 1) / data(16)), "malformed"},
      {"a group as target", "lan", asked(ns(group)), "malformed"},
      {"an option of length 0", "lan", asked(icmp6(135) / raw(Bytes(24))), "malformed"},
      {"an option past the end", "lan",
       asked(icmp6(135) / raw({0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0,
                               0,    0, 0,   0x10, 1, 2, 0, 0, 0, 0, 0, 0})),
       "malformed"},
      {"behind an extension header", "lan", asked(destination_options({}) / ns(kLan6)),
       "malformed"},
      {"from :: with a link-layer address", "lan",
       to_group(1, group) / ip6("::"_v6, group).hops(255) / ns(kLan6, peer_mac(1)), "malformed"},
      {"from :: to all nodes", "lan",
       to_group(1, wire::kAllNodes) / ip6("::"_v6, wire::kAllNodes).hops(255) / ns(kLan6),
       "malformed"},
      {"a solicited advertisement to a group", "lan",
       to_group(1, wire::kAllNodes) / ip6(kLanPeer6, wire::kAllNodes).hops(255) /
           na(kLanPeer6, kSolicited, peer_mac(1)),
       "malformed"},
      {"through a router", "lan", to_us(1) / ip6(kLanPeer6, kLan6).hops(254) / ns(kLan6),
       "bad_hop_limit"},
      {"a group's MAC in a solicitation", "lan", asked(ns(kLan6, "33:33:00:00:00:01"_mac)),
       "bad_sender"},
      {"no MAC in a solicitation", "lan", asked(ns(kLan6, MacAddress())), "bad_sender"},
      {"a group's MAC in an advertisement", "lan",
       asked(na(kLanPeer6, kSolicited, "33:33:00:00:00:01"_mac)), "bad_sender"},
      {"our address, advertised", "lan", asked(na(kLan6, kOverride, peer_mac(1))), "own_address"},
      {"our link-local address, advertised", "lan",
       asked(na(wire::link_local(own_mac(1)), kOverride, peer_mac(1))), "own_address"},
      {"our address of another port, advertised", "lan", asked(na(kWan6, kOverride, peer_mac(1))),
       "own_address"},
      {"the gateway, advertised by a workload", "cart",
       to_us(2) / ip6(kHostLocal, kGateway6).hops(255) / na(kGateway6, kOverride, peer_mac(2)),
       "own_address"},
      {"from another subnet", "lan",
       to_us(1) / ip6(kFar6, kLan6).hops(255) / ns(kLan6, peer_mac(1)), "sender_off_link"},
      {"from another port's subnet", "lan",
       to_us(1) / ip6(kWanPeer6, kLan6).hops(255) / ns(kLan6, peer_mac(1)), "sender_off_link"},
      {"an advertisement that nobody asked for", "lan",
       asked(na(kLanPeer6, kSolicited | kOverride, peer_mac(1))), "unsolicited_advertisement"},
  };
  TestRig rig;
  for (const DropRow& row : rows) {
    SCOPED_TRACE(row.name);
    rig.in(row.port, row.frame).expect_drop(std::string("nd_input.") + row.drop);
  }
  EXPECT_EQ(rig.worker().neighbours6.size(), 0u) << "nothing is learned from what is refused";
}

TEST(NdInput, WantsTheMessageInOneSegment) {
  TestRig rig;
  rig.in("lan", solicit(1, kLanPeer6, kLan6), {.segments = {14 + 40 + 24}})
      .expect_drop("nd_input.malformed");
}

TEST(NdInput, LearnsFromSolicitationsToUs) {
  TestRig rig;
  rig.in("lan", solicit(1, kLanPeer6, kLan6)).expect_out("lan", own_answer(1, kLan6, kLanPeer6));
  const auto* peer = rig.worker().neighbours6.find(rig.interface_id("lan"), kLanPeer6);
  ASSERT_NE(peer, nullptr);
  EXPECT_EQ(peer->state, l3::NeighbourState::kStale);
  EXPECT_EQ(peer->mac, peer_mac(1));
}

// RFC 4861 7.2.5: without the override flag a known address stays, and is asked again.
TEST(NdInput, MindsTheOverrideFlag) {
  TestRig rig;
  rig.in("lan", solicit(1, kLanPeer6, kLan6)).ignore_output();
  const MacAddress other = peer_mac(1, 9);
  auto& table = rig.worker().neighbours6;
  const auto peer = [&] { return table.find(rig.interface_id("lan"), kLanPeer6); };
  const auto advertise = [&](uint32_t flags, std::optional<MacAddress> mac) {
    rig.in("lan", to_us(1) / ip6(kLanPeer6, kLan6).hops(255) / na(kLanPeer6, flags, mac));
  };
  advertise(0, other);
  EXPECT_EQ(peer()->mac, peer_mac(1));
  advertise(kOverride, other);
  EXPECT_EQ(peer()->mac, other);
  EXPECT_EQ(peer()->state, l3::NeighbourState::kStale) << "unasked, so not confirmed";
}

}  // namespace
}  // namespace heddle::rig
