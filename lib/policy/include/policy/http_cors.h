// HttpCorsTarget: a rule's answers to scripts of other origins, ready to be sent (the Fetch
// standard, "CORS protocol"). Its values are those of the headers Access-Control-Allow-Methods and
// so on; one that is empty is not sent.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/http_rule.h"

namespace re2 {
class RE2;
}

namespace heddle::policy {

class HttpCorsTarget {
 public:
  // That of a rule that was checked: its regexes are regexes.
  explicit HttpCorsTarget(const HttpCors& cors);
  ~HttpCorsTarget();
  HttpCorsTarget(const HttpCorsTarget&) = delete;
  HttpCorsTarget& operator=(const HttpCorsTarget&) = delete;

  // Whether scripts of the origin, as the field Origin has it, may. No memory is taken, but what
  // RE2 keeps of regexes that it meets, which is bounded.
  bool allows(std::string_view origin) const;
  // Every origin is allowed, and without credentials: the answer may be "*".
  bool any_origin() const { return any_origin_; }
  bool credentials() const { return credentials_; }
  const std::string& allow_methods() const { return allow_methods_; }
  const std::string& allow_headers() const { return allow_headers_; }
  const std::string& expose_headers() const { return expose_headers_; }
  const std::string& max_age() const { return max_age_; }  // seconds
  size_t bytes() const;

 private:
  std::vector<TextMatch> texts_;  // exact, prefix and suffix
  std::vector<std::unique_ptr<const re2::RE2>> regexes_;
  bool any_origin_ = false, credentials_ = false;
  std::string allow_methods_, allow_headers_, expose_headers_, max_age_;
};

}  // namespace heddle::policy
