#include "nodes/arp_sink.h"

#include "nodes/link_layer.h"

namespace heddle::app {

namespace {

// The address that we ask from: ours in the target's subnet, or the one that workloads and the
// host know us by.
wire::Ipv4Address sender_for(const l3::Interface& out, const wire::Ipv4Address& target) {
  for (const auto& own : out.own4)
    if (wire::network_of(target, own.prefix_length) ==
        wire::network_of(own.address, own.prefix_length))
      return own.address;
  return out.own4.empty() ? l3::kGateway4 : out.own4.front().address;
}

}  // namespace

Packet make_arp(const Worker& worker, const l3::Interface& out, const wire::Arp& arp,
                const wire::MacAddress& to) {
  const Packet packet = worker.pool->allocate();
  if (!packet) return packet;
  uint8_t* at = packet.append(wire::kArpSize);
  arp.emit(at);
  write_link_layer(packet, out, to, wire::EtherType::kArp);
  packet.meta().set(packet::Flag::kOriginated);
  return packet;
}

void ArpSink::solicit(const l3::Neighbour<wire::Ipv4Address>& neighbour, bool unicast) {
  const l3::Interface& out = worker_.topology->interface(neighbour.interface);
  const wire::Arp request{.operation = wire::ArpOperation::kRequest,
                          .sender_mac = out.mac,
                          .sender_ip = sender_for(out, neighbour.address),
                          .target_mac = {},
                          .target_ip = neighbour.address};
  const Packet packet =
      make_arp(worker_, out, request, unicast ? neighbour.mac : wire::MacAddress::broadcast());
  if (packet) out_.send(edges_.port_tx, packet);  // else the timer asks again
}

void ArpSink::release(const l3::Neighbour<wire::Ipv4Address>& neighbour, Packet packet) {
  const l3::Interface& out = worker_.topology->interface(neighbour.interface);
  write_link_layer(packet, out, neighbour.mac, out.tail4);
  out_.send(edges_.port_tx, packet);
}

void ArpSink::give_up(const l3::Neighbour<wire::Ipv4Address>& neighbour, Packet packet) {
  const bool waits_on = neighbour.state == l3::NeighbourState::kIncomplete;
  const rte_edge_t edge = waits_on ? edges_.queue_full : edges_.timeout;
  HEDDLE_CHECK(edge != kNoEdge, "a packet given up where none can wait");
  out_.send(edge, packet);
}

}  // namespace heddle::app
