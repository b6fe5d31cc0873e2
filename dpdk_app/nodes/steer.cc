// steer: finds the worker that owns a packet's flow, for ports that have no RSS with our key.
// In: data() is an Ethernet frame.  Out: the same, on the owner.
#include "nodes/handoff_edge.h"
#include "nodes/nodes.h"
#include "wire/ethernet.h"
#include "wire/steering.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t { kEthernetInput, kHandoffFull, kPassed = kKept };
constexpr EdgeSpec kEdges[] = {
    to("ethernet_input"),
    drop("handoff_full", "the owner of the flow does not keep up: it needs another core"),
};

// Frames of other kinds and damaged ones are handled where they arrived.
std::optional<uint32_t> hash_of(std::span<const uint8_t> frame) {
  if (wire::check_ethernet(frame) != wire::EthernetFault::kNone) return std::nullopt;
  wire::EtherType type = wire::EthernetView(frame.data()).ether_type();
  size_t offset = wire::kEthernetHeaderSize;
  if (type == wire::EtherType::kVlan) {
    type = wire::VlanTagView(frame.data() + offset).ether_type();
    offset += wire::kVlanTagSize;
  }
  if (type == wire::EtherType::kIpv4) return wire::steer_ipv4(frame.subspan(offset));
  if (type == wire::EtherType::kIpv6) return wire::steer_ipv6(frame.subspan(offset));
  return std::nullopt;
}

Edge decide(Packet packet, Worker& worker) {
  const std::optional<uint32_t> hash = hash_of(packet.head());
  if (!hash) return Edge::kEthernetInput;
  const uint16_t owner = worker.owners[*hash % kSteeringSlots];
  if (owner == worker.id.value()) return Edge::kEthernetInput;
  const bool passed =
      worker.hand_off(packet, owner, static_cast<uint8_t>(HandoffEdge::kEthernetInput));
  return passed ? Edge::kPassed : Edge::kHandoffFull;
}

}  // namespace

const NodeSpec steer{"steer", each_packet<decide>, kEdges};

}  // namespace heddle::app
