#include "policy/http_cors.h"

#include <algorithm>

#include "core/check.h"
#include "http_regex.h"
#include "policy/limits.h"

namespace heddle::policy {
namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

bool fits(const TextMatch& match, std::string_view origin) {
  switch (match.kind) {
    case TextMatch::Kind::kExact:
      return origin == match.text;
    case TextMatch::Kind::kPrefix:
      return origin.starts_with(match.text);
    case TextMatch::Kind::kSuffix:
      return origin.ends_with(match.text);
    case TextMatch::Kind::kRegex:
    case TextMatch::Kind::kPresent:
      break;
  }
  return false;
}

}  // namespace

HttpCorsTarget::HttpCorsTarget(const HttpCors& cors)
    : credentials_(cors.credentials),
      allow_methods_(joined(cors.methods)),
      allow_headers_(joined(cors.headers)),
      expose_headers_(joined(cors.expose)) {
  for (const TextMatch& origin : cors.origins) {
    if (origin.kind == TextMatch::Kind::kExact && origin.text == "*") {
      any_origin_ = true;
    } else if (origin.kind == TextMatch::Kind::kRegex) {
      regexes_.push_back(make_regex(origin.text));
      HEDDLE_CHECK(regexes_.back() != nullptr, "regexes of rules are checked before");
    } else {
      texts_.push_back(origin);
    }
  }
  if (cors.max_age) max_age_ = std::to_string(cors.max_age->ns() / 1'000'000'000);
}

HttpCorsTarget::~HttpCorsTarget() = default;

bool HttpCorsTarget::allows(std::string_view origin) const {
  if (any_origin_) return true;
  if (origin.empty() || origin.size() > kMaxOrigin) return false;
  return std::ranges::any_of(texts_, [&](const TextMatch& text) { return fits(text, origin); }) ||
         std::ranges::any_of(regexes_,
                             [&](const auto& regex) { return fits_whole(*regex, origin); });
}

size_t HttpCorsTarget::bytes() const {
  size_t bytes = sizeof(HttpCorsTarget) + texts_.capacity() * sizeof(TextMatch) +
                 regexes_.capacity() * sizeof(void*) + allow_methods_.capacity() +
                 allow_headers_.capacity() + expose_headers_.capacity() + max_age_.capacity();
  for (const TextMatch& text : texts_) bytes += text.text.capacity();
  for (const auto& regex : regexes_)
    bytes += sizeof(re2::RE2) + 16u * static_cast<size_t>(regex->ProgramSize());
  return bytes;
}

}  // namespace heddle::policy
