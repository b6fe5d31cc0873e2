// ip4_fragment: cuts a packet into pieces that fit the outgoing MTU (RFC 791 3.2).
// In: data() is a validated IPv4 header without DF, meta.next_hop leads out of an interface.
#include <algorithm>

#include "nodes/nodes.h"
#include "wire/ipv4.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t { kOutput, kNoBuffer, kNoRoom };
constexpr EdgeSpec kEdges[] = {
    to("ip4_output"),
    drop("no_buffer", "no packet buffer for a fragment: give memory.buffers more"),
    drop("no_room", "an MTU that holds no payload behind this packet's options"),
};

// Writes the options that later pieces carry (copied flag set, RFC 791 3.1), padded to words.
size_t copied_options(std::span<const uint8_t> options, uint8_t* to) {
  size_t out = 0;
  for (size_t at = 0; at < options.size();) {
    const uint8_t kind = options[at];
    if (kind == 0) break;
    const size_t length = kind == 1 ? 1 : options[at + 1];
    if ((kind & 0x80) != 0) {
      std::copy_n(options.data() + at, length, to + out);
      out += length;
    }
    at += length;
  }
  while (out % 4 != 0) to[out++] = 0;
  return out;
}

struct Cut {
  uint32_t offset;  // of the piece in the whole payload
  uint32_t length;
  bool last;
};

// A packet with the piece's payload behind `header` bytes of header, which are still to write.
Packet piece_of(Packet whole, uint32_t payload_at, const Cut& cut, size_t header,
                const packet::PacketPool& pool) {
  const Packet piece = pool.allocate();
  if (!piece) return piece;
  uint8_t* at = piece.append(static_cast<uint16_t>(header + cut.length));
  if (at == nullptr) {
    piece.free();
    return {};
  }
  whole.copy_out(payload_at + cut.offset, {at + header, cut.length});
  piece.meta() = whole.meta();
  return piece;
}

void finish_header(Packet piece, wire::Ipv4View original, size_t header, const Cut& cut) {
  uint8_t* at = piece.data();
  at[0] = static_cast<uint8_t>(0x40 | header / 4);
  const uint32_t offset = original.fragment_offset() + cut.offset;
  const bool more = !cut.last || original.more_fragments();
  store_be<uint16_t>(at + 6, static_cast<uint16_t>((more ? 0x2000 : 0) | (offset >> 3)));
  const wire::Ipv4MutView ip(at);
  ip.set_total_length(static_cast<uint16_t>(header + cut.length));
  ip.update_checksum();
}

void fragment(Packet packet, Worker& worker, Emitter& out) {
  const l3::Topology& topology = *worker.topology;
  // A piece is made in one buffer, so a jumbo link gets smaller ones than it would take.
  const uint32_t mtu =
      std::min<uint32_t>(topology.interface(topology.hops[packet.meta().next_hop].interface).mtu,
                         packet::PacketPool::kBufferBytes);
  const wire::Ipv4View ip(packet.data());
  const auto first_header = static_cast<uint32_t>(ip.header_length());
  uint8_t later[wire::kIpv4MaxHeaderSize];
  std::copy_n(ip.data(), wire::kIpv4HeaderSize, later);
  const auto later_header = static_cast<uint32_t>(
      wire::kIpv4HeaderSize + copied_options(ip.options(), later + wire::kIpv4HeaderSize));
  const auto payload = static_cast<uint32_t>(ip.payload_length());
  if (mtu < first_header + 8) return out.send(Edge::kNoRoom, packet);

  for (uint32_t offset = 0; offset < payload;) {
    const uint32_t header = offset == 0 ? first_header : later_header;
    const uint32_t room = (mtu - header) & ~7u;
    const Cut cut{offset, std::min(room, payload - offset), offset + room >= payload};
    const Packet piece = piece_of(packet, first_header, cut, header, *worker.pool);
    if (!piece) return out.send(Edge::kNoBuffer, packet);  // the receiver discards the others
    std::copy_n(offset == 0 ? ip.data() : later, header, piece.data());
    finish_header(piece, ip, header, cut);
    out.send(Edge::kOutput, piece);
    offset += cut.length;
  }
  packet.free();
}

}  // namespace

const NodeSpec ip4_fragment{"ip4_fragment", each_packet_emitting<fragment>, kEdges};

}  // namespace heddle::app
