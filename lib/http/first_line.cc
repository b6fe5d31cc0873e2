#include "http/first_line.h"

#include <algorithm>
#include <array>

#include "http/chars.h"

namespace heddle::http {
namespace {

constexpr size_t kLongestMethod = 20;  // UPDATEREDIRECTREF has 17 letters
constexpr std::string_view kConnect = "CONNECT";
constexpr std::array<std::string_view, 2> kSchemes = {"http://", "https://"};

bool is_of_method(char c) { return (c >= 'A' && c <= 'Z') || c == '-'; }

bool is_of_host(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '[';
}

FirstLine target_of(std::string_view method, std::string_view target) {
  if (target.empty()) return FirstLine::kMaybe;
  if (method == kConnect) return is_of_host(target[0]) ? FirstLine::kRequest : FirstLine::kOther;
  if (target[0] == '/' || target[0] == '*') return FirstLine::kRequest;
  for (const std::string_view scheme : kSchemes) {
    const size_t n = std::min(target.size(), scheme.size());
    if (!same_ignoring_case(target.substr(0, n), scheme.substr(0, n))) continue;
    return n == scheme.size() ? FirstLine::kRequest : FirstLine::kMaybe;
  }
  return FirstLine::kOther;
}

}  // namespace

FirstLine first_line_of(std::string_view begin) {
  const auto end = std::ranges::find_if_not(begin, is_of_method);
  const auto size = static_cast<size_t>(end - begin.begin());
  if (size > kLongestMethod) return FirstLine::kOther;
  if (size == begin.size()) return FirstLine::kMaybe;
  if (size == 0 || begin[size] != ' ') return FirstLine::kOther;
  return target_of(begin.substr(0, size), begin.substr(size + 1));
}

}  // namespace heddle::http
