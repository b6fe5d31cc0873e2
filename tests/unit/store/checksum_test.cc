#include "checksum.h"

#include <gtest/gtest.h>

#include <cstring>

#include "seed.h"

namespace heddle::store {
namespace {

// CRC-64 of XZ, a bit at a time.
uint64_t slow(const std::string& bytes) {
  uint64_t crc = ~uint64_t{0};
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xC96C5795D7870F42 : 0);
  }
  return ~crc;
}

std::string little_endian(uint64_t number) {
  std::string bytes(sizeof(number), '\0');
  std::memcpy(bytes.data(), &number, sizeof(number));
  return bytes;
}

TEST(Checksum, IsTheSlowOneOfLengthsAndBytes) {
  ASSERT_EQ(slow("123456789"), 0x995DC9BBDF1939FAU);  // XZ's own check value
  std::mt19937_64 random(test_seed());
  for (size_t size = 0; size < 100; ++size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    const uint64_t number = random();
    EXPECT_EQ(Checksum().add(bytes).add(number).value(),
              slow(little_endian(size) + bytes + little_endian(number)));
  }
}

TEST(Checksum, TellsFieldsApart) {
  EXPECT_NE(checksum({"a", "bc", "d"}, "e"), checksum({"ab", "c", "d"}, "e"));
  EXPECT_NE(checksum({"a", "b", "c"}, "de"), checksum({"a", "b", "cd"}, "e"));
}

}  // namespace
}  // namespace heddle::store
