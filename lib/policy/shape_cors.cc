// The shape of a rule's mirror and of what it allows to scripts of other origins.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "http/chars.h"
#include "http/target.h"
#include "names.h"
#include "policy/limits.h"
#include "shape.h"

namespace heddle::policy {
namespace {

using http::Chars;

constexpr Duration kSecond = seconds(1);

bool is_any(const TextMatch& origin) {
  return origin.kind == TextMatch::Kind::kExact && origin.text == "*";
}

bool is_small(char c) { return http::lower(c) == c; }

// As browsers send it (RFC 6454 6.2): a scheme and a host, with a port where it is not the
// scheme's own.
bool is_origin(std::string_view text) {
  const size_t mark = text.find("://");
  if (mark == std::string_view::npos || !std::ranges::all_of(text, is_small)) return false;
  const std::string_view scheme = text.substr(0, mark);
  const auto fits_scheme = [](char c) {
    return http::is(Chars::kLetter, c) || http::is(Chars::kDigit, c) || c == '+' || c == '-' ||
           c == '.';
  };
  return !scheme.empty() && http::is(Chars::kLetter, scheme.front()) &&
         std::ranges::all_of(scheme, fits_scheme) && http::is_authority(text.substr(mark + 3));
}

}  // namespace

void ShapeChecker::mirror(const std::string& field, const HttpMirror& mirror) {
  backend(field + ".backend", mirror.backend);
  if (mirror.backend.weight != 1)
    fail(field + ".backend.weight", "a mirror has one backend and a share; leave the weight out");
  if (mirror.share > kWholeShare) fail(field + ".share", "is more than 100%");
}

void ShapeChecker::cors(const std::string& field, const HttpCors& cors) {
  if (count(field + ".origins", cors.origins.size(), 1, kMaxCorsOrigins, "origins"))
    for (size_t i = 0; i < cors.origins.size(); ++i)
      origin(fmt::format("{}.origins[{}]", field, i), cors.origins[i], cors);
  cors_names(field + ".methods", cors.methods, cors.credentials);
  for (const auto& [list, name] :
       {std::pair(&cors.headers, ".headers"), std::pair(&cors.expose, ".expose_headers")}) {
    cors_names(field + name, *list, cors.credentials);
    for (size_t i = 0; i < list->size() && i < kMaxCorsNames; ++i)
      if (!std::ranges::all_of((*list)[i], is_small))
        fail(fmt::format("{}{}[{}]", field, name, i), "is not in small letters");
  }
  if (cors.max_age && (*cors.max_age < Duration() || *cors.max_age > kMaxCorsAge ||
                       cors.max_age->ns() % kSecond.ns() != 0))
    fail(field + ".max_age", "expected whole seconds, 0s to 24h");
}

void ShapeChecker::origin(const std::string& field, const TextMatch& origin, const HttpCors& cors) {
  using Text = TextMatch::Kind;
  const auto part = [&](const char* kind) {
    text(field + kind, origin.text, 1, kMaxOrigin);
    if (!std::ranges::all_of(origin.text, is_small))
      fail(field + kind, quote(origin.text) + " has capitals, and origins are sent without");
  };
  switch (origin.kind) {
    case Text::kRegex:
      return text(field + ".regex", origin.text, 1, kMaxRegex);
    case Text::kPrefix:
      return part(".prefix");
    case Text::kSuffix:
      return part(".suffix");
    case Text::kExact:
      break;
    default:
      return fail(field, "is of no kind that is known");
  }
  const std::string at = field + ".exact";
  if (is_any(origin)) {
    if (cors.credentials)
      fail(at, "any origin is not possible with credentials; name those that may");
    if (cors.origins.size() > 1) fail(at, "\"*\" is any origin; leave the others out");
    return;
  }
  if (origin.text == "null") {
    if (cors.credentials)
      fail(at, "\"null\" is sent for pages of anybody, which is not possible with credentials");
    return;
  }
  if (origin.text.size() > kMaxOrigin || !is_origin(origin.text))
    fail(at, fmt::format("{} is no origin, as \"https://shop.example\" or \"http://a.example:8080\""
                         " in small letters without a path, or \"*\": any",
                         quote(origin.text)));
}

void ShapeChecker::cors_names(const std::string& field, const std::vector<std::string>& names,
                              bool credentials) {
  if (!count(field, names.size(), 0, kMaxCorsNames, "names")) return;
  std::set<std::string_view> seen;
  size_t bytes = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string& name = names[i];
    const std::string at = fmt::format("{}[{}]", field, i);
    bytes += name.size() + 2;
    if (name.empty() || name.size() > kMaxFieldName || !http::all(Chars::kToken, name))
      fail(at, quote(name) + " is no name of a method or a header");
    if (!seen.insert(name).second) fail(at, quote(name) + " is there twice");
    if (name != "*") continue;
    if (credentials) fail(at, "\"*\" says nothing with credentials; name what is allowed");
    if (names.size() > 1) fail(at, "\"*\" is anything; leave the others out");
  }
  if (bytes > kMaxCorsListBytes)
    fail(field, fmt::format("has {} bytes as it is sent; at most {} are allowed", bytes,
                            kMaxCorsListBytes));
}

}  // namespace heddle::policy
