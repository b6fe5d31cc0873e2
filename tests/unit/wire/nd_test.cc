#include "wire/nd.h"

#include "helpers.h"

namespace heddle::wire {
namespace {

constexpr auto kNs =
    "87 00 4b5f 00000000 20010db8000000000000000000000002 01 01 020000000001"_bytes;
constexpr auto kNa =
    "88 00 9819 e0000000 fe800000000000000000000000000002 02 01 020000000002"_bytes;
constexpr Ipv6Address kHost1 = Ipv6Address::from_host(0xfe80'0000'0000'0000, 1);
constexpr Ipv6Address kHost2 = Ipv6Address::from_host(0xfe80'0000'0000'0000, 2);
constexpr Ipv6Address kTarget = Ipv6Address::from_host(0x2001'0db8'0000'0000, 2);
constexpr MacAddress kMac1({2, 0, 0, 0, 0, 1});
constexpr MacAddress kMac2({2, 0, 0, 0, 0, 2});

NdFault check(const Ipv6Address& source, const Ipv6Address& destination, uint8_t hop_limit,
              std::span<const uint8_t> icmp) {
  std::array<uint8_t, kIpv6HeaderSize> header{};
  Ipv6{.payload_length = static_cast<uint16_t>(icmp.size()),
       .next_header = IpProtocol::kIcmpv6,
       .hop_limit = hop_limit,
       .source = source,
       .destination = destination}
      .emit(header.data());
  return check_nd(Ipv6View(header.data()), icmp);
}

TEST(Nd, GoldenMessages) {
  ASSERT_EQ(check(kHost1, solicited_node(kTarget), 255, kNs), NdFault::kNone);
  const NeighborSolicitation ns{kTarget, kMac1};
  EXPECT_EQ(NeighborSolicitation::parse(kNs), ns);
  std::array<uint8_t, kNdMaxSize> out{};
  ASSERT_EQ(ns.emit(kHost1, solicited_node(kTarget), out), 32u);
  EXPECT_EQ(out, kNs);

  ASSERT_EQ(check(kHost2, kHost1, 255, kNa), NdFault::kNone);
  const NeighborAdvertisement na{kHost2, true, true, true, kMac2};
  EXPECT_EQ(NeighborAdvertisement::parse(kNa), na);
  ASSERT_EQ(na.emit(kHost2, kHost1, out), 32u);
  EXPECT_EQ(out, kNa);
}

TEST(Nd, FlagsAreIndependent) {
  for (int bits = 0; bits < 8; ++bits) {
    const NeighborAdvertisement na{kHost2, (bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, {}};
    std::array<uint8_t, kNdHeaderSize> out{};
    ASSERT_EQ(na.emit(kHost2, kHost1, out), 24u);
    EXPECT_EQ(check(kHost2, kHost1, 255, out), NdFault::kNone);
    EXPECT_EQ(NeighborAdvertisement::parse(out), na) << bits;
  }
}

// A message of the given bytes behind the first four, with a right checksum.
Bytes message(Icmp6Type type, uint8_t code, uint32_t flags, const Ipv6Address& source,
              const Ipv6Address& destination, const Bytes& rest) {
  Bytes bytes = joined(std::array<uint8_t, kIcmpHeaderSize>{}, rest);
  Icmp6{type, code, flags}.emit(source, destination, bytes);
  return bytes;
}

Bytes with_options(const Ipv6Address& target, const Bytes& options) {
  return joined(target.bytes(), options);
}

struct Row {
  const char* what;
  Ipv6Address source;
  Ipv6Address destination;
  uint8_t hop_limit;
  Icmp6Type type;
  uint8_t code;
  uint32_t flags;
  Bytes rest;  // the target and the options
  NdFault fault;
};

TEST(Nd, Table) {
  constexpr auto kS = Icmp6Type::kNeighborSolicitation;
  constexpr auto kA = Icmp6Type::kNeighborAdvertisement;
  constexpr Ipv6Address kUnspecified;
  const Ipv6Address group = solicited_node(kTarget);
  const Bytes plain = with_options(kTarget, {});
  const Bytes linked = with_options(kTarget, {1, 1, 2, 0, 0, 0, 0, 1});
  const Row rows[] = {
      {"duplicate address detection", kUnspecified, group, 255, kS, 0, 0, plain, NdFault::kNone},
      {"from ::, with a link option", kUnspecified, group, 255, kS, 0, 0, linked,
       NdFault::kUnspecifiedSource},
      {"from ::, to a host", kUnspecified, kTarget, 255, kS, 0, 0, plain,
       NdFault::kUnspecifiedSource},
      {"from ::, to all nodes", kUnspecified, kAllNodes, 255, kS, 0, 0, plain,
       NdFault::kUnspecifiedSource},
      {"unicast probe", kHost1, kTarget, 255, kS, 0, 0, linked, NdFault::kNone},
      {"from another link", kHost1, kTarget, 254, kS, 0, 0, linked, NdFault::kHopLimit},
      {"code 1", kHost1, kTarget, 255, kS, 1, 0, linked, NdFault::kCode},
      {"a multicast target", kHost1, group, 255, kS, 0, 0, with_options(kAllNodes, {}),
       NdFault::kTarget},
      {"half a target", kHost1, group, 255, kS, 0, 0, Bytes(15), NdFault::kTruncated},
      {"a router solicitation", kHost1, kAllRouters, 255, Icmp6Type::kRouterSolicitation, 0, 0,
       plain, NdFault::kType},
      {"an option of length 0", kHost1, group, 255, kS, 0, 0,
       with_options(kTarget, {1, 0, 0, 0, 0, 0, 0, 0}), NdFault::kOptions},
      {"an option past the end", kHost1, group, 255, kS, 0, 0,
       with_options(kTarget, {1, 2, 0, 0, 0, 0, 0, 0}), NdFault::kOptions},
      {"a bit of an option", kHost1, group, 255, kS, 0, 0, with_options(kTarget, {1, 1, 0}),
       NdFault::kOptions},
      {"a bad option behind a good one", kHost1, group, 255, kS, 0, 0,
       with_options(kTarget, {14, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}), NdFault::kOptions},
      {"an unknown option", kHost1, group, 255, kS, 0, 0,
       with_options(kTarget, {99, 1, 0, 0, 0, 0, 0, 0}), NdFault::kNone},
      {"an unsolicited advertisement", kHost2, kAllNodes, 255, kA, 0, 0x2000'0000, plain,
       NdFault::kNone},
      {"a solicited one to all", kHost2, kAllNodes, 255, kA, 0, 0x4000'0000, plain,
       NdFault::kSolicitedMulticast},
      {"a solicited one to a host", kHost2, kHost1, 255, kA, 0, 0x4000'0000, plain, NdFault::kNone},
      {"an advertised group", kHost2, kHost1, 255, kA, 0, 0, with_options(kAllNodes, {}),
       NdFault::kTarget},
  };
  for (const Row& row : rows) {
    Bytes bytes = message(row.type, row.code, row.flags, row.source, row.destination, row.rest);
    EXPECT_EQ(check(row.source, row.destination, row.hop_limit, bytes), row.fault) << row.what;
    if (row.fault != NdFault::kNone) continue;
    bytes[2] ^= 1;
    EXPECT_EQ(check(row.source, row.destination, row.hop_limit, bytes), NdFault::kChecksum)
        << row.what;
  }
}

TEST(Nd, LinkLayerAddressesOfOtherLengthsAreNotOurs) {
  const Bytes options{2, 2, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 2, 1, 2, 0, 0, 0, 0, 2};
  EXPECT_EQ(nd_link_layer(options, NdOptionKind::kTargetLinkLayer), kMac2);
  EXPECT_EQ(nd_link_layer(options, NdOptionKind::kSourceLinkLayer), std::nullopt);
}

}  // namespace
}  // namespace heddle::wire
