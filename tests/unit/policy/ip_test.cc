#include "policy/ip.h"

#include <gtest/gtest.h>

#include "resources.h"

namespace heddle::policy {
namespace {

using test::ip;
using test::prefix;

TEST(IpAddress, KeepsItsFamilyAndText) {
  EXPECT_TRUE(ip("192.0.2.1").is_v4());
  EXPECT_EQ(ip("192.0.2.1").v4(), wire::Ipv4Address(192, 0, 2, 1));
  EXPECT_EQ(ip("192.0.2.1").text(), "192.0.2.1");
  EXPECT_FALSE(ip("2001:db8::1").is_v4());
  EXPECT_EQ(ip("2001:DB8:0::1").text(), "2001:db8::1");
  EXPECT_FALSE(ip("::c000:201").is_v4()) << "compatible is not mapped";
}

TEST(IpAddress, RefusesWhatIsNone) {
  for (const char* text : {"", "10.0.0", "10.0.0.256", "2001:db8::g", "::ffff:192.0.2.1", "a.b"})
    EXPECT_FALSE(IpAddress::parse(text).has_value()) << text;
}

TEST(IpPrefix, HoldsAddressesOfItsFamilyAlone) {
  EXPECT_TRUE(prefix("0.0.0.0/0").contains(ip("255.255.255.255")));
  EXPECT_FALSE(prefix("0.0.0.0/0").contains(ip("2001:db8::1")));
  EXPECT_TRUE(prefix("::/0").contains(ip("2001:db8::1")));
  EXPECT_FALSE(prefix("::/0").contains(ip("10.0.0.1")));
  EXPECT_TRUE(prefix("10.8.0.0/21").contains(ip("10.8.7.255")));
  EXPECT_FALSE(prefix("10.8.0.0/21").contains(ip("10.8.8.0")));
  EXPECT_TRUE(prefix("2001:db8::/33").contains(ip("2001:db8:7fff::")));
  EXPECT_FALSE(prefix("2001:db8::/33").contains(ip("2001:db8:8000::")));
}

TEST(IpPrefix, IsWrittenAsItWasRead) {
  for (const char* text : {"0.0.0.0/0", "10.0.0.0/8", "10.1.2.3/32", "::/0", "2001:db8::/32"})
    EXPECT_EQ(prefix(text).text(), text);
  for (const char* text : {"10.0.0.1/8", "10.0.0.0", "10.0.0.0/33", "::ffff:0:0/96", "::1/64"})
    EXPECT_FALSE(IpPrefix::parse(text).has_value()) << text;
}

}  // namespace
}  // namespace heddle::policy
