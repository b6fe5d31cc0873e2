// Whole packets to segments and back, as the simulator, packetdrill and tests need them. The data
// plane does the same with its own buffers and its ports' offloads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "tcp/drops.h"
#include "tcp/segment.h"

namespace heddle::tcp {

// Where a segment came from, and where its payload lies in the packet.
struct ParsedPacket {
  FourTuple tuple;  // local is the packet's destination
  uint32_t payload_offset = 0;
  uint32_t payload_size = 0;
};

// Reads header and options of a TCP segment, which `l4` is all of. The payload stays with the
// caller. Malformed options are marked; those before them count.
Drop parse_segment(std::span<const uint8_t> l4, Segment& to);
// Reads a packet from its IP header on, and verifies its checksums. Fragments are refused.
Drop parse_packet(std::span<const uint8_t> l3, ParsedPacket& packet, Segment& to);

inline constexpr size_t kMaxHeaders = 40 + 60;

// Writes a part of the segment as one packet: `size` bytes of payload from `offset` on, with
// sequence number and flags to suit. Returns the packet's length; `to` has room for it.
size_t build_packet(const OutSegment& segment, uint32_t offset, uint32_t size,
                    std::span<uint8_t> to);

// Calls f(packet bytes) for each packet that the segment makes.
template <class F>
void each_packet(const OutSegment& segment, std::span<uint8_t> scratch, F&& f) {
  uint32_t offset = 0;
  do {
    const uint32_t size = std::min<uint32_t>(segment.payload.bytes - offset, segment.segment_size);
    f(scratch.first(build_packet(segment, offset, size, scratch)));
    offset += size;
  } while (offset < segment.payload.bytes);
}

}  // namespace heddle::tcp
