// IPv4 (RFC 791, RFC 1812 5.2.2).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "wire/address.h"
#include "wire/checksum.h"
#include "wire/ip_protocol.h"
#include "wire/view.h"

namespace heddle::wire {

inline constexpr size_t kIpv4HeaderSize = 20;  // without options
inline constexpr size_t kIpv4MaxHeaderSize = 60;

enum class Ipv4Fault : uint8_t {
  kNone,
  kTruncated,     // fewer than 20 bytes
  kVersion,       // not 4
  kHeaderLength,  // below 20 bytes, or longer than the packet
  kTotalLength,   // shorter than the header, or longer than the packet
  kChecksum,
};

template <class Byte>
class BasicIpv4View : public HeaderView<Byte> {
 public:
  using HeaderView<Byte>::HeaderView;
  template <class Other>
    requires ReadOnlyOf<Byte, Other>
  constexpr BasicIpv4View(BasicIpv4View<Other> other) : HeaderView<Byte>(other.data()) {}

  constexpr size_t header_length() const { return (this->get8(0) & 0x0fu) * 4u; }  // bytes, 20..60
  constexpr uint8_t dscp() const { return this->get8(1) >> 2; }
  constexpr uint8_t ecn() const { return this->get8(1) & 3; }
  constexpr uint16_t total_length() const { return this->get16(2); }  // bytes, with the header
  constexpr uint16_t identification() const { return this->get16(4); }
  constexpr bool dont_fragment() const { return (this->get8(6) & 0x40) != 0; }
  constexpr bool more_fragments() const { return (this->get8(6) & 0x20) != 0; }
  // In bytes, a multiple of 8.
  constexpr uint16_t fragment_offset() const {
    return static_cast<uint16_t>((this->get16(6) & 0x1fff) << 3);
  }
  // A piece of a larger packet: not all of it, whichever piece.
  constexpr bool is_fragment() const { return (this->get16(6) & 0x3fff) != 0; }
  constexpr uint8_t ttl() const { return this->get8(8); }
  constexpr IpProtocol protocol() const { return static_cast<IpProtocol>(this->get8(9)); }
  constexpr uint16_t checksum() const { return this->get16(10); }
  constexpr Ipv4Address source() const { return this->template get<Ipv4Address>(12); }
  constexpr Ipv4Address destination() const { return this->template get<Ipv4Address>(16); }
  constexpr std::span<Byte> options() const {
    return {this->data() + kIpv4HeaderSize, header_length() - kIpv4HeaderSize};
  }
  constexpr size_t payload_length() const { return total_length() - header_length(); }
  constexpr std::span<Byte> payload() const {
    return {this->data() + header_length(), payload_length()};
  }

  // The setters leave the checksum alone: update_checksum() afterwards, or once for several.
  constexpr void set_dscp_ecn(uint8_t dscp, uint8_t ecn) const {
    this->put8(1, static_cast<uint8_t>((dscp << 2) | (ecn & 3)));
  }
  constexpr void set_total_length(uint16_t bytes) const { this->put16(2, bytes); }
  constexpr void set_identification(uint16_t id) const { this->put16(4, id); }
  constexpr void set_ttl(uint8_t ttl) const { this->put8(8, ttl); }
  constexpr void set_protocol(IpProtocol protocol) const {
    this->put8(9, static_cast<uint8_t>(protocol));
  }
  constexpr void set_checksum(uint16_t checksum) const { this->put16(10, checksum); }
  constexpr void set_source(const Ipv4Address& address) const { this->put(12, address); }
  constexpr void set_destination(const Ipv4Address& address) const { this->put(16, address); }

  // Requires ttl() > 0. Keeps a right checksum right and a wrong one wrong (RFC 1812 5.2.2).
  constexpr void decrement_ttl() const {
    const uint16_t from = this->get16(8);
    const uint16_t to = static_cast<uint16_t>(from - 0x0100);
    this->put16(8, to);
    set_checksum(wire::update_checksum(checksum(), from, to));
  }

  // Computes the checksum of the whole header anew.
  constexpr void update_checksum() const {
    set_checksum(0);
    set_checksum(internet_checksum({this->data(), header_length()}));
  }
};

using Ipv4View = BasicIpv4View<const uint8_t>;
using Ipv4MutView = BasicIpv4View<uint8_t>;

// `l3` is everything from the IPv4 header on; padding behind total_length is allowed. This one
// is for ports that have verified the checksum.
constexpr Ipv4Fault check_ipv4_without_checksum(std::span<const uint8_t> l3) {
  if (l3.size() < kIpv4HeaderSize) [[unlikely]]
    return Ipv4Fault::kTruncated;
  const Ipv4View ip(l3.data());
  if (l3[0] != 0x45) [[unlikely]] {
    if (l3[0] >> 4 != 4) return Ipv4Fault::kVersion;
    if (ip.header_length() < kIpv4HeaderSize || ip.header_length() > l3.size()) {
      return Ipv4Fault::kHeaderLength;
    }
  }
  if (ip.total_length() < ip.header_length() || ip.total_length() > l3.size()) [[unlikely]] {
    return Ipv4Fault::kTotalLength;
  }
  return Ipv4Fault::kNone;
}

constexpr Ipv4Fault check_ipv4(std::span<const uint8_t> l3) {
  const Ipv4Fault fault = check_ipv4_without_checksum(l3);
  if (fault != Ipv4Fault::kNone) [[unlikely]]
    return fault;
  const uint16_t sum = l3[0] == 0x45 ? sum_20_bytes(l3.data())
                                     : sum_words(l3.first(Ipv4View(l3.data()).header_length()));
  return sum == 0xffff ? Ipv4Fault::kNone : Ipv4Fault::kChecksum;
}

enum class Ipv4OptionsFault : uint8_t {
  kNone,
  kMalformed,    // a kind without its length, a length below 2, or past the end
  kSourceRoute,  // loose or strict: refused, as RFC 7126 4.3 and 4.4 advise
};

// `options` as Ipv4View::options() gives them. Bytes behind end-of-list are not looked at.
Ipv4OptionsFault check_ipv4_options(std::span<const uint8_t> options);

// A header without options: parse() passes over those of a packet that has some.
struct Ipv4 {
  uint8_t dscp = 0;             // 0..63
  uint8_t ecn = 0;              // 0..3
  uint16_t payload_length = 0;  // bytes, at most 65515
  uint16_t identification = 0;
  bool dont_fragment = false;
  bool more_fragments = false;
  uint16_t fragment_offset = 0;  // bytes, a multiple of 8
  uint8_t ttl = 64;
  IpProtocol protocol{};
  Ipv4Address source;
  Ipv4Address destination;

  static constexpr std::optional<Ipv4> parse(std::span<const uint8_t> l3) {
    if (check_ipv4(l3) != Ipv4Fault::kNone) return std::nullopt;
    const Ipv4View view(l3.data());
    return Ipv4{.dscp = view.dscp(),
                .ecn = view.ecn(),
                .payload_length = static_cast<uint16_t>(view.payload_length()),
                .identification = view.identification(),
                .dont_fragment = view.dont_fragment(),
                .more_fragments = view.more_fragments(),
                .fragment_offset = view.fragment_offset(),
                .ttl = view.ttl(),
                .protocol = view.protocol(),
                .source = view.source(),
                .destination = view.destination()};
  }

  // Writes 20 bytes, the right checksum among them.
  constexpr void emit(uint8_t* to) const {
    const Ipv4MutView view(to);
    to[0] = 0x45;
    view.set_dscp_ecn(dscp, ecn);
    view.set_total_length(static_cast<uint16_t>(payload_length + kIpv4HeaderSize));
    view.set_identification(identification);
    store_be<uint16_t>(
        to + 6, static_cast<uint16_t>((dont_fragment ? 0x4000 : 0) | (more_fragments ? 0x2000 : 0) |
                                      (fragment_offset >> 3)));
    view.set_ttl(ttl);
    view.set_protocol(protocol);
    view.set_source(source);
    view.set_destination(destination);
    view.set_checksum(0);
    view.set_checksum(static_cast<uint16_t>(~sum_20_bytes(to)));
  }

  friend constexpr bool operator==(const Ipv4&, const Ipv4&) = default;
};

}  // namespace heddle::wire
