#include "wire/checksum.h"

#include "helpers.h"

namespace heddle::wire {
namespace {

// RFC 1071 section 3's example, whose sum is 0xddf2.
static_assert(internet_checksum("0001 f203 f4f5 f6f7"_bytes) == static_cast<uint16_t>(~0xddf2));
static_assert(internet_checksum({}) == 0xffff);

// The slow, obviously correct twin.
uint16_t slow_checksum(std::span<const uint8_t> bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    const uint32_t low = i + 1 < bytes.size() ? bytes[i + 1] : 0;
    sum += uint32_t{bytes[i]} << 8 | low;
    if (sum > 0xffff) sum = (sum & 0xffff) + 1;
  }
  return static_cast<uint16_t>(~sum);
}

TEST(Checksum, EqualsItsTwinAtEveryAlignmentAndLength) {
  Random random(test_seed());
  for (size_t alignment = 0; alignment < 16; ++alignment) {
    for (size_t size = 0; size < 300; ++size) {
      const Bytes bytes = random_bytes(random, alignment + size);
      const auto span = std::span(bytes).subspan(alignment);
      ASSERT_EQ(internet_checksum(span), slow_checksum(span)) << alignment << " " << size;
    }
  }
  for (const size_t size : {1500u, 9000u, 65535u}) {
    const Bytes bytes = random_bytes(random, size);
    EXPECT_EQ(internet_checksum(bytes), slow_checksum(bytes)) << size;
  }
}

TEST(Checksum, CarriesOfAllOnes) {
  for (size_t size = 0; size < 100; ++size) {
    const Bytes ones(size, 0xff);
    EXPECT_EQ(internet_checksum(ones), slow_checksum(ones)) << size;
  }
  const Bytes ones(65534, 0xff);
  EXPECT_EQ(internet_checksum(ones), 0);
}

TEST(Checksum, HeaderOfTwentyBytes) {
  Random random(test_seed());
  for (int i = 0; i < 10'000; ++i) {
    Bytes bytes = random_bytes(random, 20);
    if (i % 2 == 0) std::ranges::fill(std::span(bytes).first(random.below(21)), uint8_t{0xff});
    ASSERT_EQ(static_cast<uint16_t>(~sum_20_bytes(bytes.data())), slow_checksum(bytes));
  }
}

TEST(Checksum, SpansOfAnyParityAreOneSum) {
  Random random(test_seed());
  for (int i = 0; i < 2'000; ++i) {
    const Bytes bytes = random_bytes(random, random.below(200));
    ChecksumAccumulator sum;
    for (size_t at = 0; at < bytes.size();) {
      const size_t size =
          std::min<size_t>(random.below(9), bytes.size() - at);  // empty spans among them
      sum.add(std::span(bytes).subspan(at, size));
      at += size;
    }
    ASSERT_EQ(sum.checksum(), slow_checksum(bytes));
  }
}

template <class Address>
void check_pseudo_header(Random& random) {
  const Bytes addresses = random_bytes(random, 2 * Address::kSize);
  const Bytes packet = random_bytes(random, random.below(100));
  const std::array<uint8_t, 8> tail{0, 0, 0, static_cast<uint8_t>(packet.size()), 0, 0, 0, 17};
  const Bytes flat = joined(joined(addresses, tail), packet);
  EXPECT_EQ(transport_checksum(Address::from(addresses.data()),
                               Address::from(addresses.data() + Address::kSize), IpProtocol::kUdp,
                               packet),
            slow_checksum(flat));
}

TEST(Checksum, PseudoHeaders) {
  Random random(test_seed());
  for (int i = 0; i < 1'000; ++i) {
    check_pseudo_header<Ipv4Address>(random);
    check_pseudo_header<Ipv6Address>(random);
  }
}

// RFC 1624 section 4's example.
static_assert(update_checksum(0xdd2f, uint16_t{0x5555}, uint16_t{0x3285}) == 0x0000);

// Replaces a field of random bytes; the updated checksum must be the one computed anew.
template <class Field>
void check_update(Random& random, size_t size, auto&& field_at) {
  Bytes bytes = random_bytes(random, 64);
  const size_t offset = 2 * random.below(static_cast<uint32_t>(64 - size) / 2);
  const uint16_t before = slow_checksum(bytes);
  const Field from = field_at(bytes.data() + offset);
  const bool extreme = random.below(4) == 0;
  for (size_t i = 0; i < size; ++i) {
    bytes[offset + i] = extreme ? 0xff : static_cast<uint8_t>(random.next());
  }
  const Field to = field_at(bytes.data() + offset);
  EXPECT_EQ(update_checksum(before, from, to), slow_checksum(bytes));
}

TEST(Checksum, IncrementalUpdateEqualsComputingAnew) {
  Random random(test_seed());
  for (int i = 0; i < 10'000; ++i) {
    check_update<uint16_t>(random, 2, load_be<uint16_t>);
    check_update<Be16>(random, 2, [](const uint8_t* at) { return Be16(load_be<uint16_t>(at)); });
    check_update<uint32_t>(random, 4, load_be<uint32_t>);
    check_update<Ipv4Address>(random, 4, Ipv4Address::from);
    check_update<Ipv6Address>(random, 16, Ipv6Address::from);
  }
}

}  // namespace
}  // namespace heddle::wire
