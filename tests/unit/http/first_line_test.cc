// Which streams begin as a request does: told by every begin of them alike, and by few bytes.
#include "http/first_line.h"

#include <gtest/gtest.h>

#include <string>

#include "core/random.h"
#include "seed.h"

namespace heddle::http {
namespace {

using namespace std::string_literals;

TEST(HttpFirstLine, TellsRequests) {
  for (const char* text :
       {"GET / HTTP/1.1\r\n", "POST /a?b HTTP/1.0\r\n", "OPTIONS * HTTP/1.1\r\n",
        "GET http://shop.example/ HTTP/1.1\r\n", "GET HTTPS://shop.example/ HTTP/1.1\r\n",
        "CONNECT shop.example:443 HTTP/1.1\r\n", "CONNECT [::1]:443 HTTP/1.1\r\n",
        "M-SEARCH * HTTP/1.1\r\n", "UPDATEREDIRECTREF /x HTTP/1.1\r\n", "X /"})
    EXPECT_EQ(first_line_of(text), FirstLine::kRequest) << text;
}

TEST(HttpFirstLine, TellsOthers) {
  for (const std::string& text :
       {"\x16\x03\x01\x02\x00"s, "\0"s, " GET /"s, "\r\nGET / HTTP/1.1"s, "get / HTTP/1.1"s,
        "GET\t/"s, "GET key\r\n"s, "GET  /"s, "CONNECT {\"verbose\":false}"s,
        "CONNECT\naccept-version:1.2"s, "OPTIONS rtsp://a/b RTSP/1.0"s, "*1\r\n$4\r\nPING\r\n"s,
        "GET httq://"s, "SSH-2.0-x"s, "ABCDEFGHIJKLMNOPQRSTU"s, "Q\0\0"s})
    EXPECT_EQ(first_line_of(text), FirstLine::kOther) << text;
}

TEST(HttpFirstLine, WaitsForWhatMayBecomeEither) {
  for (const char* text : {"", "G", "GET", "GET ", "GET h", "GET https:/", "CONNECT ", "M-"})
    EXPECT_EQ(first_line_of(text), FirstLine::kMaybe) << text;
}

// However the bytes come in, the answer is the same, and no more than kFirstLineTells are needed.
TEST(HttpFirstLine, IsToldByAnyBegin) {
  Random random(test_seed());
  constexpr std::string_view kBytes = "GETCON-AZ /*htps:[a{\r\n\x16";
  for (int i = 0; i < 50'000; ++i) {
    std::string text;
    for (size_t n = kFirstLineTells; n > 0; --n)
      text += kBytes[random.below(static_cast<uint32_t>(i % 2 == 0 ? kBytes.size() : 9))];
    const FirstLine whole = first_line_of(text);
    ASSERT_NE(whole, FirstLine::kMaybe) << text;
    for (size_t n = 0; n < text.size(); ++n) {
      const FirstLine begun = first_line_of(std::string_view(text).substr(0, n));
      ASSERT_TRUE(begun == whole || begun == FirstLine::kMaybe) << text << " " << n;
    }
  }
}

}  // namespace
}  // namespace heddle::http
