// Which RateLimits and Faults are for a request.
#pragma once

#include "explain_request.h"

namespace heddle::server {

void tell_limits(const RequestPlace& place, const policy::HttpTarget* target,
                 const http::Message& request, Telling& telling);
// As the client sent it.
void tell_faults(const RequestPlace& place, const policy::HttpTarget* target,
                 const http::Message& request, Telling& telling);

}  // namespace heddle::server
