#include "nodes/nd_sink.h"

#include "nodes/link_layer.h"
#include "wire/ipv6.h"

namespace heddle::app {

namespace {

wire::Ipv6Address sender_for(const l3::Interface& out, const wire::Ipv6Address& target) {
  for (const auto& own : out.own6)
    if (wire::network_of(target, own.prefix_length) ==
        wire::network_of(own.address, own.prefix_length))
      return own.address;
  return out.link_local;
}

}  // namespace

template <class Message>
Packet make_nd(const Worker& worker, const l3::Interface& out, const NdPath& path,
               const Message& message) {
  const Packet packet = worker.pool->allocate();
  if (!packet) return packet;
  const auto size = static_cast<uint16_t>(message.size());
  uint8_t* at = packet.append(static_cast<uint16_t>(wire::kIpv6HeaderSize + size));
  const wire::Ipv6 ip{.payload_length = size,
                      .next_header = wire::IpProtocol::kIcmpv6,
                      .hop_limit = wire::kNdHopLimit,
                      .source = path.source,
                      .destination = path.destination};
  ip.emit(at);
  message.emit(path.source, path.destination, {at + wire::kIpv6HeaderSize, size});
  write_link_layer(packet, out, path.mac, out.tail6);
  packet.meta().set(packet::Flag::kOriginated);
  return packet;
}

template Packet make_nd(const Worker&, const l3::Interface&, const NdPath&,
                        const wire::NeighborSolicitation&);
template Packet make_nd(const Worker&, const l3::Interface&, const NdPath&,
                        const wire::NeighborAdvertisement&);

void NdSink::solicit(const l3::Neighbour<wire::Ipv6Address>& neighbour, bool unicast) {
  const l3::Interface& out = worker_.topology->interface(neighbour.interface);
  const wire::Ipv6Address group = wire::solicited_node(neighbour.address);
  const NdPath path{.source = sender_for(out, neighbour.address),
                    .destination = unicast ? neighbour.address : group,
                    .mac = unicast ? neighbour.mac : wire::multicast_mac(group)};
  const wire::NeighborSolicitation message{.target = neighbour.address,
                                           .source_link_layer = out.mac};
  const Packet packet = make_nd(worker_, out, path, message);
  if (packet) out_.send(edges_.port_tx, packet);  // else the timer asks again
}

void NdSink::release(const l3::Neighbour<wire::Ipv6Address>& neighbour, Packet packet) {
  const l3::Interface& out = worker_.topology->interface(neighbour.interface);
  write_link_layer(packet, out, neighbour.mac, out.tail6);
  out_.send(edges_.port_tx, packet);
}

void NdSink::give_up(const l3::Neighbour<wire::Ipv6Address>& neighbour, Packet packet) {
  const bool waits_on = neighbour.state == l3::NeighbourState::kIncomplete;
  const rte_edge_t edge = waits_on ? edges_.queue_full : edges_.timeout;
  HEDDLE_CHECK(edge != kNoEdge, "a packet given up where none can wait");
  out_.send(edge, packet);
}

}  // namespace heddle::app
