#include "durations.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace heddle::resource {
namespace {

struct Unit {
  std::string_view name;
  uint64_t nanoseconds;
};

constexpr uint64_t kSecond = 1'000'000'000;
constexpr std::array<Unit, 6> kUnits = {{{"h", 3'600 * kSecond},
                                         {"m", 60 * kSecond},
                                         {"s", kSecond},
                                         {"ms", 1'000'000},
                                         {"us", 1'000},
                                         {"ns", 1}}};
constexpr size_t kSeconds = 2;  // the index of "s"
constexpr uint64_t kMostSeconds = 315'576'000'000;

// Takes the digits at the start of `text`.
std::optional<uint64_t> take_number(std::string_view& text) {
  uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value > kMostSeconds * 1'000) return {};
  text.remove_prefix(static_cast<size_t>(stop - text.data()));
  return value;
}

// Takes the letters at the start of `text`: the index of the unit.
std::optional<size_t> take_unit(std::string_view& text) {
  const std::string_view name = text.substr(0, text.find_first_of("0123456789"));
  for (size_t i = 0; i < kUnits.size(); ++i) {
    if (kUnits[i].name != name) continue;
    text.remove_prefix(name.size());
    return i;
  }
  return {};
}

}  // namespace

std::string duration_text(Span span) {
  const bool negative = span.seconds < 0 || (span.seconds == 0 && span.nanoseconds < 0);
  const auto magnitude = [](int64_t value) {
    return value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  };
  uint64_t seconds = magnitude(span.seconds);
  uint64_t nanoseconds = magnitude(span.nanoseconds);
  std::string text = negative ? "-" : "";
  const size_t sign = text.size();
  for (size_t i = 0; i < kUnits.size(); ++i) {
    uint64_t& rest = i <= kSeconds ? seconds : nanoseconds;
    const uint64_t unit = i <= kSeconds ? kUnits[i].nanoseconds / kSecond : kUnits[i].nanoseconds;
    if (rest / unit > 0) text += fmt::format("{}{}", rest / unit, kUnits[i].name);
    rest %= unit;
  }
  return text.size() == sign ? "0s" : text;
}

std::optional<Span> parse_duration(std::string_view text) {
  uint64_t seconds = 0, nanoseconds = 0;
  if (text.empty()) return {};
  for (size_t least = 0; !text.empty();) {
    const auto number = take_number(text);
    const auto unit = number ? take_unit(text) : std::nullopt;
    if (!unit || *unit < least) return {};
    least = *unit + 1;
    if (*unit <= kSeconds) {
      const uint64_t factor = kUnits[*unit].nanoseconds / kSecond;
      if (*number > kMostSeconds / factor) return {};
      seconds += *number * factor;
    } else {
      const uint64_t in_second = kSecond / kUnits[*unit].nanoseconds;
      seconds += *number / in_second;
      nanoseconds += *number % in_second * kUnits[*unit].nanoseconds;
    }
  }
  seconds += nanoseconds / kSecond;
  if (seconds > kMostSeconds) return {};
  return Span{static_cast<int64_t>(seconds), static_cast<int32_t>(nanoseconds % kSecond)};
}

std::string percentage_text(uint32_t millionths) {
  constexpr uint32_t kPercent = 10'000;
  std::string text = fmt::format("{}.{:04}", millionths / kPercent, millionths % kPercent);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text + '%';
}

std::optional<uint32_t> parse_percentage(std::string_view text) {
  constexpr size_t kDigits = 4;
  constexpr uint64_t kWhole = 1'000'000;
  if (!text.ends_with('%')) return {};
  text.remove_suffix(1);
  const size_t point = text.find('.');
  std::string digits(text.substr(0, point));
  std::string fraction(point == std::string_view::npos ? "" : text.substr(point + 1));
  if (digits.empty() || digits.size() > 3 || fraction.size() > kDigits) return {};
  if (point != std::string_view::npos && fraction.empty()) return {};
  digits += fraction + std::string(kDigits - fraction.size(), '0');
  uint32_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc{} || stop != end || value > kWhole) return {};
  return value;
}

}  // namespace heddle::resource
