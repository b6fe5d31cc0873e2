// The device text of a port: a PCI address, or KIND:TARGET[,key=value...].
#pragma once

#include <string>
#include <string_view>

#include "app/node_config.h"
#include "core/result.h"

namespace heddle::config {

// Errors say what is wrong and what was expected, not where.
Result<app::DeviceConfig> parse_device(std::string_view text);

// Equal for two devices that cannot both be opened, as they are the same interface, socket or
// file; empty for a device that is like no other (null, a ring without a name).
std::string device_identity(const app::DeviceConfig& device);

}  // namespace heddle::config
