#include "ca/names.h"

#include <algorithm>

namespace heddle::ca {
namespace {

constexpr size_t kMaxLabel = 63, kMaxHostName = 253, kSerialDigits = 32;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_small(char c) { return c >= 'a' && c <= 'z'; }

}  // namespace

bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= kMaxLabel && text.front() != '-' && text.back() != '-' &&
         std::ranges::all_of(text, [](char c) { return is_small(c) || is_digit(c) || c == '-'; });
}

bool is_host_name(std::string_view text) {
  if (text.size() > kMaxHostName) return false;
  if (text.starts_with("*.")) text.remove_prefix(2);
  bool digits_alone = true;  // as in an address
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('.', at), text.size());
    const std::string_view label = text.substr(at, end - at);
    if (!is_label(label)) return false;
    digits_alone = std::ranges::all_of(label, is_digit);
    at = end + 1;
  }
  return !digits_alone;
}

std::string serial_of_text(std::string_view text) {
  std::string digits;
  for (char c : text) {
    if (c == ':') continue;
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    if (!is_digit(c) && (c < 'a' || c > 'f')) return {};
    digits += c;
  }
  if (digits.empty() || digits.size() > kSerialDigits) return {};
  return std::string(kSerialDigits - digits.size(), '0') + digits;
}

}  // namespace heddle::ca
