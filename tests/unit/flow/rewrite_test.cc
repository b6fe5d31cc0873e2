// Translation of headers: every checksum is verified by computing it anew.
#include "flow/rewrite.h"

#include <gtest/gtest.h>

#include "core/random.h"
#include "packets.h"
#include "seed.h"

namespace heddle::flow {
namespace {

template <class Address>
class Rewrite : public testing::Test {};
TYPED_TEST_SUITE(Rewrite, Families);

TYPED_TEST(Rewrite, AnyProtocolToAnyTuple) {
  Random random(test_seed());
  for (int i = 0; i < 5'000; ++i) {
    const auto from = random_key<TypeParam>(random);
    auto source_port = static_cast<uint16_t>(random.next());
    auto destination_port = static_cast<uint16_t>(random.next());
    if (from.protocol() == kIcmpOf<TypeParam>) destination_port = source_port;
    if (from.protocol() == IpProtocol::kGre) source_port = destination_port = 0;
    const auto to = key_of(host<TypeParam>(random.below(256), random.below(65'536)), source_port,
                           host<TypeParam>(random.below(256), random.below(65'536)),
                           destination_port, from.protocol());
    Bytes packet = packet_of(from);
    const Bytes before = packet;
    ASSERT_TRUE(checksums_ok<TypeParam>(packet));
    rewrite(parsed<TypeParam>(packet), to);
    ASSERT_TRUE(checksums_ok<TypeParam>(packet)) << static_cast<int>(from.protocol());
    ASSERT_EQ(parsed<TypeParam>(packet).key, to);
    rewrite(parsed<TypeParam>(packet), from);  // and back
    ASSERT_EQ(packet, before);
  }
}

TYPED_TEST(Rewrite, AWrongChecksumStaysWrong) {
  const auto from = key_of(host<TypeParam>(1, 1), 10, host<TypeParam>(2, 2), 20);
  const auto to = key_of(host<TypeParam>(3, 3), 30, host<TypeParam>(4, 4), 40);
  Bytes packet = udp_packet(from);
  packet.back() ^= 1;
  rewrite(parsed<TypeParam>(packet), to);
  EXPECT_FALSE(checksums_ok<TypeParam>(packet));
  packet.back() ^= 1;
  EXPECT_TRUE(checksums_ok<TypeParam>(packet));
}

TEST(Rewrite4, UdpWithoutAChecksumGetsNone) {
  const auto from = key_of(host<Ipv4Address>(1, 1), 10, host<Ipv4Address>(2, 2), 20);
  const auto to = key_of(host<Ipv4Address>(3, 3), 30, host<Ipv4Address>(4, 4), 40);
  Bytes packet = udp_packet(from);
  wire::UdpMutView(packet.data() + 20).set_checksum(0);
  rewrite(parsed<Ipv4Address>(packet), to);
  EXPECT_EQ(wire::UdpView(packet.data() + 20).checksum(), 0);
  EXPECT_TRUE(checksums_ok<Ipv4Address>(packet));
}

// RFC 768: a computed 0 is sent as 0xffff, for 0 would say that there is none.
TYPED_TEST(Rewrite, UdpNeverBecomesAChecksumOfNone) {
  const auto from = key_of(host<TypeParam>(1, 1), 10, host<TypeParam>(2, 2), 20);
  int met = 0;
  for (uint32_t port = 0; port < 65'536; ++port) {
    const auto to =
        key_of(host<TypeParam>(3, 3), static_cast<uint16_t>(port), host<TypeParam>(4, 4), 40);
    Bytes packet = udp_packet(from);
    rewrite(parsed<TypeParam>(packet), to);
    const uint16_t checksum = wire::UdpView(packet.data() + kIpHeader<TypeParam>).checksum();
    ASSERT_NE(checksum, 0);
    if (checksum != 0xffff) continue;
    ++met;
    EXPECT_TRUE(checksums_ok<TypeParam>(packet));
  }
  EXPECT_GE(met, 1);
}

TEST(Rewrite4, KeepsOptionsAndWhatIsBehindThePacket) {
  const auto from = key_of(host<Ipv4Address>(1, 1), 10, host<Ipv4Address>(2, 2), 20);
  const auto to = key_of(host<Ipv4Address>(3, 3), 30, host<Ipv4Address>(4, 4), 40);
  Bytes packet = udp_packet(from);
  packet.insert(packet.begin() + 20, {1, 1, 1, 1});  // NOPs
  packet[0] = 0x46;
  wire::Ipv4MutView(packet.data()).set_total_length(static_cast<uint16_t>(packet.size()));
  wire::Ipv4MutView(packet.data()).update_checksum();
  packet.insert(packet.end(), {0xaa, 0xbb});  // padding of the frame
  const Parsed4 at = parsed<Ipv4Address>(packet);
  EXPECT_EQ(at.key, from);
  EXPECT_EQ(at.l4_offset, 24);
  rewrite(at, to);
  EXPECT_EQ(wire::check_ipv4(packet), wire::Ipv4Fault::kNone);
  const auto l4 = std::span<const uint8_t>(packet).subspan(24, at.l4_length);
  EXPECT_TRUE(wire::udp_checksum_ok(to.source(), to.destination(), l4));
  EXPECT_EQ(packet[20], 1);
  EXPECT_EQ(packet.back(), 0xbb);
}

TYPED_TEST(Rewrite, ALaterFragmentGetsItsAddressesOnly) {
  const auto from = key_of(host<TypeParam>(1, 1), 10, host<TypeParam>(2, 2), 20);
  const auto to = key_of(host<TypeParam>(3, 3), 30, host<TypeParam>(4, 4), 40);
  Bytes packet = udp_packet(from);
  const Bytes upper(packet.begin() + kIpHeader<TypeParam>, packet.end());
  Parsed<TypeParam> at = parsed<TypeParam>(packet);
  at.kind = PacketKind::kLaterFragment;
  rewrite(at, to);
  EXPECT_EQ(Bytes(packet.begin() + kIpHeader<TypeParam>, packet.end()), upper);
  EXPECT_EQ(parsed<TypeParam>(packet).key.source(), to.source());
}

TEST(CanTranslate, NotWhatCoversAddressesInAWayNotKnownHere) {
  EXPECT_TRUE(can_translate(IpProtocol::kTcp));
  EXPECT_TRUE(can_translate(IpProtocol::kEsp));
  EXPECT_FALSE(can_translate(IpProtocol::kAh));
  EXPECT_FALSE(can_translate(IpProtocol::kUdpLite));
}

}  // namespace
}  // namespace heddle::flow
