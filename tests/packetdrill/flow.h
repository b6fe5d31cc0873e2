// Flow: the peer's end of one connection: its address, and how a script's numbers, which count
// from 0 at each SYN, become those on the wire and back.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "script.h"
#include "tcp/packet_io.h"

namespace heddle::packetdrill {

struct SeenSegment {
  tcp::ParsedPacket packet;
  tcp::Segment segment;
  std::vector<uint8_t> payload;
  bool has_raw_options = false;
};

class Flow {
 public:
  Flow(bool ipv4, int number);

  tcp::IpAddress peer_address() const { return peer_.address; }
  uint16_t peer_port() const { return peer_.port.host(); }
  void set_local_port(uint16_t port) { local_.port = Be16(port); }
  bool is_ours(const tcp::FourTuple& tuple) const;
  void forget();

  std::vector<uint8_t> build(const SegmentText& text) const;
  std::vector<uint8_t> build(const IcmpText& text) const;
  // "" when the segment is what the text says, else what is different.
  std::string compare(const SegmentText& text, const SeenSegment& seen);
  // The segment in the script's numbers.
  std::string describe(const SeenSegment& seen) const;

  // Byte `at` of either side's stream; the first has number 1.
  static uint8_t stream_byte(uint32_t at) { return static_cast<uint8_t>('a' + at % 23); }

 private:
  void learn(const SegmentText& text, const SeenSegment& seen);
  std::string compare_options(const SegmentText& text, const SeenSegment& seen) const;
  bool ipv4() const { return peer_.address.is_v4_mapped(); }
  wire::Tcp header_of(const SegmentText& text) const;
  std::vector<uint8_t> in_ip(std::span<const uint8_t> l4, wire::IpProtocol protocol,
                             tcp::Ecn ecn) const;

  tcp::Endpoint peer_;
  tcp::Endpoint local_;
  uint32_t peer_isn_;
  std::optional<uint32_t> our_isn_;
  std::optional<uint32_t> stamp_offset_;  // live value less the script's
};

// Reads a packet that left the stack; an error says why it is not one.
Result<SeenSegment> read_packet(std::span<const uint8_t> bytes);

}  // namespace heddle::packetdrill
