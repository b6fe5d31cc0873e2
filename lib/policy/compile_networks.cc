// NetworkIdentities, from the index to what workers read.
#include <fmt/format.h>

#include "compile.h"

namespace heddle::policy {

// Before they are compiled.
void Compiler::name_network(const Key& key) {
  const Resource* resource = index_.find(key);
  if (resource == nullptr) return network_slots_.remove(key);
  const bool is_new = !network_slots_.has(key);
  network_slots_.add(key);
  if (is_new) fresh_networks_.push_back(network_slots_.at(key));
}

void Compiler::compile_networks(const Touched& touched) {
  if (!touched.networks) return;
  std::vector<Networks::Identity> identities;
  std::vector<Networks::Entry> entries;
  for (const Resource* resource : index_.networks_here()) {
    const auto& spec = std::get<NetworkIdentity>(resource->spec);
    const auto at = static_cast<uint32_t>(identities.size());
    for (const IpPrefix& prefix : spec.cidrs) entries.push_back({prefix, at});
    const Key& key = resource->key;
    identities.push_back({.ns = key.ns,
                          .name = key.name,
                          .service_account = spec.service_account,
                          .trust_domain = facts_.node.trust_domain,
                          .text = fmt::format("address:{}/{}", key.ns, spec.service_account),
                          .slot = network_slots_.at(key)});
  }
  std::vector<bool> uplinks;
  for (const NodeFacts::Port& port : facts_.node.ports) uplinks.push_back(port.is_uplink);
  std::shared_ptr<const Networks> next;
  if (!entries.empty())
    next = std::make_shared<const Networks>(std::move(identities), std::move(entries),
                                            std::move(uplinks));
  std::shared_ptr<const Networks>& before = current_.networks;
  if (next == before || (next != nullptr && before != nullptr && *next == *before)) return;
  // Whoever was let in by its address may be somebody else now.
  flows_cut_ = true;
  before = std::move(next);
}

}  // namespace heddle::policy
