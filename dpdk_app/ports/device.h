// Devices: from what the configuration says to a DPDK device that exists, and its end.
#pragma once

#include <cstdint>
#include <string>

#include "app/node_config.h"
#include "core/result.h"

namespace heddle::app {

// How many queues the device gets: what was asked for, or one a worker as far as it can.
uint16_t queues_for(const PortConfig& port, uint16_t workers);

// Says what is missing in one sentence before DPDK tries and fails in many.
Result<> check_device(const PortConfig& port);

// Makes the device; returns DPDK's port number.
Result<uint16_t> attach_device(const PortConfig& port, uint16_t queues);

// Takes off what the device put on the kernel's interface, if it did: the XDP program of
// af_xdp, also one that a killed process left behind.
void remove_xdp(const PortConfig& port);

// The kernel interface's MTU for devices that stand on one, else 0.
uint16_t kernel_mtu(const DeviceConfig& device);

// The kernel interface below the device (af_xdp, af_packet), or empty.
std::string kernel_interface(const DeviceConfig& device);

}  // namespace heddle::app
