// Ways to endpoints: routes, and neighbours that do not answer.
#include <fmt/format.h>

#include <map>
#include <set>

#include "node_check.h"

namespace heddle::server {
namespace {

using policy::IpAddress;
using policy::IpPrefix;

IpAddress network(const IpAddress& address, uint8_t length) {
  return IpAddress(wire::network_of(address.v6(), length));
}

// The routes that are in use, by the longest prefix.
class Ways {
 public:
  explicit Ways(const std::vector<RouteInfo>& routes) {
    for (const RouteInfo& route : routes)
      if (const auto prefix = IpPrefix::parse(route.prefix); prefix && route.active)
        by_length_[prefix->length].emplace(prefix->address, &route);
  }
  const RouteInfo* find(const IpAddress& address) const {
    for (const auto& [length, routes] : by_length_)
      if (const auto found = routes.find(network(address, length)); found != routes.end())
        return found->second;
    return nullptr;
  }

 private:
  std::map<uint8_t, std::map<IpAddress, const RouteInfo*>, std::greater<>> by_length_;
};

std::string place_of(const policy::Model::EndpointName& endpoint) {
  const std::string address = endpoint.address.text();
  if (endpoint.port == 0) return address;
  return endpoint.address.is_v4() ? fmt::format("{}:{}", address, endpoint.port)
                                  : fmt::format("[{}]:{}", address, endpoint.port);
}

// What is wrong with the way there; or nothing.
std::string why_not(const IpAddress& address, const Ways& ways,
                    const std::set<std::string>& silent) {
  const RouteInfo* route = ways.find(address);
  if (route == nullptr) return "there is no route to it";
  if (route->action == "drop")
    return fmt::format("the route {} drops what goes there", route->prefix);
  if (route->action == "connected")
    return silent.contains(address.text()) ? "no neighbour answers for its address" : "";
  std::string next;
  for (const std::string& via : route->via) {
    next = via.substr(0, via.find(' '));
    if (!silent.contains(next)) return {};
  }
  return next.empty() ? "" : fmt::format("the next hop {} does not answer", next);
}

}  // namespace

void check_reach(const std::vector<policy::Model::EndpointName>& endpoints,
                 const std::vector<RouteInfo>& routes, const std::vector<NeighborInfo>& neighbors,
                 Findings& findings) {
  const Ways ways(routes);
  std::set<std::string> silent;
  for (const NeighborInfo& each : neighbors)
    if (each.state == "failed") silent.insert(each.address);
  for (const policy::Model::EndpointName& each : endpoints) {
    if (each.draining) continue;
    if (const std::string why = why_not(each.address, ways, silent); !why.empty())
      findings.error(fmt::format("Service {}/{}", each.ns, each.service),
                     fmt::format("endpoint {}: {}", place_of(each), why));
  }
}

}  // namespace heddle::server
