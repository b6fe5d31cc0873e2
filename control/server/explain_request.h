// What the proxy would do with a request.
#pragma once

#include "telling.h"

namespace heddle::server {

// On a connection that a frontend of HTTP has let in.
struct RequestPlace {
  const policy::Snapshot& snapshot;
  const policy::Model& model;
  const policy::Flow& flow;
  uint32_t frontend;
};

void explain_request(const RequestPlace& place, const v1::HttpRequest& request, Telling& telling);

}  // namespace heddle::server
