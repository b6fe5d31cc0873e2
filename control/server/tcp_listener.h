#pragma once

#include <string>

#include "core/result.h"

namespace heddle::server {

// A socket that listens on "ADDRESS:PORT" (IPv6 in brackets) for this process alone: no other may
// share the port, not even one of the same user. Non-blocking; the descriptor is the caller's.
Result<int> listen_on_tcp(const std::string& address);

}  // namespace heddle::server
