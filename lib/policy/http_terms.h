// HttpTerms: what a match asks of a request besides its host and path.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "http/field_id.h"
#include "http/message.h"
#include "policy/http_routes.h"

namespace re2 {
class RE2;
}

namespace heddle::policy {

struct HttpRequest {
  const http::Message& message;
  std::string_view path, query;  // without the '?' between them
  InterfaceId source;
};

// Finds the regex of a text.
using RegexOf = std::function<const re2::RE2*(const std::string&)>;

class HttpTerms {
 public:
  // All live as long as this. `senders`: null when the match has no source.
  HttpTerms(const HttpMatch& match, const HttpRoutes::Senders* senders, const RegexOf& regex_of);

  bool fit(const HttpRequest& request) const;
  bool fit_fields(const http::Fields& fields) const;  // what is asked of these alone
  // Whether this is asked before another with the same host and path.
  bool is_before(const HttpTerms& other) const;
  size_t bytes() const { return terms_.capacity() * sizeof(Term); }

 private:
  struct Term {
    std::string_view name;
    std::string_view text;
    const re2::RE2* regex;  // of kRegex
    TextMatch::Kind kind;
    http::FieldId id;  // of a field
  };

  static bool fits(const Term& term, std::string_view value);
  static bool fits_field(const Term& term, const http::Fields& fields);
  static bool fits_query(const Term& term, std::string_view query);

  std::vector<Term> terms_;  // of fields, then of the query
  uint32_t fields_ = 0;
  http::Method method_ = http::Method::kOther;
  std::string_view method_text_;  // empty: any
  const HttpRoutes::Senders* senders_;
};

}  // namespace heddle::policy
