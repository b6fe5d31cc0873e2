// What each kind of device takes: its target and its keys, with DPDK 22.11's own names for
// them ("Network Interface Controller Drivers", doc.dpdk.org/guides-22.11/nics).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "app/node_config.h"

namespace heddle::config {

enum class TargetForm : uint8_t { kNone, kInterface, kSocket };

enum class ValueForm : uint8_t {
  kNumber,      // min..max
  kPowerOfTwo,  // min..max
  kBit,         // yes or no; written 1 or 0
  kYesNo,       // yes or no; written so
  kRole,        // server or client
  kInterface,   // a kernel interface name
  kFile,        // a path
  kSecret,      // never shown
};

struct DeviceKey {
  std::string_view name;  // in heddled.yaml
  std::string_view dpdk;  // in the device arguments
  ValueForm form;
  uint64_t min = 0;
  uint64_t max = 0;
};

struct DeviceRules {
  app::DeviceKind kind;
  std::string_view name;
  TargetForm target;
  std::span<const DeviceKey> keys;
};

// All kinds but PCI, whose devices take no keys.
std::span<const DeviceRules> device_rules();

}  // namespace heddle::config
