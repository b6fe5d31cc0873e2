// UDP, TCP and TCP options.
#include "helpers.h"
#include "wire/tcp.h"
#include "wire/udp.h"

namespace heddle::wire {
namespace {

constexpr Ipv4Address kSource4(192, 0, 2, 1);
constexpr Ipv4Address kDestination4(198, 51, 100, 7);
constexpr Ipv6Address kSource6 = Ipv6Address::from_host(0x2001'0db8'0000'0000, 1);
constexpr Ipv6Address kDestination6 = Ipv6Address::from_host(0x2001'0db8'0000'0000, 2);

constexpr auto kUdp4 = "03e8 0035 000b 4b1c 616263"_bytes;
constexpr auto kUdp6 = "03e8 0035 000b dbe3 616263"_bytes;
constexpr Udp kUdpValue{Be16(1000), Be16(53)};

static_assert(Udp::parse(kUdp4) == kUdpValue);
static_assert(udp_checksum_ok(kSource4, kDestination4, kUdp4));
static_assert(udp_checksum_ok(kSource6, kDestination6, kUdp6));
static_assert(!udp_checksum_ok(kSource4, kSource4, kUdp4));
static_assert([] {
  auto out = kUdp4;
  std::ranges::fill(std::span(out).first(8), uint8_t{0xee});
  kUdpValue.emit(kSource4, kDestination4, out);
  return out == kUdp4;
}());
static_assert([] {
  auto out = kUdp6;
  kUdpValue.emit(kSource6, kDestination6, out);
  return out == kUdp6;
}());

TEST(Udp, Faults) {
  struct Row {
    const char* what;
    uint16_t length;
    size_t present;
    UdpFault fault;
  };
  for (const Row& row :
       {Row{"7 bytes", 8, 7, UdpFault::kTruncated}, Row{"length 0", 0, 11, UdpFault::kLength},
        Row{"length 7", 7, 11, UdpFault::kLength}, Row{"no payload", 8, 8, UdpFault::kNone},
        Row{"more than there is", 12, 11, UdpFault::kLength},
        Row{"bytes behind it", 10, 11, UdpFault::kNone}}) {
    auto bytes = kUdp4;
    UdpMutView(bytes.data()).set_length(row.length);
    EXPECT_EQ(check_udp(std::span(bytes).first(row.present)), row.fault) << row.what;
  }
}

TEST(Udp, NoChecksumIsRightOverIpv4Only) {
  auto bytes = kUdp4;
  UdpMutView(bytes.data()).set_checksum(0);
  EXPECT_TRUE(udp_checksum_ok(kSource4, kDestination4, bytes));
  EXPECT_FALSE(udp_checksum_ok(kSource6, kDestination6, bytes));
}

TEST(Udp, AComputedZeroIsSentAsOnes) {
  // The payload is chosen so that all words sum to 0xffff.
  std::array<uint8_t, 10> bytes{};
  kUdpValue.emit(kSource4, kDestination4, bytes);
  store_be<uint16_t>(bytes.data() + 8, UdpView(bytes.data()).checksum());
  kUdpValue.emit(kSource4, kDestination4, bytes);
  EXPECT_EQ(UdpView(bytes.data()).checksum(), 0xffff);
  EXPECT_TRUE(udp_checksum_ok(kSource4, kDestination4, bytes));
}

constexpr auto kSyn =
    "03e8 0050 01020304 00000000 a002 ffff 0f20 0000 020405b4 01030307 0402080a 11223344 00000000"_bytes;
constexpr Tcp kSynValue{
    .source_port = Be16(1000),
    .destination_port = Be16(80),
    .sequence = Be32(0x01020304),
    .acknowledgment = Be32(0),
    .flags = TcpFlag::kSyn,
    .window = 65535,
    .urgent_pointer = 0,
    .options = {.mss = 1460,
                .window_scale = 7,
                .sack_permitted = true,
                .timestamps = TcpTimestamps{Be32(0x11223344), Be32(0)}},
};

static_assert(Tcp::parse(kSyn) == kSynValue);
static_assert(tcp_checksum_ok(kSource4, kDestination4, kSyn));
static_assert([] {
  auto out = kSyn;
  std::ranges::fill(out, uint8_t{0xee});
  kSynValue.emit(kSource4, kDestination4, out);
  return out == kSyn;
}());
static_assert((TcpFlag::kSyn | TcpFlag::kAck).has(TcpFlag::kAck));
static_assert((TcpFlag::kSyn | TcpFlag::kAck).bits() == 0x12);

TEST(Tcp, Faults) {
  struct Row {
    const char* what;
    uint8_t data_offset;
    size_t present;
    TcpFault fault;
  };
  for (const Row& row : {Row{"nothing", 0xa0, 0, TcpFault::kTruncated},
                         Row{"19 bytes", 0x50, 19, TcpFault::kTruncated},
                         Row{"data offset 0", 0x00, 40, TcpFault::kDataOffset},
                         Row{"data offset 16", 0x40, 40, TcpFault::kDataOffset},
                         Row{"data offset past the end", 0xb0, 40, TcpFault::kDataOffset},
                         Row{"options cut off", 0xa0, 39, TcpFault::kDataOffset},
                         Row{"no options", 0x50, 20, TcpFault::kNone}}) {
    auto bytes = kSyn;
    bytes[12] = row.data_offset;
    EXPECT_EQ(check_tcp(std::span(bytes).first(row.present)), row.fault) << row.what;
  }
}

TEST(Tcp, ChecksumOverIpv6) {
  std::array<uint8_t, 23> bytes{};
  bytes[22] = 'x';
  Tcp{.source_port = Be16(1), .destination_port = Be16(2), .flags = TcpFlag::kAck}.emit(
      kSource6, kDestination6, bytes);
  EXPECT_TRUE(tcp_checksum_ok(kSource6, kDestination6, bytes));
  bytes[22] = 'y';
  EXPECT_FALSE(tcp_checksum_ok(kSource6, kDestination6, bytes));
}

TEST(TcpOptions, Traps) {
  struct Row {
    const char* what;
    Bytes options;
    TcpOptionFault fault;
  };
  const Row rows[] = {
      {"none", {}, TcpOptionFault::kNone},
      {"NOPs", {1, 1, 1, 1}, TcpOptionFault::kNone},
      {"end of list, then anything", {0, 2, 0, 99}, TcpOptionFault::kNone},
      {"an unknown option", {253, 4, 1, 2}, TcpOptionFault::kNone},
      {"a kind without its length", {1, 1, 1, 2}, TcpOptionFault::kNoLength},
      {"length 0", {253, 0, 0, 0}, TcpOptionFault::kShortLength},
      {"length 1", {253, 1, 0, 0}, TcpOptionFault::kShortLength},
      {"length past the header", {253, 5, 0, 0}, TcpOptionFault::kPastEnd},
      {"MSS of 3 bytes", {2, 3, 5, 0}, TcpOptionFault::kWrongLength},
      {"window scale of 2 bytes", {3, 2, 0, 0}, TcpOptionFault::kWrongLength},
      {"SACK permitted with data", {4, 3, 0, 0}, TcpOptionFault::kWrongLength},
      {"timestamps of 4 bytes", {8, 4, 0, 0}, TcpOptionFault::kWrongLength},
      {"SACK without blocks", {5, 2, 0, 0}, TcpOptionFault::kWrongLength},
      {"half a SACK block", {5, 6, 0, 0, 0, 0, 0, 0}, TcpOptionFault::kWrongLength},
  };
  for (const Row& row : rows) {
    TcpOptionValues values;
    EXPECT_EQ(parse_tcp_options(row.options, values), row.fault) << row.what;
  }
}

TEST(TcpOptions, WhatComesBeforeAFaultIsKept) {
  TcpOptionValues values;
  const Bytes options{2, 4, 5, 0xb4, 3, 3, 7, 8};
  EXPECT_EQ(parse_tcp_options(options, values), TcpOptionFault::kNoLength);
  EXPECT_EQ(values.mss, 1460);
  EXPECT_EQ(values.window_scale, 7);
}

TEST(TcpOptions, SackBlocksRoundTripAndGiveWayToTheRest) {
  TcpOptionValues values;
  values.timestamps = TcpTimestamps{Be32(1), Be32(2)};
  values.sack_count = 3;
  for (uint32_t i = 0; i < 3; ++i) values.sack[i] = {Be32(100 * i), Be32(100 * i + 50)};
  std::array<uint8_t, kTcpMaxOptionsSize> out{};
  ASSERT_EQ(values.size(), 40u);
  values.emit(out.data());
  TcpOptionValues read;
  ASSERT_EQ(parse_tcp_options(out, read), TcpOptionFault::kNone);
  EXPECT_EQ(read, values);

  values.mss = 1460;  // 4 + 12 bytes: two blocks are left
  EXPECT_EQ(values.size(), 36u);
  values.emit(out.data());
  read = {};
  ASSERT_EQ(parse_tcp_options(std::span(out).first(values.size()), read), TcpOptionFault::kNone);
  EXPECT_EQ(read.sack_count, 2);
}

}  // namespace
}  // namespace heddle::wire
