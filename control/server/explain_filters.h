// What explain tells of a request's copies, of scripts of other origins, and of what leads a
// client's requests to one endpoint.
#pragma once

#include "explain_request.h"
#include "http/message.h"

namespace heddle::server {

void tell_cors(const policy::HttpCorsTarget& cors, const http::Message& request, Telling& telling);

// The endpoint of a copy is an example, as copies are drawn.
void tell_mirror(const RequestPlace& place, const policy::HttpTarget& target, uint64_t hash,
                 Telling& telling);

// Whether something of the request, or its sender's address, says to which endpoint it goes.
struct AffinityPlace {
  const RequestPlace& place;
  const policy::BackendTerms& terms;  // by which requests are led
};
bool tell_affinity(const AffinityPlace& at, const http::Message& request, Telling& telling);

}  // namespace heddle::server
