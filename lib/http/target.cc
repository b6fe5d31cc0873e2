#include "http/target.h"

#include <algorithm>

#include "http/chars.h"
#include "http/scan.h"

namespace heddle::http {

namespace {

constexpr size_t kMaxHost = 255;  // bytes, as in DNS

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || !all(Chars::kDigit, text)) return false;
  uint32_t port = 0;
  for (const char c : text) port = port * 10 + static_cast<uint32_t>(c - '0');
  return port <= 65'535;
}

// Not whether it is a legal address: whether nobody can take it for something else.
bool is_ipv6(std::string_view text) {
  return text.size() >= 2 && text.size() <= 45 && std::ranges::count(text, ':') >= 2 &&
         std::ranges::all_of(text,
                             [](char c) { return is(Chars::kHex, c) || c == ':' || c == '.'; });
}

bool split(std::string_view text, std::string_view& host, std::string_view& port, bool& has_port) {
  size_t end = text.find(':');
  if (!text.empty() && text.front() == '[') {
    end = text.find(']');
    if (end == std::string_view::npos || !is_ipv6(text.substr(1, end - 1))) return false;
    ++end;
  }
  host = text.substr(0, end);
  has_port = end < text.size();
  port = has_port ? text.substr(end) : std::string_view{};
  if (has_port && port.front() != ':') return false;
  if (has_port) port.remove_prefix(1);
  return !host.empty() && host.size() <= kMaxHost;
}

bool check_authority(std::string_view text, bool port_wanted) {
  std::string_view host;
  std::string_view port;
  bool has_port = false;
  if (!split(text, host, port, has_port)) return false;
  if (host.front() != '[' && !all(Chars::kHost, host)) return false;
  return has_port ? is_port(port) : !port_wanted;
}

bool take_scheme(std::string_view& target, Message& message) {
  for (const std::string_view scheme : {"http", "https"}) {
    const size_t size = scheme.size() + 3;
    if (target.size() < size || !same_ignoring_case(target.substr(0, scheme.size()), scheme) ||
        target.substr(scheme.size(), 3) != "://") {
      continue;
    }
    target.remove_prefix(size);
    return message.set_scheme(scheme);
  }
  return false;
}

}  // namespace

bool is_authority(std::string_view text) { return check_authority(text, false); }
bool is_authority_with_port(std::string_view text) { return check_authority(text, true); }

bool is_path(std::string_view text) {
  const char* end = text.data() + text.size();
  return !text.empty() && text.front() == '/' &&
         scan::find_not<Chars::kTarget>(text.data(), end) == end;
}

Refusal take_target(std::string_view target, Message& message) {
  if (message.method == Method::kConnect) {
    if (!is_authority_with_port(target)) return Refusal::kBadTarget;
    return message.set_authority(target) ? Refusal::kNone : Refusal::kNoMemory;
  }
  if (target == "*") {
    if (message.method != Method::kOptions) return Refusal::kBadTarget;
    return message.set_path(target) ? Refusal::kNone : Refusal::kNoMemory;
  }
  if (target.empty() || target.front() != '/') {
    if (!take_scheme(target, message)) return Refusal::kBadTarget;
    const size_t end = target.find_first_of("/?");
    const std::string_view authority = target.substr(0, end);
    if (!is_authority(authority)) return Refusal::kBadTarget;
    if (!message.set_authority(authority)) return Refusal::kNoMemory;
    target = end == std::string_view::npos ? std::string_view{} : target.substr(end);
    if (target.empty()) target = message.method == Method::kOptions ? "*" : "/";
    // "http://host?query" has an empty path, which would not be an origin-form (RFC 9112 3.2.1).
    if (target.front() == '?') return Refusal::kBadTarget;
    return message.set_path(target) ? Refusal::kNone : Refusal::kNoMemory;
  }
  return message.set_path(target) ? Refusal::kNone : Refusal::kNoMemory;
}

namespace {

constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char small = lower(c);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

constexpr bool is_unreserved(char c) {
  return is(Chars::kLetter, c) || is(Chars::kDigit, c) || c == '-' || c == '.' || c == '_' ||
         c == '~';
}

// Decodes what needs no encoding. False: an encoding that is none.
bool decode_path(std::string_view path, char* to, size_t& size) {
  constexpr char kHexDigits[] = "0123456789ABCDEF";
  size = 0;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      to[size++] = path[i];
      continue;
    }
    if (i + 2 >= path.size()) return false;
    const int high = hex_value(path[i + 1]), low = hex_value(path[i + 2]);
    if (high < 0 || low < 0 || high + low == 0) return false;
    i += 2;
    const char c = static_cast<char>(high * 16 + low);
    if (is_unreserved(c)) {
      to[size++] = c;
      continue;
    }
    to[size++] = '%';
    to[size++] = kHexDigits[high];
    to[size++] = kHexDigits[low];
  }
  return true;
}

// RFC 3986 5.2.4, in place. False: above the root.
bool remove_dots(char* text, size_t& size) {
  size_t out = 0;
  size_t at = 0;
  while (at < size) {  // at a slash
    size_t end = at + 1;
    while (end < size && text[end] != '/') ++end;
    const std::string_view segment(text + at + 1, end - at - 1);
    const bool last = end == size;
    if (segment == "." || segment == "..") {
      if (segment == "..") {
        if (out == 0) return false;
        while (text[--out] != '/') {
        }
      }
      if (last) text[out++] = '/';
    } else {
      if (out != at) std::copy(text + at, text + end, text + out);
      out += end - at;
    }
    at = end;
  }
  size = out;
  return true;
}

}  // namespace

Refusal normalize_path(Message& message) {
  const std::string_view all = message.path();
  const size_t query = std::min(all.find('?'), all.size());
  const std::string_view path = all.substr(0, query);
  if (path.empty() || path.front() != '/') return Refusal::kNone;
  const bool encoded = path.find('%') != std::string_view::npos;
  if (!encoded && path.find("/.") == std::string_view::npos) return Refusal::kNone;
  Arena& arena = message.arena();
  if (arena.room() < all.size()) return Refusal::kHeadTooLarge;
  char* to = arena.top();
  size_t size = 0;
  if (!decode_path(path, to, size) || !remove_dots(to, size)) return Refusal::kBadTarget;
  std::ranges::copy(all.substr(query), to + size);
  return message.set_path({to, size + all.size() - query}) ? Refusal::kNone
                                                           : Refusal::kHeadTooLarge;
}

}  // namespace heddle::http
