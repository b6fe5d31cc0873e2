// Devices: from what the configuration says to a DPDK device that exists, and its end.
#pragma once

#include <cstdint>
#include <string>

#include "app/node_config.h"
#include "core/result.h"

namespace heddle::app {

// How many queues the device gets: what was asked for, or one a worker as far as it can. An
// af_xdp interface gets all that it has: what another queue receives would pass us by.
uint16_t queues_for(const PortConfig& port, uint16_t workers);

// Says what is missing in one sentence before DPDK tries and fails in many.
Result<> check_device(const PortConfig& port);

// Makes the device; returns DPDK's port number. `mac` is for devices that would draw one at
// random at each start.
Result<uint16_t> attach_device(const PortConfig& port, uint16_t queues,
                               const wire::MacAddress& mac);

// Whether the kernel interface is up and has a carrier: the drivers that stand on one do not say.
bool kernel_link_up(const std::string& interface);

// The kernel interface's MTU for devices that stand on one, else 0.
uint16_t kernel_mtu(const DeviceConfig& device);

// A locally administered address, the same at each start for the same node and port.
wire::MacAddress stable_mac(const std::string& node, const std::string& port);

// The kernel interface below the device (af_xdp, af_packet), or empty.
std::string kernel_interface(const DeviceConfig& device);

}  // namespace heddle::app
