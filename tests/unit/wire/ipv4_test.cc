#include "wire/ipv4.h"

#include "helpers.h"

namespace heddle::wire {
namespace {

constexpr auto kPacket = "45 b9 0018 1234 4000 40 11 3bac c0000201 c6336407 01020304"_bytes;
constexpr auto kAfterOneHop = "45 b9 0018 1234 4000 3f 11 3cac c0000201 c6336407 01020304"_bytes;
constexpr auto kWithOptions =
    "46 00 001c 0001 0000 40 11 f98f c0000201 c6336407 94040000 01020304"_bytes;
constexpr Ipv4 kValue{.dscp = 0x2e,
                      .ecn = 1,
                      .payload_length = 4,
                      .identification = 0x1234,
                      .dont_fragment = true,
                      .ttl = 64,
                      .protocol = IpProtocol::kUdp,
                      .source = Ipv4Address(192, 0, 2, 1),
                      .destination = Ipv4Address(198, 51, 100, 7)};

static_assert(check_ipv4(kPacket) == Ipv4Fault::kNone);
static_assert(Ipv4::parse(kPacket) == kValue);
static_assert([] {
  auto out = kPacket;
  std::ranges::fill(std::span(out).first(20), uint8_t{0xee});
  kValue.emit(out.data());
  return out == kPacket;
}());
static_assert([] {
  auto packet = kPacket;
  Ipv4MutView(packet.data()).decrement_ttl();
  return packet == kAfterOneHop;
}());
static_assert(check_ipv4(kWithOptions) == Ipv4Fault::kNone);
static_assert(Ipv4View(kWithOptions.data()).header_length() == 24);
static_assert(Ipv4View(kWithOptions.data()).options().size() == 4);
static_assert(Ipv4View(kWithOptions.data()).payload().size() == 4);
static_assert(Ipv4View(kWithOptions.data()).payload()[0] == 1);

struct Change {
  size_t offset;
  uint8_t value;
};

// The packet with some bytes changed and the checksum made right again where it can be.
Bytes changed(std::span<const uint8_t> packet, std::initializer_list<Change> changes) {
  Bytes bytes(packet.begin(), packet.end());
  for (const Change& change : changes) bytes[change.offset] = change.value;
  const Ipv4MutView ip(bytes.data());
  if (ip.header_length() >= kIpv4HeaderSize && ip.header_length() <= bytes.size()) {
    ip.update_checksum();
  }
  return bytes;
}

TEST(Ipv4, Faults) {
  struct Row {
    const char* what;
    Bytes packet;
    Ipv4Fault fault;
  };
  Bytes padded(kPacket.begin(), kPacket.end());
  padded.resize(46);
  const Row rows[] = {
      {"nothing", {}, Ipv4Fault::kTruncated},
      {"19 bytes", Bytes(kPacket.begin(), kPacket.begin() + 19), Ipv4Fault::kTruncated},
      {"version 6", changed(kPacket, {{0, 0x65}}), Ipv4Fault::kVersion},
      {"version 0", changed(kPacket, {{0, 0x05}}), Ipv4Fault::kVersion},
      {"a header of 16 bytes", changed(kPacket, {{0, 0x44}}), Ipv4Fault::kHeaderLength},
      {"a header of 0 bytes", changed(kPacket, {{0, 0x40}}), Ipv4Fault::kHeaderLength},
      {"a header past the packet", changed(kPacket, {{0, 0x4f}}), Ipv4Fault::kHeaderLength},
      {"a total length below the header", changed(kPacket, {{3, 19}}), Ipv4Fault::kTotalLength},
      {"below the options", changed(kWithOptions, {{3, 23}}), Ipv4Fault::kTotalLength},
      {"a total length of 0", changed(kPacket, {{3, 0}}), Ipv4Fault::kTotalLength},
      {"one byte more than there is", changed(kPacket, {{3, 25}}), Ipv4Fault::kTotalLength},
      {"64 KiB", changed(kPacket, {{2, 0xff}, {3, 0xff}}), Ipv4Fault::kTotalLength},
      {"no payload", changed(kPacket, {{3, 20}}), Ipv4Fault::kNone},
      {"padding", padded, Ipv4Fault::kNone},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(check_ipv4(row.packet), row.fault) << row.what;
    EXPECT_EQ(check_ipv4_without_checksum(row.packet), row.fault) << row.what;
  }
}

TEST(Ipv4, EveryBrokenBitOfTheHeaderIsSeen) {
  for (const std::span<const uint8_t> packet :
       {std::span<const uint8_t>(kPacket), std::span<const uint8_t>(kWithOptions)}) {
    const size_t header = Ipv4View(packet.data()).header_length();
    for (size_t bit = 0; bit < header * 8; ++bit) {
      Bytes bytes(packet.begin(), packet.end());
      bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
      EXPECT_NE(check_ipv4(bytes), Ipv4Fault::kNone) << bit;
    }
  }
}

TEST(Ipv4, TtlDecrementKeepsRightRightAndWrongWrong) {
  Random random(test_seed());
  for (int i = 0; i < 20'000; ++i) {
    Bytes bytes = random_bytes(random, 60);
    bytes[0] = static_cast<uint8_t>(0x45 + random.below(11));
    if (bytes[8] == 0) bytes[8] = 1;
    const Ipv4MutView ip(bytes.data());
    const bool right = random.below(2) == 0;
    ip.update_checksum();
    if (!right) ip.set_checksum(static_cast<uint16_t>(ip.checksum() ^ (1 + random.below(0x7fff))));
    const uint8_t ttl = ip.ttl();
    ip.decrement_ttl();
    ASSERT_EQ(ip.ttl(), ttl - 1);
    ASSERT_EQ(internet_checksum({bytes.data(), ip.header_length()}) == 0, right);
  }
}

TEST(Ipv4, Fragments) {
  struct Row {
    uint16_t word;
    bool dont, more, fragment;
    uint16_t offset;
  };
  for (const Row& row : {Row{0x0000, false, false, false, 0}, Row{0x4000, true, false, false, 0},
                         Row{0x8000, false, false, false, 0}, Row{0x2000, false, true, true, 0},
                         Row{0x0001, false, false, true, 8}, Row{0x3fff, false, true, true, 65528},
                         Row{0x6001, true, true, true, 8}}) {
    auto bytes = kPacket;
    store_be<uint16_t>(bytes.data() + 6, row.word);
    const Ipv4View ip(bytes.data());
    EXPECT_EQ(ip.dont_fragment(), row.dont) << row.word;
    EXPECT_EQ(ip.more_fragments(), row.more) << row.word;
    EXPECT_EQ(ip.is_fragment(), row.fragment) << row.word;
    EXPECT_EQ(ip.fragment_offset(), row.offset) << row.word;
  }
}

TEST(Ipv4, ValueOfAFragmentRoundTrips) {
  Ipv4 value = kValue;
  value.dont_fragment = false;
  value.more_fragments = true;
  value.fragment_offset = 1480;
  value.payload_length = 0;
  std::array<uint8_t, kIpv4HeaderSize> out{};
  value.emit(out.data());
  EXPECT_EQ(Ipv4::parse(out), value);
}

TEST(Ipv4Options, Table) {
  struct Row {
    const char* what;
    Bytes options;
    Ipv4OptionsFault fault;
  };
  const Row rows[] = {
      {"none", {}, Ipv4OptionsFault::kNone},
      {"router alert", {0x94, 4, 0, 0}, Ipv4OptionsFault::kNone},
      {"NOPs", {1, 1, 1, 1}, Ipv4OptionsFault::kNone},
      {"end of list, then anything", {0, 131, 0xff, 7}, Ipv4OptionsFault::kNone},
      {"record route", {7, 7, 4, 0, 0, 0, 0, 0}, Ipv4OptionsFault::kNone},
      {"a kind without its length", {1, 1, 1, 7}, Ipv4OptionsFault::kMalformed},
      {"length 0", {7, 0, 0, 0}, Ipv4OptionsFault::kMalformed},
      {"length 1", {7, 1, 0, 0}, Ipv4OptionsFault::kMalformed},
      {"length past the end", {7, 5, 0, 0}, Ipv4OptionsFault::kMalformed},
      {"length 255", {1, 7, 0xff, 0}, Ipv4OptionsFault::kMalformed},
      {"loose source route", {131, 7, 4, 192, 0, 2, 1, 0}, Ipv4OptionsFault::kSourceRoute},
      {"strict source route", {1, 137, 3, 4}, Ipv4OptionsFault::kSourceRoute},
      {"malformed source route", {131, 9, 4, 0}, Ipv4OptionsFault::kMalformed},
      {"source route behind another", {7, 3, 4, 131, 3, 4, 0, 0}, Ipv4OptionsFault::kSourceRoute},
  };
  for (const Row& row : rows) EXPECT_EQ(check_ipv4_options(row.options), row.fault) << row.what;
}

}  // namespace
}  // namespace heddle::wire
