// What limits and faults of policy make of a request.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/time.h"

namespace heddle::mesh {

// Of a request that is beyond a limit: what its sender is told. The name is valid in the turn.
struct HttpLimited {
  std::string_view name;
  uint64_t requests = 0;  // that are let through
  Duration per;           // in this time
  Duration retry_after;
};

struct HttpInjected {
  enum class Abort : uint8_t { kNone, kStatus, kGrpcStatus, kReset };
  Duration delay;  // before anything else; 0: none
  Abort abort = Abort::kNone;
  uint16_t code = 0;  // of kStatus and kGrpcStatus
};

}  // namespace heddle::mesh
