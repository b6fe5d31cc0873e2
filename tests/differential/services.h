// The services that both routers have, and what a client's packet to one of them becomes.
#pragma once

#include <array>

#include "packets.h"

namespace heddle::differential {

enum class Translation : uint8_t { kNone, kDestination, kFull };

struct Service {
  uint16_t host;      // in kServiceNet
  uint16_t endpoint;  // in kServerNet
  Translation translation;

  End own() const { return {kServiceNet, host, 80}; }
  End backend() const { return {kServerNet, endpoint, static_cast<uint16_t>(8000 + endpoint)}; }
};

// One endpoint each, so that both routers choose alike.
inline constexpr std::array<Service, 6> kServices = {{
    {1, 1, Translation::kDestination},
    {2, 2, Translation::kDestination},
    {3, 3, Translation::kDestination},
    {4, 4, Translation::kFull},
    {5, 5, Translation::kFull},
    {6, 6, Translation::kFull},
}};

inline constexpr End kPool = {kPoolNet, 1, 0};

}  // namespace heddle::differential
