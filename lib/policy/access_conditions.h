// AccessConditions: what an element of a rule's `to` asks of a request, ready to be asked.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http_regex.h"
#include "http_terms.h"
#include "policy/access.h"

namespace heddle::policy {

class AccessConditions {
 public:
  // Of a rule that was checked: its regexes are regexes.
  explicit AccessConditions(const Operation& operation);
  AccessConditions(const AccessConditions&) = delete;
  AccessConditions& operator=(const AccessConditions&) = delete;

  // `host`: of the request, as HostText has it.
  bool fit(const RequestHead& request, std::string_view host) const;
  const Operation& operation() const { return operation_; }
  size_t bytes() const;

 private:
  const Operation operation_;
  HttpMatch match_;  // the fields alone
  std::vector<std::unique_ptr<const re2::RE2>> regexes_;
  std::unique_ptr<const HttpTerms> fields_;  // null: none; has views into match_
};

bool fits(const AccessPath& wanted, std::string_view path);
// `wanted`: exact, or "*.example.org".
bool fits_host(const std::string& wanted, std::string_view host);

}  // namespace heddle::policy
