// A service with many Routes, as policy compiles it.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "policy/model.h"

namespace heddle::bench {

template <class Spec>
policy::Edit put(std::string name, Spec spec) {
  auto resource = std::make_shared<policy::Resource>();
  const auto kind = static_cast<policy::Kind>(decltype(policy::Resource::spec)(Spec()).index());
  resource->key = {kind, "shop", std::move(name)};
  resource->spec = std::move(spec);
  return {resource->key, std::move(resource)};
}

// What a set of routes asks for.
struct RouteShape {
  const char* name = "prefix";
  policy::PathMatch::Kind kind = policy::PathMatch::Kind::kPrefix;
  bool by_host = false;  // a host for each, else any
};

inline std::string host_of(uint32_t i) { return "host-" + std::to_string(i) + ".shop.example"; }
inline std::string prefix_of(uint32_t i) {
  return "/api/v" + std::to_string(i % 7) + "/team-" + std::to_string(i);
}
// That route `i` is for, whatever its shape.
inline std::string path_of(uint32_t i) { return prefix_of(i) + "/items/4711"; }

inline policy::Edit route(const RouteShape& shape, uint32_t i, uint32_t weight = 1) {
  using Kind = policy::PathMatch::Kind;
  policy::Route spec{.service = "cart"};
  policy::HttpRule& rule = spec.http.emplace_back();
  policy::HttpMatch& match = rule.matches.emplace_back();
  match.path = {shape.kind, shape.kind == Kind::kRegex   ? prefix_of(i) + "/[a-z0-9/]+"
                            : shape.kind == Kind::kExact ? path_of(i)
                                                         : prefix_of(i)};
  if (shape.by_host) spec.hostnames.push_back(host_of(i));
  rule.backends.push_back({.service = "cart", .ns = "shop", .weight = weight});
  return put("route-" + std::to_string(i), std::move(spec));
}

// The service "cart" and its routes, staged.
inline void stage_routes(policy::Model& model, const RouteShape& shape, uint32_t routes) {
  std::vector<policy::Edit> edits;
  policy::Service service{.addresses = {policy::IpAddress::parse("10.96.0.1").value()}};
  service.ports.push_back({.name = "http", .number = 80, .http = policy::HttpUpstream::kHttp1});
  edits.push_back(put("cart", std::move(service)));
  for (uint32_t i = 0; i < routes; ++i) edits.push_back(route(shape, i));
  if (const auto problems = model.stage(edits); !problems.empty()) {
    std::fprintf(stderr, "%s\n", problems[0].text.c_str());
    std::exit(1);
  }
}

}  // namespace heddle::bench
