// What AccessPolicies say of a request.
#pragma once

#include "explain_request.h"
#include "http/message.h"

namespace heddle::server {

// Which token the request is asked for; `target` may be null.
void tell_tokens(const RequestPlace& place, const policy::HttpTarget* target, Telling& telling);

// Whether the service's policies let it in.
bool tell_request_access(const RequestPlace& place, const http::Message& request, Telling& telling);

// The request becomes what the endpoint gets of it by the rule. False: it is too large.
bool become_sent(const policy::HttpTarget& target, uint32_t prefix, http::Message& request);

}  // namespace heddle::server
