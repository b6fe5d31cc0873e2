#include "tcp_io/packet_output.h"

#include "tcp/packet_io.h"

namespace heddle::app {

namespace {

// Of an outlet's places these are left to packets that are forwarded.
constexpr uint32_t kLeftToOthers = Outlet::kCapacity / 4;

}  // namespace

template <class Address>
void PacketOutput::find_way(const Address& to) {
  constexpr bool kFour = sizeof(Address) == 4;
  const l3::Topology& topology = *worker_.topology;
  uint32_t slot = l3::Lpm<Address>::kNoRoute;
  if constexpr (kFour)
    slot = topology.fib4.lookup(to);
  else
    slot = topology.fib6.lookup(to);
  // Without a plain way the graph looks again, and has a name for what it finds: a group of paths,
  // a service of our own, no route.
  way_.edge = kFour ? TcpOutputEdge::kIp4Lookup : TcpOutputEdge::kIp6Lookup;
  way_.port = PortId(UINT16_MAX);
  if (slot == l3::Lpm<Address>::kNoRoute) return;
  const l3::Hop& hop = topology.hops[slot];
  if (hop.kind != l3::HopKind::kConnected && hop.kind != l3::HopKind::kVia) return;
  way_.edge = kFour ? TcpOutputEdge::kIp4Output : TcpOutputEdge::kIp6Output;
  way_.hop = slot;
  way_.port = topology.interface(hop.interface).port;
}

const PacketOutput::Way& PacketOutput::way_to(const tcp::FourTuple& tuple) {
  if (way_.known && way_.to == tuple.remote.address) return way_;
  way_.known = true;
  way_.to = tuple.remote.address;
  if (tuple.is_ipv4())
    find_way(tcp::to_ipv4(way_.to));
  else
    find_way(way_.to);
  return way_;
}

bool PacketOutput::has_room(const Way& way) const {
  uint32_t waiting = made_;
  if (way.port != PortId(UINT16_MAX)) {
    const TxQueue& queue = worker_.tx_queues[way.port.index()];
    const Outlet* outlet = queue.own ? worker_.tx[way.port.index()].get()
                                     : worker_.to_worker[queue.owner.index()].get();
    if (outlet != nullptr) waiting += outlet->size();
  }
  return waiting + kLeftToOthers < Outlet::kCapacity;
}

bool PacketOutput::send_part(const tcp::OutSegment& segment, uint32_t offset, uint32_t size,
                             const Way& way) {
  const packet::Packet packet = worker_.pool->allocate();
  if (!packet) {
    full_ = true;
    return false;
  }
  rte_mbuf* mbuf = packet.mbuf();
  const std::span<uint8_t> room(packet.data(), rte_pktmbuf_tailroom(mbuf));
  const size_t bytes = tcp::build_packet(segment, offset, size, room);
  mbuf->data_len = static_cast<uint16_t>(bytes);
  mbuf->pkt_len = static_cast<uint32_t>(bytes);
  packet.meta().set(packet::Flag::kOriginated);
  packet.meta().rx_interface = InterfaceId(0);
  packet.meta().next_hop = way.hop;
  out_.send(way.edge, packet);
  ++made_;
  return true;
}

bool PacketOutput::send(const tcp::OutSegment& segment) {
  if (made_ + kLeftToOthers >= Outlet::kCapacity) full_ = true;
  if (full_) return false;
  const Way& way = way_to(*segment.tuple);
  if (!has_room(way)) return false;
  uint32_t offset = 0;
  do {
    const uint32_t size = std::min<uint32_t>(segment.payload.bytes - offset, segment.segment_size);
    // What has left of a burst is in the network already; the rest counts as lost.
    if (!send_part(segment, offset, size, way)) return offset > 0;
    offset += size;
  } while (offset < segment.payload.bytes);
  return true;
}

}  // namespace heddle::app
