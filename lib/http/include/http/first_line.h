// Whether a stream begins as a request of HTTP/1 does, told by as few bytes as that takes.
#pragma once

#include <cstdint>
#include <string_view>

namespace heddle::http {

enum class FirstLine : uint8_t {
  kMaybe,  // more bytes will tell
  kRequest,
  kOther,
};

// So many bytes always tell.
inline constexpr size_t kFirstLineTells = 32;

// A method of capital letters and hyphens (all that are registered are: RFC 9110 16.1.1), a space,
// and the begin of a target (RFC 9112 3.2). Empty lines before it, which RFC 9112 2.2 lets servers
// skip, are no begin, and neither is a method in small letters.
FirstLine first_line_of(std::string_view begin);

}  // namespace heddle::http
