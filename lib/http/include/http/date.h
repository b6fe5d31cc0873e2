// The Date field's value (RFC 9110 5.6.7, IMF-fixdate).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace heddle::http {

inline constexpr size_t kDateBytes = 29;

// "Sun, 06 Nov 1994 08:49:37 GMT". Seconds since 1970, of the years 0 to 9999.
void write_date(int64_t unix_seconds, std::span<char, kDateBytes> to);

}  // namespace heddle::http
