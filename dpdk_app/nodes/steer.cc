// steer: finds the worker that owns a packet's flow, for ports that have no RSS with our key.
// In: data() is an Ethernet frame.  Out: the same, on the owner.
#include "nodes/handoff_edge.h"
#include "nodes/nodes.h"
#include "nodes/owner.h"
#include "wire/ethernet.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t { kEthernetInput, kHandoffFull, kPassed = kKept };
constexpr EdgeSpec kEdges[] = {
    to("ethernet_input"),
    drop("handoff_full", "the owner of the flow does not keep up: it needs another core"),
};

// Frames of other kinds and damaged ones are handled where they arrived.
std::optional<uint16_t> owner_of(std::span<const uint8_t> frame, const Worker& worker) {
  if (wire::check_ethernet(frame) != wire::EthernetFault::kNone) return std::nullopt;
  wire::EtherType type = wire::EthernetView(frame.data()).ether_type();
  size_t offset = wire::kEthernetHeaderSize;
  if (type == wire::EtherType::kVlan) {
    type = wire::VlanTagView(frame.data() + offset).ether_type();
    offset += wire::kVlanTagSize;
  }
  if (type == wire::EtherType::kIpv4) return owner_of_ipv4(worker, frame.subspan(offset));
  if (type == wire::EtherType::kIpv6) return owner_of_ipv6(worker, frame.subspan(offset));
  return std::nullopt;
}

Edge decide(Packet packet, Worker& worker) {
  const uint16_t owner = owner_of(packet.head(), worker).value_or(worker.id.value());
  if (owner == worker.id.value()) return Edge::kEthernetInput;
  const bool passed =
      worker.hand_off(packet, owner, static_cast<uint8_t>(HandoffEdge::kEthernetInput));
  return passed ? Edge::kPassed : Edge::kHandoffFull;
}

}  // namespace

const NodeSpec steer{"steer", each_packet<decide>, kEdges};

}  // namespace heddle::app
