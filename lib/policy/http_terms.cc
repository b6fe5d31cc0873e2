#include "http_terms.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <tuple>

#include "http_fields.h"
#include "http_regex.h"

namespace heddle::policy {
namespace {

// Values of several fields that are put together are no longer than this, or fit to nothing but to
// being there. A head with its default limit has no longer ones.
constexpr size_t kMostJoined = 16 * 1024;

}  // namespace

HttpTerms::HttpTerms(const HttpMatch& match, const HttpRoutes::Senders* senders,
                     const RegexOf& regex_of)
    : fields_(static_cast<uint32_t>(match.fields.size())),
      method_(http::method_of(match.method)),
      method_text_(match.method),
      senders_(senders) {
  terms_.reserve(match.fields.size() + match.query.size());
  for (const auto* list : {&match.fields, &match.query})
    for (const auto& [name, value] : *list)
      terms_.push_back(
          {.name = name,
           .text = value.text,
           .regex = value.kind == TextMatch::Kind::kRegex ? regex_of(value.text) : nullptr,
           .kind = value.kind,
           .id = http::field_id_of(name)});
}

bool HttpTerms::is_before(const HttpTerms& other) const {
  const auto rank = [](const HttpTerms& terms) {
    return std::tuple(!terms.method_text_.empty(), terms.fields_, terms.terms_.size());
  };
  return rank(*this) > rank(other);
}

bool HttpTerms::fit(const HttpRequest& request) const {
  if (!method_text_.empty()) {
    if (request.message.method != method_) return false;
    if (method_ == http::Method::kOther && request.message.method_text() != method_text_)
      return false;
  }
  if (senders_ != nullptr) {
    const size_t in = request.source.index();
    if (in >= senders_->size() || !(*senders_)[in]) return false;
  }
  if (!fit_fields(request.message.fields)) return false;
  for (size_t i = fields_; i < terms_.size(); ++i)
    if (!fits_query(terms_[i], request.query)) return false;
  return true;
}

bool HttpTerms::fit_fields(const http::Fields& fields) const {
  for (size_t i = 0; i < fields_; ++i)
    if (!fits_field(terms_[i], fields)) return false;
  return true;
}

bool HttpTerms::fits(const Term& term, std::string_view value) {
  switch (term.kind) {
    case TextMatch::Kind::kExact:
      return value == term.text;
    case TextMatch::Kind::kPrefix:
      return value.starts_with(term.text);
    case TextMatch::Kind::kSuffix:
      return value.ends_with(term.text);
    case TextMatch::Kind::kRegex:
      return fits_whole(*term.regex, value);
    case TextMatch::Kind::kPresent:
      return true;
  }
  return false;
}

bool HttpTerms::fits_field(const Term& term, const http::Fields& fields) {
  const uint16_t count = fields.size();
  uint16_t first = 0;
  while (first < count && !is_of(fields, fields[first], term.id, term.name)) ++first;
  if (first == count) return false;
  if (term.kind == TextMatch::Kind::kPresent) return true;
  uint16_t second = static_cast<uint16_t>(first + 1);
  while (second < count && !is_of(fields, fields[second], term.id, term.name)) ++second;
  if (second == count) return fits(term, fields.value(fields[first]));
  std::array<char, kMostJoined> joined;
  size_t size = 0;
  const auto append = [&](std::string_view text) {
    if (text.size() > joined.size() - size) return false;
    std::memcpy(joined.data() + size, text.data(), text.size());
    size += text.size();
    return true;
  };
  for (uint16_t i = first; i < count; ++i) {
    if (!is_of(fields, fields[i], term.id, term.name)) continue;
    if (i != first && !append(separator_of(term.id))) return false;
    if (!append(fields.value(fields[i]))) return false;
  }
  return fits(term, {joined.data(), size});
}

bool HttpTerms::fits_query(const Term& term, std::string_view query) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view parameter = query.substr(0, end);
    const size_t equals = std::min(parameter.find('='), parameter.size());
    if (parameter.substr(0, equals) == term.name)
      return fits(term, parameter.substr(std::min(equals + 1, parameter.size())));
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return false;
}

}  // namespace heddle::policy
