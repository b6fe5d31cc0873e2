// ethernet_input: which frames are for us, and what they carry.
#include "expect.h"

namespace heddle::rig {
namespace {

const Stack kGood = ip4(kLanPeer4, kFar4) / udp(1, 2) / data(20);
const Stack kForwarded = ip4(kLanPeer4, kFar4).ttl(63) / udp(1, 2) / data(20);

struct DropRow {
  const char* name;
  const char* port;
  Stack frame;
  const char* drop;
};

TEST(EthernetInput, NamesEachDrop) {
  const MacAddress own = own_mac(1), peer = peer_mac(1);
  const MacAddress group = "33:33:00:00:00:01"_mac;
  const DropRow rows[] = {
      {"13 bytes", "lan", raw(Bytes(13)), "truncated"},
      {"no bytes", "lan", raw({}), "truncated"},
      {"a tag cut short", "lan", eth(own, peer).type(0x8100) / data(3), "truncated"},
      {"a service tag cut short", "lan", eth(own, peer).type(0x88a8) / data(3), "truncated"},
      {"a VLAN of nobody", "wan", eth(own_mac(0), peer) / vlan(101) / kGood, "unknown_vlan"},
      {"VLAN 4095", "wan", eth(own_mac(0), peer) / vlan(4095) / kGood, "unknown_vlan"},
      {"a VLAN on a port without any", "lan", eth(own, peer) / vlan(100) / kGood, "unknown_vlan"},
      {"two tags", "wan", eth(own_mac(0), peer) / vlan(100) / vlan(7) / kGood, "double_tagged"},
      {"a service tag", "wan", eth(own_mac(0), peer) / service_tag(100) / kGood, "double_tagged"},
      {"a tag, then a service tag", "wan",
       eth(own_mac(0), peer) / vlan(100) / service_tag(7) / kGood, "double_tagged"},
      {"for another station", "lan", eth(peer_mac(1, 9), peer) / kGood, "not_for_us"},
      {"for our other port", "lan", eth(own_mac(0), peer) / kGood, "not_for_us"},
      {"from a group", "lan", eth(own, group) / kGood, "source_multicast"},
      {"from broadcast", "lan", eth(own, MacAddress::broadcast()) / kGood, "source_multicast"},
      {"from ourselves", "lan", eth(own, own) / kGood, "own_source"},
      {"one byte over the MTU", "lan", eth(own, peer) / ip4(kLanPeer4, kFar4) / data(1481),
       "too_long"},
      {"jumbo", "lan", eth(own, peer) / ip4(kLanPeer4, kFar4) / data(8980), "too_long"},
      {"one byte over the MTU behind a tag", "wan",
       eth(own_mac(0), peer) / vlan(100) / ip4(kV100Peer, kFar4) / data(1481), "too_long"},
      {"LLDP", "lan", eth("01:80:c2:00:00:0e"_mac, peer).type(0x88cc) / data(60), "unknown_type"},
      {"802.3 length", "lan", eth(own, peer).type(46) / data(46), "unknown_type"},
      {"MPLS", "lan", eth(own, peer).type(0x8847) / data(46), "unknown_type"},
  };
  SettledRig rig;
  for (const DropRow& row : rows) {
    SCOPED_TRACE(row.name);
    rig.in(row.port, row.frame).expect_drop(std::string("ethernet_input.") + row.drop);
  }
}

TEST(EthernetInput, TakesFramesAsLongAsTheMtu) {
  SettledRig rig;
  rig.in("lan", to_us(1) / ip4(kLanPeer4, kFar4).protocol(17) / data(1480))
      .expect_out("wan", from_us(0) / ip4(kLanPeer4, kFar4).ttl(63).protocol(17) / data(1480));
  rig.in("wan", to_us(0) / vlan(100) / ip4(kV100Peer, kLanPeer4).protocol(17) / data(1480))
      .expect_out("lan", from_us(1) / ip4(kV100Peer, kLanPeer4).ttl(63).protocol(17) / data(1480));
}

TEST(EthernetInput, LeavesPaddingBehind) {
  SettledRig rig;
  rig.in("lan", to_us(1).padded() / ip4(kLanPeer4, kFar4) / udp(1, 2))
      .expect_out("wan", from_us(0) / ip4(kLanPeer4, kFar4).ttl(63) / udp(1, 2));
  rig.in("lan", to_us(1).padded() / ip6(kLanPeer6, kFar6))
      .expect_out("wan", from_us(0) / ip6(kLanPeer6, kFar6).hops(63));
}

TEST(EthernetInput, ReadsOurVlan) {
  SettledRig rig;
  rig.in("wan", to_us(0) / vlan(100).priority(5) / ip4(kV100Peer, kLanPeer4) / udp(1, 2))
      .expect_out("lan", from_us(1) / ip4(kV100Peer, kLanPeer4).ttl(63) / udp(1, 2));
}

// 802.1Q 6.9: VLAN 0 gives a priority only; the frame belongs to the untagged interface.
TEST(EthernetInput, TakesAPriorityTagAsUntagged) {
  SettledRig rig;
  rig.in("lan", to_us(1) / vlan(0).priority(7) / kGood).expect_out("wan", from_us(0) / kForwarded);
  rig.in("lan", to_us(1) / vlan(0) / ip6(kLanPeer6, kFar6) / tcp(1, 2))
      .expect_out("wan", from_us(0) / ip6(kLanPeer6, kFar6).hops(63) / tcp(1, 2));
}

TEST(EthernetInput, LeavesBytesToTheirProtocols) {
  SettledRig rig;
  rig.in("lan", to_us(1) / kGood).expect_out("wan", from_us(0) / kForwarded);
  rig.in("lan", to_us(1) / ip6(kLanPeer6, kFar6) / tcp(1, 2))
      .expect_out("wan", from_us(0) / ip6(kLanPeer6, kFar6).hops(63) / tcp(1, 2));
  rig.in("lan", to_us(1) / arp(arp_request(peer_mac(1), kLanPeer4, kLan4)))
      .expect_out("lan", from_us(1) / arp(arp_reply(own_mac(1), kLan4, peer_mac(1), kLanPeer4)));
}

}  // namespace
}  // namespace heddle::rig
