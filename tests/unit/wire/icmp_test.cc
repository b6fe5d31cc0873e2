#include "wire/icmp.h"

#include "helpers.h"

namespace heddle::wire {
namespace {

constexpr auto kEcho4 = "08 00 cd33 0102 0003 6162636465"_bytes;
constexpr auto kEcho6 = "80 00 f976 0102 0003 6162636465"_bytes;
constexpr Ipv6Address kSource = Ipv6Address::from_host(0x2001'0db8'0000'0000, 1);
constexpr Ipv6Address kDestination = Ipv6Address::from_host(0x2001'0db8'0000'0000, 2);

static_assert(Icmp4::parse(kEcho4) == Icmp4{Icmp4Type::kEchoRequest, 0, 0x01020003});
static_assert(Icmp6::parse(kSource, kDestination, kEcho6) ==
              Icmp6{Icmp6Type::kEchoRequest, 0, 0x01020003});
static_assert([] {
  auto out = kEcho4;
  std::ranges::fill(std::span(out).first(8), uint8_t{0xee});
  Icmp4{Icmp4Type::kEchoRequest, 0, 0x01020003}.emit(out);
  return out == kEcho4;
}());
static_assert([] {
  auto out = kEcho6;
  std::ranges::fill(std::span(out).first(8), uint8_t{0xee});
  Icmp6{Icmp6Type::kEchoRequest, 0, 0x01020003}.emit(kSource, kDestination, out);
  return out == kEcho6;
}());
static_assert(IcmpView(kEcho4.data()).identifier() == 0x0102);
static_assert(IcmpView(kEcho4.data()).sequence() == 3);

TEST(Icmp, AnsweringInPlaceKeepsTheChecksum) {
  auto echo4 = kEcho4;
  IcmpMutView(echo4.data()).set_type(Icmp4Type::kEchoReply);
  IcmpMutView(echo4.data()).set_identifier(0xbeef);
  EXPECT_EQ(Icmp4::parse(echo4), (Icmp4{Icmp4Type::kEchoReply, 0, 0xbeef0003}));
  auto echo6 = kEcho6;
  IcmpMutView(echo6.data()).set_type(Icmp6Type::kEchoReply);
  // The pseudo header does not mind the exchange of addresses.
  EXPECT_EQ(Icmp6::parse(kDestination, kSource, echo6),
            (Icmp6{Icmp6Type::kEchoReply, 0, 0x01020003}));
}

TEST(Icmp, BrokenMessages) {
  EXPECT_EQ(check_icmp(std::span(kEcho4).first(7)), IcmpFault::kTruncated);
  EXPECT_FALSE(Icmp4::parse(std::span(kEcho4).first(7)));
  for (size_t i = 0; i < kEcho4.size(); ++i) {
    auto broken4 = kEcho4;
    broken4[i] ^= 0x10;
    EXPECT_FALSE(icmp4_checksum_ok(broken4)) << i;
    auto broken6 = kEcho6;
    broken6[i] ^= 0x10;
    EXPECT_FALSE(icmp6_checksum_ok(kSource, kDestination, broken6)) << i;
  }
  EXPECT_FALSE(icmp6_checksum_ok(kSource, kSource, kEcho6));
}

TEST(Icmp, ErrorsAreToldFromTheRest) {
  std::vector<int> errors4, errors6;
  for (int type = 0; type < 256; ++type) {
    if (is_error(static_cast<Icmp4Type>(type))) errors4.push_back(type);
    if (is_error(static_cast<Icmp6Type>(type))) errors6.push_back(type);
  }
  EXPECT_EQ(errors4, (std::vector<int>{3, 4, 5, 11, 12}));
  EXPECT_EQ(errors6.size(), 128u);
  EXPECT_EQ(errors6.back(), 127);
}

TEST(Icmp, ErrorHeaders) {
  struct Row {
    Icmp4 error;
    std::array<uint8_t, 8> bytes;  // without the checksum
  };
  for (const Row& row :
       {Row{Icmp4::unreachable(Icmp4Unreachable::kProhibited), "030d 0000 00000000"_bytes},
        Row{Icmp4::fragmentation_needed(1400), "0304 0000 00000578"_bytes},
        Row{Icmp4::time_exceeded(), "0b00 0000 00000000"_bytes},
        Row{Icmp4::parameter_problem(20), "0c00 0000 14000000"_bytes}}) {
    std::array<uint8_t, 8> out{};
    row.error.emit(out);
    EXPECT_EQ(internet_checksum(out), 0);
    store_be<uint16_t>(out.data() + 2, 0);
    EXPECT_EQ(out, row.bytes);
  }
  struct Row6 {
    Icmp6 error;
    std::array<uint8_t, 8> bytes;
  };
  for (const Row6& row :
       {Row6{Icmp6::unreachable(Icmp6Unreachable::kAddress), "0103 0000 00000000"_bytes},
        Row6{Icmp6::packet_too_big(1400), "0200 0000 00000578"_bytes},
        Row6{Icmp6::time_exceeded(), "0300 0000 00000000"_bytes},
        Row6{Icmp6::parameter_problem(Icmp6Parameter::kOption, 42), "0402 0000 0000002a"_bytes}}) {
    std::array<uint8_t, 8> out{};
    row.error.emit(kSource, kDestination, out);
    EXPECT_TRUE(icmp6_checksum_ok(kSource, kDestination, out));
    store_be<uint16_t>(out.data() + 2, 0);
    EXPECT_EQ(out, row.bytes);
  }
}

}  // namespace
}  // namespace heddle::wire
