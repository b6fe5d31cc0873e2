// The TCP header (RFC 9293 3.1). Options are in tcp_options.h, included here.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "wire/address.h"
#include "wire/checksum.h"
#include "wire/tcp_options.h"
#include "wire/view.h"

namespace heddle::wire {

inline constexpr size_t kTcpHeaderSize = 20;  // without options
inline constexpr size_t kTcpMaxHeaderSize = 60;

enum class TcpFault : uint8_t {
  kNone,
  kTruncated,   // fewer than 20 bytes
  kDataOffset,  // below 20 bytes, or past the end of the segment
};

enum class TcpFlag : uint8_t {
  kFin = 0x01,
  kSyn = 0x02,
  kRst = 0x04,
  kPsh = 0x08,
  kAck = 0x10,
  kUrg = 0x20,
  kEce = 0x40,
  kCwr = 0x80,
};

class TcpFlags {
 public:
  constexpr TcpFlags() = default;
  constexpr explicit TcpFlags(uint8_t bits) : bits_(bits) {}
  constexpr TcpFlags(TcpFlag flag) : bits_(static_cast<uint8_t>(flag)) {}

  constexpr uint8_t bits() const { return bits_; }
  constexpr bool has(TcpFlag flag) const { return (bits_ & static_cast<uint8_t>(flag)) != 0; }

  friend constexpr TcpFlags operator|(TcpFlags a, TcpFlags b) {
    return TcpFlags(static_cast<uint8_t>(a.bits_ | b.bits_));
  }
  friend constexpr bool operator==(const TcpFlags&, const TcpFlags&) = default;

 private:
  uint8_t bits_ = 0;
};

constexpr TcpFlags operator|(TcpFlag a, TcpFlag b) { return TcpFlags(a) | TcpFlags(b); }

template <class Byte>
class BasicTcpView : public HeaderView<Byte> {
 public:
  using HeaderView<Byte>::HeaderView;
  template <class Other>
    requires ReadOnlyOf<Byte, Other>
  constexpr BasicTcpView(BasicTcpView<Other> other) : HeaderView<Byte>(other.data()) {}

  constexpr Be16 source_port() const { return Be16(this->get16(0)); }
  constexpr Be16 destination_port() const { return Be16(this->get16(2)); }
  constexpr Be32 sequence() const { return Be32(this->get32(4)); }
  constexpr Be32 acknowledgment() const { return Be32(this->get32(8)); }
  constexpr size_t header_length() const { return (this->get8(12) >> 4) * 4u; }  // bytes, 20..60
  constexpr uint8_t reserved() const { return this->get8(12) & 0x0f; }
  constexpr TcpFlags flags() const { return TcpFlags(this->get8(13)); }
  constexpr uint16_t window() const { return this->get16(14); }  // not scaled
  constexpr uint16_t checksum() const { return this->get16(16); }
  constexpr uint16_t urgent_pointer() const { return this->get16(18); }
  constexpr std::span<Byte> options() const {
    return {this->data() + kTcpHeaderSize, header_length() - kTcpHeaderSize};
  }

  // The setters leave the checksum alone.
  constexpr void set_source_port(Be16 port) const { this->put16(0, port.host()); }
  constexpr void set_destination_port(Be16 port) const { this->put16(2, port.host()); }
  constexpr void set_sequence(Be32 sequence) const { this->put32(4, sequence.host()); }
  constexpr void set_acknowledgment(Be32 acknowledgment) const {
    this->put32(8, acknowledgment.host());
  }
  constexpr void set_flags(TcpFlags flags) const { this->put8(13, flags.bits()); }
  constexpr void set_window(uint16_t window) const { this->put16(14, window); }
  constexpr void set_checksum(uint16_t checksum) const { this->put16(16, checksum); }
};

using TcpView = BasicTcpView<const uint8_t>;
using TcpMutView = BasicTcpView<uint8_t>;

// `segment` is the payload of the IP packet, all of it.
constexpr TcpFault check_tcp(std::span<const uint8_t> segment) {
  if (segment.size() < kTcpHeaderSize) return TcpFault::kTruncated;
  const size_t length = TcpView(segment.data()).header_length();
  return length < kTcpHeaderSize || length > segment.size() ? TcpFault::kDataOffset
                                                            : TcpFault::kNone;
}

template <class Address>
constexpr bool tcp_checksum_ok(const Address& source, const Address& destination,
                               std::span<const uint8_t> segment) {
  return transport_checksum(source, destination, IpProtocol::kTcp, segment) == 0;
}

struct Tcp {
  Be16 source_port;
  Be16 destination_port;
  Be32 sequence;
  Be32 acknowledgment;
  TcpFlags flags;
  uint16_t window = 0;  // not scaled
  uint16_t urgent_pointer = 0;
  TcpOptionValues options;

  // Of a header that check_tcp and the option walk accept. Reserved bits and options without a
  // place in TcpOptionValues are left out.
  static constexpr std::optional<Tcp> parse(std::span<const uint8_t> segment) {
    if (check_tcp(segment) != TcpFault::kNone) return std::nullopt;
    const TcpView view(segment.data());
    Tcp tcp{.source_port = view.source_port(),
            .destination_port = view.destination_port(),
            .sequence = view.sequence(),
            .acknowledgment = view.acknowledgment(),
            .flags = view.flags(),
            .window = view.window(),
            .urgent_pointer = view.urgent_pointer(),
            .options = {}};
    if (parse_tcp_options(view.options(), tcp.options) != TcpOptionFault::kNone) {
      return std::nullopt;
    }
    return tcp;
  }

  constexpr size_t header_size() const { return kTcpHeaderSize + options.size(); }

  // Writes the first header_size() bytes of `segment`, whose payload is already in place, with
  // the checksum. Requires segment.size() >= header_size().
  template <class Address>
  constexpr void emit(const Address& source, const Address& destination,
                      std::span<uint8_t> segment) const {
    const TcpMutView view(segment.data());
    view.set_source_port(source_port);
    view.set_destination_port(destination_port);
    view.set_sequence(sequence);
    view.set_acknowledgment(acknowledgment);
    segment[12] = static_cast<uint8_t>(header_size() / 4 << 4);
    view.set_flags(flags);
    view.set_window(window);
    view.set_checksum(0);
    store_be<uint16_t>(segment.data() + 18, urgent_pointer);
    options.emit(segment.data() + kTcpHeaderSize);
    view.set_checksum(transport_checksum(source, destination, IpProtocol::kTcp,
                                         std::span<const uint8_t>(segment)));
  }

  friend constexpr bool operator==(const Tcp&, const Tcp&) = default;
};

}  // namespace heddle::wire
