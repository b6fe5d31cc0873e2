#include "routes.h"

#include <algorithm>
#include <array>
#include <map>

namespace heddle::config {
namespace {

constexpr size_t kMaxRoutes = 65536;
constexpr size_t kMaxNextHops = 16;
constexpr std::array<std::string_view, 3> kKeys = {"prefix", "via", "action"};
constexpr std::array<std::string_view, 1> kActions = {"drop"};
constexpr std::string_view kViaExpected = "via: ADDRESS, via: [ADDRESS, ...] or action: drop";

// Who else already has a route to a prefix: "the subnet of port wan".
using Taken = std::map<std::pair<app::IpAddress, uint8_t>, std::string>;

std::pair<app::IpAddress, uint8_t> key_of(const Subnet& subnet) {
  return {std::visit(
              [&](const auto& a) -> app::IpAddress { return wire::network_of(a, subnet.length); },
              subnet.address),
          subnet.length};
}

Taken taken_by_ports(const Ports& ports) {
  Taken taken;
  const auto name = [&](const Placed& placed) { return ports.ports[placed.port].name; };
  for (const Placed& own : ports.own) {
    taken.emplace(key_of(own.subnet), "the subnet of port " + name(own));
    const auto length = static_cast<uint8_t>(is_ipv4(own.subnet.address) ? 32 : 128);
    taken.emplace(key_of({own.subnet.address, length}), "an address of port " + name(own));
  }
  for (const Placed& workload : ports.workloads)
    taken.emplace(key_of(workload.subnet), "an address of port " + name(workload));
  for (const Placed& gateway : ports.gateways)
    taken.emplace(key_of({gateway.subnet.address, 0}),
                  "what the gateway of port " + name(gateway) + " is for");
  return taken;
}

Result<> read_next_hop(const Field& field, const Subnet& prefix, const Ports& ports,
                       std::vector<app::IpAddress>& via) {
  app::IpAddress address;
  HEDDLE_TRY(read_address(field, LinkLocal::kRefused, address));
  const std::string text = text_of(address);
  if (is_ipv4(address) != is_ipv4(prefix.address))
    return field.fail("{} is not of the prefix's family; expected an {} address", text,
                      is_ipv4(prefix.address) ? "IPv4" : "IPv6");
  if (std::ranges::find(via, address) != via.end())
    return field.fail("{} given twice; expected once", text);
  if (const auto owner = ports.owners.find(address); owner != ports.owners.end())
    return field.fail("{} is an address of port {}; expected another router's", text,
                      ports.ports[owner->second].name);
  const auto subnet = std::ranges::find_if(
      ports.own, [&](const Placed& own) { return contains(own.subnet, address); });
  if (subnet == ports.own.end())
    return field.fail("{} is in no subnet of an uplink; expected one in an uplink's addresses",
                      text);
  if (const auto why = reserved_in(subnet->subnet, address); !why.empty())
    return field.fail("{} is {} of {}; expected a router's address", text, why,
                      text_of(subnet->subnet));
  via.push_back(address);
  return {};
}

Result<> read_next_hops(const Field& field, const Subnet& prefix, const Ports& ports,
                        std::vector<app::IpAddress>& via) {
  if (field.node().kind != Node::Kind::kList) return read_next_hop(field, prefix, ports, via);
  HEDDLE_TRY(check_list(field, 1, kMaxNextHops, "next hops"));
  for (size_t i = 0; i < field.node().children.size(); ++i)
    HEDDLE_TRY(read_next_hop(field.item(i), prefix, ports, via));
  return {};
}

template <class Address>
void add_route(const Subnet& prefix, const std::vector<app::IpAddress>& via, int line,
               std::vector<app::StaticRoute<wire::Prefix<Address>, Address>>& out) {
  auto& route = out.emplace_back();
  route.prefix = {std::get<Address>(prefix.address), prefix.length};
  for (const app::IpAddress& hop : via) route.via.push_back(std::get<Address>(hop));
  route.line = line;
}

Result<> read_route(const Field& field, const Ports& ports, Taken& taken, app::NodeConfig& out) {
  const auto fields = Fields::of(field, kKeys);
  if (!fields) return std::unexpected(fields.error());
  const auto prefix_field = fields->need("prefix", "PREFIX/LENGTH as 10.0.0.0/8 or fd00::/8");
  if (!prefix_field) return std::unexpected(prefix_field.error());
  Subnet prefix;
  HEDDLE_TRY(read_prefix(*prefix_field, prefix));
  const auto [first, fresh] = taken.emplace(
      key_of(prefix), fmt::format("the prefix of the route on line {}", field.line()));
  if (!fresh)
    return prefix_field->fail("{} is already {}; expected another prefix", text_of(prefix),
                              first->second);
  const auto via_field = fields->find("via");
  const auto action = fields->find("action");
  if (!via_field && !action) return fields->missing("via", kViaExpected);
  if (via_field && action)
    return action->fail("given together with via; expected {}", kViaExpected);
  std::vector<app::IpAddress> via;
  if (via_field) HEDDLE_TRY(read_next_hops(*via_field, prefix, ports, via));
  if (action) HEDDLE_TRY(read_choice(*action, kActions));
  if (is_ipv4(prefix.address))
    add_route(prefix, via, field.line(), out.routes4);
  else
    add_route(prefix, via, field.line(), out.routes6);
  return {};
}

}  // namespace

Result<> read_routes(const Field& list, const Ports& ports, app::NodeConfig& out) {
  HEDDLE_TRY(check_list(list, 0, kMaxRoutes, "routes"));
  Taken taken = taken_by_ports(ports);
  for (size_t i = 0; i < list.node().children.size(); ++i)
    HEDDLE_TRY(read_route(list.item(i), ports, taken, out));
  return {};
}

}  // namespace heddle::config
