// What rules of AccessPolicies ask for, as they were applied: senders, and what is asked of whom.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "policy/http_rule.h"
#include "policy/ip.h"
#include "policy/jwt.h"

namespace heddle::policy {

// A principal's parts.
struct Principal {
  std::string ns, service_account, trust_domain;
  bool foreign = false;  // another trust domain: no workload of this one's
  friend bool operator==(const Principal&, const Principal&) = default;
};

// All that is given has to fit. A principal is split. Of other trust domains than the node's there
// are peers alone that have shown an identity.
struct Source {
  std::string ns, service_account;  // empty: any
  std::string trust_domain{};       // the same
  bool foreign = false;             // another trust domain than the node's
  bool identified = false;          // senders without identity do not fit
  std::vector<IpPrefix> cidrs, not_cidrs;
  std::vector<std::string> not_namespaces;
  std::vector<std::string> not_service_accounts{};
  std::vector<Principal> not_principals{};
  // Of requests: what the sender's token says, and does not say.
  std::vector<ClaimMatch> claims{}, not_claims{};
  bool tokened = false;  // without a token that was verified they do not fit

  bool asks_claims() const { return !claims.empty() || !not_claims.empty(); }
};

// Of paths as rules for requests see them: normalised, without the query.
struct AccessPath {
  // "*"; "/a/b"; "/a/*", which is all that begins with "/a/"; "*.png".
  enum class Kind : uint8_t { kAny, kExact, kUnder, kSuffix };
  Kind kind = Kind::kAny;
  std::string text;  // of kUnder "/a", for "/*" empty; of kSuffix ".png"
  friend bool operator==(const AccessPath&, const AccessPath&) = default;
};

// All that is given has to fit: one of a list, and none of a list of what it must not be.
struct Operation {
  std::vector<std::string> ports{}, not_ports{};  // of a service: names or numbers; else numbers
  // What follows is of requests.
  std::vector<std::string> methods{}, not_methods{};
  std::vector<AccessPath> paths{}, not_paths{};
  std::vector<std::string> hosts{}, not_hosts{};  // in small letters, as Route::hostnames
  std::vector<NamedMatch> fields{};               // all of them
  friend bool operator==(const Operation&, const Operation&) = default;

  bool asks_request() const {
    return !methods.empty() || !not_methods.empty() || !paths.empty() || !not_paths.empty() ||
           !hosts.empty() || !not_hosts.empty() || !fields.empty();
  }
};

struct AccessRule {
  std::vector<Source> from{};   // any of them; none: everybody
  std::vector<Operation> to{};  // any of them; none: everything
};

inline bool asks_request(const AccessRule& rule) {
  return std::ranges::any_of(rule.to, &Operation::asks_request) ||
         std::ranges::any_of(rule.from, &Source::asks_claims);
}

}  // namespace heddle::policy
