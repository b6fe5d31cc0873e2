// What heddled.yaml says of TLS on connections that the node terminates itself.
#pragma once

#include "app/node_config.h"
#include "core/result.h"
#include "field.h"

namespace heddle::config {

// tls: { handshakes: 256, handshake_threads: 0, steps_per_turn: 2 }
Result<> read_tls_settings(const Field& field, app::TlsSettings& out);

}  // namespace heddle::config
