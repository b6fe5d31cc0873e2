// Seconds since 1970-01-01 UTC: certificates and tokens are valid by this clock. Handed in, like
// every time.
#pragma once

#include <cstdint>

#include "core/strong.h"

namespace heddle {

using UnixTime = Strong<struct UnixTimeTag, int64_t>;

}  // namespace heddle
