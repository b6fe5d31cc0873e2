#include "wire/ipv6.h"

#include "helpers.h"

namespace heddle::wire {
namespace {

constexpr auto kPacket =
    "6b8abcde 0003 11 40 20010db8000000000000000000000001 20010db8000000000000000000000002 010203"_bytes;
constexpr Ipv6 kValue{.traffic_class = 0xb8,
                      .flow_label = 0xabcde,
                      .payload_length = 3,
                      .next_header = IpProtocol::kUdp,
                      .hop_limit = 64,
                      .source = Ipv6Address::from_host(0x2001'0db8'0000'0000, 1),
                      .destination = Ipv6Address::from_host(0x2001'0db8'0000'0000, 2)};

static_assert(Ipv6::parse(kPacket) == kValue);
static_assert([] {
  auto out = kPacket;
  std::ranges::fill(std::span(out).first(40), uint8_t{0xee});
  kValue.emit(out.data());
  return out == kPacket;
}());
static_assert([] {
  auto packet = kPacket;
  const Ipv6MutView ip(packet.data());
  ip.decrement_hop_limit();
  ip.set_traffic_class(0x5a);
  return ip.hop_limit() == 63 && ip.traffic_class() == 0x5a && ip.flow_label() == 0xabcde &&
         check_ipv6(packet) == Ipv6Fault::kNone;
}());

TEST(Ipv6, Faults) {
  EXPECT_EQ(check_ipv6({}), Ipv6Fault::kTruncated);
  EXPECT_EQ(check_ipv6(std::span(kPacket).first(39)), Ipv6Fault::kTruncated);
  EXPECT_EQ(check_ipv6(std::span(kPacket).first(42)), Ipv6Fault::kPayloadLength);
  auto version4 = kPacket;
  version4[0] = 0x4b;
  EXPECT_EQ(check_ipv6(version4), Ipv6Fault::kVersion);
  Bytes padded(kPacket.begin(), kPacket.end());
  padded.resize(60);
  EXPECT_EQ(check_ipv6(padded), Ipv6Fault::kNone);
  EXPECT_EQ(Ipv6View(padded.data()).payload().size(), 3u);
  auto empty = kPacket;
  Ipv6MutView(empty.data()).set_payload_length(0);
  EXPECT_EQ(check_ipv6(std::span(empty).first(40)), Ipv6Fault::kNone);
}

}  // namespace
}  // namespace heddle::wire
