#include "nodes/dns_packets.h"

#include <cstring>

namespace heddle::app {

namespace {

constexpr uint8_t kHops = 64;

void write_header(uint8_t* to, const OurDatagram& datagram, uint16_t size, Worker& worker) {
  constexpr auto kUdp = wire::IpProtocol::kUdp;
  const wire::Udp udp{Be16(datagram.source_port), Be16(datagram.destination_port)};
  if (datagram.destination.is_v4_mapped()) {
    const wire::Ipv4Address source = dns::to_ipv4(datagram.source);
    const wire::Ipv4Address destination = dns::to_ipv4(datagram.destination);
    wire::Ipv4{.payload_length = size,
               .identification = worker.next_identification++,
               .ttl = kHops,
               .protocol = kUdp,
               .source = source,
               .destination = destination}
        .emit(to);
    udp.emit(source, destination, {to + wire::kIpv4HeaderSize, size});
    return;
  }
  wire::Ipv6{.payload_length = size,
             .next_header = kUdp,
             .hop_limit = kHops,
             .source = datagram.source,
             .destination = datagram.destination}
      .emit(to);
  udp.emit(datagram.source, datagram.destination, {to + wire::kIpv6HeaderSize, size});
}

}  // namespace

bool write_datagram(Packet packet, const OurDatagram& datagram, Worker& worker) {
  const size_t header =
      datagram.destination.is_v4_mapped() ? wire::kIpv4HeaderSize : wire::kIpv6HeaderSize;
  const auto size = static_cast<uint16_t>(wire::kUdpHeaderSize + datagram.payload.size());
  // As of a new buffer: what was there before is room, and stays until it is written over.
  rte_pktmbuf_reset_headroom(packet.mbuf());
  packet.mbuf()->data_len = 0;
  packet.mbuf()->pkt_len = 0;
  uint8_t* to = packet.append(static_cast<uint16_t>(header + size));
  if (to == nullptr) return false;
  std::memmove(to + header + wire::kUdpHeaderSize, datagram.payload.data(),
               datagram.payload.size());
  write_header(to, datagram, size, worker);
  packet.meta().set(packet::Flag::kOriginated);
  return true;
}

}  // namespace heddle::app
