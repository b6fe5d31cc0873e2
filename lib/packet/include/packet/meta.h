// What the graph knows of a packet beside its bytes. Lives in the mbuf's dynamic fields (second
// cache line, which sending and freeing touch anyway), so it costs no memory of its own.
#pragma once

#include <cstdint>

#include "core/ids.h"

namespace heddle::packet {

// Who made the packet, and what it may no longer do.
enum class Flag : uint8_t {
  kOriginated = 1 << 0,     // made here: no TTL to decrement, no ICMP error about it
  kLinkBroadcast = 1 << 1,  // arrived as link-layer multicast or broadcast (RFC 1122 3.2.2)
  kDelivered = 1 << 3,      // for the node itself, on its way to the host port: no hop to count
  kCopy = 1 << 2,           // another worker's ARP or ND packet, to learn from and not to answer
  kPriorityTag = 1 << 4,    // had an 802.1Q tag of VLAN 0, which its interface does not have
  kDirect = 1 << 5,         // goes to the endpoint in Meta, not to its destination
  kTracked = 1 << 6,        // of a flow that was found or made; translated where the flow is
  kPortsKnown = 1 << 7,     // a later fragment; Meta has the ports of its first
};

// The ICMP or ICMPv6 error that a refused packet is answered with.
struct Refusal {
  uint8_t type = 0;
  uint8_t code = 0;
  uint32_t argument = 0;  // MTU, or pointer
};

struct Meta {
  InterfaceId rx_interface;  // set by ethernet_input
  InterfaceId tx_interface;  // set by *_output
  uint32_t next_hop;         // slot in the topology's hops, set by *_lookup
  Refusal refusal;
  uint8_t flags;
  uint8_t handoff_edge;  // where the receiving worker continues
  // Flag::kDirect: whose MAC address the frame gets, as this turn's policy has it.
  uint16_t direct_endpoint;  // position in the cluster
  union {
    uint32_t direct_cluster;  // Flag::kDirect without a flow: slot
    uint32_t flow;            // Flag::kTracked: slot
    uint32_t ports;           // Flag::kPortsKnown alone: as in the header of the first fragment
  };

  bool has(Flag flag) const { return (flags & static_cast<uint8_t>(flag)) != 0; }
  void set(Flag flag) { flags = static_cast<uint8_t>(flags | static_cast<uint8_t>(flag)); }
  void clear(Flag flag) { flags = static_cast<uint8_t>(flags & ~static_cast<uint8_t>(flag)); }
};

// Of the 36 bytes some drivers want 8 for a time stamp.
static_assert(sizeof(Meta) <= 24, "mbuf dynamic fields");

}  // namespace heddle::packet
