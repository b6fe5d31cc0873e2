// One row per error of a port, or of ports together. The first port stands on line 5.
#include <gtest/gtest.h>

#include "builder.h"

namespace heddle::config {
namespace {

struct Row {
  std::string text;
  std::string error;
};

void expect_errors(const std::vector<Row>& rows) {
  for (const Row& row : rows) EXPECT_EQ(error_of(row.text), row.error) << row.text;
}

// An uplink on line 5 with these further keys.
Row uplink(const std::string& keys, const std::string& error) {
  return {with_ports({"{ name: wan, role: uplink, " + keys + " }"}), "f.yaml:5: ports[0]" + error};
}

const std::string kDevice = "device: 'null:'";
const std::string kOn = kDevice + ", addresses: [192.0.2.10/24, '2001:db8::10/64']";

TEST(PortErrors, Shape) {
  const std::string name = "1 to 15 of A-Z a-z 0-9 . _ -, the first a letter or a digit";
  const auto named = [&](const std::string& text) {
    return Row{with_ports({"{ name: '" + text + "', role: uplink }"}),
               "f.yaml:5: ports[0].name: \"" + text + "\" is no port name; expected " + name};
  };
  std::vector<std::string> many(257, kWan);
  expect_errors({
      {with_ports({}), "f.yaml:4: ports: is empty; expected a list of ports"},
      {Yaml{.ports = {}, .rest = "  []\n"}.text(),
       "f.yaml:5: ports: has 0 elements; expected 1 to 256 ports"},
      {with_ports(many), "f.yaml:5: ports: has 257 elements; expected 1 to 256 ports"},
      {with_ports({"wan"}),
       "f.yaml:5: ports[0]: is a single value; expected a map with name, role, "
       "device, parent, vlan, addresses, gateway, workload_addresses, "
       "neighbors, mtu, mac, queues"},
      {with_ports({"{ role: uplink }"}), "f.yaml:5: ports[0].name: missing; expected " + name},
      named("-a"),
      named("a/b"),
      named("a b"),
      named("sixteen-letters-"),
      {with_ports({"{ name: wan }"}),
       "f.yaml:5: ports[0].role: missing; expected one of uplink, workload, host"},
      {with_ports({kWan, "{ name: a, role: uplnk }"}),
       "f.yaml:6: ports[1].role: \"uplnk\" is none of uplink, workload, host (did you mean "
       "\"uplink\"?)"},
      uplink("adresses: []",
             ".adresses: unknown key; expected one of name, role, device, parent, "
             "vlan, addresses, gateway, workload_addresses, neighbors, mtu, mac, "
             "queues (did you mean \"addresses\"?)"),
      uplink("addresses: [192.0.2.10/24]",
             ".device: missing; expected a PCI address or KIND:TARGET; or parent and vlan"),
      uplink("device: null",
             ".device: is empty; expected a PCI address or KIND:TARGET, quoted as "
             "\"null:\""),
      uplink("device: [x]",
             ".device: is a list; expected a PCI address or KIND:TARGET, quoted as "
             "\"null:\""),
      uplink("device: 'taap:x'",
             ".device: \"taap\" is no kind of device; expected a PCI address as 0000:3b:00.0, or "
             "KIND:TARGET with one of af_xdp, memif, vhost, virtio_user, tap, af_packet, ring, "
             "pcap, null (did you mean \"tap\"?)"),
  });
}

TEST(PortErrors, Link) {
  expect_errors({
      uplink(kOn + ", mtu: 575", ".mtu: \"575\" is no number from 576 to 9216"),
      uplink(kOn + ", mtu: 9217", ".mtu: \"9217\" is no number from 576 to 9216"),
      uplink(kOn + ", mtu: 1279",
             ".mtu: 1279 is too small for the port's IPv6 addresses; expected at least 1280"),
      uplink(kDevice + ", addresses: [192.0.2.1/24], gateway: 'fe80::1', mtu: 1000",
             ".mtu: 1000 is too small for the port's IPv6 addresses; expected at least 1280"),
      {with_ports({"{ name: w, role: workload, device: 'null:', workload_addresses: ['fd00::1'], "
                   "mtu: 600 }"}),
       "f.yaml:5: ports[0].mtu: 600 is too small for the port's IPv6 addresses; expected at least "
       "1280"},
      uplink(kOn + ", queues: 0", ".queues: \"0\" is no number from 1 to 64"),
      uplink(kOn + ", queues: 65", ".queues: \"65\" is no number from 1 to 64"),
      uplink(kOn + ", mac: 02:00",
             ".mac: \"02:00\" is no MAC address; expected a MAC address as 02:00:00:00:00:07"),
      uplink(kOn + ", mac: 01:00:5e:00:00:01",
             ".mac: 01:00:5e:00:00:01 is a group's address; expected that of one interface, as "
             "02:00:00:00:00:07"),
      uplink(kOn + ", mac: '00:00:00:00:00:00'",
             ".mac: 00:00:00:00:00:00 is zero; expected that of one interface, as "
             "02:00:00:00:00:07"),
  });
}

TEST(PortErrors, OwnAddresses) {
  const std::string shape =
      " is no address with its length; expected ADDRESS/LENGTH as 192.0.2.10/24 or "
      "2001:db8::10/64";
  const auto row = [](const std::string& address, const std::string& error) {
    return uplink(kDevice + ", addresses: ['" + address + "']", ".addresses[0]: " + error);
  };
  const auto bad = [&](const std::string& address) {
    return row(address, '"' + address + '"' + shape);
  };
  const auto special = [&](const std::string& address, const std::string& what) {
    return row(address, address + " is " + what + "; expected a unicast address");
  };
  const auto reserved = [&](const std::string& address, const std::string& what) {
    return row(address, address + " is " + what + " of its subnet; expected a host's address");
  };
  std::string many = "1.0.0.1/32";
  for (int i = 0; i < 64; ++i) many += ", 1.0.0.1/32";
  expect_errors({
      uplink(kDevice,
             ".addresses: missing; expected at least one, as no VLAN has this port as its "
             "parent"),
      uplink(kDevice + ", addresses: 192.0.2.1/24",
             ".addresses: is a single value; expected a list of addresses"),
      uplink(kDevice + ", addresses: []", ".addresses: has 0 elements; expected 1 to 64 addresses"),
      uplink(kDevice + ", addresses: [" + many + "]",
             ".addresses: has 65 elements; expected 1 to 64 addresses"),
      bad("192.0.2.10"),
      bad("192.0.2.10/0"),
      bad("192.0.2.10/33"),
      bad("192.0.2.10/24/24"),
      bad("192.0.2.10/+24"),
      bad("192.0.2.256/24"),
      bad("2001:db8::1/129"),
      bad("2001:db8::1/0"),
      bad("2001:db8:::1/64"),
      bad("/24"),
      special("0.0.0.0/32", "the unspecified address"),
      special("0.1.2.3/8", "in 0.0.0.0/8, which no host has"),
      special("127.0.0.1/8", "loopback"),
      special("169.254.1.1/16", "link-local"),
      special("224.0.0.1/4", "multicast"),
      special("255.255.255.255/32", "the broadcast address"),
      special("250.1.1.1/8", "in 240.0.0.0/4, which no host has"),
      special("::/128", "the unspecified address"),
      special("::1/128", "loopback"),
      special("::ffff:192.0.2.1/128", "an IPv4-mapped address"),
      special("fe80::1/64", "link-local"),
      special("ff02::1/64", "multicast"),
      reserved("192.0.2.0/24", "the network address"),
      reserved("192.0.2.255/24", "the broadcast address"),
      reserved("192.0.2.3/30", "the broadcast address"),
      reserved("2001:db8::/64", "the subnet-router anycast address"),
  });
}

TEST(PortErrors, TooManyOwnAddresses) {
  std::vector<std::string> ports;
  for (int i = 0; i < 17; ++i) {
    std::string list;
    for (int j = 0; j < (i < 16 ? 64 : 1); ++j) list += fmt::format("10.{}.{}.1/24,", i, j);
    ports.push_back(
        fmt::format("{{ name: p{}, role: uplink, device: 'null:', addresses: [{}] }}", i, list));
  }
  EXPECT_EQ(error_of(with_ports(ports)),
            "f.yaml:21: ports[16].addresses: too many addresses; expected at most 1024 on all "
            "uplinks together");
  ports.pop_back();
  EXPECT_EQ(error_of(with_ports(ports)), "accepted");
}

TEST(PortErrors, Gateway) {
  const auto row = [](const std::string& gateway, const std::string& error) {
    return uplink(kOn + ", gateway: " + gateway, ".gateway" + error);
  };
  expect_errors({
      row("192.0.3.1", ": 192.0.3.1 is in no subnet of port wan; expected one in its addresses"),
      row("'2001:db8:1::1'",
          ": 2001:db8:1::1 is in no subnet of port wan; expected one in its addresses"),
      row("192.0.2.10", ": 192.0.2.10 is an address of port wan; expected another host's"),
      row("192.0.2.0",
          ": 192.0.2.0 is the network address of 192.0.2.0/24; expected a host's address"),
      row("192.0.2.255",
          ": 192.0.2.255 is the broadcast address of 192.0.2.0/24; expected a host's address"),
      row("'2001:db8::'",
          ": 2001:db8:: is the subnet-router anycast address of 2001:db8::/64; expected a host's "
          "address"),
      row("224.0.0.1", ": 224.0.0.1 is multicast; expected a unicast address"),
      row("x", ": \"x\" is no IP address; expected an address as 192.0.2.10 or 2001:db8::10"),
      row("[192.0.2.1, 192.0.2.2]",
          "[1]: 192.0.2.2 is a second IPv4 gateway; expected at most one of each family"),
      row("['fe80::1', '2001:db8::1']",
          "[1]: 2001:db8::1 is a second IPv6 gateway; expected at most one of each family"),
      row("[192.0.2.1, 'fe80::1', 'fe80::2']", ": has 3 elements; expected 1 to 2 gateways"),
      row("[]", ": has 0 elements; expected 1 to 2 gateways"),
      {with_ports({kWan,
                   "{ name: c, role: workload, device: 'null:', workload_addresses: "
                   "[192.0.2.1] }"}),
       "f.yaml:5: ports[0].gateway: 192.0.2.1 is an address of port c; expected another host's"},
  });
}

TEST(PortErrors, Vlan) {
  const auto vlan = [](const std::string& keys, const std::string& error) {
    return Row{with_ports({kWan, "{ name: v, role: uplink, " + keys + " }"}),
               "f.yaml:6: ports[1]" + error};
  };
  const std::string first =
      "{ name: v1, role: uplink, parent: wan, vlan: 1, addresses: [10.1.0.1/24] }";
  expect_errors({
      vlan("vlan: 1, addresses: [10.0.0.1/24]",
           ".parent: missing; expected the port that carries the VLAN"),
      vlan("parent: wan", ".vlan: missing; expected a number from 1 to 4094"),
      vlan("parent: wan, vlan: 0", ".vlan: \"0\" is no number from 1 to 4094"),
      vlan("parent: wan, vlan: 4095", ".vlan: \"4095\" is no number from 1 to 4094"),
      vlan("parent: wan, vlan: 1, device: 'null:'",
           ".device: a VLAN uses its parent's; leave it out"),
      vlan("parent: wan, vlan: 1, queues: 1", ".queues: a VLAN uses its parent's; leave it out"),
      vlan("parent: wan, vlan: 1, mac: 02:00:00:00:00:01",
           ".mac: a VLAN uses its parent's; leave it out"),
      vlan("parent: wann, vlan: 1, addresses: [10.0.0.1/24]",
           ".parent: there is no port \"wann\"; expected an uplink with a device (did you mean "
           "\"wan\"?)"),
      vlan("parent: v, vlan: 1, addresses: [10.0.0.1/24]",
           ".parent: port v is a VLAN itself; expected an uplink with a device"),
      vlan("parent: wan, vlan: 1",
           ".addresses: missing; expected at least one, as no VLAN has "
           "this port as its parent"),
      vlan("parent: wan, vlan: 1, addresses: [192.0.2.11/24]",
           ".addresses[0]: 192.0.2.0/24 overlaps 192.0.2.0/24 of port wan; expected a subnet of "
           "its own"),
      {with_ports({kWan, kCart, "{ name: v, role: uplink, parent: cart, vlan: 1 }"}),
       "f.yaml:7: ports[2].parent: port cart is no uplink; expected an uplink with a device"},
      {with_ports({kWan, "{ name: v, role: workload, parent: wan, vlan: 1 }"}),
       "f.yaml:6: ports[1].parent: VLANs are for uplinks; leave it out"},
      {with_ports({kWan, first,
                   "{ name: v2, role: uplink, parent: wan, vlan: 1, addresses: "
                   "[10.2.0.1/24] }"}),
       "f.yaml:7: ports[2].vlan: VLAN 1 of port wan given twice; expected once"},
      {with_ports({"{ name: w, role: uplink, device: 'null:', mtu: 1500 }",
                   "{ name: v, role: uplink, parent: w, vlan: 1, addresses: [10.2.0.1/24], mtu: "
                   "1501 }"}),
       "f.yaml:6: ports[1].mtu: 1501 is above the 1500 of port w; expected at most that"},
  });
}

TEST(PortErrors, WorkloadAndHost) {
  const auto port = [](const std::string& keys, const std::string& error) {
    return Row{with_ports({kWan, "{ name: p, device: 'null:', " + keys + " }"}),
               "f.yaml:6: ports[1]" + error};
  };
  const std::string none = ": heddled has no address of its own on a workload port; leave it out";
  const std::string host = ": the host port carries the uplinks' addresses; leave it out";
  std::string many = "1.0.0.1";
  for (int i = 0; i < 64; ++i) many += ", 1.0.0.1";
  expect_errors({
      port("role: workload, workload_addresses: []",
           ".workload_addresses: has 0 elements; expected 1 to 64 addresses"),
      port("role: workload, workload_addresses: [" + many + "]",
           ".workload_addresses: has 65 elements; expected 1 to 64 addresses"),
      port("role: workload, workload_addresses: [10.0.0.1/32]",
           ".workload_addresses[0]: \"10.0.0.1/32\" is no IP address; expected an address as "
           "192.0.2.10 or 2001:db8::10"),
      port("role: workload, workload_addresses: [169.254.1.1]",
           ".workload_addresses[0]: 169.254.1.1 is link-local; expected a unicast address"),
      port("role: workload, workload_addresses: ['fe80::2']",
           ".workload_addresses[0]: fe80::2 is link-local; expected a unicast address"),
      port("role: workload, workload_addresses: [10.0.0.1, 10.0.0.1]",
           ".workload_addresses[1]: 10.0.0.1 is given for port p and for port p; expected once"),
      port("role: workload, workload_addresses: [192.0.2.10]",
           ".workload_addresses[0]: 192.0.2.10 is given for port wan and for port p; expected "
           "once"),
      port("role: workload, workload_addresses: [192.0.2.255]",
           ".workload_addresses[0]: 192.0.2.255 is the broadcast address of 192.0.2.0/24 on port "
           "wan; expected a host's address"),
      port("role: workload, workload_addresses: [1.2.3.4], addresses: [1.2.3.4/8]",
           ".addresses" + none),
      port("role: workload, workload_addresses: [1.2.3.4], gateway: 1.2.3.4", ".gateway" + none),
      port("role: uplink, workload_addresses: [1.2.3.4]",
           ".workload_addresses: an uplink leads to no single workload; leave it out"),
      port("role: host, addresses: [1.2.3.4/8]", ".addresses" + host),
      port("role: host, gateway: 1.2.3.4", ".gateway" + host),
      port("role: host, workload_addresses: [1.2.3.4]", ".workload_addresses" + host),
      port("role: host, neighbors: []", ".neighbors" + host),
      port("role: host, vlan: 1", ".vlan: VLANs are for uplinks; leave it out"),
  });
}

TEST(PortErrors, Neighbors) {
  const auto row = [](const std::string& address, const std::string& error) {
    return uplink(kOn + ", neighbors: [{ address: '" + address + "', mac: 02:00:00:00:00:07 }]",
                  ".neighbors[0].address: " + error);
  };
  const auto workload = [](const std::string& address, const std::string& error) {
    return Row{with_ports({kWan,
                           "{ name: w, role: workload, device: 'null:', workload_addresses: "
                           "[1.2.3.4], neighbors: [{ address: '" +
                               address + "', mac: 02:00:00:00:00:07 }] }"}),
               "f.yaml:6: ports[1].neighbors[0].address: " + error};
  };
  expect_errors({
      uplink(kOn + ", neighbors: []", ".neighbors: has 0 elements; expected 1 to 1024 neighbors"),
      uplink(kOn + ", neighbors: [x]",
             ".neighbors[0]: is a single value; expected a map with address, mac"),
      uplink(kOn + ", neighbors: [{ address: 192.0.2.7 }]",
             ".neighbors[0].mac: missing; expected the neighbor's MAC address"),
      uplink(kOn + ", neighbors: [{ mac: 02:00:00:00:00:07 }]",
             ".neighbors[0].address: missing; expected the neighbor's address"),
      uplink(kOn + ", neighbors: [{ address: 192.0.2.7, mac: 'ff:ff:ff:ff:ff:ff' }]",
             ".neighbors[0].mac: ff:ff:ff:ff:ff:ff is a group's address; expected that of one "
             "interface, as 02:00:00:00:00:07"),
      uplink(kOn + ", neighbors: [{ address: 192.0.2.7, mac: 02:00:00:00:00:07 }, { address: "
                   "192.0.2.7, mac: 02:00:00:00:00:08 }]",
             ".neighbors[1].address: 192.0.2.7 given twice; expected one MAC address for it"),
      row("192.0.3.7", "192.0.3.7 is in no subnet of port wan; expected one in its addresses"),
      row("192.0.2.10", "192.0.2.10 is an address of port wan; expected another host's"),
      row("192.0.2.255",
          "192.0.2.255 is the broadcast address of 192.0.2.0/24; expected a host's address"),
      row("255.255.255.255",
          "255.255.255.255 is the broadcast address; expected a unicast address"),
      workload("1.2.3.5",
               "1.2.3.5 is no address of port w; expected one of its workload_addresses"),
      workload("192.0.2.10",
               "192.0.2.10 is no address of port w; expected one of its workload_addresses"),
  });
}

TEST(PortErrors, Together) {
  const auto two = [](const std::string& first, const std::string& second,
                      const std::string& error) {
    return Row{with_ports({"{ name: a, role: uplink, " + first + " }",
                           "{ name: b, role: uplink, " + second + " }"}),
               "f.yaml:6: ports[1]" + error};
  };
  const auto devices = [&](const std::string& first, const std::string& second) {
    return two("device: '" + first + "', addresses: [10.0.0.1/8]",
               "device: '" + second + "', addresses: [11.0.0.1/8]",
               ".device: port a has the same device; expected another");
  };
  expect_errors({
      {with_ports({kWan, "{ name: wan, role: host, device: 'null:' }"}),
       "f.yaml:6: ports[1].name: \"wan\" is also the name of the port on line 5; expected another"},
      {with_ports({kWan, "{ name: h1, role: host, device: 'null:' }",
                   "{ name: h2, role: host, device: 'null:' }"}),
       "f.yaml:7: ports[2].role: port h1 is a host port too; expected at most one"},
      two(kDevice + ", addresses: [10.0.0.1/24]", kDevice + ", addresses: [10.0.0.1/24]",
          ".addresses[0]: 10.0.0.1 is given for port a and for port b; expected once"),
      two(kDevice + ", addresses: [10.0.0.1/8]", kDevice + ", addresses: [11.0.0.1/8, 10.9.0.1/16]",
          ".addresses[1]: 10.9.0.0/16 overlaps 10.0.0.0/8 of port a; expected a subnet of its own"),
      two(kDevice + ", addresses: ['2001:db8::1/64']", kDevice + ", addresses: ['2001:db8::2/48']",
          ".addresses[0]: 2001:db8::/48 overlaps 2001:db8::/64 of port a; expected a subnet of its "
          "own"),
      devices("0000:3b:00.0", "3B:00.0"),
      devices("af_xdp:eth0", "af_packet:eth0"),
      devices("tap:x", "virtio_user:/dev/vhost-net,iface=x"),
      devices("memif:/x,role=server", "memif:/x,id=0,role=server"),
      devices("vhost:/x", "vhost:/x,client=1"),
      devices("virtio_user:/x", "virtio_user:/x"),
      devices("pcap:rx=a,tx=b", "pcap:tx=b"),
      devices("pcap:iface=eth0", "af_xdp:eth0"),
  });
}

}  // namespace
}  // namespace heddle::config
