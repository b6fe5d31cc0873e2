// Rules for requests against what is there.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "check.h"
#include "http_path.h"
#include "http_regex.h"
#include "names.h"
#include "policy/limits.h"

namespace heddle::policy {
namespace {

bool is_http(const ServicePort& port) { return port.http.has_value(); }
bool is_http2(const ServicePort& port) {
  return is_http(port) && port.http != HttpUpstream::kHttp1;
}
// Not of bytes as well.
bool is_http_alone(const ServicePort& port) { return is_http(port) && !port.sniffed; }

}  // namespace

void Checker::check_http(const Key& key, const Route& spec, const Service* target) {
  const std::string kind = spec.grpc ? "spec.grpc" : "spec.http";
  const bool listens = !spec.gateway.empty();  // for either version
  if (target != nullptr &&
      std::ranges::none_of(target->ports, spec.grpc && !listens ? is_http2 : is_http))
    problems_.add(key, kind,
                  fmt::format("{} has no {} of protocol {}", title_of(target_of(key, spec)),
                              listens ? "listener" : "port",
                              listens     ? "http"
                              : spec.grpc ? "grpc or http2"
                                          : "http, http2 or grpc"));
  for (size_t i = 0; i < spec.http.size() && !problems_.full(); ++i) {
    const std::string field = fmt::format("{}[{}]", kind, i);
    for (size_t j = 0; j < spec.http[i].backends.size(); ++j)
      check_backend({key, spec, fmt::format("{}.backends[{}]", field, j)},
                    spec.http[i].backends[j]);
    check_filters(key, spec, field + ".filters", spec.http[i]);
    check_jwt(key, field + ".jwt", spec.http[i].jwt);
    for (size_t j = 0; j < spec.http[i].matches.size(); ++j)
      check_regexes(key, fmt::format("{}.matches[{}]", field, j), spec.http[i].matches[j]);
  }
}

// Here and not with the shape, where their number is not bounded yet.
void Checker::check_regex(const Key& key, const std::string& field, const std::string& text) {
  std::string why;
  if (make_regex(text, &why) == nullptr)
    problems_.add(key, field + ".regex", quote(text) + " " + why);
}

void Checker::check_filters(const Key& key, const Route& spec, const std::string& field,
                            const HttpRule& rule) {
  if (rule.mirror)
    check_backend({key, spec, fmt::format("{}[{}].mirror.backend", field, rule.filters.mirror)},
                  rule.mirror->backend);
  if (!rule.cors) return;
  const std::vector<TextMatch>& origins = rule.cors->origins;
  for (size_t i = 0; i < origins.size(); ++i)
    if (origins[i].kind == TextMatch::Kind::kRegex)
      check_regex(key, fmt::format("{}[{}].cors.origins[{}]", field, rule.filters.cors, i),
                  origins[i].text);
}

void Checker::check_regexes(const Key& key, const std::string& field, const HttpMatch& match) {
  const auto check = [&](const std::string& at, const std::string& text) {
    check_regex(key, at, text);
  };
  if (match.path.kind == PathMatch::Kind::kRegex) check(field + ".path", match.path.text);
  const auto check_all = [&](const char* name, const std::vector<NamedMatch>& matches) {
    for (size_t i = 0; i < matches.size(); ++i)
      if (matches[i].value.kind == TextMatch::Kind::kRegex)
        check(fmt::format("{}.{}[{}]", field, name, i), matches[i].value.text);
  };
  check_all("headers", match.fields);
  check_all("query", match.query);
}

// Matches that ask for one host and path are asked one after the other.
void Checker::check_alike(const Group& group) {
  std::map<std::tuple<std::string_view, PathMatch::Kind, std::string_view>, size_t> alike;
  static const std::vector<std::string> kAnyHost = {""};
  static const std::vector<HttpMatch> kAnyRequest(1);
  for (const Resource* route : group.routes) {
    const auto& spec = std::get<Route>(route->spec);
    for (size_t i = 0; i < spec.http.size() && !problems_.full(); ++i) {
      const HttpRule& rule = spec.http[i];
      for (const HttpMatch& match : rule.matches.empty() ? kAnyRequest : rule.matches)
        for (const std::string& host : spec.hostnames.empty() ? kAnyHost : spec.hostnames) {
          const PathMatch& path = match.path;
          const std::string_view text =
              path.kind == PathMatch::Kind::kPrefix ? without_last_slash(path.text) : path.text;
          if (++alike[{host, path.kind, text}] == kMaxAlikeMatches + 1)
            problems_.add(route->key,
                          fmt::format("{}[{}]", spec.grpc ? "spec.grpc" : "spec.http", i),
                          fmt::format("more than {} matches of all Routes of {} ask for the same "
                                      "host and path",
                                      kMaxAlikeMatches, title_of(group.key)));
        }
    }
  }
}

// Rules under tcp are for connections that are led as a whole.
void Checker::check_tcp_ports(const Key& key, const Route& spec, const Service& target) {
  for (size_t i = 0; i < spec.rules.size() && !problems_.full(); ++i) {
    const std::string& name = spec.rules[i].port;
    const std::string field = element("spec.tcp", i) + ".port";
    if (name.empty() && std::ranges::all_of(target.ports, is_http_alone))
      problems_.add(key, field,
                    fmt::format("Service {}/{} has ports of HTTP alone, whose rules are under http",
                                key.ns, spec.service));
    for (const ServicePort& port : target.ports)
      if (port.name == name && is_http_alone(port))
        problems_.add(
            key, field,
            fmt::format("port {} is one of HTTP, whose rules are under http", quote(name)));
  }
}

}  // namespace heddle::policy
