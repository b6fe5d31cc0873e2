// Which end of a TLS connection one is.
#pragma once

#include <cstdint>

namespace heddle::tls {

enum class Role : uint8_t { kClient, kServer };

}  // namespace heddle::tls
