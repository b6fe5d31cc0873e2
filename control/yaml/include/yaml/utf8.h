#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace heddle::yaml {

// The length of the well-formed character at the start of `text`, 0 if there is none (RFC 3629
// section 4).
size_t utf8_length(std::string_view text);

// At most `bytes` of well-formed text, with "..." in the place of what was cut.
std::string shorten(std::string_view text, size_t bytes);

}  // namespace heddle::yaml
