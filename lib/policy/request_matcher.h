// RequestMatcher: which requests a RateLimit or Fault is for.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "http_regex.h"
#include "http_terms.h"
#include "policy/limit_rules.h"
#include "policy/request_limits.h"

namespace heddle::policy {

class RequestMatcher {
 public:
  // `scope`: of the resource, which was checked. `routes`: slots of those that it names. `senders`:
  // of each match with a source, in their order.
  RequestMatcher(std::shared_ptr<const Resource> resource, const RequestScope& scope,
                 std::vector<uint32_t> routes, std::vector<HttpRoutes::Senders> senders);
  RequestMatcher(const RequestMatcher&) = delete;
  RequestMatcher& operator=(const RequestMatcher&) = delete;

  bool fits(const RequestAsk& ask) const;
  bool operator==(const RequestMatcher& other) const {
    return resource_ == other.resource_ && routes_ == other.routes_ && senders_ == other.senders_;
  }

 private:
  struct Match {
    const PathMatch& path;
    const re2::RE2* regex;  // of the path; null: it is none
    HttpTerms terms;
  };
  static bool fits_path(const Match& match, std::string_view path);
  const re2::RE2* regex_of(const std::string& text);

  std::shared_ptr<const Resource> resource_;  // whose texts are looked at
  const RequestScope& scope_;
  std::vector<uint32_t> routes_;
  std::vector<HttpRoutes::Senders> senders_;
  std::vector<std::unique_ptr<const re2::RE2>> regexes_;
  std::vector<Match> matches_;
};

}  // namespace heddle::policy
