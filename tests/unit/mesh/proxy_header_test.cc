// The PROXY protocol's headers, read whole, cut and wrong, and written.
#include "mesh/proxy_header.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "http/chars.h"

namespace heddle::mesh {
namespace {

using State = ProxyHeader::State;
using std::string_literals::operator""s;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string kV2Tcp4 = kSignature + "\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\2\x1f\x90\0\x50"s;

ProxyHeader read(std::string_view text) { return read_proxy_header(http::bytes_of(text)); }

tcp::IpAddress v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
  return tcp::from_ipv4(wire::Ipv4Address(a, b, c, d));
}

std::string written(ProxyHeaderVersion version, const tcp::FourTuple& client) {
  std::array<uint8_t, kProxyHeaderBegin> bytes;
  const uint32_t size = write_proxy_header(version, client, bytes);
  return std::string(http::text_of(std::span(bytes).first(size)));
}

const tcp::FourTuple kClient4{{v4(198, 51, 100, 2), Be16(80)}, {v4(192, 0, 2, 1), Be16(8080)}};
const tcp::FourTuple kClient6{{wire::Ipv6Address::from_host(0x2001'0db8'0000'0000, 2), Be16(443)},
                              {wire::Ipv6Address::from_host(0x2001'0db8'0000'0000, 1), Be16(1)}};

TEST(ProxyHeader, ReadsWhatItKnows) {
  for (const std::string& text : {"PROXY TCP4 192.0.2.1 198.51.100.2 8080 80\r\n"s, kV2Tcp4}) {
    const ProxyHeader header = read(text + "GET / HTTP/1.1\r\n");
    EXPECT_EQ(header.state, State::kWhole);
    EXPECT_TRUE(header.told);
    EXPECT_EQ(header.bytes, text.size());
    EXPECT_EQ(header.client, kClient4);
  }
  const ProxyHeader six = read("PROXY TCP6 2001:db8::1 2001:db8::2 1 443\r\n");
  EXPECT_EQ(six.state, State::kWhole);
  EXPECT_EQ(six.client, kClient6);
}

TEST(ProxyHeader, WhatIsWrittenIsReadAgain) {
  for (const auto version : {ProxyHeaderVersion::kV1, ProxyHeaderVersion::kV2})
    for (const tcp::FourTuple& client : {kClient4, kClient6}) {
      const std::string text = written(version, client);
      const ProxyHeader header = read(text);
      EXPECT_EQ(header.state, State::kWhole);
      EXPECT_TRUE(header.told);
      EXPECT_EQ(header.bytes, text.size());
      EXPECT_EQ(header.client, client);
    }
  EXPECT_EQ(written(ProxyHeaderVersion::kV1, kClient4),
            "PROXY TCP4 192.0.2.1 198.51.100.2 8080 80\r\n");
  EXPECT_EQ(written(ProxyHeaderVersion::kV2, kClient4), kV2Tcp4);
  EXPECT_EQ(written(ProxyHeaderVersion::kNone, kClient4), "");
}

TEST(ProxyHeader, ClientsOfAnotherFamilyAreNotToldOf) {
  const tcp::FourTuple mixed{kClient6.local, kClient4.remote};
  for (const auto version : {ProxyHeaderVersion::kV1, ProxyHeaderVersion::kV2}) {
    const ProxyHeader header = read(written(version, mixed));
    EXPECT_EQ(header.state, State::kWhole);
    EXPECT_FALSE(header.told);
  }
}

TEST(ProxyHeader, EveryCutWaitsForMore) {
  for (const std::string& text : {"PROXY TCP4 192.0.2.1 198.51.100.2 8080 80\r\n"s, kV2Tcp4})
    for (size_t size = 0; size < text.size(); ++size)
      EXPECT_EQ(read(text.substr(0, size)).state, State::kMore) << size;
}

TEST(ProxyHeader, SpeaksOfNobody) {
  for (const std::string& text :
       {"PROXY UNKNOWN\r\n"s, "PROXY UNKNOWN ff:: ff:: 1 2\r\n"s, kSignature + "\x20\0\0\0"s,
        kSignature + "\x20\x11\0\3abc"s, kSignature + "\x21\0\0\0"s}) {
    const ProxyHeader header = read(text);
    EXPECT_EQ(header.state, State::kWhole) << text;
    EXPECT_FALSE(header.told);
    EXPECT_EQ(header.bytes, text.size());
  }
}

TEST(ProxyHeader, FieldsBehindTheAddressesArePassedOver) {
  std::string text = kV2Tcp4;
  text[15] = 12 + 7;
  const ProxyHeader header = read(text);
  EXPECT_EQ(header.state, State::kWhole);
  EXPECT_EQ(header.bytes, text.size() + 7);
}

TEST(ProxyHeader, RefusesTheRest) {
  const std::vector<std::string> wrong = {
      "GET / HTTP/1.1\r\n",
      "PROXY TCP5 192.0.2.1 198.51.100.2 1 2\r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n",
      "PROXY TCP4 192.0.2.1  198.51.100.2 1 2\r\n",
      "PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n",
      "PROXY TCP4 192.0.2.1\0xyz 198.51.100.2 1 2\r\n"s,
      "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
      "PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n",
      "PROXY TCP6 ::ffff:1.2.3.4 ::ffff:1.2.3.4 1 2\r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.2 -1 2\r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n" + std::string(100, 'x'),
      "PROXY UNKNOWN" + std::string(100, ' ') + "\r\n",
      kSignature + "\x31\x11\0\x0c"s,
      kSignature + "\x22\x11\0\x0c"s,
      kSignature + "\x21\x12\0\x0c"s,
      kSignature + "\x21\x31\0\xd8"s,
      kSignature + "\x21\x11\0\x0b"s,
      kSignature + "\x21\x11\xff\xff"s,
      "\r\n\r\nX"};
  for (const std::string& text : wrong) EXPECT_EQ(read(text).state, State::kRefused) << text;
}

}  // namespace
}  // namespace heddle::mesh
