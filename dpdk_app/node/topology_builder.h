// From what the configuration says and what the ports are to a Topology: a pure function.
#pragma once

#include <memory>
#include <span>

#include "app/node_config.h"
#include "l3/topology.h"
#include "policy/snapshot.h"

namespace heddle::app {

// What is known of a configured port once its device runs. A VLAN has its parent's.
struct PortFacts {
  PortId port;
  wire::MacAddress mac;
  uint16_t mtu = 1500;
  bool up = true;
};

// `facts` by config.ports' order. Interface ids are positions in config.ports, for life. The
// attachments are what policy adds to both.
std::unique_ptr<l3::Topology> build_topology(const NodeConfig& config,
                                             std::span<const PortFacts> facts, uint64_t generation,
                                             const policy::Attachments& attachments = {});

}  // namespace heddle::app
