// What heddled.yaml says of flows: nat, conntrack and limits.
#pragma once

#include "app/node_config.h"
#include "core/result.h"
#include "field.h"
#include "ports.h"

namespace heddle::config {

// nat: { addresses: [192.0.2.100, "2001:db8::100"], ports: [1024, 65535] }
Result<> read_nat(const Field& field, const Ports& ports, app::FlowSettings& out);
// conntrack: { tcp_window: strict, pick_up: true }
Result<> read_conntrack(const Field& field, app::FlowSettings& out);
// limits: { flows: 1_000_000, flows_per_namespace: 100_000, connections: 16_384 }
Result<> read_limits(const Field& field, app::FlowSettings& out, app::TcpSettings& tcp);

}  // namespace heddle::config
