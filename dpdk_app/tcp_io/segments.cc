#include "tcp_io/segments.h"

#include "tcp_io/buffers.h"

namespace heddle::app {

namespace {

using packet::Packet;
using wire::IpProtocol;

void set_tuple(const uint8_t* l4, tcp::FourTuple& tuple) {
  const wire::TcpView tcp(l4);
  tuple.remote.port = tcp.source_port();
  tuple.local.port = tcp.destination_port();
}

wire::Ipv4Address source4(const TcpPlace& place) {
  return tcp::to_ipv4(place.tuple.remote.address);
}
wire::Ipv4Address destination4(const TcpPlace& place) {
  return tcp::to_ipv4(place.tuple.local.address);
}

}  // namespace

template <>
bool locate_tcp<wire::Ipv4Address>(Packet packet, TcpPlace& place) {
  const wire::Ipv4View ip(packet.data());
  if (ip.protocol() != IpProtocol::kTcp || ip.is_fragment()) return false;
  place.l4_offset = static_cast<uint16_t>(ip.header_length());
  if (packet.contiguous() < place.l4_offset + wire::kTcpHeaderSize) return false;
  place.tuple.local.address = tcp::from_ipv4(ip.destination());
  place.tuple.remote.address = tcp::from_ipv4(ip.source());
  place.ecn = static_cast<tcp::Ecn>(ip.ecn());
  set_tuple(packet.data() + place.l4_offset, place.tuple);
  return true;
}

template <>
bool locate_tcp<wire::Ipv6Address>(Packet packet, TcpPlace& place) {
  const wire::Ipv6View ip(packet.data());
  place.l4_offset = wire::kIpv6HeaderSize;
  if (ip.next_header() != IpProtocol::kTcp) [[unlikely]] {
    wire::Ipv6Payload payload;
    if (wire::walk_quoted_ipv6_chain(packet.head(), payload) != wire::Ipv6ChainFault::kNone ||
        payload.is_fragment || payload.protocol != IpProtocol::kTcp || payload.has_routing)
      return false;
    place.l4_offset = payload.offset;
  }
  if (packet.contiguous() < place.l4_offset + wire::kTcpHeaderSize) return false;
  place.tuple.local.address = ip.destination();
  place.tuple.remote.address = ip.source();
  place.ecn = static_cast<tcp::Ecn>(ip.traffic_class() & 3);
  set_tuple(packet.data() + place.l4_offset, place.tuple);
  return true;
}

template <class Address>
bool tcp_checksum_ok(Packet packet, const TcpPlace& place) {
  if ((packet.mbuf()->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
    return true;
  wire::ChecksumAccumulator sum;
  const uint32_t length = packet.size() - place.l4_offset;
  if constexpr (sizeof(Address) == 4)
    sum.add_pseudo_header(source4(place), destination4(place), IpProtocol::kTcp, length);
  else
    sum.add_pseudo_header(place.tuple.remote.address, place.tuple.local.address, IpProtocol::kTcp,
                          length);
  sum.add(packet.head().subspan(place.l4_offset));
  for (rte_mbuf* next = packet.mbuf()->next; next != nullptr; next = next->next)
    sum.add({rte_pktmbuf_mtod(next, const uint8_t*), next->data_len});
  return sum.checksum() == 0;
}

template bool tcp_checksum_ok<wire::Ipv4Address>(Packet, const TcpPlace&);
template bool tcp_checksum_ok<wire::Ipv6Address>(Packet, const TcpPlace&);

tcp::Drop read_tcp_header(Packet packet, const TcpPlace& place, tcp::Segment& segment) {
  segment.ecn = place.ecn;
  return tcp::parse_segment(packet.head().subspan(place.l4_offset), segment);
}

bool take_payload(Packet packet, const TcpPlace& place, tcp::Pieces& pieces,
                  tcp::Segment& segment) {
  const wire::TcpView tcp(packet.data() + place.l4_offset);
  packet.strip(static_cast<uint16_t>(place.l4_offset + tcp.header_length()));
  bool taken = true;
  for (rte_mbuf* at = packet.mbuf(); at != nullptr;) {
    rte_mbuf* const next = at->next;
    at->next = nullptr;
    at->nb_segs = 1;
    at->pkt_len = at->data_len;
    if (at->data_len == 0 || !taken) {
      rte_pktmbuf_free_seg(at);
    } else {
      const bool ours = RTE_MBUF_DIRECT(at) && rte_mbuf_refcnt_read(at) == 1;
      taken = pieces.append(segment.payload, {.data = rte_pktmbuf_mtod(at, const uint8_t*),
                                              .buffer = MbufBuffers::handle_of(at),
                                              .size = at->data_len,
                                              .pinned = MbufBuffers::kPinned,
                                              .room = ours ? rte_pktmbuf_tailroom(at) : 0u});
    }
    at = next;
  }
  return taken;
}

}  // namespace heddle::app
