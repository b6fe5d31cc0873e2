// ip4_input: what is an IPv4 packet, and which may come from where.
#include "expect.h"

namespace heddle::rig {
namespace {

struct DropRow {
  const char* name;
  const char* port;
  Stack frame;
  const char* drop;
};

void expect_drops(TestRig& rig, std::span<const DropRow> rows) {
  for (const DropRow& row : rows) {
    SCOPED_TRACE(row.name);
    rig.in(row.port, row.frame).expect_drop(std::string("ip4_input.") + row.drop);
  }
}

Stack lan(const Stack& packet) { return to_us(1) / packet; }
Ip4 good() { return ip4(kLanPeer4, kFar4); }

TEST(Ip4Input, NamesEachMalformedHeader) {
  const DropRow rows[] = {
      {"19 bytes", "lan", to_us(1).type(0x0800) / data(19), "truncated"},
      {"nothing", "lan", to_us(1).type(0x0800), "truncated"},
      {"version 6", "lan", lan(good().version(6) / udp(1, 2)), "bad_version"},
      {"version 0", "lan", lan(good().version(0) / udp(1, 2)), "bad_version"},
      {"a header of 16 bytes", "lan", lan(good().header_words(4) / udp(1, 2)), "bad_header_length"},
      {"a header of 60 bytes in 28", "lan", lan(good().header_words(15) / udp(1, 2)),
       "bad_header_length"},
      {"total length below the header", "lan", lan(good().total_length(19) / udp(1, 2)),
       "bad_total_length"},
      {"total length past the end", "lan", lan(good().total_length(29) / udp(1, 2)),
       "bad_total_length"},
      {"total length 65535", "lan", lan(good().total_length(65535) / udp(1, 2)),
       "bad_total_length"},
      {"checksum", "lan", lan(good().bad_checksum() / udp(1, 2)), "bad_checksum"},
      {"checksum over options", "lan", lan(good().options({1, 1, 1, 0}).bad_checksum() / udp(1, 2)),
       "bad_checksum"},
      {"an option of length 1", "lan", lan(good().options({7, 1, 0, 0}) / udp(1, 2)),
       "bad_options"},
      {"an option of length 0", "lan", lan(good().options({7, 0, 0, 0}) / udp(1, 2)),
       "bad_options"},
      {"an option past the header", "lan", lan(good().options({7, 5, 4, 0}) / udp(1, 2)),
       "bad_options"},
      {"an option without length", "lan", lan(good().options({1, 1, 1, 7}) / udp(1, 2)),
       "bad_options"},
      {"a piece that none can follow", "lan", lan(good().mf().protocol(17) / data(15)),
       "bad_fragment"},
      {"a piece of nothing", "lan", lan(good().mf().protocol(17)), "bad_fragment"},
      {"a piece past 65,535 bytes", "lan", lan(good().offset(65512).protocol(17) / data(8)),
       "bad_fragment"},
      {"loose source route", "lan", lan(good().options({131, 7, 4, 1, 2, 3, 4}) / udp(1, 2)),
       "source_route"},
      {"strict source route", "lan", lan(good().options({1, 137, 7, 4, 1, 2, 3, 4}) / udp(1, 2)),
       "source_route"},
  };
  SettledRig rig;
  expect_drops(rig, rows);
}

TEST(Ip4Input, NamesEachAddressThatHasNoPlaceOnAWire) {
  const MacAddress own = own_mac(1), peer = peer_mac(1);
  const auto from = [&](Ipv4Address source) { return lan(ip4(source, kFar4) / udp(1, 2)); };
  const auto towards = [&](Ipv4Address target) { return lan(ip4(kLanPeer4, target) / udp(1, 2)); };
  const DropRow rows[] = {
      {"from 0/8", "lan", from("0.1.2.3"_v4), "martian_source"},
      {"from 0.0.0.0", "lan", from("0.0.0.0"_v4), "martian_source"},
      {"from loopback", "lan", from("127.0.0.1"_v4), "martian_source"},
      {"from a group", "lan", from("224.0.0.1"_v4), "martian_source"},
      {"from class E", "lan", from("240.0.0.1"_v4), "martian_source"},
      {"from broadcast", "lan", from("255.255.255.255"_v4), "martian_source"},
      {"to 0/8", "lan", towards("0.0.0.1"_v4), "martian_destination"},
      {"to loopback", "lan", towards("127.0.0.1"_v4), "martian_destination"},
      {"to class E", "lan", towards("250.1.1.1"_v4), "martian_destination"},
      {"from link-local", "lan", from("169.254.3.4"_v4), "link_local"},
      {"to link-local", "lan", towards("169.254.3.4"_v4), "link_local"},
      {"to the workloads' gateway from an uplink", "lan", towards("169.254.1.1"_v4), "link_local"},
      {"from the workloads' gateway", "cart", to_us(2) / ip4("169.254.1.1"_v4, kFar4) / udp(1, 2),
       "link_local"},
      {"to another link-local address from a workload", "cart",
       to_us(2) / ip4(kCart4, "169.254.1.2"_v4) / udp(1, 2), "link_local"},
      {"mDNS", "lan",
       eth("01:00:5e:00:00:fb"_mac, peer) / ip4(kLanPeer4, "224.0.0.251"_v4) / data(8),
       "multicast"},
      {"a group in a unicast frame", "lan", towards("239.1.1.1"_v4), "multicast"},
      {"DHCP", "lan", eth(MacAddress::broadcast(), peer) / ip4(kLanPeer4, "255.255.255.255"_v4),
       "broadcast"},
      {"broadcast in a unicast frame", "lan", towards("255.255.255.255"_v4), "broadcast"},
      {"unicast in a broadcast frame", "lan", eth(MacAddress::broadcast(), peer) / good() / data(9),
       "broadcast_frame"},
      {"unicast in a multicast frame", "lan", eth("01:00:5e:01:02:03"_mac, peer) / good() / data(9),
       "broadcast_frame"},
      {"for us in a broadcast frame", "lan",
       eth(MacAddress::broadcast(), peer) / ip4(kLanPeer4, kLan4) / ping4(), "broadcast_frame"},
      {"from our address of this port", "lan", eth(own, peer) / ip4(kLan4, kFar4) / udp(1, 2),
       "own_source"},
      {"from our address of another port", "lan", from(kWan4), "own_source"},
      {"from our VLAN's address", "lan", from(kV100), "own_source"},
  };
  SettledRig rig;
  expect_drops(rig, rows);
}

TEST(Ip4Input, TakesFromWorkloadAndHostOnlyTheirOwnSources) {
  const DropRow rows[] = {
      {"a workload as its neighbour", "cart", to_us(2) / ip4("10.8.0.12"_v4, kFar4) / udp(1, 2),
       "spoofed_source"},
      {"a workload as the node", "cart", to_us(2) / ip4(kWan4, kFar4) / udp(1, 2),
       "spoofed_source"},
      {"the host as a workload", "host", to_us(3) / ip4(kCart4, kFar4) / udp(1, 2),
       "spoofed_source"},
  };
  SettledRig rig(standard_with_host());
  expect_drops(rig, rows);
  rig.in("cart", to_us(2) / ip4(kCart4, kFar4) / udp(1, 2))
      .expect_out("wan", from_us(0) / ip4(kCart4, kFar4).ttl(63) / udp(1, 2));
  rig.in("host", to_us(3) / ip4(kWan4, kFar4) / udp(1, 2))
      .expect_out("wan", from_us(0) / ip4(kWan4, kFar4).ttl(63) / udp(1, 2));
}

TEST(Ip4Input, PassesGoodOptions) {
  SettledRig rig;
  for (const Bytes& options : {Bytes{1}, Bytes{148, 4, 0, 0}, Bytes{7, 7, 4, 0, 0, 0, 0},
                               Bytes{1, 1, 0, 131}, Bytes(40, 1)})
    rig.in("lan", lan(good().options(options) / udp(1, 2)))
        .expect_out("wan", from_us(0) / good().options(options).ttl(63) / udp(1, 2));
}

TEST(Ip4Input, PassesGoodFragments) {
  SettledRig rig;
  const Stack bodies[] = {
      good().mf().protocol(17) / data(16), good().mf().offset(1000).protocol(17) / data(8),
      good().offset(1000).protocol(17) / data(7), good().offset(65504).protocol(17) / data(11)};
  for (const Stack& body : bodies) {
    Row row = rig.in("lan", lan(body));
    EXPECT_EQ(row.take("wan").size(), 14 + body.bytes().size());
  }
}

TEST(Ip4Input, BelievesAPortThatHasCheckedTheHeader) {
  SettledRig rig;
  Row row = rig.in("lan", lan(good().bad_checksum() / udp(1, 2)), {.checksum_verified = true});
  EXPECT_EQ(row.take("wan").size(), 14u + 28u);
}

TEST(Ip4Input, WantsTheHeaderInTheFirstSegment) {
  SettledRig rig;
  const Stack frame = lan(good().protocol(17) / data(200));
  rig.in("lan", frame, {.segments = {14 + 59}}).expect_drop("ip4_input.truncated");
  rig.in("lan", frame, {.segments = {14 + 60, 1, 30}})
      .expect_out("wan", from_us(0) / good().ttl(63).protocol(17) / data(200));
  // Padding that lies in segments of its own goes, segments and all.
  rig.in("lan", lan(good().protocol(17).total_length(100) / data(200)),
         {.segments = {14 + 60, 40, 60, 40}})
      .expect_out("wan", from_us(0) / good().ttl(63).protocol(17) / data(80));
}

}  // namespace
}  // namespace heddle::rig
