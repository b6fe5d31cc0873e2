// arp_input: whose questions we answer, and what we believe.
#include "expect.h"

namespace heddle::rig {
namespace {

const Ipv4Address kGateway4 = l3::kGateway4;

Eth broadcast(uint16_t port) { return eth(MacAddress::broadcast(), peer_mac(port)); }
Raw request(uint16_t port, Ipv4Address sender, Ipv4Address target) {
  return arp(arp_request(peer_mac(port), sender, target));
}
Stack answer(uint16_t port, Ipv4Address target, Ipv4Address asker) {
  return from_us(port) / arp(arp_reply(own_mac(port), target, peer_mac(port), asker));
}

struct AnswerRow {
  const char* name;
  const char* port;
  uint16_t device;
  Ipv4Address sender, target;
  bool answered;
};

TEST(ArpInput, AnswersByRole) {
  const AnswerRow rows[] = {
      {"our address on an uplink", "wan", 0, kWanPeer4, kWan4, true},
      {"our address of another uplink", "wan", 0, kWanPeer4, kLan4, false},
      {"a workload behind us", "wan", 0, kWanPeer4, kCart4, true},
      {"a station of another uplink", "wan", 0, kWanPeer4, kLanPeer4, false},
      {"another station of this uplink", "wan", 0, kWanPeer4, "192.0.2.77"_v4, false},
      {"an address without a route of ours", "wan", 0, kWanPeer4, kFar4, false},
      {"the workloads' gateway on an uplink", "wan", 0, kWanPeer4, kGateway4, false},
      {"the gateway on a workload's port", "cart", 2, kCart4, kGateway4, true},
      {"any address on a workload's port", "cart", 2, kCart4, kFar4, true},
      {"our uplink's address on a workload's port", "cart", 2, kCart4, kWan4, true},
      {"another workload on a workload's port", "cart", 2, kCart4, "10.8.0.12"_v4, true},
      {"the workload's own address", "cart", 2, kCart4, kCart4, false},
      {"the gateway on the host's port", "host", 3, kWan4, kGateway4, true},
      {"any address on the host's port", "host", 3, kWan4, kFar4, true},
      {"the address that the host shares with us", "host", 3, kWan4, kLan4, false},
  };
  for (const AnswerRow& row : rows) {
    SCOPED_TRACE(row.name);
    TestRig rig(standard_with_host());
    Row result =
        rig.in(row.port, broadcast(row.device) / request(row.device, row.sender, row.target));
    if (row.answered)
      result.expect_out(row.port, answer(row.device, row.target, row.sender));
    else
      result.expect_drop("arp_input.other_target");
  }
}

TEST(ArpInput, AnswersOnAVlan) {
  TestRig rig;
  rig.in("wan", broadcast(0) / vlan(100) / request(0, kV100Peer, kWan4))
      .expect_drop("arp_input.other_target");
  rig.in("wan", broadcast(0) / vlan(100) / request(0, kV100Peer, kV100))
      .expect_out("wan", from_us(0) / vlan(100) /
                             arp(arp_reply(own_mac(0), kV100, peer_mac(0), kV100Peer)));
}

TEST(ArpInput, LeavesPaddingOutOfItsAnswer) {
  TestRig rig;
  rig.in("wan", broadcast(0).padded() / request(0, kWanPeer4, kWan4))
      .expect_out("wan", answer(0, kWan4, kWanPeer4));
}

// RFC 5227 1.1: a probe comes from 0.0.0.0.
TEST(ArpInput, DefendsItsAddressesAgainstProbes) {
  TestRig rig;
  const Ipv4Address none;
  rig.in("wan", broadcast(0) / request(0, none, kWan4)).expect_out("wan", answer(0, kWan4, none));
  rig.in("wan", broadcast(0) / request(0, none, "192.0.2.77"_v4))
      .expect_drop("arp_input.other_target");
  // A workload may look whether its own address is free.
  rig.in("cart", broadcast(2) / request(2, none, kCart4)).expect_drop("arp_input.other_target");
  EXPECT_EQ(rig.worker().neighbours4.size(), 0u) << "0.0.0.0 is nobody";
}

struct DropRow {
  const char* name;
  const char* port;
  Stack frame;
  const char* drop;
};

Stack with_byte(const Raw& message, size_t at, uint8_t value) {
  const Stack whole = message;
  Bytes bytes = whole.bytes();
  bytes[at] = value;
  return Raw(std::move(bytes), 0x0806);
}
Stack cut(const Raw& message, size_t size) {
  const Stack whole = message;
  Bytes bytes = whole.bytes();
  bytes.resize(size);
  return Raw(std::move(bytes), 0x0806);
}

TEST(ArpInput, NamesEachDrop) {
  const Raw good = request(0, kWanPeer4, kWan4);
  const auto from = [](MacAddress mac, Ipv4Address sender) {
    return arp(arp_request(mac, sender, kWan4));
  };
  const MacAddress peer = peer_mac(0);
  const DropRow rows[] = {
      {"27 bytes", "wan", broadcast(0) / cut(good, 27), "malformed"},
      {"hardware type", "wan", broadcast(0) / with_byte(good, 1, 6), "malformed"},
      {"protocol type", "wan", broadcast(0) / with_byte(good, 3, 6), "malformed"},
      {"address length", "wan", broadcast(0) / with_byte(good, 4, 8), "malformed"},
      {"protocol address length", "wan", broadcast(0) / with_byte(good, 5, 16), "malformed"},
      {"reverse ARP", "wan", broadcast(0) / with_byte(good, 7, 3), "malformed"},
      {"a group's MAC", "wan", broadcast(0) / from("01:00:5e:00:00:01"_mac, kWanPeer4),
       "bad_sender"},
      {"broadcast's MAC", "wan", broadcast(0) / from(MacAddress::broadcast(), kWanPeer4),
       "bad_sender"},
      {"no MAC", "wan", broadcast(0) / from(MacAddress(), kWanPeer4), "bad_sender"},
      {"a group's address", "wan", broadcast(0) / from(peer, "224.0.0.1"_v4), "bad_sender"},
      {"broadcast's address", "wan", broadcast(0) / from(peer, "255.255.255.255"_v4), "bad_sender"},
      {"loopback", "wan", broadcast(0) / from(peer, "127.0.0.1"_v4), "bad_sender"},
      {"our address", "wan", broadcast(0) / from(peer, kWan4), "own_address"},
      {"our address, announced", "wan", broadcast(0) / arp(arp_request(peer, kWan4, kWan4)),
       "own_address"},
      {"our address, as an answer", "wan",
       to_us(0) / arp(arp_reply(peer, kWan4, own_mac(0), kWan4)), "own_address"},
      {"our address of another port", "wan", broadcast(0) / from(peer, kLan4), "own_address"},
      {"the gateway's address on a workload's port", "cart", broadcast(2) / from(peer, kGateway4),
       "own_address"},
      {"the gateway's address on the host's port", "host", broadcast(3) / from(peer, kGateway4),
       "own_address"},
      {"an address of elsewhere", "wan", broadcast(0) / from(peer, kFar4), "sender_off_link"},
      {"an address of another port's subnet", "wan", broadcast(0) / from(peer, kLanPeer4),
       "sender_off_link"},
      {"a workload as another", "cart", broadcast(2) / from(peer, "10.8.0.12"_v4),
       "sender_off_link"},
      {"the host as another", "host", broadcast(3) / from(peer, kCart4), "sender_off_link"},
      {"an answer that nobody asked for", "wan",
       to_us(0) / arp(arp_reply(peer, kWanPeer4, own_mac(0), kWan4)), "unsolicited_reply"},
      {"an announcement of somebody unknown", "wan",
       broadcast(0) / arp(arp_request(peer, kWanPeer4, kWanPeer4)), "other_target"},
  };
  TestRig rig(standard_with_host());
  for (const DropRow& row : rows) {
    SCOPED_TRACE(row.name);
    rig.in(row.port, row.frame).expect_drop(std::string("arp_input.") + row.drop);
  }
  EXPECT_EQ(rig.worker().neighbours4.size(), 0u) << "nothing is learned from what is refused";
}

// What follows an answer to a question of theirs: we know them, but ask before we rely on it.
TEST(ArpInput, LearnsFromQuestionsToUs) {
  TestRig rig;
  rig.in("lan", broadcast(1) / request(1, kLanPeer4, kLan4))
      .expect_out("lan", answer(1, kLan4, kLanPeer4));
  const auto* peer = rig.worker().neighbours4.find(rig.interface_id("lan"), kLanPeer4);
  ASSERT_NE(peer, nullptr);
  EXPECT_EQ(peer->state, l3::NeighbourState::kStale);
  EXPECT_EQ(peer->mac, peer_mac(1));
}

TEST(ArpInput, FollowsANeighbourThatMoves) {
  TestRig rig;
  rig.in("lan", broadcast(1) / request(1, kLanPeer4, kLan4)).ignore_output();
  const MacAddress moved = peer_mac(1, 9);
  rig.in("lan",
         eth(MacAddress::broadcast(), moved) / arp(arp_request(moved, kLanPeer4, kLanPeer4)));
  const Stack packet = ip4(kCart4, kLanPeer4).ttl(9) / udp(1, 2);
  rig.in("cart", to_us(2) / packet)
      .expect_out("lan", eth(moved, own_mac(1)) / arp(arp_request(own_mac(1), kLan4, kLanPeer4)))
      .expect_out("lan", eth(moved, own_mac(1)) / ip4(kCart4, kLanPeer4).ttl(8) / udp(1, 2));
}

TEST(ArpInput, DoesNotMoveAConfiguredNeighbour) {
  SettledRig rig;
  const MacAddress other = peer_mac(1, 9);
  rig.in("lan", eth(MacAddress::broadcast(), other) / arp(arp_request(other, kLanPeer4, kLanPeer4)))
      .expect_drop("arp_input.other_target");
  rig.in("cart", to_us(2) / ip4(kCart4, kLanPeer4) / udp(1, 2))
      .expect_out("lan", from_us(1) / ip4(kCart4, kLanPeer4).ttl(63) / udp(1, 2));
}

}  // namespace
}  // namespace heddle::rig
