// What bounds the flows of one worker. A limit of 0 where the text allows it means no limit.
#pragma once

#include <cstdint>

#include "core/time.h"

namespace heddle::flow {

struct Limits {
  uint32_t flows = 1'000'000;
  uint32_t flows_v6 = 500'000;     // how many of them may be IPv6
  uint32_t own_addresses = 4'096;  // IPv6 addresses of services and pools in use by flows
  uint32_t half_open = 250'000;    // TCP flows before their handshake is done
  // At that bound the oldest of them make room for new ones, if they were silent for this long.
  Duration half_open_patience = milliseconds(100);
  // And then no more than this many a second begin: a flood has to be cheap to refuse.
  uint32_t flood_rate = 100'000;
  uint16_t tenants = 256;  // ids below this
  uint32_t flows_per_tenant = 1'000'000;

  // New flows a second. Above it flows are not learned any more: the caller goes on by hash.
  uint32_t learn_rate = 1'000'000;
  uint32_t learn_burst = 100'000;

  // New flows a second of one source, an IPv4 address or an IPv6 /64; 0: no limit.
  uint32_t source_rate = 0;
  uint32_t source_burst = 100;
  uint32_t sources = 65'536;  // that are remembered at a time

  // A full table gives up established flows only after this much silence.
  Duration evict_idle = seconds(60);
};

}  // namespace heddle::flow
