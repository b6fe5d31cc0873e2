#include "tls/spiffe.h"

#include <algorithm>

namespace heddle::tls {

namespace {

constexpr std::string_view kScheme = "spiffe://";

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_mark(char c) { return c == '.' || c == '-' || c == '_'; }

bool is_segment(std::string_view text) {
  return !text.empty() && text != "." && text != ".." && std::ranges::all_of(text, [](char c) {
    return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || is_mark(c);
  });
}

// Cuts the first segment off a path that begins with a slash.
std::string_view next_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

}  // namespace

bool is_trust_domain(std::string_view name) {
  return !name.empty() && name.size() <= 255 &&
         std::ranges::all_of(name, [](char c) { return is_lower_or_digit(c) || is_mark(c); });
}

std::optional<SpiffeId> parse_spiffe_id(std::string_view uri) {
  if (uri.size() > kMaxSpiffeId || !uri.starts_with(kScheme)) return std::nullopt;
  uri.remove_prefix(kScheme.size());
  SpiffeId id;
  id.trust_domain = uri.substr(0, uri.find('/'));
  id.path = uri.substr(id.trust_domain.size());
  if (!is_trust_domain(id.trust_domain) || id.path.empty()) return std::nullopt;
  std::string_view segments[4];
  size_t count = 0;
  for (std::string_view rest = id.path; !rest.empty(); ++count) {
    const std::string_view segment = next_segment(rest);
    if (!is_segment(segment)) return std::nullopt;
    if (count < 4) segments[count] = segment;
  }
  if (count == 4 && segments[0] == "ns" && segments[2] == "sa") {
    id.name_space = segments[1];
    id.service_account = segments[3];
  }
  return id;
}

}  // namespace heddle::tls
