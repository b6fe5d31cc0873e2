// What heddled.yaml says of TCP that the node terminates itself.
#pragma once

#include "app/node_config.h"
#include "core/result.h"
#include "field.h"

namespace heddle::config {

// tcp: { ports: [10000, 32767], congestion: cubic, ecn: true, keepalive: 60s, min_rto: 200ms,
//        user_timeout: 2m }
Result<> read_tcp(const Field& field, app::TcpSettings& out);
// Of limits: connections, tcp_memory and http_requests.
Result<> read_tcp_limits(const Fields& limits, app::TcpSettings& out);

}  // namespace heddle::config
