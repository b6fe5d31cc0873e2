// From packets to TCP segments: the headers are read, the checksum is held against all bytes, and
// the payload becomes pieces of the packet's own buffers.
#pragma once

#include "packet/packet.h"
#include "tcp/packet_io.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

namespace heddle::app {

// Where TCP lies in a packet that ip4_input or ip6_input has accepted.
struct TcpPlace {
  tcp::FourTuple tuple;    // local is the packet's destination
  uint16_t l4_offset = 0;  // of the TCP header, from data()
  tcp::Ecn ecn = tcp::Ecn::kNotEct;
};

// False: not TCP, a fragment, or a header that does not lie in the first buffer; somebody else has
// a name for that.
template <class Address>
bool locate_tcp(packet::Packet packet, TcpPlace& place);

// The checksum over all buffers, unless the port has found it right.
template <class Address>
bool tcp_checksum_ok(packet::Packet packet, const TcpPlace& place);

// Reads the header; kNone, or kMalformedHeader. Nothing of the packet has changed hands.
tcp::Drop read_tcp_header(packet::Packet packet, const TcpPlace& place, tcp::Segment& segment);

// Hands the payload over to the segment, which owns the packet's buffers after it; what holds no
// payload is freed. The packet is gone. False: no piece was left for all of it, so the segment has
// lost its end and must not be believed.
[[nodiscard]] bool take_payload(packet::Packet packet, const TcpPlace& place, tcp::Pieces& pieces,
                                tcp::Segment& segment);

}  // namespace heddle::app
