#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace heddle::server {

// A socket that listens on "ADDRESS:PORT" (IPv6 in brackets) for this process alone: no other may
// share the port, not even one of the same user. Non-blocking; the descriptor is the caller's.
// `what` it is for stands in an error.
Result<int> listen_on_tcp(const std::string& address, std::string_view what);

}  // namespace heddle::server
