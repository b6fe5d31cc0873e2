// Numbers of DNS messages (RFC 1035 4.1, RFC 6895) that are used here.
#pragma once

#include <cstddef>
#include <cstdint>

#include "wire/address.h"

namespace heddle::dns {

// Of both families: IPv4 is held v4-mapped (RFC 4291 2.5.5.2).
using IpAddress = wire::Ipv6Address;

constexpr IpAddress from_ipv4(const wire::Ipv4Address& address) {
  return IpAddress::from_host(0, 0xffff'0000'0000ull | address.host());
}
// Requires is_v4_mapped().
constexpr wire::Ipv4Address to_ipv4(const IpAddress& address) {
  return wire::Ipv4Address::from_host(static_cast<uint32_t>(address.low()));
}

inline constexpr uint16_t kPort = 53;
inline constexpr size_t kHeaderSize = 12;    // bytes
inline constexpr size_t kMaxLabel = 63;      // bytes, without its length (RFC 1035 2.3.4)
inline constexpr size_t kMaxName = 255;      // bytes as in a message, the root's zero included
inline constexpr size_t kPlainLimit = 512;   // bytes of a message over UDP without EDNS
inline constexpr size_t kOptSize = 11;       // an OPT record without options
inline constexpr size_t kEdnsLimit = 1'232;  // what fits the smallest IPv6 MTU

// Offsets in the header.
inline constexpr size_t kFlagsAt = 2, kQuestionsAt = 4, kAnswersAt = 6, kAuthorityAt = 8,
                        kAdditionalAt = 10;

// Of the header's second word.
inline constexpr uint16_t kFlagResponse = 0x8000, kFlagAuthoritative = 0x0400,
                          kFlagTruncated = 0x0200, kFlagRecursionDesired = 0x0100,
                          kFlagRecursionAvailable = 0x0080, kFlagCheckingDisabled = 0x0010,
                          kOpcodeMask = 0x7800;

enum class Type : uint16_t {
  kA = 1,
  kSoa = 6,
  kPtr = 12,
  kHinfo = 13,
  kAaaa = 28,
  kOpt = 41,
  kIxfr = 251,
  kAxfr = 252,
  kAny = 255,
};
enum class Class : uint16_t { kIn = 1 };

// BADVERS is one of twelve bits: its upper eight are in the OPT record (RFC 6891 6.1.3).
enum class Rcode : uint16_t {
  kNoError = 0,
  kFormErr = 1,
  kServFail = 2,
  kNxDomain = 3,
  kNotImp = 4,
  kRefused = 5,
  kBadVers = 16,
};

// What one of our own enums says to people: a word for a counter, and a sentence.
struct WordText {
  const char* word;
  const char* means;
};

}  // namespace heddle::dns
