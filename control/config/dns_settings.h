// What heddled.yaml says of DNS for workloads.
#pragma once

#include "app/node_config.h"
#include "core/result.h"
#include "field.h"
#include "ports.h"

namespace heddle::config {

// dns: { suffix: mesh.local, resolvers: [192.0.2.53], intercept: false }
Result<> read_dns(const Field& field, const Ports& ports, app::DnsSettings& out);

}  // namespace heddle::config
