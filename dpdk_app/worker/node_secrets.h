// NodeSecrets: what TCP's numbers are made with, one for all workers.
#pragma once

#include <cstdint>

#include "tcp/secrets.h"

namespace heddle::app {

// One for all workers; its cookie key is replaced from time to time.
struct NodeSecrets {
  uint64_t version = 0;
  tcp::Secrets secrets;
};

}  // namespace heddle::app
