// What heddle-load reads of HTTP, at every cut.
#include "http_text.h"

#include <gtest/gtest.h>

namespace heddle::load {
namespace {

TEST(HeadEnds, AreCountedWhereverTheStreamIsCut) {
  const std::string stream = request_text("a", "/", false) + "GET / HTTP/1.1\r\n\r\r\n\r\n" +
                             request_text("b", "/x?y", true) + "GET / HTTP/1.1\r\n";
  for (size_t cut = 0; cut <= stream.size(); ++cut) {
    HeadEnds ends;
    uint32_t found = ends.count(std::string_view(stream).substr(0, cut));
    found += ends.count(std::string_view(stream).substr(cut));
    EXPECT_EQ(found, 3u) << cut;
  }
}

ResponseHead::State read(ResponseHead& head, std::string_view text, size_t cut, size_t& body) {
  head.clear();
  size_t used = 0;
  const auto first = head.read(text.substr(0, cut), used);
  if (first != ResponseHead::State::kMore) {
    body = used;
    return first;
  }
  EXPECT_EQ(used, cut);
  const auto second = head.read(text.substr(cut), used);
  body = cut + used;
  return second;
}

TEST(ResponseHead, HasStatusAndLengthWhereverItIsCut) {
  const std::string text =
      "HTTP/1.1 200 OK\r\nserver: x\r\nContent-Length:  1234\r\nx: y\r\n\r\nbody";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    ResponseHead head;
    size_t body = 0;
    ASSERT_EQ(read(head, text, cut, body), ResponseHead::State::kWhole) << cut;
    EXPECT_EQ(head.status(), 200);
    EXPECT_EQ(head.length(), 1234u);
    EXPECT_EQ(text.substr(body), "body");
  }
  ResponseHead head;
  size_t used = 0;
  EXPECT_EQ(head.read(response_text(77), used), ResponseHead::State::kWhole);
  EXPECT_EQ(head.length(), 77u);
  EXPECT_FALSE(head.closes());
  head.clear();
  EXPECT_EQ(head.read("HTTP/1.1 404 x\r\ncontent-length: 0\r\nConnection: close\r\n\r\n", used),
            ResponseHead::State::kWhole);
  EXPECT_EQ(head.status(), 404);
  EXPECT_TRUE(head.closes());
}

TEST(ResponseHead, WhatIsNoneIsWrong) {
  for (const char* text :
       {"HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\ncontent-length: 1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx-content-length: 1\r\n\r\n", "\r\n\r\n"}) {
    ResponseHead head;
    size_t used = 0;
    EXPECT_EQ(head.read(text, used), ResponseHead::State::kWrong) << text;
  }
  ResponseHead head;
  size_t used = 0;
  EXPECT_EQ(head.read("HTTP/1.1 200 OK\r\nx: " + std::string(2000, 'a'), used),
            ResponseHead::State::kWrong);
}

}  // namespace
}  // namespace heddle::load
