#include "telemetry/trace_context.h"

#include <algorithm>
#include <span>

namespace heddle::telemetry {

namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

// Capitals are none here (3.2.2).
int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Exactly as many digits as `to` has places for.
bool read_hex(std::string_view text, std::span<uint8_t> to) {
  if (text.size() != 2 * to.size()) return false;
  for (size_t i = 0; i < to.size(); ++i) {
    const int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    to[i] = static_cast<uint8_t>(16 * high + low);
  }
  return true;
}

char* put_hex(std::span<const uint8_t> from, char* to) {
  for (const uint8_t byte : from) {
    *to++ = kDigits[byte >> 4];
    *to++ = kDigits[byte & 15];
  }
  return to;
}

bool is_zero(std::span<const uint8_t> bytes) {
  return std::ranges::all_of(bytes, [](uint8_t byte) { return byte == 0; });
}

void fill(std::span<uint8_t> bytes, Random& random) {
  do {
    for (size_t i = 0; i < bytes.size(); i += 8) {
      const uint64_t word = random.next();
      for (size_t k = 0; k < 8; ++k) bytes[i + k] = static_cast<uint8_t>(word >> (8 * k));
    }
  } while (is_zero(bytes));
}

bool is_key_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '*' ||
         c == '/' || c == '@';
}

// 3.3.1.3.1, in which Level 2 lets a digit be the first.
bool is_trace_key(std::string_view key) {
  if (key.empty() || key.size() > 256 || !std::ranges::all_of(key, is_key_char)) return false;
  const auto is_first = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (!is_first(key.front())) return false;
  const size_t at = key.find('@');
  if (at == std::string_view::npos) return true;
  const std::string_view system = key.substr(at + 1);
  return at <= 241 && !system.empty() && system.size() <= 14 && is_first(system.front()) &&
         system.find('@') == std::string_view::npos;
}

// 3.3.1.3.2.
bool is_trace_value(std::string_view value) {
  return !value.empty() && value.size() <= 256 && value.back() != ' ' &&
         std::ranges::all_of(value,
                             [](char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; });
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<TraceContext> TraceContext::parse(std::string_view text) {
  if (text.size() < kText || text[2] != '-' || text[35] != '-' || text[52] != '-') return {};
  TraceContext context;
  uint8_t version = 0;
  const bool digits = read_hex(text.substr(0, 2), {&version, 1}) &&
                      read_hex(text.substr(3, 32), context.trace_id) &&
                      read_hex(text.substr(36, 16), context.parent_id) &&
                      read_hex(text.substr(53, 2), {&context.flags, 1});
  if (!digits || version == 0xff) return {};
  if (is_zero(context.trace_id) || is_zero(context.parent_id)) return {};
  if (version == 0 ? text.size() != kText : text.size() > kText && text[kText] != '-') return {};
  return context;
}

TraceContext TraceContext::start(Random& random) {
  TraceContext context;
  fill(context.trace_id, random);
  fill(context.parent_id, random);
  return context;
}

std::array<char, TraceContext::kText> TraceContext::text() const {
  std::array<char, kText> text{};
  char* at = put_hex(std::array<uint8_t, 1>{0}, text.data());
  *at++ = '-';
  at = put_hex(trace_id, at);
  *at++ = '-';
  at = put_hex(parent_id, at);
  *at++ = '-';
  put_hex(std::array<uint8_t, 1>{flags}, at);
  return text;
}

std::string text_of(const TraceContext::TraceId& id) {
  if (is_zero(id)) return {};
  std::string text(2 * id.size(), '0');
  put_hex(id, text.data());
  return text;
}

bool is_tracestate(std::string_view text, uint32_t& members) {
  while (true) {
    const size_t comma = text.find(',');
    const std::string_view member = without_blanks(text.substr(0, comma));
    if (!member.empty()) {
      const size_t equals = member.find('=');
      if (equals == std::string_view::npos || ++members > kMostTraceMembers) return false;
      if (!is_trace_key(member.substr(0, equals)) || !is_trace_value(member.substr(equals + 1)))
        return false;
    }
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace heddle::telemetry
