// What an authority is opened for.
#pragma once

#include <cstdint>

namespace heddle::ca {

enum class Access : uint8_t { kRead, kWrite };

}  // namespace heddle::ca
