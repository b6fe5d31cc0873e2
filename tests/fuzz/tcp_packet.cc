// Packets and their options as the transport reads them.
#include "support.h"
#include "tcp/packet_io.h"

using namespace heddle::tcp;
using heddle::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> input(data, size);
  Segment loose;
  if (parse_segment(input, loose) == Drop::kNone) {
    require(loose.options.sack_count <= heddle::wire::kMaxSackBlocks);
    heddle::fuzz::use(loose.options);
  }
  ParsedPacket packet;
  Segment segment;
  if (parse_packet(input, packet, segment) != Drop::kNone) return 0;
  require(packet.payload_offset + packet.payload_size <= size);
  heddle::fuzz::read_all(input.subspan(packet.payload_offset, packet.payload_size));
  return 0;
}
