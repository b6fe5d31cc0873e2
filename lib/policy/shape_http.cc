// The shape of rules for requests.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "http/chars.h"
#include "http/field_id.h"
#include "http/target.h"
#include "names.h"
#include "policy/limits.h"
#include "shape.h"

namespace heddle::policy {
namespace {

using http::Chars;
using http::FieldId;

// Fields about a connection or a message's frame, which no message here has as fields.
bool is_no_field(FieldId id) {
  switch (id) {
    case FieldId::kContentLength:
    case FieldId::kExpect:
    case FieldId::kHost:
    case FieldId::kTrailer:
      return true;
    default:
      return http::is_hop_by_hop(id);
  }
}

std::string_view why_no_value(std::string_view value) {
  if (value.size() > kMaxFieldValue) return "is longer than 4096 bytes";
  if (!std::ranges::all_of(value, http::is_field_text)) return "has control characters";
  if (http::trim(value) != value) return "has blanks around it";
  return {};
}

bool has_dot_segment(std::string_view path) {
  for (size_t at = 0; at < path.size();) {
    const size_t end = std::min(path.find('/', at + 1), path.size());
    const std::string_view element = path.substr(at + 1, end - at - 1);
    if (element == "." || element == "..") return true;
    at = end;
  }
  return false;
}

bool has_prefixes_alone(const HttpRule& rule) {
  return std::ranges::all_of(rule.matches, [](const HttpMatch& match) {
    return match.path.kind == PathMatch::Kind::kPrefix;
  });
}

bool is_empty(const HttpFieldChange& change) { return change == HttpFieldChange{}; }

}  // namespace

void ShapeChecker::http_port(const std::string& field, const ServicePort& port,
                             const Service& spec) {
  if (port.protocol != Protocol::kTcp) fail(field + ".protocol", "HTTP is spoken over tcp alone");
  if (port.number == 0) fail(field + ".all_ports", "HTTP is spoken at single ports; give the port");
  if (spec.forwarding != Forwarding::kDnat && spec.forwarding != Forwarding::kProxy)
    fail("spec.forwarding",
         fmt::format("is {}, and the node ends the connections of {} itself: leave it out, or "
                     "give proxy",
                     name_of(spec.forwarding), field));
}

void ShapeChecker::http_rules(const Route& spec) {
  const char* kind = spec.grpc ? "spec.grpc" : "spec.http";
  if (!spec.rules.empty() || !spec.tls.empty())
    fail(kind, fmt::format("a Route has rules of one kind; what is under {} takes another Route",
                           spec.rules.empty() ? "tls" : "tcp"));
  if (!count(kind, spec.http.size(), 1, kMaxHttpRules, "rules")) return;
  hostnames("spec.hostnames", spec.hostnames);
  for (size_t i = 0; i < spec.http.size() && !problems_.full(); ++i)
    http_rule(fmt::format("{}[{}]", kind, i), spec.http[i]);
}

void ShapeChecker::http_rule(const std::string& field, const HttpRule& rule) {
  if (rule.retry) retry(field + ".retry", *rule.retry);
  if ((rule.retry || rule.per_try != Duration()) && rule.backends.empty())
    fail(field + ".retry", "the rule has no backends that could be tried");
  if (count(field + ".matches", rule.matches.size(), 0, kMaxHttpMatches, "matches"))
    for (size_t i = 0; i < rule.matches.size(); ++i)
      http_match(fmt::format("{}.matches[{}]", field, i), rule.matches[i]);
  http_action(field, rule);
  http_times(field + ".timeouts", rule);
  jwt_use(field + ".jwt", rule.jwt);
}

void ShapeChecker::http_action(const std::string& field, const HttpRule& rule) {
  const std::string filters = field + ".filters";
  const auto at = [&](uint8_t place, const char* name) {
    return fmt::format("{}[{}].{}", filters, place, name);
  };
  field_change(at(rule.filters.request, "request_headers"), rule.request);
  field_change(at(rule.filters.response, "response_headers"), rule.response);
  if (rule.redirect) redirect(at(rule.filters.redirect, "redirect"), *rule.redirect);
  if (rule.rewrite) rewrite(at(rule.filters.rewrite, "rewrite"), *rule.rewrite);
  if (rule.direct) direct(at(rule.filters.direct, "direct_response"), *rule.direct);
  if (rule.mirror) mirror(at(rule.filters.mirror, "mirror"), *rule.mirror);
  if (rule.cors) cors(at(rule.filters.cors, "cors"), *rule.cors);
  const bool by_prefix =
      (rule.redirect && rule.redirect->path_kind == HttpRedirect::Path::kPrefix) ||
      (rule.rewrite && rule.rewrite->path_kind == HttpRewrite::Path::kPrefix);
  if (by_prefix && !has_prefixes_alone(rule))
    fail(filters, "puts something in the place of a prefix, and a match has none");
  if (!rule.redirect && !rule.direct) return backends(field + ".backends", rule.backends);
  const char* what = rule.redirect ? "redirect" : "direct_response";
  if (rule.redirect && rule.direct)
    fail(filters, "has redirect and direct_response, and there is one answer");
  if (!rule.backends.empty())
    fail(field + ".backends",
         fmt::format("nothing is forwarded by a rule with {}; leave them out", what));
  if (rule.rewrite || !is_empty(rule.request))
    fail(filters, fmt::format("changes the request, and by {} it goes nowhere", what));
  if (rule.mirror)
    fail(at(rule.filters.mirror, "mirror"),
         fmt::format("copies what is forwarded, and by {} nothing is", what));
}

void ShapeChecker::http_match(const std::string& field, const HttpMatch& match) {
  path_match(field + ".path", match.path);
  if (match.method.size() > kMaxMethod || !http::all(Chars::kToken, match.method))
    fail(field + ".method", fmt::format("{} is no method", quote(match.method)));
  field_matches(field + ".headers", match.fields);
  query_matches(field + ".query", match.query);
  if (!match.source) return;
  label(field + ".source.namespace", match.source->ns);
  if (!match.source->workload.empty()) label(field + ".source.workload", match.source->workload);
  labels(field + ".source.labels", match.source->labels);
}

void ShapeChecker::path(const std::string& field, const std::string& path) {
  if (path.size() > kMaxPath)
    return fail(field, fmt::format("has {} bytes; at most {} are allowed", path.size(), kMaxPath));
  if (!path.starts_with('/')) return fail(field, quote(path) + " does not start with a slash");
  if (!http::all(Chars::kTarget, path) || path.find('?') != std::string::npos)
    return fail(field, quote(path) + " has characters that no path has");
  if (has_dot_segment(path))
    fail(field, quote(path) + " has an element . or .., which is resolved before rules are asked");
}

void ShapeChecker::path_match(const std::string& field, const PathMatch& match) {
  switch (match.kind) {
    case PathMatch::Kind::kRegex:
      return text(field + ".regex", match.text, 1, kMaxRegex);
    case PathMatch::Kind::kExact:
      return path(field + ".exact", match.text);
    case PathMatch::Kind::kPrefix:
      if (match.text.empty()) return;  // no path is asked for
      path(field + ".prefix", match.text);
      if (std::ranges::count(match.text, '/') > static_cast<ptrdiff_t>(kMaxPathElements))
        fail(field + ".prefix", fmt::format("has more than {} elements", kMaxPathElements));
      return;
  }
  fail(field, "is of no kind that is known");
}

void ShapeChecker::field_name(const std::string& field, const std::string& name) {
  const auto is_small = [](char c) { return http::is(Chars::kToken, c) && http::lower(c) == c; };
  if (name.empty()) return fail(field, "is missing");
  if (name.size() > kMaxFieldName) return fail(field, "is longer than 256 bytes");
  if (name.starts_with(':') || !std::ranges::all_of(name, is_small))
    return fail(field, quote(name) + " is no name of a header");
  const FieldId id = http::field_id_of(name);
  if (id == FieldId::kHost)
    fail(field, "host is no header here: spec.hostnames are for it, and rewrite.hostname");
  else if (is_no_field(id))
    fail(field, fmt::format("{} is about the connection or how a message is framed, which rules "
                            "have nothing to do with",
                            name));
}

void ShapeChecker::field_matches(const std::string& field, const std::vector<NamedMatch>& matches) {
  if (!count(field, matches.size(), 0, kMaxNamedMatches, "headers")) return;
  for (size_t i = 0; i < matches.size(); ++i) {
    const auto& [name, value] = matches[i];
    const std::string at = fmt::format("{}[{}]", field, i);
    field_name(at + ".name", name);
    if (value.kind > TextMatch::Kind::kPresent) fail(at, "is of no kind that is known");
    if (value.kind == TextMatch::Kind::kRegex)
      text(at + ".regex", value.text, 1, kMaxRegex);
    else if (value.text.size() > kMaxFieldValue ||
             !std::ranges::all_of(value.text, http::is_field_text))
      fail(at, quote(value.text) + " is no value of a header, or longer than 4096 bytes");
  }
}

void ShapeChecker::query_matches(const std::string& field, const std::vector<NamedMatch>& matches) {
  if (!count(field, matches.size(), 0, kMaxNamedMatches, "parameters")) return;
  const auto is_query = [](std::string_view text) {
    return text.size() <= kMaxFieldValue && http::all(Chars::kTarget, text) &&
           text.find('&') == std::string_view::npos;
  };
  for (size_t i = 0; i < matches.size(); ++i) {
    const auto& [name, value] = matches[i];
    const std::string at = fmt::format("{}[{}]", field, i);
    if (name.empty()) fail(at + ".name", "is missing");
    if (!is_query(name) || name.find('=') != std::string::npos)
      fail(at + ".name", quote(name) + " is no name in a query, as it is sent");
    if (value.kind > TextMatch::Kind::kPresent) fail(at, "is of no kind that is known");
    if (value.kind == TextMatch::Kind::kRegex)
      text(at + ".regex", value.text, 1, kMaxRegex);
    else if (!is_query(value.text))
      fail(at, quote(value.text) + " is no value in a query, as it is sent");
  }
}

void ShapeChecker::field_change(const std::string& field, const HttpFieldChange& change) {
  const size_t all = change.set.size() + change.add.size() + change.remove.size();
  if (!count(field, all, 0, kMaxFieldChanges, "changes")) return;
  size_t bytes = 0;
  for (const auto* list : {&change.set, &change.add})
    for (const HttpField& each : *list) bytes += each.name.size() + each.value.size();
  if (bytes > kMaxFieldChangeBytes)
    fail(field, fmt::format("sets or adds {} bytes of names and values; at most {} are allowed",
                            bytes, kMaxFieldChangeBytes));
  std::set<std::string_view> set, added, removed;
  const auto fields = [&](const char* list, const std::vector<HttpField>& of) {
    for (size_t i = 0; i < of.size(); ++i) {
      const std::string at = fmt::format("{}.{}[{}]", field, list, i);
      field_name(at + ".name", of[i].name);
      if (const auto why = why_no_value(of[i].value); !why.empty())
        fail(at + ".value", fmt::format("{} {}", quote(of[i].value), why));
    }
  };
  fields("set", change.set);
  fields("add", change.add);
  for (const HttpField& each : change.add) added.insert(each.name);
  for (size_t i = 0; i < change.set.size(); ++i)
    if (!set.insert(change.set[i].name).second || added.contains(change.set[i].name))
      fail(fmt::format("{}.set[{}].name", field, i),
           quote(change.set[i].name) + " is changed twice");
  for (size_t i = 0; i < change.remove.size(); ++i) {
    const std::string at = fmt::format("{}.remove[{}]", field, i);
    const std::string& name = change.remove[i];
    field_name(at, name);
    if (!removed.insert(name).second || set.contains(name) || added.contains(name))
      fail(at, quote(name) + " is changed twice");
  }
}

void ShapeChecker::redirect(const std::string& field, const HttpRedirect& redirect) {
  constexpr std::array<uint16_t, 5> kStatuses = {301, 302, 303, 307, 308};
  if (std::ranges::find(kStatuses, redirect.status) == kStatuses.end())
    fail(field + ".status",
         fmt::format("{} is none of 301, 302, 303, 307 and 308", redirect.status));
  if (!redirect.scheme.empty() && redirect.scheme != "http" && redirect.scheme != "https")
    fail(field + ".scheme", fmt::format("expected http or https, not {}", quote(redirect.scheme)));
  if (!redirect.host.empty() &&
      (redirect.host.size() > kMaxServerName || !http::is_authority(redirect.host) ||
       http::is_authority_with_port(redirect.host)))
    fail(field + ".hostname", quote(redirect.host) + " is no host");
  if (redirect.path_kind > HttpRedirect::Path::kPrefix) fail(field, "has no path that is known");
  if (redirect.path_kind != HttpRedirect::Path::kKeep)
    path(redirect.path_kind == HttpRedirect::Path::kFull ? field + ".path" : field + ".prefix",
         redirect.path);
  if (redirect.scheme.empty() && redirect.host.empty() && redirect.port == 0 &&
      redirect.path_kind == HttpRedirect::Path::kKeep)
    fail(field, "leads to where the request came to; give scheme, hostname, port, path or prefix");
}

void ShapeChecker::rewrite(const std::string& field, const HttpRewrite& rewrite) {
  if (!rewrite.host.empty() &&
      (rewrite.host.size() > kMaxServerName || !http::is_authority(rewrite.host)))
    fail(field + ".hostname", quote(rewrite.host) + " is no host");
  if (rewrite.path_kind > HttpRewrite::Path::kPrefix) fail(field, "has no path that is known");
  if (rewrite.path_kind != HttpRewrite::Path::kKeep)
    path(rewrite.path_kind == HttpRewrite::Path::kFull ? field + ".full_path" : field + ".prefix",
         rewrite.path);
  else if (rewrite.host.empty())
    fail(field, "says nothing; give hostname, full_path or prefix");
}

void ShapeChecker::direct(const std::string& field, const HttpDirect& direct) {
  if (direct.status < 200 || direct.status > 599)
    fail(field + ".status", fmt::format("{} is not within 200 to 599", direct.status));
  text(field + ".body", direct.body, 0, kMaxDirectBody);
  const bool bodiless = direct.status == 204 || direct.status == 205 || direct.status == 304;
  if (bodiless && !direct.body.empty())
    fail(field + ".body", fmt::format("a response {} has none", direct.status));
  if (const auto why = why_no_value(direct.content_type); !why.empty())
    fail(field + ".content_type", fmt::format("{} {}", quote(direct.content_type), why));
}

void ShapeChecker::http_times(const std::string& field, const HttpRule& rule) {
  const auto within = [&](Duration time, const char* name, Duration most, const char* expected) {
    if (time != Duration() && (time < kLeastHttpTimeout || time > most))
      fail(fmt::format("{}.{}", field, name), expected);
  };
  within(rule.request_timeout, "request", kMaxRequestTimeout, "expected 1ms to 24h, or 0s: none");
  within(rule.stream_idle, "idle", kMaxIdleTimeout, "expected 1ms to 720h");
  within(rule.connect, "connect", kMaxConnectTimeout, "expected 1ms to 10m");
  within(rule.per_try, "per_try", kMaxRequestTimeout, "expected 1ms to 24h");
  if (rule.request_timeout != Duration() && rule.per_try > rule.request_timeout)
    fail(field + ".per_try", "is longer than request, so it never acts");
}

}  // namespace heddle::policy
