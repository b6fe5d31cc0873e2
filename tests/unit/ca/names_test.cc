#include "ca/names.h"

#include <gtest/gtest.h>

namespace heddle::ca {
namespace {

TEST(Names, LabelsAreThoseOfDns) {
  const std::string longest(63, 'a');
  for (const std::string_view good : {"a", "0", "cart", "cart-2", "a--b", longest.c_str()})
    EXPECT_TRUE(is_label(good)) << good;
  const std::string longer(64, 'a');
  for (const std::string_view wrong :
       {"", "-", "-a", "a-", "A", "a.b", "a_b", "a/b", "a b", "\xc3\xa4", "..", longer.c_str()})
    EXPECT_FALSE(is_label(wrong)) << wrong;
}

TEST(Names, HostNamesMayHaveAWildcardInFront) {
  for (const std::string_view good :
       {"shop.example", "localhost", "*.shop.example", "1.shop.example", "a-b.c"})
    EXPECT_TRUE(is_host_name(good)) << good;
  const std::string longer = std::string(200, 'a') + "." + std::string(60, 'a');
  for (const std::string_view wrong :
       {"", ".", "*", "*.", "a.", ".a", "a..b", "Shop.example", "a.*.b", "*a.b", "10.0.0.1",
        "a,URI:spiffe://x/y", "a b", "a\nb", "shop.example:80", longer.c_str()})
    EXPECT_FALSE(is_host_name(wrong)) << wrong;
}

TEST(Names, SerialsAreTakenAsPeopleHaveThem) {
  const std::string serial = "00ebe25535779e9fc30454b0105e52ff";
  EXPECT_EQ(serial_of_text(serial), serial);
  EXPECT_EQ(serial_of_text("EBE25535779E9FC30454B0105E52FF"), serial);
  EXPECT_EQ(serial_of_text("00:eb:e2:55:35:77:9e:9f:c3:04:54:b0:10:5e:52:ff"), serial);
  for (const std::string_view wrong : {"", ":", "cart", "0x12", "1 2"})
    EXPECT_EQ(serial_of_text(wrong), "") << wrong;
  EXPECT_EQ(serial_of_text(std::string(33, '1')), "");
}

}  // namespace
}  // namespace heddle::ca
