// HttpRoutes: which rule a request to a service's HTTP ports follows. Compiled from all Routes of
// the service; what a look-up costs does not grow with their number.
//
// Of the rules that fit, the one with the most specific match is taken, as Gateway API has it: the
// exact host before wildcards, the longest of these before others, then rules for any host; the
// exact path, then a regex, then the longest prefix; a method before none; more fields; more of the
// query; then Routes by name, and the rules of one in their order.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/ids.h"
#include "core/time.h"
#include "policy/choice.h"
#include "policy/http_cors.h"
#include "policy/http_rule.h"
#include "policy/limits.h"
#include "policy/retry.h"

namespace heddle::http {
class Message;
}

namespace heddle::policy {

class HttpIndex;
struct JwtCheck;  // policy/jwt_check.h
struct Resource;

struct HttpMirrorTarget {
  uint32_t cluster = kNoSlot;
  uint32_t share = kWholeShare;  // of the requests, in millionths: see is_mirrored (decide.h)
  std::shared_ptr<const BackendTerms> terms = nullptr;  // as a Choice's
  friend bool operator==(const HttpMirrorTarget& a, const HttpMirrorTarget& b) {
    return Choice{a.share, a.cluster, a.terms} == Choice{b.share, b.cluster, b.terms};
  }
};

// A rule, compiled.
struct HttpTarget {
  std::vector<Choice> choices;  // none with redirect or direct
  uint32_t total_weight = 0;    // 0: every backend has weight 0, or there is none
  HttpFieldChange request, response;
  std::optional<HttpRedirect> redirect;
  std::optional<HttpRewrite> rewrite;
  std::optional<HttpDirect> direct;
  std::optional<HttpMirrorTarget> mirror;
  std::shared_ptr<const HttpCorsTarget> cors;  // null: none. Made by HttpRoutes
  Duration request_timeout;                    // for the request as a whole; 0: none
  Duration stream_idle;  // without a byte either way; 0: the frontend's idle_timeout
  Duration connect;      // 0: the frontend's connect_timeout
  // For workers' counters: below Limits::http_rule_slots(), and the same for as long as its Route
  // has a rule of this number and is of the same Service or Gateway.
  uint32_t slot = kNoSlot;
  // For explain, as those of Frontend.
  uint32_t route = kNoSlot;
  uint16_t rule = 0;
  std::shared_ptr<const JwtCheck> jwt{};  // instead of the frontend's; null: that
  std::shared_ptr<const Retry> retry{};   // instead of BackendTerms'; null: that
  Duration per_try{};                     // 0: that of BackendTerms
};

struct HttpMatched {
  const HttpTarget* target = nullptr;  // null: no rule is for the request
  // How many bytes at the path's begin a prefix was for, without a slash at their end: 0 for "/",
  // and where no prefix was given.
  uint32_t prefix = 0;
  uint16_t match = 0;  // which of the rule's
};

class HttpRoutes {
 public:
  // By interface: workloads that a match is for.
  using Senders = std::bitset<kMaxPolicyPorts>;
  struct Rule {
    std::shared_ptr<const Resource> route;  // whose http[target.rule] this is
    HttpTarget target;
    std::vector<Senders> senders;  // of each match with a source, in their order
  };

  // In the order of their Routes' names, then of the rules.
  explicit HttpRoutes(std::vector<Rule> rules);
  ~HttpRoutes();
  HttpRoutes(const HttpRoutes&) = delete;
  HttpRoutes& operator=(const HttpRoutes&) = delete;

  // The request's path is normalised already; its query may be behind '?'. Several fields of one
  // name count as one value, joined by ", "; of a query's parameters the first of a name counts,
  // as it is sent. `source`: the sender's interface where it is a workload's, else kNoInterface.
  // No memory is taken, but what RE2 keeps of regexes that it meets, which is bounded.
  HttpMatched find(const http::Message& request, InterfaceId source) const;

  std::span<const Rule> rules() const { return rules_; }
  bool asks_tokens() const { return asks_tokens_; }  // some rule does
  // Whether it would be made of these.
  bool is_of(std::span<const Rule> rules) const;
  size_t bytes() const;  // without the Routes' own

 private:
  std::vector<Rule> rules_;
  std::unique_ptr<const HttpIndex> index_;  // has views into rules_ and their Routes
  bool asks_tokens_ = false;
};

}  // namespace heddle::policy
