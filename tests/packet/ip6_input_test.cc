// ip6_input: what is an IPv6 packet, and which may come from where.
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
    rig.in(row.port, row.frame).expect_drop(std::string("ip6_input.") + row.drop);
  }
}

Stack lan(const Stack& packet) { return to_us(1) / packet; }
Ip6 good() { return ip6(kLanPeer6, kFar6); }

Stack many_options(int count) {
  Stack all = udp(1, 2);
  for (int i = 0; i < count; ++i) all = destination_options({}) / all;
  return all;
}

TEST(Ip6Input, NamesEachMalformedHeader) {
  const DropRow rows[] = {
      {"39 bytes", "lan", to_us(1).type(0x86dd) / data(39), "truncated"},
      {"version 4", "lan", lan(good().version(4) / udp(1, 2)), "bad_version"},
      {"payload length past the end", "lan", lan(good().payload_length(9) / udp(1, 2)),
       "bad_payload_length"},
      {"payload length 65535", "lan", lan(good().payload_length(65535) / udp(1, 2)),
       "bad_payload_length"},
      {"hop-by-hop options behind others", "lan",
       lan(good() / destination_options({}) / hop_by_hop({}) / udp(1, 2)), "bad_extension_header"},
      {"two fragment headers", "lan",
       lan(good() / fragment(0, true) / fragment(0, true) / udp(1, 2)), "bad_extension_header"},
      {"an option past its header", "lan",
       lan(good() / hop_by_hop({0x1e, 200, 0, 0, 0, 0}) / udp(1, 2)), "bad_extension_header"},
      {"an extension header past the end", "lan",
       lan(good() / Extension(IpProtocol::kDestinationOptions, {4, 0, 0, 0, 0, 0, 0})),
       "bad_extension_header"},
      {"an extension header of one byte", "lan",
       lan(good().next(static_cast<uint8_t>(IpProtocol::kHopByHop)) / data(1)),
       "bad_extension_header"},
      {"nine extension headers", "lan", lan(good() / many_options(9)),
       "too_many_extension_headers"},
  };
  SettledRig rig;
  expect_drops(rig, rows);
  rig.in("lan", lan(good() / many_options(8)))
      .expect_out("wan", from_us(0) / good().hops(63) / many_options(8));
}

TEST(Ip6Input, NamesEachAddressThatHasNoPlaceOnAWire) {
  const auto from = [](Ipv6Address source) { return lan(ip6(source, kFar6) / udp(1, 2)); };
  const auto towards = [](Ipv6Address target) { return lan(ip6(kLanPeer6, target) / udp(1, 2)); };
  const MacAddress all_nodes = "33:33:00:00:00:01"_mac;
  const DropRow rows[] = {
      {"from a group", "lan", from("ff02::5"_v6), "martian_source"},
      {"from loopback", "lan", from("::1"_v6), "martian_source"},
      {"from a v4-mapped address", "lan", from("::ffff:192.0.2.1"_v6), "martian_source"},
      {"from :: to a host", "lan", from("::"_v6), "martian_source"},
      {"to loopback", "lan", towards("::1"_v6), "martian_destination"},
      {"to ::", "lan", towards("::"_v6), "martian_destination"},
      {"to a v4-mapped address", "lan", towards("::ffff:192.0.2.1"_v6), "martian_destination"},
      {"unicast in a multicast frame", "lan", eth(all_nodes, peer_mac(1)) / good() / udp(1, 2),
       "broadcast_frame"},
      {"to somebody's link-local address", "lan", towards("fe80::99"_v6), "link_local"},
      {"to the workloads' gateway from an uplink", "lan", towards("fe80::1"_v6), "link_local"},
      {"to our link-local address of another port", "lan", towards(wire::link_local(own_mac(0))),
       "link_local"},
      {"mDNS", "lan", eth("33:33:00:00:00:fb"_mac, peer_mac(1)) / ip6(kLanPeer6, "ff02::fb"_v6),
       "multicast"},
      {"a site's group", "lan", towards("ff05::1"_v6), "multicast"},
      {"from our address of this port", "lan", from(kLan6), "own_source"},
      {"from our address of another port", "lan", from(kWan6), "own_source"},
      {"from our link-local address", "lan", from(wire::link_local(own_mac(1))), "own_source"},
      {"a workload as its gateway", "cart", to_us(2) / ip6("fe80::1"_v6, kFar6) / udp(1, 2),
       "own_source"},
  };
  SettledRig rig;
  expect_drops(rig, rows);
}

TEST(Ip6Input, TakesFromWorkloadAndHostOnlyTheirOwnSources) {
  const DropRow rows[] = {
      {"a workload as its neighbour", "cart",
       to_us(2) / ip6("2001:db8:8::12"_v6, kFar6) / udp(1, 2), "spoofed_source"},
      {"the host as a workload", "host", to_us(3) / ip6(kCart6, kFar6) / udp(1, 2),
       "spoofed_source"},
  };
  SettledRig rig(standard_with_host());
  expect_drops(rig, rows);
  rig.in("cart", to_us(2) / ip6(kCart6, kFar6) / udp(1, 2))
      .expect_out("wan", from_us(0) / ip6(kCart6, kFar6).hops(63) / udp(1, 2));
  rig.in("host", to_us(3) / ip6(kWan6, kFar6) / udp(1, 2))
      .expect_out("wan", from_us(0) / ip6(kWan6, kFar6).hops(63) / udp(1, 2));
}

// RFC 8200 4: a router looks at no extension header but hop-by-hop options.
TEST(Ip6Input, PassesExtensionHeaders) {
  SettledRig rig;
  const Stack bodies[] = {
      hop_by_hop({0x05, 2, 0, 0}) / udp(1, 2),
      hop_by_hop({0xc1, 0}) / udp(1, 2),
      routing(4, 3) / tcp(1, 2),
      destination_options({0x81, 0}) / udp(1, 2),
      fragment(0, true) / udp(1, 2) / data(8),
      fragment(16, false) / data(5),
      Extension(IpProtocol::kAh, {2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9}) / udp(1, 2),
  };
  for (const Stack& body : bodies)
    rig.in("lan", lan(good() / body)).expect_out("wan", from_us(0) / good().hops(63) / body);
}

TEST(Ip6Input, WantsAllHeadersInTheFirstSegment) {
  SettledRig rig;
  const Stack body = destination_options({}) / udp(1, 2) / data(100);
  rig.in("lan", lan(good() / body), {.segments = {14 + 39}}).expect_drop("ip6_input.truncated");
  rig.in("lan", lan(good() / body), {.segments = {14 + 47}})
      .expect_drop("ip6_input.bad_extension_header");
  rig.in("lan", lan(good() / body), {.segments = {14 + 48, 50}})
      .expect_out("wan", from_us(0) / good().hops(63) / body);
}

}  // namespace
}  // namespace heddle::rig
