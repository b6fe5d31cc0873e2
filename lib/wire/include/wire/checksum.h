// The Internet checksum (RFC 1071), over pseudo headers too, and its incremental update
// (RFC 1624 equation 3). Sums and checksums are plain numbers in host order: store_be() writes
// them. Any alignment, any length.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

#include "core/endian.h"
#include "wire/address.h"
#include "wire/ip_protocol.h"

namespace heddle::wire {

// A sum of 16-bit words, folded into 16 bits with end-around carry. Adding a number to itself
// with its halves exchanged leaves in the upper half their sum and its carry.
constexpr uint16_t fold_sum(uint32_t sum) {
  sum += std::rotl(sum, 16);
  return static_cast<uint16_t>(sum >> 16);
}

constexpr uint16_t fold_sum(uint64_t sum) {
  sum += std::rotl(sum, 32);
  return fold_sum(static_cast<uint32_t>(sum >> 32));
}

namespace internal {

template <class T>
T load_native(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

// The one's complement sum does not mind the order of bytes (RFC 1071 2.B): words are added as
// the machine reads them, and the folded sum is turned round once.
constexpr uint16_t sum_from_native(uint64_t sum) {
  const uint16_t folded = fold_sum(sum);
  if constexpr (std::endian::native == std::endian::little) return __builtin_bswap16(folded);
  return folded;
}

uint16_t sum_words_fast(const uint8_t* at, size_t size);

}  // namespace internal

// The one's complement sum of `bytes` as big-endian words; an odd last byte is a word's first.
constexpr uint16_t sum_words(std::span<const uint8_t> bytes) {
  if consteval {
    uint64_t sum = 0;
    for (size_t i = 0; i < bytes.size(); ++i) sum += uint64_t{bytes[i]} << (i % 2 == 0 ? 8 : 0);
    return fold_sum(sum);
  } else {
    return internal::sum_words_fast(bytes.data(), bytes.size());
  }
}

// The sum of the 20 bytes of an IPv4 header without options, in a straight line.
constexpr uint16_t sum_20_bytes(const uint8_t* at) {
  if consteval {
    return sum_words({at, 20});
  } else {
    const auto a = internal::load_native<uint64_t>(at);
    const auto b = internal::load_native<uint64_t>(at + 8);
    const auto c = internal::load_native<uint32_t>(at + 16);
    return internal::sum_from_native((a & UINT32_MAX) + (a >> 32) + (b & UINT32_MAX) + (b >> 32) +
                                     c);
  }
}

// What a checksum field must hold for `bytes`, in which that field is 0. Over bytes that
// include a right checksum the answer is 0.
constexpr uint16_t internet_checksum(std::span<const uint8_t> bytes) {
  return static_cast<uint16_t>(~sum_words(bytes));
}

// The checksum of several spans as if they were one; each may have any length.
class ChecksumAccumulator {
 public:
  constexpr void add(std::span<const uint8_t> bytes) {
    const uint16_t sum = sum_words(bytes);
    sum_ += odd_ ? __builtin_bswap16(sum) : sum;
    odd_ ^= bytes.size() % 2 != 0;
  }
  // Words are for places where an even number of bytes came before.
  constexpr void add_word(uint16_t word) { sum_ += word; }

  // Pseudo headers (RFC 9293 3.1, RFC 8200 8.1). `length` is that of the upper-layer packet in
  // bytes: its header and data.
  template <class Address>
  constexpr void add_pseudo_header(const Address& source, const Address& destination,
                                   IpProtocol protocol, uint32_t length) {
    for (size_t i = 0; i < Address::kSize; i += 4) {
      sum_ += load_be<uint32_t>(source.bytes().data() + i);
      sum_ += load_be<uint32_t>(destination.bytes().data() + i);
    }
    sum_ += uint64_t{length} + static_cast<uint8_t>(protocol);
  }

  constexpr uint16_t checksum() const { return static_cast<uint16_t>(~fold_sum(sum_)); }

 private:
  uint64_t sum_ = 0;
  bool odd_ = false;
};

// The checksum of an upper-layer packet under its pseudo header; 0 if a right one is inside.
template <class Address>
constexpr uint16_t transport_checksum(const Address& source, const Address& destination,
                                      IpProtocol protocol, std::span<const uint8_t> packet) {
  ChecksumAccumulator sum;
  sum.add_pseudo_header(source, destination, protocol, static_cast<uint32_t>(packet.size()));
  sum.add(packet);
  return sum.checksum();
}

// RFC 1624 equation 3: HC' = ~(~HC + ~m + m'). The field must begin at an even offset of the
// summed bytes. UDP has two rules of its own that the caller keeps: 0 over IPv4 means no
// checksum and stays 0, and a result of 0 is sent as 0xffff.
constexpr uint16_t update_checksum(uint16_t checksum, uint16_t from, uint16_t to) {
  return static_cast<uint16_t>(
      ~fold_sum(uint32_t{static_cast<uint16_t>(~checksum)} + static_cast<uint16_t>(~from) + to));
}

constexpr uint16_t update_checksum(uint16_t checksum, uint32_t from, uint32_t to) {
  return static_cast<uint16_t>(
      ~fold_sum(uint64_t{static_cast<uint16_t>(~checksum)} + static_cast<uint32_t>(~from) + to));
}

constexpr uint16_t update_checksum(uint16_t checksum, const Ipv4Address& from,
                                   const Ipv4Address& to) {
  return update_checksum(checksum, from.host(), to.host());
}

constexpr uint16_t update_checksum(uint16_t checksum, Be16 from, Be16 to) {
  return update_checksum(checksum, from.host(), to.host());
}

constexpr uint16_t update_checksum(uint16_t checksum, const Ipv6Address& from,
                                   const Ipv6Address& to) {
  uint64_t sum = static_cast<uint16_t>(~checksum);
  for (size_t i = 0; i < Ipv6Address::kSize; i += 4) {
    sum += static_cast<uint32_t>(~load_be<uint32_t>(from.bytes().data() + i));
    sum += load_be<uint32_t>(to.bytes().data() + i);
  }
  return static_cast<uint16_t>(~fold_sum(sum));
}

}  // namespace heddle::wire
