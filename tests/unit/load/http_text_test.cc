// What heddle-load reads and writes of HTTP/1.1.
#include "http_text.h"

#include <gtest/gtest.h>

namespace heddle::load {
namespace {

TEST(Head, IsFoundWhenItIsWhole) {
  const std::string text = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
  for (size_t cut = 0; cut < text.size(); ++cut)
    EXPECT_TRUE(head_of(std::string_view(text).substr(0, cut)).empty()) << cut;
  EXPECT_EQ(head_of(text + "GET /second"), text);
}

TEST(Request, IsReadAsItIsWritten) {
  const std::string text = request_text(
      {.method = "POST", .host = "a.example", .path = "/b?c", .close = true, .body = 1234});
  ASSERT_EQ(head_of(text), text);
  const auto head = read_request(text);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->method, "POST");
  EXPECT_EQ(head->path, "/b?c");
  EXPECT_EQ(head->length, 1234u);
  EXPECT_TRUE(head->closes);
  EXPECT_FALSE(head->chunked);
  EXPECT_FALSE(head->expects_continue);
}

TEST(Request, WithoutABodyHasNoLength) {
  const std::string text = request_text({.host = "a", .path = "/"});
  EXPECT_EQ(text.find("content-length"), std::string::npos);
  const auto head = read_request(text);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->method, "GET");
  EXPECT_EQ(head->length, 0u);
  EXPECT_FALSE(head->closes);
}

TEST(Request, FieldsCountInAnyCase) {
  const auto head = read_request(
      "PUT / HTTP/1.1\r\nTRANSFER-ENCODING: chunked\r\nExpect:\t100-Continue \r\n"
      "Connection: keep-alive\r\n\r\n");
  ASSERT_TRUE(head);
  EXPECT_TRUE(head->chunked);
  EXPECT_TRUE(head->expects_continue);
  EXPECT_FALSE(head->closes);
}

TEST(Request, WhatIsNoneIsRefused) {
  for (const char* text :
       {"\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", "GET  HTTP/1.1\r\n\r\n", " / HTTP/1.1\r\n\r\n",
        "GET /a b HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nno field\r\n\r\n",
        "GET / HTTP/1.1\r\n: x\r\n\r\n", "GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        "GET / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n",
        "GET / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n"})
    EXPECT_FALSE(read_request(text)) << text;
}

TEST(Response, IsReadAsItIsWritten) {
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{77}, UINT64_MAX}) {
    const std::string text = response_text(bytes);
    EXPECT_LE(text.size(), kHeadRoom);
    const auto head = read_response(text);
    ASSERT_TRUE(head);
    EXPECT_EQ(head->status, 200);
    EXPECT_EQ(head->length, bytes);
    EXPECT_FALSE(head->closes);
  }
}

TEST(Response, OfAnotherServer) {
  const auto head = read_response(
      "HTTP/1.1 404 Not Found\r\nDate: x\r\nContent-Length:  1234\r\nConnection: Close\r\n\r\n");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 404);
  EXPECT_EQ(head->length, 1234u);
  EXPECT_TRUE(head->closes);
}

TEST(Response, WhatIsNoneIsRefused) {
  for (const char* text :
       {"HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\ncontent-length: 1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1x\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx-content-length: 1\r\n\r\n", "HTTP/1.1 \r\n\r\n", "\r\n\r\n"})
    EXPECT_FALSE(read_response(text)) << text;
}

TEST(LastHead, IsKnownAgain) {
  LastHead<ResponseHead> last;
  EXPECT_FALSE(last.is_at(""));
  EXPECT_FALSE(last.is_at(response_text(7)));
  last.keep(response_text(7), {.status = 200, .length = 7});
  EXPECT_EQ(last.size(), response_text(7).size());
  EXPECT_TRUE(last.is_at(response_text(7)));
  EXPECT_TRUE(last.is_at(response_text(7) + "aaaaaaa"));
  EXPECT_FALSE(last.is_at(response_text(8)));
  EXPECT_FALSE(last.is_at(response_text(7).substr(1)));
  EXPECT_EQ(last.told().length, 7u);
}

TEST(BytesOfPath, AreAskedForByName) {
  EXPECT_EQ(bytes_of_path("/bytes/0"), 0u);
  EXPECT_EQ(bytes_of_path("/bytes/12345?x=y"), 12345u);
  EXPECT_EQ(bytes_of_path("/bytes/1099511627776"), uint64_t{1} << 40);
  for (const char* path : {"/", "/bytes", "/bytes/", "/bytes/x", "/bytes/1x", "/bytes/-1",
                           "/bytes/1099511627777", "/bytes/99999999999999999999", "bytes/1"})
    EXPECT_FALSE(bytes_of_path(path)) << path;
}

}  // namespace
}  // namespace heddle::load
