#include "checksum.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

namespace heddle::store {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr uint64_t kPolynomial = 0xC96C5795D7870F42;
constexpr size_t kStep = 8;

using Tables = std::array<std::array<uint64_t, 256>, kStep>;

// Table n says what a byte does to the CRC when n more bytes follow it in one step.
constexpr Tables make_tables() {
  Tables tables{};
  for (uint64_t byte = 0; byte < 256; ++byte) {
    uint64_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t n = 1; n < kStep; ++n)
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint64_t crc = tables[n - 1][byte];
      tables[n][byte] = (crc >> 8) ^ tables[0][crc & 0xff];
    }
  return tables;
}

constexpr Tables kTables = make_tables();

}  // namespace

void Checksum::update(std::string_view bytes) {
  uint64_t crc = crc_;
  while (bytes.size() >= kStep) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), kStep);
    word ^= crc;
    crc = 0;
    for (size_t n = 0; n < kStep; ++n) crc ^= kTables[kStep - 1 - n][(word >> (8 * n)) & 0xff];
    bytes.remove_prefix(kStep);
  }
  for (const char byte : bytes)
    crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<unsigned char>(byte)) & 0xff];
  crc_ = crc;
}

Checksum& Checksum::add(uint64_t number) {
  std::array<char, sizeof(number)> bytes{};
  std::memcpy(bytes.data(), &number, sizeof(number));
  update({bytes.data(), bytes.size()});
  return *this;
}

Checksum& Checksum::add(std::string_view bytes) {
  add(uint64_t{bytes.size()});
  update(bytes);
  return *this;
}

uint64_t checksum(const Key& key, std::string_view bytes) {
  return Checksum().add(key).add(bytes).value();
}

}  // namespace heddle::store
