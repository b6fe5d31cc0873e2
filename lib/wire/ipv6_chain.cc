#include "wire/ipv6_chain.h"

#include <algorithm>

#include "wire/ipv6.h"

namespace heddle::wire {
namespace {

constexpr uint8_t kPad1 = 0;
constexpr uint8_t kPadN = 1;

constexpr bool is_extension(IpProtocol protocol) {
  switch (protocol) {
    case IpProtocol::kHopByHop:
    case IpProtocol::kRouting:
    case IpProtocol::kFragment:
    case IpProtocol::kAh:
    case IpProtocol::kDestinationOptions:
    case IpProtocol::kMobility:
    case IpProtocol::kHip:
    case IpProtocol::kShim6:
      return true;
    default:
      return false;
  }
}

class ChainWalk {
 public:
  // `packet` ends where its payload ends, or is cut short; it has the fixed header.
  ChainWalk(std::span<const uint8_t> packet, Ipv6Payload& out) : packet_(packet), out_(out) {
    out_ = Ipv6Payload{};
    out_.protocol = Ipv6View(packet.data()).next_header();
    out_.offset = kIpv6HeaderSize;
  }

  Ipv6ChainFault run() {
    for (unsigned headers = 0; is_extension(out_.protocol); ++headers) {
      if (headers == kMaxIpv6ExtensionHeaders) {
        return fault(Ipv6ChainFault::kTooLong, named_at_);
      }
      const Ipv6ChainFault result = step();
      if (result != Ipv6ChainFault::kNone) return result;
      if (out_.is_fragment && !out_.first_fragment) break;
    }
    return Ipv6ChainFault::kNone;
  }

 private:
  // Reads the header at out_.offset and moves behind it.
  Ipv6ChainFault step() {
    if (packet_.size() - out_.offset < 8) return fault(Ipv6ChainFault::kTruncated, out_.offset);
    const auto rest = packet_.subspan(out_.offset);
    const size_t size = header_size(rest);
    if (size > rest.size()) return fault(Ipv6ChainFault::kTruncated, out_.offset + 1u);
    const Ipv6ChainFault result = read(rest.first(size));
    if (result != Ipv6ChainFault::kNone) return result;
    named_at_ = out_.offset;
    out_.protocol = static_cast<IpProtocol>(rest[0]);
    out_.offset = static_cast<uint16_t>(out_.offset + size);
    return Ipv6ChainFault::kNone;
  }

  size_t header_size(std::span<const uint8_t> rest) const {
    switch (out_.protocol) {
      case IpProtocol::kFragment:
        return 8;
      case IpProtocol::kAh:  // counts 4 bytes, and not the first 8 (RFC 4302 2.2)
        return (rest[1] + 2u) * 4u;
      default:  // counts 8 bytes, and not the first 8 (RFC 8200 4.3)
        return (rest[1] + 1u) * 8u;
    }
  }

  Ipv6ChainFault read(std::span<const uint8_t> header) {
    switch (out_.protocol) {
      case IpProtocol::kHopByHop:
        if (out_.offset != kIpv6HeaderSize) return fault(Ipv6ChainFault::kBadOrder, named_at_);
        return read_options(header, out_.hop_by_hop);
      case IpProtocol::kDestinationOptions:
        return read_options(header, out_.destination);
      case IpProtocol::kRouting:
        read_routing(header);
        return Ipv6ChainFault::kNone;
      case IpProtocol::kFragment:
        if (out_.has_fragment_header) return fault(Ipv6ChainFault::kBadOrder, named_at_);
        read_fragment(header);
        return Ipv6ChainFault::kNone;
      default:
        return Ipv6ChainFault::kNone;
    }
  }

  Ipv6ChainFault read_options(std::span<const uint8_t> header, Ipv6UnknownOption& unknown) {
    for (size_t at = 2; at < header.size();) {
      const uint8_t type = header[at];
      if (type == kPad1) {
        ++at;
        continue;
      }
      if (header.size() - at < 2 || header.size() - at - 2 < header[at + 1]) {
        return fault(Ipv6ChainFault::kBadOption, out_.offset + at);
      }
      const auto action = static_cast<Ipv6OptionAction>(type >> 6);
      const bool known = type == kPadN;
      if (!known && action != Ipv6OptionAction::kSkip &&
          unknown.action == Ipv6OptionAction::kSkip) {
        unknown = {action, static_cast<uint16_t>(out_.offset + at)};
      }
      at += 2u + header[at + 1];
    }
    return Ipv6ChainFault::kNone;
  }

  void read_routing(std::span<const uint8_t> header) {
    if (out_.has_routing && out_.routing_segments_left > 0) return;
    out_.has_routing = true;
    out_.routing_type = header[2];
    out_.routing_segments_left = header[3];
    out_.routing_offset = out_.offset;
  }

  void read_fragment(std::span<const uint8_t> header) {
    const uint16_t word = load_be<uint16_t>(header.data() + 2);
    out_.has_fragment_header = true;
    out_.more_fragments = (word & 1) != 0;
    out_.fragment_offset = static_cast<uint16_t>(word & 0xfff8);
    out_.fragment_id = load_be<uint32_t>(header.data() + 4);
    out_.is_fragment = out_.more_fragments || out_.fragment_offset != 0;
    out_.first_fragment = out_.is_fragment && out_.fragment_offset == 0;
  }

  Ipv6ChainFault fault(Ipv6ChainFault what, size_t offset) {
    out_.fault_offset = static_cast<uint16_t>(offset);
    return what;
  }

  std::span<const uint8_t> packet_;
  Ipv6Payload& out_;
  uint16_t named_at_ = 6;  // the next-header field that named the current header
};

}  // namespace

Ipv6ChainFault walk_ipv6_chain(std::span<const uint8_t> packet, Ipv6Payload& out) {
  if (check_ipv6(packet) != Ipv6Fault::kNone) {
    out = Ipv6Payload{};
    return Ipv6ChainFault::kPacket;
  }
  return walk_quoted_ipv6_chain(packet, out);
}

Ipv6ChainFault walk_quoted_ipv6_chain(std::span<const uint8_t> quote, Ipv6Payload& out) {
  if (quote.size() < kIpv6HeaderSize || quote[0] >> 4 != 6) {
    out = Ipv6Payload{};
    return Ipv6ChainFault::kPacket;
  }
  const size_t size = kIpv6HeaderSize + Ipv6View(quote.data()).payload_length();
  return ChainWalk(quote.first(std::min(size, quote.size())), out).run();
}

}  // namespace heddle::wire
