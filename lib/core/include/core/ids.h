// The numbers by which the parts of a node know each other. All are dense from 0.
#pragma once

#include <cstdint>

#include "core/strong.h"

namespace heddle {

using WorkerId = Strong<struct WorkerIdTag, uint16_t>;
// A device, as DPDK numbers it.
using PortId = Strong<struct PortIdTag, uint16_t>;
// What carries addresses: a port, or one VLAN of a port.
using InterfaceId = Strong<struct InterfaceIdTag, uint16_t>;
// 1..4094; 0 means untagged.
using VlanId = Strong<struct VlanIdTag, uint16_t>;

inline constexpr InterfaceId kNoInterface{0xffff};
inline constexpr VlanId kUntagged{0};

}  // namespace heddle
