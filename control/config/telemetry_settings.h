// What heddled.yaml says of what is written down of requests.
#pragma once

#include "app/node_config.h"
#include "core/result.h"
#include "field.h"

namespace heddle::config {

// telemetry: { access_log: { file: /var/log/heddle/access.json, sample: 1.0 } }
Result<> read_telemetry(const Field& field, app::NodeConfig& out);

}  // namespace heddle::config
