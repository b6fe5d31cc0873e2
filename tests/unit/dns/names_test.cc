#include "dns/names.h"

#include <gtest/gtest.h>

#include "core/random.h"
#include "dns/reverse.h"
#include "dns_messages.h"
#include "seed.h"

namespace heddle::dns {
namespace {

using Kind = Names::Place::Kind;

IpAddress v4(uint8_t last) { return from_ipv4(wire::Ipv4Address(10, 96, 0, last)); }
IpAddress v6(uint8_t last) { return IpAddress::from_host(0xfd96'0000'0000'0000, last); }

Names make(std::string_view suffix = "mesh.local") {
  const ServiceName services[] = {
      {"cart", "shop", {v4(1), v4(2), v6(1)}},
      {"web", "shop", {v4(3)}},
      {"cart", "test", {v6(4)}},
      {"shop", "svc", {v4(5)}},
      {"example", "com", {v4(6), v4(1)}},
  };
  return Names(*Suffix::parse(suffix), 7, services);
}

Names::Place find(const Names& names, std::string_view name, std::string_view ns = "") {
  static test::Bytes bytes;  // what a place refers to
  bytes = test::name_bytes(name);
  return names.find(NameView(bytes), ns);
}

TEST(Suffix, IsAHostName) {
  EXPECT_EQ(Suffix::parse("mesh.local")->text(), "mesh.local");
  EXPECT_TRUE(Suffix::parse("cluster"));
  EXPECT_TRUE(Suffix::parse("a-1.b2"));
  for (const char* wrong : {"", ".", "mesh.", ".mesh", "mesh..local", "Mesh.local", "mesh_a",
                            "-a.b", "a-.b", "a b", "m\xc3\xa9sh"})
    EXPECT_FALSE(Suffix::parse(wrong)) << wrong;
  EXPECT_FALSE(Suffix::parse(std::string(64, 'a')));
  std::string longest;
  for (int i = 0; i < 50; ++i) longest += i == 0 ? "a" : ".a";
  EXPECT_TRUE(Suffix::parse(longest));
  EXPECT_FALSE(Suffix::parse(longest + ".a"));
}

TEST(Names, AreFoundByTheirForms) {
  struct Row {
    const char* name;
    const char* ns;  // of who asks
    Kind kind;
    const char* found;
  };
  const Row rows[] = {
      {"cart.shop.mesh.local", "", Kind::kService, "cart.shop"},
      {"CART.Shop.mESH.locaL", "", Kind::kService, "cart.shop"},
      {"cart.shop.svc.mesh.local", "", Kind::kService, "cart.shop"},
      {"cart.shop.SVC.mesh.local", "", Kind::kService, "cart.shop"},
      {"cart.test.mesh.local", "shop", Kind::kService, "cart.test"},
      {"shop.svc.mesh.local", "", Kind::kService, "shop.svc"},  // of a namespace with that name
      {"shop.svc.svc.mesh.local", "", Kind::kService, "shop.svc"},
      // What only leads on to names.
      {"mesh.local", "", Kind::kNode, ""},
      {"shop.mesh.local", "", Kind::kNode, ""},
      {"svc.mesh.local", "", Kind::kNode, ""},
      {"test.svc.mesh.local", "", Kind::kNode, ""},
      // Nothing.
      {"cart.prod.mesh.local", "", Kind::kNone, ""},
      {"prod.mesh.local", "", Kind::kNone, ""},
      {"prod.svc.mesh.local", "", Kind::kNone, ""},
      {"car.shop.mesh.local", "", Kind::kNone, ""},
      {"cartt.shop.mesh.local", "", Kind::kNone, ""},
      {"cart.shop.pod.mesh.local", "", Kind::kNone, ""},
      {"x.cart.shop.mesh.local", "", Kind::kNone, ""},
      {"x.cart.shop.svc.mesh.local", "", Kind::kNone, ""},
      {"a.b.c.d.e.mesh.local", "", Kind::kNone, ""},
      // Elsewhere.
      {"cart.shop.mesh.example", "shop", Kind::kElsewhere, ""},
      {"cart.shop.xmesh.local", "shop", Kind::kElsewhere, ""},
      {"local", "shop", Kind::kElsewhere, ""},
      {".", "shop", Kind::kElsewhere, ""},
      // Short names, of who asks from a namespace.
      {"cart", "shop", Kind::kShort, "cart.shop"},
      {"Cart", "test", Kind::kShort, "cart.test"},
      {"web", "test", Kind::kElsewhere, ""},
      {"web.shop", "test", Kind::kShort, "web.shop"},
      {"cart.test", "shop", Kind::kShort, "cart.test"},
      {"example.com", "shop", Kind::kShort, "example.com"},
      {"example.org", "shop", Kind::kElsewhere, ""},
      {"cart.shop.svc", "shop", Kind::kElsewhere, ""},
      {"cart", "", Kind::kElsewhere, ""},
      {"cart.shop", "", Kind::kElsewhere, ""},
  };
  const Names names = make();
  for (const Row& row : rows) {
    const Names::Place place = find(names, row.name, row.ns);
    EXPECT_EQ(place.kind, row.kind) << row.name << " from '" << row.ns << "'";
    std::string found;
    if (!place.service.service.empty())
      found = std::string(place.service.service) + "." + std::string(place.service.ns);
    EXPECT_EQ(found, row.found) << row.name;
    const bool below = place.kind != Kind::kElsewhere && place.kind != Kind::kShort;
    EXPECT_EQ(static_cast<bool>(place.zone), below) << row.name;
  }
}

TEST(Names, HaveHostsOfTheirNamespaces) {
  const std::string shops[] = {"api.example.com", "www.example.net"}, same[] = {"api.example.com"};
  const ServiceName services[] = {{"api", "shop", {v4(1)}, shops},
                                  {"api", "test", {v4(2)}, same, true},
                                  {"other", "prod", {v4(3)}, same, true},
                                  {"example", "com", {v4(4)}}};
  const Names names(*Suffix::parse("mesh.local"), 1, services);
  struct Row {
    const char* name;
    const char* ns;
    const char* found;
  };
  const Row rows[] = {
      {"api.example.com", "shop", "api.shop"},  // the own one, exported or not
      {"API.Example.COM", "shop", "api.shop"},
      {"api.example.com", "test", "api.test"},
      {"api.example.com", "prod", "other.prod"},
      {"api.example.com", "dev", "other.prod"},  // the first of those for all
      {"api.example.com", "", ""},
      {"www.example.net", "shop", "api.shop"},
      {"www.example.net", "test", ""},
      {"x.api.example.com", "shop", ""},
      {"api.example.co", "shop", ""},
      {"example.com", "shop", "example.com"},
      {"example.net", "shop", ""},
  };
  for (const Row& row : rows) {
    const Names::Place place = find(names, row.name, row.ns);
    const std::string_view wanted(row.found);
    EXPECT_EQ(place.kind, wanted.empty() ? Kind::kElsewhere : Kind::kShort) << row.name;
    if (wanted.empty()) continue;
    EXPECT_EQ(std::string(place.service.service) + "." + std::string(place.service.ns), wanted)
        << row.name << " from " << row.ns;
    EXPECT_FALSE(place.zone);
  }
}

// An exported host is before what nobody has, and not before what somebody has.
TEST(Names, AreNotTakenByOthersHosts) {
  const std::string taken[] = {"cart.shop", "cart", "other.shop"}, own[] = {"cart.shop"};
  const ServiceName services[] = {{"cart", "shop", {v4(1)}},
                                  {"trap", "evil", {v4(2)}, taken, true},
                                  {"mine", "own", {v4(3)}, own}};
  const Names names(*Suffix::parse("mesh.local"), 1, services);
  const struct {
    const char* name;
    const char* ns;
    const char* found;
  } rows[] = {
      {"cart.shop", "shop", "cart"}, {"cart", "shop", "cart"},      {"cart.shop", "dev", "cart"},
      {"cart.shop", "own", "mine"},  {"cart.shop", "evil", "trap"}, {"other.shop", "dev", "trap"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(find(names, row.name, row.ns).service.service, row.found)
        << row.name << " from " << row.ns;
}

TEST(Names, HaveAddressesByFamily) {
  const Names names = make();
  const auto cart = find(names, "cart.shop.mesh.local").service;
  ASSERT_EQ(cart.addresses4.size(), 2u);
  EXPECT_EQ(cart.addresses4[1], wire::Ipv4Address(10, 96, 0, 2));
  ASSERT_EQ(cart.addresses6.size(), 1u);
  EXPECT_EQ(cart.addresses6[0], v6(1));
  EXPECT_TRUE(find(names, "cart.test.mesh.local").service.addresses4.empty());
}

TEST(Names, AreFoundByAddress) {
  const Names names = make();
  EXPECT_EQ(names.find_address(v4(2))->service, "cart");
  EXPECT_EQ(names.find_address(v6(4))->ns, "test");
  EXPECT_EQ(names.find_address(v4(1))->ns, "shop");  // of two the first
  EXPECT_FALSE(names.find_address(v4(9)));
}

TEST(Names, TakeAnySuffix) {
  const Names names = make("cluster");
  EXPECT_EQ(find(names, "cart.shop.cluster").kind, Kind::kService);
  EXPECT_EQ(find(names, "cart.shop.svc.cluster").kind, Kind::kService);
  EXPECT_EQ(find(names, "cart.shop.mesh.local").kind, Kind::kElsewhere);
}

TEST(Names, MayBeNone) {
  const Names names(*Suffix::parse("mesh.local"), 1, {});
  EXPECT_EQ(find(names, "cart.shop.mesh.local").kind, Kind::kNone);
  EXPECT_EQ(find(names, "mesh.local").kind, Kind::kNode);
  EXPECT_EQ(find(names, "cart", "shop").kind, Kind::kElsewhere);
  EXPECT_FALSE(names.find_address(v4(1)));
}

// As many as a node takes, against what was put in.
TEST(Names, AreManyAndStillFound) {
  Random random(test_seed());
  std::vector<std::string> services, spaces;
  for (int i = 0; i < 4'096; ++i) {
    services.push_back(fmt::format("s{:x}-{}", random.below(1 << 20), i));
    spaces.push_back(fmt::format("n{}", random.below(300)));
  }
  std::vector<ServiceName> all;
  for (size_t i = 0; i < services.size(); ++i)
    all.push_back({services[i],
                   spaces[i],
                   {IpAddress::from_host(1, i), from_ipv4(wire::Ipv4Address::from_host(
                                                    static_cast<uint32_t>(0x0a000000 + i)))}});
  const Names names(*Suffix::parse("mesh.local"), 1, all);
  EXPECT_LT(names.bytes(), 512u << 10);
  for (size_t i = 0; i < all.size(); ++i) {
    const std::string text = services[i] + "." + spaces[i] + ".mesh.local";
    const Names::Place place = find(names, text);
    ASSERT_EQ(place.kind, Kind::kService) << text;
    ASSERT_EQ(place.service.addresses6[0], all[i].addresses[0]) << text;
    ASSERT_EQ(find(names, "x" + text).kind, Kind::kNone);
    ASSERT_EQ(names.find_address(all[i].addresses[1])->service, services[i]);
  }
}

TEST(Reverse, ReadsAddresses) {
  const auto read = [](const std::string& text) {
    const test::Bytes bytes = test::name_bytes(text);
    const auto address = address_of(NameView(bytes));
    return address ? to_string(*address) : "";
  };
  EXPECT_EQ(read("1.2.96.10.in-addr.arpa"), "::ffff:10.96.2.1");
  EXPECT_EQ(read("255.0.96.10.IN-ADDR.ARPA"), "::ffff:10.96.0.255");
  const std::string zeros = "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.";
  EXPECT_EQ(read("b.a." + zeros + "0.0.0.6.9.d.F.ip6.arpa"), "fd96::ab");
  for (const char* wrong :
       {"2.96.10.in-addr.arpa", "1.1.2.96.10.in-addr.arpa", "256.2.96.10.in-addr.arpa",
        "01.2.96.10.in-addr.arpa", "a.2.96.10.in-addr.arpa", "in-addr.arpa", "ip6.arpa", "arpa",
        ".", "1000.2.96.10.in-addr.arpa", "1.2.96.10.in-addr.arp"})
    EXPECT_EQ(read(wrong), "") << wrong;
  EXPECT_EQ(read("b.a." + zeros + "0.0.6.9.d.f.ip6.arpa"), "");
  EXPECT_EQ(read("b.a." + zeros + "0.0.0.6.9.d.g.ip6.arpa"), "");
  EXPECT_EQ(read("b.a." + zeros + "0.0.0.6.9.d.ff.ip6.arpa"), "");
}

}  // namespace
}  // namespace heddle::dns
