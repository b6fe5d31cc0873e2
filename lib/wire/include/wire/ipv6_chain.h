// The chain of IPv6 extension headers (RFC 8200 4), walked once to what the packet carries.
#pragma once

#include <cstdint>
#include <span>

#include "wire/ip_protocol.h"
#include "wire/ipv6.h"

namespace heddle::wire {

// More headers than this serve attacks alone; RFC 8504 5.3 allows such a limit.
inline constexpr unsigned kMaxIpv6ExtensionHeaders = 8;

// What the first two bits of an option's type ask of a node that does not know the option
// (RFC 8200 4.2). "Report" is ICMPv6 parameter problem code 2 at the option's offset.
enum class Ipv6OptionAction : uint8_t {
  kSkip = 0,
  kDiscard = 1,
  kDiscardAndReport = 2,
  kDiscardAndReportUnlessMulticast = 3,
};

// An option that asks for more than to be skipped: the first of its header kind.
struct Ipv6UnknownOption {
  Ipv6OptionAction action = Ipv6OptionAction::kSkip;  // kSkip: there is none
  uint16_t offset = 0;                                // of its type byte, from the IPv6 header
};

struct Ipv6Payload {
  // What the chain ends at. Behind a non-first fragment this is what the Fragment header says,
  // though the bytes at `offset` are from the middle of it.
  IpProtocol protocol = IpProtocol::kNoNextHeader;
  uint16_t offset = 0;  // of the payload, from the IPv6 header; at most 40 + payload_length

  // A part of a larger packet. A Fragment header on a whole packet (an "atomic fragment",
  // RFC 6946) sets has_fragment_header alone: such a packet needs no reassembly.
  bool is_fragment = false;
  bool first_fragment = false;  // is_fragment, with offset 0
  bool more_fragments = false;
  bool has_fragment_header = false;
  uint16_t fragment_offset = 0;  // bytes, a multiple of 8
  uint32_t fragment_id = 0;

  // The Routing header, or the first of several with segments left. A node that it is
  // addressed to must refuse a type it does not know while segments are left (RFC 8200 4.4).
  bool has_routing = false;
  uint8_t routing_type = 0;
  uint8_t routing_segments_left = 0;
  uint16_t routing_offset = 0;  // of the Routing header, from the IPv6 header

  // Every hop may look at the first; only the destination at the second. The options that are
  // known here: Pad1, PadN, Router Alert (RFC 2711).
  Ipv6UnknownOption hop_by_hop;
  Ipv6UnknownOption destination;

  // After a fault: the offset of the offending byte from the IPv6 header, as ICMPv6 parameter
  // problem wants its pointer.
  uint16_t fault_offset = 0;
};

enum class Ipv6ChainFault : uint8_t {
  kNone,
  kPacket,     // check_ipv6 refuses the packet
  kTruncated,  // a header goes past the end of the packet
  kTooLong,    // more than kMaxIpv6ExtensionHeaders
  kBadOrder,   // hop-by-hop options that are not first, or a second Fragment header
  kBadOption,  // an option goes past the end of its header
};

// `packet` is everything from the IPv6 header on. Walks to the upper-layer header, to ESP, to
// no-next-header, or to a non-first fragment. `out` is filled as far as the walk came.
// The first header that is not known as an extension header is taken as upper layer.
Ipv6ChainFault walk_ipv6_chain(std::span<const uint8_t> packet, Ipv6Payload& out);

// The same for a packet that may be cut short, as ICMPv6 errors quote them: the chain must lie
// within the bytes that are there, the payload need not.
Ipv6ChainFault walk_quoted_ipv6_chain(std::span<const uint8_t> quote, Ipv6Payload& out);

}  // namespace heddle::wire
