#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "device.h"
#include "ports.h"

namespace heddle::config {
namespace {

using app::PortConfig;
using app::Role;

// The value of a key that the port is known to have.
Field at(const Ports& all, size_t port, std::string_view key) {
  return *all.fields[port].find(key);
}

Result<> check_names(const Ports& all) {
  std::map<std::string_view, size_t> names;
  std::map<std::string, size_t> devices;
  std::optional<size_t> host;
  for (size_t i = 0; i < all.ports.size(); ++i) {
    const PortConfig& port = all.ports[i];
    if (const auto [first, fresh] = names.emplace(port.name, i); !fresh)
      return at(all, i, "name")
          .fail("\"{}\" is also the name of the port on line {}; expected another", port.name,
                all.ports[first->second].line);
    if (port.role == Role::kHost && host)
      return at(all, i, "role")
          .fail("port {} is a host port too; expected at most one", all.ports[*host].name);
    if (port.role == Role::kHost) host = i;
    const std::string identity = port.device ? device_identity(*port.device) : "";
    if (identity.empty()) continue;
    if (const auto [first, fresh] = devices.emplace(identity, i); !fresh)
      return at(all, i, "device")
          .fail("port {} has the same device; expected another", all.ports[first->second].name);
  }
  return {};
}

Result<> check_vlan(const Ports& all, size_t i, std::set<std::pair<size_t, VlanId>>& seen) {
  const PortConfig& port = all.ports[i];
  const Field field = at(all, i, "parent");
  const auto parent = std::ranges::find(all.ports, port.parent, &PortConfig::name);
  if (parent == all.ports.end()) {
    std::vector<std::string_view> names;
    for (const PortConfig& each : all.ports)
      if (each.device && each.role == Role::kUplink) names.push_back(each.name);
    return field.fail("there is no port \"{}\"; expected an uplink with a device{}", port.parent,
                      did_you_mean(port.parent, names));
  }
  if (!parent->device)
    return field.fail("port {} is a VLAN itself; expected an uplink with a device", parent->name);
  if (parent->role != Role::kUplink)
    return field.fail("port {} is no uplink; expected an uplink with a device", parent->name);
  const auto index = static_cast<size_t>(parent - all.ports.begin());
  if (!seen.emplace(index, port.vlan).second)
    return at(all, i, "vlan")
        .fail("VLAN {} of port {} given twice; expected once", port.vlan.value(), parent->name);
  if (port.mtu && parent->mtu && *port.mtu > *parent->mtu)
    return at(all, i, "mtu")
        .fail("{} is above the {} of port {}; expected at most that", *port.mtu, *parent->mtu,
              parent->name);
  return {};
}

Result<> check_vlans(const Ports& all) {
  std::set<std::pair<size_t, VlanId>> seen;
  for (size_t i = 0; i < all.ports.size(); ++i)
    if (!all.ports[i].device) HEDDLE_TRY(check_vlan(all, i, seen));
  for (size_t i = 0; i < all.ports.size(); ++i) {
    const PortConfig& port = all.ports[i];
    if (port.role != Role::kUplink || !port.addresses4.empty() || !port.addresses6.empty())
      continue;
    const bool parent =
        std::ranges::find(all.ports, port.name, &PortConfig::parent) != all.ports.end();
    if (!parent)
      return all.fields[i].missing("addresses",
                                   "at least one, as no VLAN has this port as its parent");
  }
  return {};
}

// An address may stand once among those of all uplinks and workloads.
Result<> check_owners(Ports& all) {
  for (const auto* list : {&all.own, &all.workloads})
    for (const Placed& each : *list) {
      const auto [first, fresh] = all.owners.emplace(each.subnet.address, each.port);
      if (fresh) continue;
      return each.field.fail("{} is given for port {} and for port {}; expected once",
                             text_of(each.subnet.address), all.ports[first->second].name,
                             all.ports[each.port].name);
    }
  return {};
}

Result<> check_subnets(const Ports& all) {
  for (size_t i = 0; i < all.own.size(); ++i) {
    const Placed& later = all.own[i];
    for (size_t j = 0; j < i; ++j) {
      const Placed& first = all.own[j];
      if (first.port == later.port || !overlap(first.subnet, later.subnet)) continue;
      return later.field.fail("{} overlaps {} of port {}; expected a subnet of its own",
                              text_of(later.subnet), text_of(first.subnet),
                              all.ports[first.port].name);
    }
  }
  for (const Placed& workload : all.workloads)
    for (const Placed& own : all.own) {
      if (!contains(own.subnet, workload.subnet.address)) continue;
      const auto why = reserved_in(own.subnet, workload.subnet.address);
      if (why.empty()) continue;
      return workload.field.fail("{} is {} of {} on port {}; expected a host's address",
                                 text_of(workload.subnet.address), why, text_of(own.subnet),
                                 all.ports[own.port].name);
    }
  return {};
}

// A gateway or a neighbor: a host in a subnet of its port, and nobody that we know.
Result<> check_on_link(const Ports& all, const Placed& host) {
  const app::IpAddress& address = host.subnet.address;
  const std::string& name = all.ports[host.port].name;
  const std::string text = text_of(address);
  if (const auto owner = all.owners.find(address); owner != all.owners.end())
    return host.field.fail("{} is an address of port {}; expected another host's", text,
                           all.ports[owner->second].name);
  if (is_ipv6_link_local(address)) return {};
  bool inside = false;
  for (const Placed& own : all.own) {
    if (own.port != host.port || !contains(own.subnet, address)) continue;
    inside = true;
    if (const auto why = reserved_in(own.subnet, address); !why.empty())
      return host.field.fail("{} is {} of {}; expected a host's address", text, why,
                             text_of(own.subnet));
  }
  if (!inside)
    return host.field.fail("{} is in no subnet of port {}; expected one in its addresses", text,
                           name);
  return {};
}

Result<> check_neighbors(const Ports& all) {
  std::set<std::pair<size_t, app::IpAddress>> seen;
  for (const Placed& neighbor : all.neighbors) {
    const app::IpAddress& address = neighbor.subnet.address;
    if (!seen.emplace(neighbor.port, address).second)
      return neighbor.field.fail("{} given twice; expected one MAC address for it",
                                 text_of(address));
    if (all.ports[neighbor.port].role == Role::kUplink) {
      HEDDLE_TRY(check_on_link(all, neighbor));
      continue;
    }
    const auto owner = all.owners.find(address);
    if (owner == all.owners.end() || owner->second != neighbor.port)
      return neighbor.field.fail(
          "{} is no address of port {}; expected one of its workload_addresses", text_of(address),
          all.ports[neighbor.port].name);
  }
  return {};
}

}  // namespace

Result<> check_ports(Ports& all) {
  HEDDLE_TRY(check_names(all));
  HEDDLE_TRY(check_vlans(all));
  HEDDLE_TRY(check_owners(all));
  HEDDLE_TRY(check_subnets(all));
  for (const Placed& gateway : all.gateways) HEDDLE_TRY(check_on_link(all, gateway));
  return check_neighbors(all);
}

}  // namespace heddle::config
