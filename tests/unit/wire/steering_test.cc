#include "wire/steering.h"

#include "helpers.h"
#include "wire/icmp.h"

namespace heddle::wire {
namespace {

// Microsoft's RSS hash verification suite: its key, addresses, ports and results.
constexpr auto kMicrosoftKey =
    "6d5a56da255b0ec2 4167253d43a38fb0 d0ca2bcbae7b30b4 77cb2da38030f20c 6a42b73bbeac01fa"_bytes;

struct Vector {
  const char* destination;
  uint16_t destination_port;
  const char* source;
  uint16_t source_port;
  uint32_t addresses;
  uint32_t with_ports;
};

constexpr Vector kVectors4[] = {
    {"161.142.100.80", 1766, "66.9.149.187", 2794, 0x323e8fc2, 0x51ccc178},
    {"65.69.140.83", 4739, "199.92.111.2", 14230, 0xd718262a, 0xc626b0ea},
    {"12.22.207.184", 38024, "24.19.198.95", 12898, 0xd2d0a5de, 0x5c2b394a},
    {"209.142.163.6", 2217, "38.27.205.30", 48228, 0x82989176, 0xafc7327f},
    {"202.188.127.2", 1303, "153.39.163.191", 44251, 0x5d1809c5, 0x10e828a2},
};

constexpr Vector kVectors6[] = {
    {"3ffe:2501:200:3::1", 1766, "3ffe:2501:200:1fff::7", 2794, 0x2cc18cd5, 0x40207d3d},
    {"ff02::1", 4739, "3ffe:501:8::260:97ff:fe40:efab", 14230, 0x0f0c461c, 0xdde51bbf},
    {"fe80::200:f8ff:fe21:67cf", 38024, "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251, 0x4b61e985,
     0x02d1feef},
};

// The input of RSS: source, destination, source port, destination port.
template <class Address>
Bytes rss_input(const Address& source, const Address& destination) {
  return joined(source.bytes(), destination.bytes());
}

template <class Address>
Bytes rss_input(const Address& source, const Address& destination, Be16 from, Be16 to) {
  std::array<uint8_t, 4> ports{};
  store_be(ports.data(), from.host());
  store_be(ports.data() + 2, to.host());
  return joined(rss_input(source, destination), ports);
}

template <class Address>
void check_vectors(std::span<const Vector> vectors) {
  for (const Vector& row : vectors) {
    const Address source = *Address::parse(row.source);
    const Address destination = *Address::parse(row.destination);
    EXPECT_EQ(toeplitz(kMicrosoftKey, rss_input(source, destination)), row.addresses);
    EXPECT_EQ(toeplitz(kMicrosoftKey, rss_input(source, destination, Be16(row.source_port),
                                                Be16(row.destination_port))),
              row.with_ports);
  }
}

TEST(Toeplitz, PublishedVectors) {
  check_vectors<Ipv4Address>(kVectors4);
  check_vectors<Ipv6Address>(kVectors6);
}

template <class Address>
void check_fast(Random& random) {
  const Bytes bytes = random_bytes(random, 2 * Address::kSize);
  const Address a = Address::from(bytes.data());
  const Address b = Address::from(bytes.data() + Address::kSize);
  const Be16 pa(static_cast<uint16_t>(random.next()));
  const Be16 pb(static_cast<uint16_t>(random.next()));
  ASSERT_EQ(steering_hash(a, b), toeplitz(kSteeringKey, rss_input(a, b)));
  ASSERT_EQ(steering_hash(a, b, pa, pb), toeplitz(kSteeringKey, rss_input(a, b, pa, pb)));
  ASSERT_EQ(steering_hash(a, b, pa, pb), toeplitz(kSteeringKey40, rss_input(a, b, pa, pb)));
  ASSERT_EQ(steering_hash(a, b), steering_hash(b, a));
  ASSERT_EQ(steering_hash(a, b, pa, pb), steering_hash(b, a, pb, pa));
}

TEST(SteeringHash, FastIsTheReferenceAndSymmetric) {
  Random random(test_seed());
  for (int i = 0; i < 20'000; ++i) {
    check_fast<Ipv4Address>(random);
    check_fast<Ipv6Address>(random);
  }
}

TEST(SteeringHash, SpreadsClientsEvenlyOverWorkers) {
  for (const uint32_t workers : {2u, 3u, 4u, 16u}) {
    std::vector<uint32_t> count(workers);
    for (uint16_t port = 0; port < 16000; ++port) {
      const uint32_t hash = steering_hash(Ipv4Address(10, 0, 0, 1), Ipv4Address(10, 0, 0, 2),
                                          Be16(static_cast<uint16_t>(32768 + port)), Be16(80));
      ++count[hash % workers];
    }
    for (const uint32_t n : count) {
      EXPECT_NEAR(n, 16000.0 / workers, 16000.0 / workers * 0.1) << workers;
    }
  }
}

constexpr Ipv4Address kA4(192, 0, 2, 1), kB4(198, 51, 100, 7), kRouter4(203, 0, 113, 9);
constexpr Ipv6Address kA6 = Ipv6Address::from_host(0x2001'0db8'0000'0000, 0xa),
                      kB6 = Ipv6Address::from_host(0x2001'0db8'0000'0000, 0xb),
                      kRouter6 = Ipv6Address::from_host(0x2001'0db8'0001'0000, 0xc);
constexpr Be16 kPortA(40000), kPortB(80);
const Bytes kPorts{0x9c, 0x40, 0x00, 0x50, 0, 8, 0, 0};

Bytes ipv4(Ipv4 header, const Bytes& payload) {
  header.payload_length = static_cast<uint16_t>(payload.size());
  std::array<uint8_t, kIpv4HeaderSize> bytes{};
  header.emit(bytes.data());
  return joined(bytes, payload);
}

Bytes ipv6(IpProtocol next, const Ipv6Address& source, const Ipv6Address& destination,
           const Bytes& payload) {
  std::array<uint8_t, kIpv6HeaderSize> header{};
  Ipv6{.payload_length = static_cast<uint16_t>(payload.size()),
       .next_header = next,
       .source = source,
       .destination = destination}
      .emit(header.data());
  return joined(header, payload);
}

Bytes icmp(uint8_t type, const Bytes& quote) {
  return joined(Bytes{type, 0, 0, 0, 0, 0, 0, 0}, quote);
}

Bytes cut(Bytes bytes, size_t size) {
  bytes.resize(size);
  return bytes;
}

Bytes with_byte(Bytes bytes, size_t offset, uint8_t value) {
  bytes[offset] = value;
  return bytes;
}

struct Row {
  const char* what;
  Bytes packet;
  uint32_t hash;
};

TEST(Steer, Ipv4) {
  const Ipv4 udp{.protocol = IpProtocol::kUdp, .source = kA4, .destination = kB4};
  const Ipv4 error{.protocol = IpProtocol::kIcmp, .source = kRouter4, .destination = kA4};
  Ipv4 first = udp;
  first.more_fragments = true;
  Ipv4 later = udp;
  later.fragment_offset = 1480;
  Ipv4 echo = udp;
  echo.protocol = IpProtocol::kIcmp;
  Ipv4 gre = udp;
  gre.protocol = IpProtocol::kGre;
  const Bytes whole = ipv4(udp, kPorts);
  Bytes options = ipv4(udp, Bytes{1, 1, 1, 1, 0x9c, 0x40, 0x00, 0x50});
  options[0] = 0x46;
  const uint32_t flow = steering_hash(kA4, kB4, kPortA, kPortB);
  const uint32_t pair = steering_hash(kA4, kB4);
  const uint32_t outer = steering_hash(kRouter4, kA4);
  Bytes long_quote = cut(whole, 28);
  Ipv4MutView(long_quote.data()).set_total_length(1500);
  const Row rows[] = {
      {"UDP", whole, flow},
      {"UDP behind options", options, flow},
      {"half the ports", ipv4(udp, Bytes{0x9c, 0x40}), pair},
      {"first fragment", ipv4(first, kPorts), pair},
      {"later fragment", ipv4(later, kPorts), pair},
      {"echo", ipv4(echo, icmp(8, {})), pair},
      {"GRE", ipv4(gre, kPorts), pair},
      {"header length of 16", with_byte(whole, 0, 0x44), pair},
      {"header length past the end", with_byte(whole, 0, 0x4f), pair},
      {"total length 0", with_byte(whole, 3, 0), pair},
      {"version 6", with_byte(whole, 0, 0x65), pair},
      {"19 bytes", cut(whole, 19), 0},
      {"nothing", {}, 0},
      {"time exceeded", ipv4(error, icmp(11, long_quote)), flow},
      {"port unreachable", ipv4(error, icmp(3, whole)), flow},
      {"error that quotes a fragment", ipv4(error, icmp(11, ipv4(later, kPorts))), pair},
      {"error that quotes half the ports", ipv4(error, icmp(11, cut(whole, 22))), pair},
      {"error that quotes half a header", ipv4(error, icmp(11, cut(whole, 19))), outer},
      {"error that quotes IPv6", ipv4(error, icmp(11, with_byte(whole, 0, 0x60))), outer},
      {"error that quotes an error", ipv4(error, icmp(11, ipv4(error, icmp(11, whole)))), outer},
      {"error in a fragment", with_byte(ipv4(error, icmp(11, whole)), 6, 0x20), outer},
  };
  for (const Row& row : rows) EXPECT_EQ(steer_ipv4(row.packet), row.hash) << row.what;
}

TEST(Steer, Ipv6) {
  const Bytes whole = ipv6(IpProtocol::kUdp, kA6, kB6, kPorts);
  const auto behind = [](const Bytes& header) { return joined(header, kPorts); };
  const auto error = [](uint8_t type, const Bytes& quote) {
    return ipv6(IpProtocol::kIcmpv6, kRouter6, kA6, icmp(type, quote));
  };
  const Bytes later = ipv6(IpProtocol::kFragment, kA6, kB6, behind({17, 0, 5, 0xa9, 0, 0, 0, 1}));
  const uint32_t flow = steering_hash(kA6, kB6, kPortA, kPortB);
  const uint32_t pair = steering_hash(kA6, kB6);
  const uint32_t outer = steering_hash(kRouter6, kA6);
  Bytes long_quote = whole;
  Ipv6MutView(long_quote.data()).set_payload_length(1400);
  const Row rows[] = {
      {"UDP", whole, flow},
      {"behind destination options",
       ipv6(IpProtocol::kDestinationOptions, kA6, kB6, behind({17, 0, 1, 4, 0, 0, 0, 0})), flow},
      {"an atomic fragment is whole",
       ipv6(IpProtocol::kFragment, kA6, kB6, behind({17, 0, 0, 0, 0, 0, 0, 1})), flow},
      {"first fragment", ipv6(IpProtocol::kFragment, kA6, kB6, behind({17, 0, 0, 1, 0, 0, 0, 1})),
       pair},
      {"later fragment", later, pair},
      {"half the ports", ipv6(IpProtocol::kUdp, kA6, kB6, {0x9c, 0x40}), pair},
      {"half the ports, then padding", with_byte(whole, 5, 2), pair},
      {"a broken chain", ipv6(IpProtocol::kRouting, kA6, kB6, behind({17, 9, 0, 0, 0, 0, 0, 0})),
       pair},
      {"echo", ipv6(IpProtocol::kIcmpv6, kA6, kB6, icmp(128, {})), pair},
      {"version 4", with_byte(whole, 0, 0x45), pair},
      {"39 bytes", cut(whole, 39), 0},
      {"nothing", {}, 0},
      {"packet too big", error(2, long_quote), flow},
      {"error that quotes a fragment", error(3, later), pair},
      {"error that quotes half a header", error(3, cut(whole, 39)), outer},
      {"error that quotes IPv4", error(3, with_byte(whole, 0, 0x45)), outer},
      {"error that quotes an error", error(3, error(3, whole)), outer},
  };
  for (const Row& row : rows) EXPECT_EQ(steer_ipv6(row.packet), row.hash) << row.what;
}

}  // namespace
}  // namespace heddle::wire
