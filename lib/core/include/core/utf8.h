// UTF-8, as RFC 3629 has it.
#pragma once

#include <cstddef>
#include <string_view>

namespace heddle {

// The length of the well-formed character at the start of `text`, 0 if there is none (section 4).
size_t utf8_length(std::string_view text);

}  // namespace heddle
