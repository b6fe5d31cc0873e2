#include "policy/http_routes.h"

#include <algorithm>
#include <tuple>

#include "http_index.h"
#include "policy/jwt_check.h"
#include "policy/resource.h"

namespace heddle::policy {
namespace {

const Route& route_of(const HttpRoutes::Rule& rule) { return std::get<Route>(rule.route->spec); }

// What does not come from the rule alone; naming all members, so that none is forgotten.
auto numbers_of(const HttpTarget& target) {
  const auto& [choices, total_weight, request, response, redirect, rewrite, direct, mirror, cors,
               request_timeout, stream_idle, connect, slot, route, rule, jwt, retry, per_try] =
      target;
  return std::tie(choices, total_weight, mirror, slot, route, rule);
}

bool are_alike(const HttpRoutes::Rule& a, const HttpRoutes::Rule& b) {
  if (numbers_of(a.target) != numbers_of(b.target) || a.senders != b.senders) return false;
  if (!point_alike(a.target.jwt, b.target.jwt)) return false;
  if (a.route == b.route) return true;
  return route_of(a).hostnames == route_of(b).hostnames &&
         route_of(a).http[a.target.rule] == route_of(b).http[b.target.rule];
}

size_t bytes_of(const HttpFieldChange& change) {
  size_t bytes = 0;
  for (const auto* list : {&change.set, &change.add})
    for (const HttpField& field : *list)
      bytes += sizeof(HttpField) + field.name.capacity() + field.value.capacity();
  for (const std::string& name : change.remove) bytes += sizeof(std::string) + name.capacity();
  return bytes;
}

size_t bytes_of(const HttpTarget& target) {
  size_t bytes = target.choices.capacity() * sizeof(Choice) + bytes_of(target.request) +
                 bytes_of(target.response);
  if (target.redirect) bytes += target.redirect->host.capacity() + target.redirect->path.capacity();
  if (target.rewrite) bytes += target.rewrite->host.capacity() + target.rewrite->path.capacity();
  if (target.direct) bytes += target.direct->body.capacity();
  if (target.cors != nullptr) bytes += target.cors->bytes();
  if (target.jwt != nullptr) bytes += sizeof(JwtCheck);
  if (target.retry != nullptr) bytes += sizeof(Retry);
  return bytes;
}

std::vector<HttpRoutes::Rule> with_cors(std::vector<HttpRoutes::Rule> rules) {
  for (HttpRoutes::Rule& rule : rules)
    if (const auto& cors = route_of(rule).http[rule.target.rule].cors)
      rule.target.cors = std::make_shared<const HttpCorsTarget>(*cors);
  return rules;
}

}  // namespace

HttpRoutes::HttpRoutes(std::vector<Rule> rules)
    : rules_(with_cors(std::move(rules))),
      index_(std::make_unique<const HttpIndex>(rules_)),
      asks_tokens_(std::ranges::any_of(
          rules_, [](const Rule& rule) { return rule.target.jwt != nullptr; })) {}

HttpRoutes::~HttpRoutes() = default;

HttpMatched HttpRoutes::find(const http::Message& request, InterfaceId source) const {
  const std::string_view target = request.path();
  const size_t mark = std::min(target.find('?'), target.size());
  const std::string_view query = target.substr(std::min(mark + 1, target.size()));
  return index_->find({request, target.substr(0, mark), query, source});
}

bool HttpRoutes::is_of(std::span<const Rule> rules) const {
  return std::ranges::equal(rules_, rules, are_alike);
}

size_t HttpRoutes::bytes() const {
  size_t bytes = sizeof(HttpRoutes) + rules_.capacity() * sizeof(Rule) + index_->bytes();
  for (const Rule& rule : rules_)
    bytes += bytes_of(rule.target) + rule.senders.capacity() * sizeof(Senders);
  return bytes;
}

}  // namespace heddle::policy
