// TraceContext: who a request belongs to, as W3C's Trace Context has it in the fields traceparent
// and tracestate (https://www.w3.org/TR/trace-context/, 3.2 and 3.3).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/random.h"

namespace heddle::telemetry {

struct TraceContext {
  static constexpr size_t kText = 55;
  using TraceId = std::array<uint8_t, 16>;
  using ParentId = std::array<uint8_t, 8>;

  TraceId trace_id{};    // never all 0
  ParentId parent_id{};  // the same
  uint8_t flags = 0;     // bit 0: sampled

  // Of a value of traceparent; none where it is not one. Of a version that is newer the part that
  // is known is taken (3.2.4).
  static std::optional<TraceContext> parse(std::string_view text);
  // A new trace, not sampled: who wants spans of it starts it himself.
  static TraceContext start(Random& random);

  // "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
  std::array<char, kText> text() const;
  friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

// In hexadecimal digits; empty: it is none, all 0.
std::string text_of(const TraceContext::TraceId& id);

// Whether a value of tracestate is one; its members are added to `members`, of which a request has
// at most 32 in all its fields.
inline constexpr uint32_t kMostTraceMembers = 32;
bool is_tracestate(std::string_view text, uint32_t& members);

}  // namespace heddle::telemetry
