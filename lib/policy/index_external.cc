// ExternalServices and OutboundPolicies in the index.
#include <algorithm>

#include "index.h"

namespace heddle::policy {

void Index::link_external_endpoints(const Key& key, const ExternalService& spec, Change change) {
  if (spec.on_the_way())
    for (const IpAddress& address : spec.service.addresses)
      put(endpoints_.uses, AddressIndex::Use{address, &key}, change);
  for (const Endpoint& endpoint : spec.endpoints)
    put(endpoints_.uses, AddressIndex::Use{endpoint.address, &key}, change);
  if (!spec.exported) return;
  for (const std::string& host : spec.hosts) {
    const auto at = exported_hosts_.try_emplace(host).first;
    put(at->second, key, change);
    if (at->second.empty()) exported_hosts_.erase(at);
  }
}

const Key* Index::other_exporter(const std::string& host, const Key& me) const {
  const auto found = exported_hosts_.find(host);
  if (found == exported_hosts_.end()) return nullptr;
  for (const Key& each : found->second)
    if (each != me) return &each;
  return nullptr;
}

const Key* Index::external_at(const IpAddress& address) const {
  const auto [first, last] = endpoints_.all(address);
  const auto found = std::find_if(first, last, [](const AddressIndex::Use& use) {
    return use.second->kind == Kind::kExternalService;
  });
  return found == last ? nullptr : found->second;
}

void Index::link_outbound_policy(const Resource& resource, Change change, Touched& touched) {
  const std::string& ns = resource.key.ns;
  ResourceSet& policies = outbound_policies_[ns];
  put(policies, &resource, change);
  if (policies.empty()) outbound_policies_.erase(ns);
  touched.outbound = true;
  // Who may not send anywhere has its flows remembered.
  for (uint32_t port = 0; port < port_workloads_.size(); ++port)
    for (const Resource* workload : port_workloads_[port])
      if (workload->key.ns == ns) touched.guards.insert(port);
}

const Resource* Index::outbound_policy(const std::string& ns) const {
  const auto found = outbound_policies_.find(ns);
  return found == outbound_policies_.end() ? nullptr : *found->second.begin();
}

const Key* Index::other_outbound_policy(const Key& me) const {
  const auto found = outbound_policies_.find(me.ns);
  if (found == outbound_policies_.end()) return nullptr;
  for (const Resource* each : found->second)
    if (each->key != me) return &each->key;
  return nullptr;
}

Outbound Index::outbound_of(const std::string& ns) const {
  const Resource* policy = outbound_policy(ns);
  return policy == nullptr ? Outbound::kAllow : std::get<OutboundPolicy>(policy->spec).mode;
}

}  // namespace heddle::policy
