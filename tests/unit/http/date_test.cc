#include "http/date.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace heddle::http {
namespace {

std::string date(int64_t seconds) {
  std::array<char, kDateBytes> text;
  write_date(seconds, text);
  return {text.data(), text.size()};
}

TEST(Date, IsWrittenAsRfc9110HasIt) {
  EXPECT_EQ(date(784'111'777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(date(951'868'799), "Tue, 29 Feb 2000 23:59:59 GMT");
  EXPECT_EQ(date(951'868'800), "Wed, 01 Mar 2000 00:00:00 GMT");
  EXPECT_EQ(date(4'102'444'800), "Fri, 01 Jan 2100 00:00:00 GMT");
}

}  // namespace
}  // namespace heddle::http
