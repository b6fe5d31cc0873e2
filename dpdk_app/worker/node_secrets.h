// NodeSecrets: what TCP's numbers and TLS tickets are made with, one for all workers.
#pragma once

#include <cstdint>

#include "tcp/secrets.h"
#include "tls/ticket_keys.h"

namespace heddle::app {

// Its cookie key and its ticket keys are replaced from time to time.
struct NodeSecrets {
  uint64_t version = 0;
  tcp::Secrets secrets;
  tls::TicketKeys tickets;
};

}  // namespace heddle::app
