// Durations and shares, whose text is not that of protobuf.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace heddle::resource {

struct Span {
  int64_t seconds = 0;
  int32_t nanoseconds = 0;
};

// "1h30m", "500ms", "0s"; units are h, m, s, ms, us, ns. Total: also for values that no
// well-behaved message has.
std::string duration_text(Span span);
// Whole numbers with falling units, as "1m30s"; nothing when it is no such text, or longer than
// protobuf's Duration may be (10,000 years).
std::optional<Span> parse_duration(std::string_view text);

// Millionths as "20%", "0.5%".
std::string percentage_text(uint32_t millionths);
// From "0%" to "100%" with at most four digits after the point.
std::optional<uint32_t> parse_percentage(std::string_view text);

}  // namespace heddle::resource
