// Static routes: [{ prefix: 10.0.0.0/8, via: [192.0.2.1] }, { prefix: fd00::/8, action: drop }].
#pragma once

#include "app/node_config.h"
#include "core/result.h"
#include "field.h"
#include "ports.h"

namespace heddle::config {

// `list` is the value of the key "routes"; `ports` have passed check_ports.
Result<> read_routes(const Field& list, const Ports& ports, app::NodeConfig& out);

}  // namespace heddle::config
