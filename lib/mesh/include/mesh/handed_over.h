// A client's connection that the HTTP proxy has taken, and that is not HTTP.
#pragma once

#include <cstdint>
#include <memory>

#include "mesh/tls_end.h"
#include "tcp/transport.h"

namespace heddle::mesh {

struct HandedOver {
  tcp::ConnectionId id;
  uint32_t frontend = 0;
  std::unique_ptr<TlsEnd> tls;          // open or kPlain; what was read of it is in `plain`
  std::unique_ptr<tcp::Endpoint> told;  // where the client says that it comes from; null: nowhere
  bool half_closed = false;             // it sends no more
};

}  // namespace heddle::mesh
