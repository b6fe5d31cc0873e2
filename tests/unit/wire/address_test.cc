#include "wire/address.h"

#include <unordered_set>

#include "helpers.h"

namespace heddle::wire {
namespace {

static_assert(Ipv4Address(192, 0, 2, 1).host() == 0xc0000201);
static_assert(Ipv4Address::from_host(0xc0000201) == Ipv4Address(192, 0, 2, 1));
static_assert(Ipv4Address(9, 0, 0, 0) < Ipv4Address(10, 0, 0, 0));
static_assert(MacAddress::broadcast().is_multicast() && MacAddress::broadcast().is_broadcast());
static_assert(MacAddress().is_zero() && !MacAddress().is_multicast());
static_assert(multicast_mac(Ipv4Address(224, 129, 2, 3)) == MacAddress({1, 0, 0x5e, 1, 2, 3}));
static_assert(link_local(MacAddress({0x02, 0, 0, 0, 0, 1})) ==
              Ipv6Address::from_host(0xfe80'0000'0000'0000, 0x0000'00ff'fe00'0001));
static_assert(solicited_node(Ipv6Address::from_host(0, 0x1234'5678'9abc'def0)) ==
              Ipv6Address::from_host(0xff02'0000'0000'0000, 0x1'ffbc'def0));
static_assert(solicited_node(Ipv6Address()).is_solicited_node());
static_assert(!kAllNodes.is_solicited_node() && kAllNodes.is_multicast());
static_assert(kAllRouters.multicast_scope() == 2);
static_assert(multicast_mac(kAllNodes) == MacAddress({0x33, 0x33, 0, 0, 0, 1}));

struct Class4 {
  const char* text;
  const char* name;
};

std::string class_of(const Ipv4Address& a) {
  std::string name;
  if (a.is_unspecified()) name += "unspecified ";
  if (a.is_this_network()) name += "this-network ";
  if (a.is_loopback()) name += "loopback ";
  if (a.is_link_local()) name += "link-local ";
  if (a.is_multicast()) name += "multicast ";
  if (a.is_class_e()) name += "class-e ";
  if (a.is_limited_broadcast()) name += "broadcast ";
  return name;
}

TEST(Ipv4Address, Classes) {
  for (const Class4& row : {
           Class4{"0.0.0.0", "unspecified this-network "},
           Class4{"0.255.255.255", "this-network "},
           Class4{"1.0.0.0", ""},
           Class4{"126.255.255.255", ""},
           Class4{"127.0.0.0", "loopback "},
           Class4{"127.255.255.255", "loopback "},
           Class4{"128.0.0.0", ""},
           Class4{"169.253.255.255", ""},
           Class4{"169.254.1.1", "link-local "},
           Class4{"169.255.0.0", ""},
           Class4{"223.255.255.255", ""},
           Class4{"224.0.0.0", "multicast "},
           Class4{"239.255.255.255", "multicast "},
           Class4{"240.0.0.0", "class-e "},
           Class4{"255.255.255.254", "class-e "},
           Class4{"255.255.255.255", "broadcast "},
       }) {
    EXPECT_EQ(class_of(*Ipv4Address::parse(row.text)), row.name) << row.text;
  }
}

std::string class_of(const Ipv6Address& a) {
  std::string name;
  if (a.is_unspecified()) name += "unspecified ";
  if (a.is_loopback()) name += "loopback ";
  if (a.is_link_local()) name += "link-local ";
  if (a.is_multicast()) name += "multicast ";
  if (a.is_v4_mapped()) name += "v4-mapped ";
  if (a.is_solicited_node()) name += "solicited-node ";
  return name;
}

TEST(Ipv6Address, Classes) {
  for (const Class4& row : {
           Class4{"::", "unspecified "},
           Class4{"::1", "loopback "},
           Class4{"::2", ""},
           Class4{"1::1", ""},
           Class4{"fe7f:ffff::", ""},
           Class4{"fe80::1", "link-local "},
           Class4{"febf:ffff::", "link-local "},
           Class4{"fec0::", ""},
           Class4{"feff::", ""},
           Class4{"ff00::", "multicast "},
           Class4{"ff02::1:ff00:0", "multicast solicited-node "},
           Class4{"ff02::1:ffff:ffff", "multicast solicited-node "},
           Class4{"ff02::1:fe00:0", "multicast "},
           Class4{"::ffff:192.0.2.1", "v4-mapped "},
           Class4{"::fffe:192.0.2.1", ""},
       }) {
    EXPECT_EQ(class_of(*Ipv6Address::parse(row.text)), row.name) << row.text;
  }
}

// RFC 5952: the canonical text of each row is its second entry.
TEST(Ipv6Address, TextIsCanonical) {
  const std::pair<const char*, const char*> rows[] = {
      {"2001:0db8:0:0:0:0:0:0001", "2001:db8::1"},
      {"2001:DB8::ABCD", "2001:db8::abcd"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // 4.2.2: not for one group
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},           // 4.2.3: the longest run
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},     // 4.2.3: the first of equals
      {"0:0:0:0:0:0:0:0", "::"},
      {"1:0:0:0:0:0:0:0", "1::"},
      {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
      {"::ffff:c000:201", "::ffff:192.0.2.1"},
      {"::c000:201", "::c000:201"},
  };
  for (const auto& [from, to] : rows) {
    const auto address = Ipv6Address::parse(from);
    ASSERT_TRUE(address) << from;
    EXPECT_EQ(to_string(*address), to);
    EXPECT_EQ(*Ipv6Address::parse(to), *address);
  }
}

TEST(Address, RefusesWhatIsNone) {
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", " 1.2.3.4",
                           "1.2.3.4 ", "0x1.2.3.4", "1.2.3.4/8", "1..2.3", "-1.2.3.4"}) {
    EXPECT_FALSE(Ipv4Address::parse(text)) << text;
  }
  for (const char* text : {"", ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::",
                           "fe80::1%eth0", "1::2::3", "::1/64", "::1.2.3.256", "[::1]"}) {
    EXPECT_FALSE(Ipv6Address::parse(text)) << text;
  }
  for (const char* text :
       {"", "02:00:00:00:00", "02:00:00:00:00:001", "02-00-00-00-00-01", "0g:00:00:00:00:01",
        "2:0:0:0:0:1", "02:00:00:00:00:1 ", "-2:00:00:00:00:01", "02:00:00:00:00:01:02"}) {
    EXPECT_FALSE(MacAddress::parse(text)) << text;
  }
  using namespace std::string_view_literals;
  EXPECT_FALSE(Ipv4Address::parse("1.2.3.4\0"sv));
  EXPECT_FALSE(Ipv6Address::parse("::1\0"sv));
}

TEST(Address, ErrorsSayWhatWasExpectedAndStayShort) {
  EXPECT_EQ(Ipv4Address::parse("10.0.0").error().text,
            "\"10.0.0\" is not an IPv4 address (expected four numbers, like 192.0.2.1)");
  EXPECT_LT(Ipv6Address::parse(std::string(100'000, 'x')).error().text.size(), 200u);
  EXPECT_LT(MacAddress::parse(std::string(100'000, 'x')).error().text.size(), 200u);
  EXPECT_LT(Ipv4Prefix::parse(std::string(100'000, '/')).error().text.size(), 200u);
}

TEST(Address, MacTextRoundTrips) {
  const auto mac = MacAddress::parse("02:AB:cd:00:0f:f0");
  ASSERT_TRUE(mac);
  EXPECT_EQ(to_string(*mac), "02:ab:cd:00:0f:f0");
}

TEST(Prefix, Contains) {
  struct Row {
    const char* prefix;
    const char* inside;
    const char* outside;
  };
  for (const Row& row : {Row{"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
                         Row{"192.0.2.1/32", "192.0.2.1", "192.0.2.0"},
                         Row{"128.0.0.0/1", "255.0.0.0", "127.255.255.255"}}) {
    const auto prefix = Ipv4Prefix::parse(row.prefix);
    ASSERT_TRUE(prefix) << row.prefix;
    EXPECT_TRUE(prefix->contains(*Ipv4Address::parse(row.inside))) << row.prefix;
    EXPECT_FALSE(prefix->contains(*Ipv4Address::parse(row.outside))) << row.prefix;
    EXPECT_EQ(to_string(*prefix), row.prefix);
  }
  for (const Row& row : {Row{"2001:db8::/32", "2001:db8:ffff::", "2001:db9::"},
                         Row{"2001:db8::/64", "2001:db8::ffff", "2001:db8:0:1::"},
                         Row{"2001:db8::/65", "2001:db8::7fff:0:0:1", "2001:db8::8000:0:0:0"},
                         Row{"::1/128", "::1", "::"}}) {
    const auto prefix = Ipv6Prefix::parse(row.prefix);
    ASSERT_TRUE(prefix) << row.prefix;
    EXPECT_TRUE(prefix->contains(*Ipv6Address::parse(row.inside))) << row.prefix;
    EXPECT_FALSE(prefix->contains(*Ipv6Address::parse(row.outside))) << row.prefix;
    EXPECT_EQ(to_string(*prefix), row.prefix);
  }
  EXPECT_TRUE(Ipv4Prefix::parse("0.0.0.0/0")->contains(Ipv4Address(255, 255, 255, 255)));
  EXPECT_TRUE(Ipv6Prefix::parse("::/0")->contains(kAllNodes));
}

TEST(Prefix, RefusesAndNamesTheRightOne) {
  EXPECT_EQ(Ipv4Prefix::parse("10.1.2.3/8").error().text,
            "\"10.1.2.3/8\" has bits set past its length; did you mean 10.0.0.0/8?");
  EXPECT_EQ(Ipv6Prefix::parse("2001:db8::1/64").error().text,
            "\"2001:db8::1/64\" has bits set past its length; did you mean 2001:db8::/64?");
  for (const char* text : {"10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08",
                           "10.0.0.0/8 ", "10.0.0.0/8/8", "/8", "10.0.0.0/256", "10.0.0/8"}) {
    EXPECT_FALSE(Ipv4Prefix::parse(text)) << text;
  }
  EXPECT_FALSE(Ipv6Prefix::parse("::/129"));
}

TEST(Address, FormatsWithWidth) {
  EXPECT_EQ(fmt::format("[{}]", Ipv4Address(1, 2, 3, 4)), "[1.2.3.4]");
  EXPECT_EQ(fmt::format("[{:<10}]", Ipv4Address(1, 2, 3, 4)), "[1.2.3.4   ]");
  EXPECT_EQ(fmt::format("[{:>10}]", Ipv6Address()), "[        ::]");
  EXPECT_EQ(fmt::format("{}", *Ipv4Prefix::parse("10.0.0.0/8")), "10.0.0.0/8");
}

TEST(Address, HashesTellNeighborsApart) {
  std::unordered_set<size_t> seen;
  for (uint32_t i = 0; i < 1000; ++i) {
    seen.insert(std::hash<Ipv4Address>{}(Ipv4Address::from_host(0x0a00'0000 + i)));
    seen.insert(std::hash<Ipv6Address>{}(Ipv6Address::from_host(0x2001'0db8'0000'0000, i)));
  }
  EXPECT_EQ(seen.size(), 2000u);
}

}  // namespace
}  // namespace heddle::wire
