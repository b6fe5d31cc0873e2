// The five bytes in front of each record, and the sizes that records may have
// (RFC 8446 5.1, RFC 5246 6.2).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/endian.h"
#include "tls/refusal.h"
#include "tls/suite.h"

namespace heddle::tls {

enum class ContentType : uint8_t {
  kInvalid = 0,
  kChangeCipherSpec = 20,
  kAlert = 21,
  kHandshake = 22,
  kApplicationData = 23,
};

inline constexpr uint32_t kHeaderSize = 5;
inline constexpr uint32_t kMaxPlaintext = 1 << 14;
// What a protected record may have after its header: 1.3 adds 256 bytes, 1.2 up to 2,048, of
// which its AEAD suites use 24.
inline constexpr uint32_t kMaxProtected13 = kMaxPlaintext + 256;

struct RecordHeader {
  ContentType type = ContentType::kInvalid;
  uint16_t version = 0x0303;
  uint16_t length = 0;

  static constexpr RecordHeader parse(const uint8_t* at) {
    return {static_cast<ContentType>(at[0]), load_be<uint16_t>(at + 1), load_be<uint16_t>(at + 3)};
  }
  constexpr void emit(uint8_t* at) const {
    at[0] = static_cast<uint8_t>(type);
    store_be(at + 1, version);
    store_be(at + 3, length);
  }
  constexpr bool operator==(const RecordHeader&) const = default;
};

// Bytes that a record of this suite adds to its content: header, nonce, content type, tag.
constexpr uint32_t record_overhead(const Suite& s) {
  const size_t inner_type = s.version == Version::kTls13 ? 1 : 0;
  return static_cast<uint32_t>(kHeaderSize + explicit_nonce_size(s) + inner_type + kTagSize);
}

// Judges the header of a record that came under the keys of an established connection.
constexpr Refusal check_protected(const RecordHeader& header, const Suite& s) {
  if (header.version >> 8 != 3) return Refusal::kBadVersion;
  const uint32_t least = record_overhead(s) - kHeaderSize;
  if (s.version == Version::kTls13) {
    if (header.type == ContentType::kChangeCipherSpec) return Refusal::kLateChangeCipherSpec;
    if (header.type != ContentType::kApplicationData) return Refusal::kUnprotectedRecord;
    if (header.length > kMaxProtected13) return Refusal::kRecordOverflow;
  } else {
    if (header.type < ContentType::kAlert || header.type > ContentType::kApplicationData)
      return Refusal::kUnexpectedRecord;
    if (header.version != 0x0303) return Refusal::kBadVersion;
    if (header.length > kMaxPlaintext + least) return Refusal::kRecordOverflow;
  }
  return header.length < least ? Refusal::kRecordShort : Refusal::kNone;
}

static_assert([] {
  std::array<uint8_t, 5> bytes{};
  RecordHeader{ContentType::kAlert, 0x0303, 0x1234}.emit(bytes.data());
  return bytes == std::array<uint8_t, 5>{21, 3, 3, 0x12, 0x34} &&
         RecordHeader::parse(bytes.data()) == RecordHeader{ContentType::kAlert, 0x0303, 0x1234};
}());

}  // namespace heddle::tls
