// The small parts that text is made of.
#include <gtest/gtest.h>

#include "table.h"
#include "utf8.h"

namespace heddle::cli {
namespace {

TEST(Text, ThousandsAreSeparated) {
  EXPECT_EQ(thousands(0), "0");
  EXPECT_EQ(thousands(999), "999");
  EXPECT_EQ(thousands(1'000), "1,000");
  EXPECT_EQ(thousands(123'456), "123,456");
  EXPECT_EQ(thousands(UINT64_MAX), "18,446,744,073,709,551,615");
}

TEST(Text, OneDecimalOfAnyDouble) {
  EXPECT_EQ(one_decimal(0), "0.0");
  EXPECT_EQ(one_decimal(999.96), "1,000.0");
  EXPECT_EQ(one_decimal(-1234.5), "-1,234.5");
  EXPECT_EQ(one_decimal(1e300), "1.0e+300");
  EXPECT_EQ(one_decimal(std::numeric_limits<double>::infinity()), "inf");
}

TEST(Text, SpansHaveTwoUnitsAtMost) {
  EXPECT_EQ(span(0), "0.0s");
  EXPECT_EQ(span(9'999), "9.9s");
  EXPECT_EQ(span(10'000), "10s");
  EXPECT_EQ(span(61'000), "1m 1s");
  EXPECT_EQ(span(3'600'000), "1h 0m");
  EXPECT_EQ(span(UINT64_MAX), "213503982334d 14h");
}

TEST(Text, ControlCharactersDoNotReachTheTerminal) {
  EXPECT_EQ(printable("a\x1b[1m\n\x7f"), "a?[1m??");
  EXPECT_EQ(printable("\xc2\x9b"
                      "1m \xc2\xa0 \xc3\xa4"),
            "?1m \xc2\xa0 \xc3\xa4");
}

TEST(Text, ColumnsAlignByCharacters) {
  Table table({{"A"}, {"B", Align::kRight}, {"C"}});
  table.add({"\xc3\xa4\xc3\xb6", "1", "x\ny"});
  table.add({"abc", "22", ""});
  EXPECT_EQ(table.text(),
            "A     B  C\n"
            "\xc3\xa4\xc3\xb6    1  x\n"
            "         y\n"
            "abc  22\n");
}

// RFC 3629 section 4 and the malformed forms that it warns of.
TEST(Text, OnlyWellFormedUtf8Leaves) {
  using server::valid_utf8;
  EXPECT_EQ(valid_utf8("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
            "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(valid_utf8("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf");
  EXPECT_EQ(valid_utf8("\x80z"), "?z");               // a continuation without a start
  EXPECT_EQ(valid_utf8("\xc0\xaf"), "??");            // overlong
  EXPECT_EQ(valid_utf8("\xe0\x80\xaf"), "???");       // overlong
  EXPECT_EQ(valid_utf8("\xed\xa0\x80"), "???");       // a surrogate
  EXPECT_EQ(valid_utf8("\xf4\x90\x80\x80"), "????");  // beyond U+10FFFF
  EXPECT_EQ(valid_utf8("\xf0\x9f\x98"), "???");       // cut off
  EXPECT_EQ(valid_utf8(std::string_view("\0\xff", 2)), std::string_view("\0?", 2));
}

}  // namespace
}  // namespace heddle::cli
