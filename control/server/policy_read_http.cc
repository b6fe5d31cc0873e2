// The rules of a Route for requests: http, and grpc as http's that say the same.
#include <fmt/format.h>

#include <algorithm>

#include "policy/limits.h"
#include "policy_reader.h"

namespace heddle::server {
namespace {

using Filters = google::protobuf::RepeatedPtrField<v1::HttpFilter>;

// All of a Route's rules, with what they have in common.
class RuleReader {
 public:
  RuleReader(const std::string& ns, PolicyReader& reader) : ns_(ns), reader_(reader) {}

  template <class Rule>
  policy::HttpRule read(const Rule& from, const std::string& field);
  policy::HttpMatch read_match(const v1::HttpMatch& from, const std::string& field);

 private:
  policy::HttpMatch read_match(const v1::GrpcMatch& from, const std::string& field);
  policy::PathMatch read_path(const v1::StringMatch& from, const std::string& field);
  policy::PathMatch read_call(const v1::GrpcMatch& from, const std::string& field);
  policy::HttpSource read_source(const v1::SourceMatch& from, const std::string& field);
  void read_filters(const Filters& from, const std::string& field, policy::HttpRule& to);
  void read_filter(const v1::HttpFilter& from, const std::string& field, uint8_t place,
                   policy::HttpRule& to);
  policy::HttpFieldChange read_change(const v1::HeaderChange& from, const std::string& field);
  policy::HttpRedirect read_redirect(const v1::Redirect& from, const std::string& field);
  static policy::HttpRewrite read_rewrite(const v1::Rewrite& from);
  policy::HttpDirect read_direct(const v1::DirectResponse& from, const std::string& field);
  void read_timeouts(const v1::Timeouts& from, const std::string& field, policy::HttpRule& to);
  uint16_t status(uint32_t given, uint16_t otherwise, const std::string& field);

  const std::string& ns_;
  PolicyReader& reader_;
};

template <class Rule>
policy::HttpRule RuleReader::read(const Rule& from, const std::string& field) {
  policy::HttpRule to;
  if (!reader_.fits(from.matches_size(), policy::kMaxHttpMatches, field + ".matches") ||
      !reader_.fits(from.backends_size(), policy::kMaxBackends, field + ".backends"))
    return to;
  for (int i = 0; i < from.matches_size(); ++i)
    to.matches.push_back(read_match(from.matches(i), fmt::format("{}.matches[{}]", field, i)));
  for (int i = 0; i < from.backends_size(); ++i)
    to.backends.push_back(
        read_backend(from.backends(i), ns_, fmt::format("{}.backends[{}]", field, i), reader_));
  read_filters(from.filters(), field + ".filters", to);
  read_timeouts(from.timeouts(), field + ".timeouts", to);
  if (from.has_jwt()) to.jwt = read_jwt_use(from.jwt(), field + ".jwt", reader_);
  if (from.has_retry()) to.retry = read_retry(from.retry(), field + ".retry", reader_);
  if constexpr (std::is_same_v<Rule, v1::HttpRule>)
    reader_.later(from.has_hedge(), field + ".hedge");
  return to;
}

policy::PathMatch RuleReader::read_path(const v1::StringMatch& from, const std::string& field) {
  switch (from.match_case()) {
    case v1::StringMatch::kExact:
      return {policy::PathMatch::Kind::kExact, from.exact()};
    case v1::StringMatch::kPrefix:
      if (from.prefix().empty())
        reader_.problem(field + ".prefix", "is empty; for all paths \"/\"");
      return {policy::PathMatch::Kind::kPrefix, from.prefix()};
    case v1::StringMatch::kRegex:
      return {policy::PathMatch::Kind::kRegex, from.regex()};
    case v1::StringMatch::kSuffix:
      reader_.problem(field + ".suffix", "does not act for paths; take a regex, as \".*\\\\.png\"");
      return {};
    case v1::StringMatch::MATCH_NOT_SET:
      break;
  }
  reader_.problem(field, "says nothing; expected exact, prefix or regex");
  return {};
}

policy::HttpSource RuleReader::read_source(const v1::SourceMatch& from, const std::string& field) {
  policy::HttpSource to{.workload = from.workload(),
                        .ns = from.namespace_().empty() ? ns_ : from.namespace_(),
                        .labels = {}};
  if (reader_.fits(static_cast<int>(from.labels_size()), policy::kMaxLabels, field + ".labels"))
    to.labels = PolicyReader::labels(from.labels());
  if (from.workload().empty() && from.namespace_().empty() && from.labels().empty())
    reader_.problem(field, "says nothing; for everybody leave it out");
  return to;
}

policy::HttpMatch RuleReader::read_match(const v1::HttpMatch& from, const std::string& field) {
  policy::HttpMatch to;
  if (from.has_path()) to.path = read_path(from.path(), field + ".path");
  to.method = from.method();
  to.fields = read_header_matches(from.headers(), field + ".headers", reader_);
  to.query = read_named_matches(from.query(), field + ".query", reader_);
  if (from.has_source()) to.source = read_source(from.source(), field + ".source");
  return to;
}

// A service alone is a prefix, a method alone a regex.
policy::PathMatch RuleReader::read_call(const v1::GrpcMatch& from, const std::string& field) {
  const auto is_name = [](const std::string& text, std::string_view more) {
    return std::ranges::all_of(text, [&](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
             c == '_' || more.find(c) != std::string_view::npos;
    });
  };
  if (!is_name(from.service(), "."))
    reader_.problem(field + ".service",
                    shown(from.service()) + " is no gRPC service, as shop.Cart");
  if (!is_name(from.method(), ""))
    reader_.problem(field + ".method", shown(from.method()) + " is no gRPC method, as GetItem");
  if (from.method().empty()) return {policy::PathMatch::Kind::kPrefix, "/" + from.service()};
  if (from.service().empty()) return {policy::PathMatch::Kind::kRegex, "/[^/]+/" + from.method()};
  return {policy::PathMatch::Kind::kExact, "/" + from.service() + "/" + from.method()};
}

policy::HttpMatch RuleReader::read_match(const v1::GrpcMatch& from, const std::string& field) {
  policy::HttpMatch to;
  to.path = read_call(from, field);
  to.method = "POST";
  to.fields = read_header_matches(from.headers(), field + ".headers", reader_);
  if (from.has_source()) to.source = read_source(from.source(), field + ".source");
  return to;
}

void RuleReader::read_filters(const Filters& from, const std::string& field, policy::HttpRule& to) {
  constexpr size_t kKinds = 7;
  if (!reader_.fits(from.size(), kKinds, field)) return;
  uint32_t seen = 0;
  for (int i = 0; i < from.size(); ++i) {
    const std::string at = fmt::format("{}[{}]", field, i);
    const uint32_t kind = uint32_t{1} << from[i].filter_case();
    if ((seen & kind) != 0) reader_.problem(at, "there is another of its kind; put them together");
    seen |= kind;
    read_filter(from[i], at, static_cast<uint8_t>(i), to);
  }
}

void RuleReader::read_filter(const v1::HttpFilter& from, const std::string& field, uint8_t place,
                             policy::HttpRule& to) {
  switch (from.filter_case()) {
    case v1::HttpFilter::kRequestHeaders:
      to.request = read_change(from.request_headers(), field + ".request_headers");
      to.filters.request = place;
      return;
    case v1::HttpFilter::kResponseHeaders:
      to.response = read_change(from.response_headers(), field + ".response_headers");
      to.filters.response = place;
      return;
    case v1::HttpFilter::kRedirect:
      to.redirect = read_redirect(from.redirect(), field + ".redirect");
      to.filters.redirect = place;
      return;
    case v1::HttpFilter::kRewrite:
      to.rewrite = read_rewrite(from.rewrite());
      to.filters.rewrite = place;
      return;
    case v1::HttpFilter::kDirectResponse:
      to.direct = read_direct(from.direct_response(), field + ".direct_response");
      to.filters.direct = place;
      return;
    case v1::HttpFilter::kMirror:
      to.mirror = read_mirror(from.mirror(), ns_, field + ".mirror", reader_);
      to.filters.mirror = place;
      return;
    case v1::HttpFilter::kCors:
      to.cors = read_cors(from.cors(), field + ".cors", reader_);
      to.filters.cors = place;
      return;
    case v1::HttpFilter::FILTER_NOT_SET:
      return reader_.problem(field, "says nothing");
  }
}

policy::HttpFieldChange RuleReader::read_change(const v1::HeaderChange& from,
                                                const std::string& field) {
  policy::HttpFieldChange to;
  for (const auto& [list, name] :
       {std::pair(from.set_size(), ".set"), std::pair(from.add_size(), ".add"),
        std::pair(from.remove_size(), ".remove")})
    if (!reader_.fits(list, policy::kMaxFieldChanges, field + name)) return to;
  for (const v1::HeaderValue& each : from.set())
    to.set.push_back({in_small_letters(each.name()), each.value()});
  for (const v1::HeaderValue& each : from.add())
    to.add.push_back({in_small_letters(each.name()), each.value()});
  for (const std::string& name : from.remove()) to.remove.push_back(in_small_letters(name));
  return to;
}

uint16_t RuleReader::status(uint32_t given, uint16_t otherwise, const std::string& field) {
  if (given > 599) reader_.problem(field, fmt::format("{} is no status", given));
  return given == 0 ? otherwise : static_cast<uint16_t>(given);
}

policy::HttpRedirect RuleReader::read_redirect(const v1::Redirect& from, const std::string& field) {
  policy::HttpRedirect to{.scheme = in_small_letters(from.scheme()),
                          .host = in_small_letters(from.hostname()),
                          .path = from.path()};
  if (from.port() != 0) to.port = reader_.port(from.port(), field + ".port");
  to.status = status(from.status(), to.status, field + ".status");
  if (!from.path().empty()) to.path_kind = policy::HttpRedirect::Path::kFull;
  if (from.prefix().empty()) return to;
  if (!from.path().empty())
    reader_.problem(field + ".prefix", "path is given too; leave one of the two out");
  to.path_kind = policy::HttpRedirect::Path::kPrefix;
  to.path = from.prefix();
  return to;
}

policy::HttpRewrite RuleReader::read_rewrite(const v1::Rewrite& from) {
  using Path = policy::HttpRewrite::Path;
  policy::HttpRewrite to{.host = in_small_letters(from.hostname()), .path = {}};
  if (from.path_case() == v1::Rewrite::kFullPath)
    to.path_kind = Path::kFull, to.path = from.full_path();
  else if (from.path_case() == v1::Rewrite::kPrefix)
    to.path_kind = Path::kPrefix, to.path = from.prefix();
  return to;
}

policy::HttpDirect RuleReader::read_direct(const v1::DirectResponse& from,
                                           const std::string& field) {
  policy::HttpDirect to{.body = from.body(), .content_type = from.content_type()};
  to.status = status(from.status(), to.status, field + ".status");
  return to;
}

void RuleReader::read_timeouts(const v1::Timeouts& from, const std::string& field,
                               policy::HttpRule& to) {
  const auto read = [&](const google::protobuf::Duration& given, Duration most, const char* name,
                        const char* expected) {
    const auto time = PolicyReader::time(given, policy::kLeastHttpTimeout, most);
    if (!time) reader_.problem(field + name, expected);
    return time.value_or(Duration());
  };
  const google::protobuf::Duration& request = from.request();
  if (request.seconds() != 0 || request.nanos() != 0)
    to.request_timeout =
        read(request, policy::kMaxRequestTimeout, ".request", "expected 1ms to 24h, or 0s: none");
  if (from.has_idle())
    to.stream_idle = read(from.idle(), policy::kMaxIdleTimeout, ".idle", "expected 1ms to 720h");
  if (from.has_connect())
    to.connect =
        read(from.connect(), policy::kMaxConnectTimeout, ".connect", "expected 1ms to 10m");
  if (from.has_per_try())
    to.per_try =
        read(from.per_try(), policy::kMaxRequestTimeout, ".per_try", "expected 1ms to 24h");
}

template <class Rules>
std::vector<policy::HttpRule> read_rules(const Rules& from, const std::string& field,
                                         const std::string& ns, PolicyReader& reader) {
  std::vector<policy::HttpRule> to;
  if (!reader.fits(from.size(), policy::kMaxHttpRules, field)) return to;
  RuleReader rules(ns, reader);
  for (int i = 0; i < from.size(); ++i)
    to.push_back(rules.read(from[i], fmt::format("{}[{}]", field, i)));
  return to;
}

}  // namespace

policy::HttpMatch read_http_match(const v1::HttpMatch& from, const std::string& ns,
                                  const std::string& field, PolicyReader& reader) {
  return RuleReader(ns, reader).read_match(from, field);
}

std::vector<policy::HttpRule> read_http_rules(const v1::Route& from, const std::string& ns,
                                              PolicyReader& reader) {
  return read_rules(from.http(), "spec.http", ns, reader);
}

// What is given as rules for gRPC is for its calls alone.
std::vector<policy::HttpRule> read_grpc_rules(const v1::Route& from, const std::string& ns,
                                              PolicyReader& reader) {
  std::vector<policy::HttpRule> rules = read_rules(from.grpc(), "spec.grpc", ns, reader);
  for (policy::HttpRule& rule : rules)
    if (rule.matches.empty()) rule.matches.push_back({.method = "POST"});
  return rules;
}

}  // namespace heddle::server
