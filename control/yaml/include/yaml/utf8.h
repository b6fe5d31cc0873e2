#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/utf8.h"  // utf8_length

namespace heddle::yaml {

// At most `bytes` of well-formed text, with "..." in the place of what was cut.
std::string shorten(std::string_view text, size_t bytes);

}  // namespace heddle::yaml
