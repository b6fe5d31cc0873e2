// What belongs to one connection goes no further (RFC 9110 7.6.1).
#pragma once

#include "http/message.h"
#include "http/refusals.h"

namespace heddle::http {

// Reads and removes Connection, what it names, and the fields that are hop-by-hop by nature; sets
// persistent, te_trailers and the protocol. `version`, `method`, `status` and `body` are set
// already. More than kMaxConnectionOptions named fields are refused.
inline constexpr uint16_t kMaxConnectionOptions = 16;
Refusal take_connection_fields(Message& message);

}  // namespace heddle::http
