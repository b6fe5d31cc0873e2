// Rules for requests and requests, in a line each.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/message.h"
#include "resources.h"

namespace heddle::policy::test {

using FieldList = std::vector<std::pair<std::string, std::string>>;

// A request's head, as a parser makes it.
class Request {
 public:
  Request(std::string_view method, std::string_view host, std::string_view path,
          const FieldList& fields = {}) {
    message.set_method(method);
    message.set_authority(host);
    message.set_path(path);
    for (const auto& [name, value] : fields) message.fields.add(name, value);
  }

 private:
  std::vector<uint8_t> memory_ = std::vector<uint8_t>(48 * 1024);

 public:
  http::Message message{memory_};
};

inline ServicePort http_port(std::string name = "http", uint16_t number = 80,
                             HttpUpstream upstream = HttpUpstream::kHttp1) {
  return {.name = std::move(name), .number = number, .http = upstream};
}

inline Service http_service(std::initializer_list<const char*> addresses,
                            std::vector<ServicePort> ports = {http_port()}) {
  return service(addresses, std::move(ports));
}

inline PathMatch exact(std::string path) { return {PathMatch::Kind::kExact, std::move(path)}; }
inline PathMatch under(std::string path) { return {PathMatch::Kind::kPrefix, std::move(path)}; }
inline PathMatch regex(std::string path) { return {PathMatch::Kind::kRegex, std::move(path)}; }

inline NamedMatch is(std::string name, std::string text,
                     TextMatch::Kind kind = TextMatch::Kind::kExact) {
  return {std::move(name), {kind, std::move(text)}};
}

inline HttpMatch asks(PathMatch path, std::string method = {}, std::vector<NamedMatch> fields = {},
                      std::vector<NamedMatch> query = {}) {
  HttpMatch match;
  match.path = std::move(path);
  match.method = std::move(method);
  match.fields = std::move(fields);
  match.query = std::move(query);
  return match;
}

inline HttpMatch sent_by(HttpSource source) {
  HttpMatch match;
  match.source = std::move(source);
  return match;
}

// With a backend, so that it is one.
inline HttpRule rule(std::vector<HttpMatch> matches, std::string to = "cart") {
  return {.matches = std::move(matches), .backends = {backend(std::move(to))}};
}

inline Route http_route(std::vector<HttpRule> rules, std::vector<std::string> hostnames = {},
                        std::string of = "cart") {
  return {.service = std::move(of), .http = std::move(rules), .hostnames = std::move(hostnames)};
}

// "shop/r 2", the rule that the request follows; "none".
inline std::string followed(const World& world, const Request& request,
                            InterfaceId source = kNoInterface, const char* address = "10.96.0.1",
                            uint16_t port = 80) {
  const Frontend* frontend = world.frontend(address, port);
  if (frontend == nullptr || frontend->http == nullptr) return "no rules";
  const HttpTarget* target = frontend->http->find(request.message, source).target;
  if (target == nullptr) return "none";
  const std::string route = world.model.route_name(target->route);
  const Model::HttpRuleName name = world.model.http_rule_name(target->slot);
  EXPECT_EQ(name.route, route);
  EXPECT_EQ(name.rule, target->rule);
  return route + " " + std::to_string(target->rule);
}

}  // namespace heddle::policy::test
