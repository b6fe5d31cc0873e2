// What characters may stand where (RFC 9110 5.6.2, RFC 3986), as one table of bits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace heddle::http {

enum class Chars : uint8_t {
  kToken = 1,   // tchar: methods, field names, connection options
  kTarget = 2,  // path and query
  kHost = 4,    // names and IPv4 addresses; not what else RFC 3986 allows and nobody uses
  kHex = 8,
  kDigit = 16,
  kLetter = 32,
};

namespace detail {

constexpr bool in(std::string_view set, char c) { return set.find(c) != std::string_view::npos; }

// Of the characters that RFC 3986 has no place for, a target may have those that browsers leave
// as they are: ^ { | } [ ]. Not # " < > \ ` nor anything above ASCII: servers read them in
// different ways.
constexpr std::array<uint8_t, 256> make_classes() {
  std::array<uint8_t, 256> table{};
  for (size_t i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    const bool digit = c >= '0' && c <= '9';
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    uint8_t bits = 0;
    const auto set = [&](Chars chars, bool yes) {
      if (yes) bits = static_cast<uint8_t>(bits | static_cast<uint8_t>(chars));
    };
    set(Chars::kDigit, digit);
    set(Chars::kLetter, letter);
    set(Chars::kHex, digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'));
    set(Chars::kToken, digit || letter || in("!#$%&'*+-.^_`|~", c));
    set(Chars::kHost, digit || letter || in("-._~", c));
    set(Chars::kTarget, digit || letter || in("-._~!$&'()*+,;=%:@/?^{|}[]", c));
    table[i] = bits;
  }
  return table;
}

inline constexpr std::array<uint8_t, 256> kClasses = make_classes();

}  // namespace detail

constexpr bool is(Chars chars, char c) {
  return (detail::kClasses[static_cast<uint8_t>(c)] & static_cast<uint8_t>(chars)) != 0;
}

constexpr bool all(Chars chars, std::string_view text) {
  for (const char c : text)
    if (!is(chars, c)) return false;
  return true;
}

// Visible, a blank, a tab, or above ASCII (obs-text): what a field's value is made of.
constexpr bool is_field_text(char c) {
  const auto byte = static_cast<uint8_t>(c);
  return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
}

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

constexpr bool same_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

constexpr std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Calls `each(element)` for the elements of a comma-separated list, trimmed, empty ones left out
// (RFC 9110 5.6.1.2); stops when it gives false. For lists without quoted strings.
template <class Each>
constexpr bool for_each_element(std::string_view list, Each&& each) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view element = trim(list.substr(0, comma));
    if (!element.empty() && !each(element)) return false;
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
  }
  return true;
}

inline std::string_view text_of(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace heddle::http
