// ICMP (RFC 792, RFC 1812 4.3) and ICMPv6 (RFC 4443): the eight bytes that all messages share,
// and the messages that a router sends. Neighbor discovery is in nd.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "wire/address.h"
#include "wire/checksum.h"
#include "wire/view.h"

namespace heddle::wire {

inline constexpr size_t kIcmpHeaderSize = 8;
// The largest error packets, IP header included: RFC 1812 4.3.2.3, RFC 4443 2.4 (c).
inline constexpr size_t kIcmp4ErrorLimit = 576;
inline constexpr size_t kIcmp6ErrorLimit = 1280;

enum class Icmp4Type : uint8_t {
  kEchoReply = 0,
  kUnreachable = 3,
  kSourceQuench = 4,
  kRedirect = 5,
  kEchoRequest = 8,
  kTimeExceeded = 11,
  kParameterProblem = 12,
  kTimestamp = 13,
  kTimestampReply = 14,
};

// Codes of Icmp4Type::kUnreachable (RFC 792, RFC 1812 5.2.7.1).
enum class Icmp4Unreachable : uint8_t {
  kNetwork = 0,
  kHost = 1,
  kProtocol = 2,
  kPort = 3,
  kFragmentationNeeded = 4,
  kSourceRouteFailed = 5,
  kProhibited = 13,
};

enum class Icmp6Type : uint8_t {
  kUnreachable = 1,
  kPacketTooBig = 2,
  kTimeExceeded = 3,
  kParameterProblem = 4,
  kEchoRequest = 128,
  kEchoReply = 129,
  kRouterSolicitation = 133,
  kRouterAdvertisement = 134,
  kNeighborSolicitation = 135,
  kNeighborAdvertisement = 136,
  kRedirect = 137,
};

// Codes of Icmp6Type::kUnreachable (RFC 4443 3.1).
enum class Icmp6Unreachable : uint8_t {
  kNoRoute = 0,
  kProhibited = 1,
  kBeyondScope = 2,
  kAddress = 3,
  kPort = 4,
  kSourcePolicy = 5,
  kRejectRoute = 6,
};

// Codes of Icmp6Type::kParameterProblem (RFC 4443 3.4, RFC 7112 5).
enum class Icmp6Parameter : uint8_t {
  kHeaderField = 0,
  kNextHeader = 1,
  kOption = 2,
  kIncompleteChain = 3,
};

// Errors quote a packet and must never be answered by an error (RFC 1812 4.3.2.7). Redirects
// and source quench count as such.
constexpr bool is_error(Icmp4Type type) {
  switch (type) {
    case Icmp4Type::kUnreachable:
    case Icmp4Type::kSourceQuench:
    case Icmp4Type::kRedirect:
    case Icmp4Type::kTimeExceeded:
    case Icmp4Type::kParameterProblem:
      return true;
    default:
      return false;
  }
}

// RFC 4443 2.1: the types below 128 are errors, known or not.
constexpr bool is_error(Icmp6Type type) { return static_cast<uint8_t>(type) < 128; }

enum class IcmpFault : uint8_t { kNone, kTruncated };

constexpr IcmpFault check_icmp(std::span<const uint8_t> message) {
  return message.size() < kIcmpHeaderSize ? IcmpFault::kTruncated : IcmpFault::kNone;
}

// ICMP of either kind.
template <class Byte>
class BasicIcmpView : public HeaderView<Byte> {
 public:
  using HeaderView<Byte>::HeaderView;
  template <class Other>
    requires ReadOnlyOf<Byte, Other>
  constexpr BasicIcmpView(BasicIcmpView<Other> other) : HeaderView<Byte>(other.data()) {}

  constexpr uint8_t type() const { return this->get8(0); }
  constexpr Icmp4Type type4() const { return static_cast<Icmp4Type>(type()); }
  constexpr Icmp6Type type6() const { return static_cast<Icmp6Type>(type()); }
  constexpr uint8_t code() const { return this->get8(1); }
  constexpr uint16_t checksum() const { return this->get16(2); }
  constexpr uint32_t rest() const { return this->get32(4); }  // meaning by type
  // Of echo messages.
  constexpr uint16_t identifier() const { return this->get16(4); }
  constexpr uint16_t sequence() const { return this->get16(6); }

  // The setters keep the checksum right by RFC 1624.
  constexpr void set_type(Icmp4Type type) const { set_type(static_cast<uint8_t>(type)); }
  constexpr void set_type(Icmp6Type type) const { set_type(static_cast<uint8_t>(type)); }
  constexpr void set_identifier(uint16_t identifier) const {
    this->put16(2, update_checksum(checksum(), this->identifier(), identifier));
    this->put16(4, identifier);
  }

 private:
  constexpr void set_type(uint8_t type) const {
    const uint16_t from = this->get16(0);
    const uint16_t to = static_cast<uint16_t>((type << 8) | (from & 0xff));
    this->put16(0, to);
    this->put16(2, update_checksum(checksum(), from, to));
  }
};

using IcmpView = BasicIcmpView<const uint8_t>;
using IcmpMutView = BasicIcmpView<uint8_t>;

// `message` is the whole ICMP message, as long as the IP header says.
constexpr bool icmp4_checksum_ok(std::span<const uint8_t> message) {
  return internet_checksum(message) == 0;
}
constexpr bool icmp6_checksum_ok(const Ipv6Address& source, const Ipv6Address& destination,
                                 std::span<const uint8_t> message) {
  return transport_checksum(source, destination, IpProtocol::kIcmpv6, message) == 0;
}

struct Icmp4 {
  Icmp4Type type{};
  uint8_t code = 0;
  uint32_t rest = 0;

  static constexpr Icmp4 unreachable(Icmp4Unreachable code) {
    return {Icmp4Type::kUnreachable, static_cast<uint8_t>(code), 0};
  }
  // `mtu` of the next hop, in bytes (RFC 1191 4).
  static constexpr Icmp4 fragmentation_needed(uint16_t mtu) {
    return {Icmp4Type::kUnreachable, static_cast<uint8_t>(Icmp4Unreachable::kFragmentationNeeded),
            mtu};
  }
  static constexpr Icmp4 time_exceeded() { return {Icmp4Type::kTimeExceeded, 0, 0}; }
  static constexpr Icmp4 parameter_problem(uint8_t pointer) {
    return {Icmp4Type::kParameterProblem, 0, uint32_t{pointer} << 24};
  }

  static constexpr std::optional<Icmp4> parse(std::span<const uint8_t> message) {
    if (check_icmp(message) != IcmpFault::kNone || !icmp4_checksum_ok(message)) return std::nullopt;
    const IcmpView view(message.data());
    return Icmp4{view.type4(), view.code(), view.rest()};
  }

  // Writes the first 8 bytes of `message`, whose other bytes (echo data, or the quoted packet)
  // are already in place, with the checksum of all. Requires message.size() >= 8.
  constexpr void emit(std::span<uint8_t> message) const {
    message[0] = static_cast<uint8_t>(type);
    message[1] = code;
    store_be<uint16_t>(message.data() + 2, 0);
    store_be<uint32_t>(message.data() + 4, rest);
    store_be<uint16_t>(message.data() + 2, internet_checksum(message));
  }

  friend constexpr bool operator==(const Icmp4&, const Icmp4&) = default;
};

struct Icmp6 {
  Icmp6Type type{};
  uint8_t code = 0;
  uint32_t rest = 0;

  static constexpr Icmp6 unreachable(Icmp6Unreachable code) {
    return {Icmp6Type::kUnreachable, static_cast<uint8_t>(code), 0};
  }
  static constexpr Icmp6 packet_too_big(uint32_t mtu) { return {Icmp6Type::kPacketTooBig, 0, mtu}; }
  static constexpr Icmp6 time_exceeded() { return {Icmp6Type::kTimeExceeded, 0, 0}; }
  static constexpr Icmp6 parameter_problem(Icmp6Parameter code, uint32_t pointer) {
    return {Icmp6Type::kParameterProblem, static_cast<uint8_t>(code), pointer};
  }

  static constexpr std::optional<Icmp6> parse(const Ipv6Address& source,
                                              const Ipv6Address& destination,
                                              std::span<const uint8_t> message) {
    if (check_icmp(message) != IcmpFault::kNone ||
        !icmp6_checksum_ok(source, destination, message)) {
      return std::nullopt;
    }
    const IcmpView view(message.data());
    return Icmp6{view.type6(), view.code(), view.rest()};
  }

  // As Icmp4::emit; the addresses are those of the packet that carries the message.
  constexpr void emit(const Ipv6Address& source, const Ipv6Address& destination,
                      std::span<uint8_t> message) const {
    message[0] = static_cast<uint8_t>(type);
    message[1] = code;
    store_be<uint16_t>(message.data() + 2, 0);
    store_be<uint32_t>(message.data() + 4, rest);
    store_be<uint16_t>(message.data() + 2,
                       transport_checksum(source, destination, IpProtocol::kIcmpv6,
                                          std::span<const uint8_t>(message)));
  }

  friend constexpr bool operator==(const Icmp6&, const Icmp6&) = default;
};

}  // namespace heddle::wire
