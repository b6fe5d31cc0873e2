#pragma once

#include <string>
#include <string_view>

namespace heddle::server {

// The text with '?' for each byte that is not part of well-formed UTF-8 (RFC 3629 section 4).
std::string valid_utf8(std::string_view text);

}  // namespace heddle::server
