// What the workloads of this node show to those of others.
#include <algorithm>

#include "compile.h"
#include "names.h"
#include "tls_use.h"

namespace heddle::policy {

std::shared_ptr<const MeshPeer> Compiler::mesh_peer_at(const Group& group,
                                                       const Candidate& candidate) const {
  if (candidate.workload != nullptr) return index_.mesh_peer(candidate.workload->key);
  const Key* key = index_.workloads().first(candidate.place.address);
  return key == nullptr || key->ns != group.key.ns ? nullptr : index_.mesh_peer(*key);
}

std::shared_ptr<const MeshIdentity> Compiler::identity_of(const Resource& resource) const {
  const auto* gateway = std::get_if<Gateway>(&resource.spec);
  const std::vector<TlsUse> uses =
      gateway != nullptr ? gateway_uses(index_, resource) : mesh_uses(index_, resource);
  if (uses.empty()) return nullptr;
  MeshIdentity identity;
  identity.trust_domain = facts_.node.trust_domain;
  identity.ns = resource.key.ns;
  identity.service_account = gateway != nullptr ? gateway->service_account
                                                : std::get<Workload>(resource.spec).service_account;
  identity.id = index_.identity_of(identity.ns, identity.service_account);
  identity.http2 = shelf_.find(uses[0]);
  identity.http1 = shelf_.find(uses[1]);
  identity.tcp = shelf_.find(uses[2]);
  return std::make_shared<const MeshIdentity>(std::move(identity));
}

void Compiler::compile_identities() {
  std::vector<std::shared_ptr<const MeshIdentity>> next;
  for (const Resource* workload : index_.meshed_here()) {
    const auto port = facts_.workload_port(std::get<Workload>(workload->spec).port);
    auto identity = identity_of(*workload);
    if (!port || identity == nullptr) continue;
    next.resize(facts_.node.ports.size());
    auto& before = current_.identities;
    if (*port < before.size() && point_alike(before[*port], identity)) identity = before[*port];
    next[*port] = std::move(identity);
  }
  current_.identities = std::move(next);
}

// What is let into the workload behind a port without having come through TLS.
std::optional<MeshModes> Compiler::modes_at(uint32_t port) const {
  for (const Resource* workload : index_.workloads_at(port))
    if (const Resource* policy = index_.mesh_policy_of(*workload)) {
      const auto& mesh = std::get<MeshPolicy>(policy->spec);
      return MeshModes{mesh.tls, mesh.ports};
    }
  return {};
}

}  // namespace heddle::policy
