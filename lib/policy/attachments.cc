// What the topology has to know: workloads' addresses, and service addresses.
#include <algorithm>

#include "compile.h"
#include "core/check.h"
#include "names.h"

namespace heddle::policy {

// Keeps port_groups_ in step with the group's endpoints.
void Compiler::attach_group(Group& group, bool addresses_changed) {
  std::vector<uint32_t> ports;
  // Those of other services answer with their own address.
  const bool answers = group.service != nullptr && keeps_packets(group.spec().forwarding);
  for (const auto& endpoint : group.compiled.endpoints) {
    if (!answers) break;
    if (!endpoint.listed) continue;
    const IpAddress& address = endpoint.place.address;
    const Key* key = index_.workloads().first(address);
    const Resource* workload = key == nullptr ? nullptr : index_.find(*key);
    if (workload == nullptr) {
      // An address that heddled.yaml gives to a port, and no Workload names.
      const auto given = facts_.port_addresses.find(address);
      if (given != facts_.port_addresses.end()) ports.push_back(given->second);
      continue;
    }
    if (key->ns != group.key.ns) continue;
    // Of another node it answers there; its port is a name of that node's.
    if (!index_.is_here(std::get<Workload>(workload->spec))) continue;
    const auto port = facts_.workload_port(std::get<Workload>(workload->spec).port);
    HEDDLE_CHECK(port.has_value(), "a workload that was accepted has a port");
    ports.push_back(*port);
  }
  std::ranges::sort(ports);
  ports.erase(std::ranges::unique(ports).begin(), ports.end());
  if (!addresses_changed && ports == group.compiled.ports) return;
  for (const uint32_t port : group.compiled.ports) port_groups_[port].erase(&group);
  for (const uint32_t port : ports) port_groups_[port].insert(&group);
  changed_ports_.insert(group.compiled.ports.begin(), group.compiled.ports.end());
  changed_ports_.insert(ports.begin(), ports.end());
  group.compiled.ports = std::move(ports);
}

Attachments::PortAddresses Compiler::attachments_of(uint32_t port) const {
  Attachments::PortAddresses all{.port = port};
  bool v4 = false, v6 = false;
  const std::vector<IpAddress>& given = facts_.node.ports[port].addresses;
  for (const IpAddress& address : given) (address.is_v4() ? v4 : v6) = true;
  for (const Resource* workload : index_.workloads_at(port)) {
    for (const IpAddress& address : std::get<Workload>(workload->spec).addresses) {
      (address.is_v4() ? v4 : v6) = true;
      if (std::ranges::find(given, address) == given.end()) all.addresses.push_back(address);
    }
  }
  for (const Group* group : port_groups_[port])
    for (const IpAddress& address : group->spec().addresses)
      if (address.is_v4() ? v4 : v6) all.also_from.push_back(address);
  for (std::vector<IpAddress>* list : {&all.addresses, &all.also_from}) {
    std::ranges::sort(*list);
    list->erase(std::ranges::unique(*list).begin(), list->end());
  }
  return all;
}

void Compiler::compile_attachments(const Touched& touched) {
  changed_ports_.insert(touched.ports.begin(), touched.ports.end());
  Attachments next = *attachments_;
  bool changed = false;
  for (const uint32_t port : std::exchange(changed_ports_, {})) {
    Attachments::PortAddresses now = attachments_of(port);
    const auto at =
        std::ranges::lower_bound(next.ports, port, {}, &Attachments::PortAddresses::port);
    const bool there = at != next.ports.end() && at->port == port;
    const bool wanted = !now.addresses.empty() || !now.also_from.empty();
    if (there == wanted && (!there || *at == now)) continue;
    changed = true;
    if (!wanted) {
      next.ports.erase(at);
    } else if (there) {
      *at = std::move(now);
    } else {
      next.ports.insert(at, std::move(now));
    }
  }
  if (touched.service_addresses) {
    std::vector<IpAddress> addresses;
    for (const auto& [address, key] : index_.services().uses) {
      // Packets to an address of the destination itself go there by the routes.
      const auto* external = std::get_if<ExternalService>(&index_.find(*key)->spec);
      if (external != nullptr && external->on_the_way()) continue;
      if (addresses.empty() || addresses.back() != address) addresses.push_back(address);
    }
    changed |= addresses != next.service_addresses;
    next.service_addresses = std::move(addresses);
  }
  if (changed) attachments_ = std::make_shared<const Attachments>(std::move(next));
}

}  // namespace heddle::policy
