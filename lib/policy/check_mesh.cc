// MeshPolicies, and the workloads that they are for.
#include <fmt/format.h>

#include "check.h"
#include "names.h"

namespace heddle::policy {
namespace {

bool has_tls_mode(const MeshPolicy& spec) {
  const MeshModes modes{spec.tls, spec.ports};
  return modes.any(MeshTls::kStrict) || modes.any(MeshTls::kPermissive);
}

}  // namespace

void Checker::check_mesh_policy(const Key& key, const MeshPolicy& spec) {
  for (size_t i = 0; i < spec.trust.size(); ++i)
    material(key, element("spec.trust", i), Kind::kTrustBundle, spec.trust[i]);
  if (has_tls_mode(spec)) {
    if (!has_tls_)
      problems_.add(key, "spec.tls", "this heddled has no TLS: it is built or started without it");
    if (facts_.node.trust_domain.empty())
      problems_.add(key, "spec.tls",
                    "needs identities, and this node has no trust domain: give trust_domain in "
                    "heddled.yaml");
    if (spec.trust.empty())
      problems_.add(
          key, "spec.trust",
          "missing: with STRICT and PERMISSIVE peers show identities, and somebody has to "
          "be believed");
  }
  const auto found = index_.mesh_policies().find(key.ns);
  if (found == index_.mesh_policies().end()) return;
  for (const Resource* other : found->second)
    if (other->key != key && spec.workload_labels.empty() &&
        std::get<MeshPolicy>(other->spec).workload_labels.empty())
      problems_.add(key, "spec.workload_labels",
                    fmt::format("missing: MeshPolicy {} is for all workloads of the namespace "
                                "already",
                                path_of(other->key)));
  const auto& resources = index_.resources();
  for (auto at = resources.lower_bound({Kind::kWorkload, key.ns, {}});
       at != resources.end() && at->first.kind == Kind::kWorkload && at->first.ns == key.ns &&
       !problems_.full();
       ++at)
    if (at->second != nullptr) check_meshed(*at->second, key);
}

void Checker::check_gateway_identity(const Key& key, const Gateway& spec) {
  if (spec.certificate.empty()) return;
  material(key, "spec.certificate", Kind::kSecret, spec.certificate);
  const Resource* policy = index_.wide_mesh_policy(key.ns);
  if (policy == nullptr || std::get<MeshPolicy>(policy->spec).trust.empty())
    problems_.add(
        key, "spec.certificate",
        fmt::format("is for workloads in the mesh, and namespace {} has no MeshPolicy for all of "
                    "its workloads with trust",
                    key.ns));
}

void Checker::check_mesh_ports(const Group& group, const Key& blamed) {
  if (!group.is_workload() || group.service == nullptr) return;
  const size_t ports = group.spec().ports.size();
  if (ports > kMaxServicePorts)
    problems_.add(
        blamed, "",
        fmt::format("Workload {} would have {} ports in the mesh, of Services of HTTP that "
                    "lead to it and of its MeshPolicy; at most {} are allowed",
                    path_of(group.key), ports, kMaxServicePorts));
}

// What another node's workload in the mesh gets is the mesh's: TLS that is asked for otherwise, or
// a header before it, would be left out without a word.
void Checker::check_mesh_terms(const Group& group, const Key& blamed) {
  if (group.key.kind != Kind::kService || group.service == nullptr ||
      group.traffic_policies.empty())
    return;
  const Resource& policy = **group.traffic_policies.begin();
  const auto& spec = std::get<TrafficPolicy>(policy.spec);
  if (!spec.upstream_tls && spec.proxy_protocol == ProxyProtocol::kOff) return;
  const auto check = [&](const Key& workload) {
    const auto peer = index_.mesh_peer(workload);
    if (peer == nullptr ||
        !(peer->modes.any(MeshTls::kStrict) || peer->modes.any(MeshTls::kPermissive)))
      return true;
    problems_.add(
        blamed, "",
        fmt::format("TrafficPolicy {} has {}, which does not act towards Workload {}: it is "
                    "another node's, in the mesh, and gets what the mesh has",
                    path_of(policy.key), spec.upstream_tls ? "upstream_tls" : "proxy_protocol",
                    path_of(workload)));
    return false;
  };
  for (const Resource* workload : index_.selected_by(group))
    if (!check(workload->key)) return;
  for (const Resource* set : group.endpoint_sets)
    for (const Endpoint& endpoint : std::get<EndpointSet>(set->spec).endpoints) {
      const Key* key = index_.workloads().first(endpoint.address);
      if (key != nullptr && key->ns == group.key.ns && !check(*key)) return;
    }
}

// Whether a workload can be in the mesh as policy says. `blamed`: who says so.
void Checker::check_meshed(const Resource& workload, const Key& blamed) {
  const auto found = index_.mesh_policies().find(workload.key.ns);
  if (found == index_.mesh_policies().end()) return;
  const Resource* first = nullptr;
  for (const Resource* policy : found->second) {
    const Labels& labels = std::get<MeshPolicy>(policy->spec).workload_labels;
    if (labels.empty() || !carries(workload, labels)) continue;
    if (first != nullptr)
      return problems_.add(
          blamed, "",
          fmt::format("MeshPolicies {} and {} are both for Workload {}", path_of(first->key),
                      path_of(policy->key), path_of(workload.key)));
    first = policy;
  }
  const Resource* policy = index_.mesh_policy_of(workload);
  if (policy == nullptr || !has_tls_mode(std::get<MeshPolicy>(policy->spec))) return;
  const auto& spec = std::get<Workload>(workload.spec);
  const auto say = [&](const char* field, const char* what) {
    if (blamed == workload.key)
      problems_.add(blamed, field,
                    fmt::format("missing: MeshPolicy {} is for it", path_of(policy->key)));
    else
      problems_.add(
          blamed, "",
          fmt::format("is for Workload {}, which has no {}", path_of(workload.key), what));
  };
  if (spec.service_account.empty()) say("spec.service_account", "service_account");
  if (index_.is_here(spec) && spec.certificate.empty()) say("spec.certificate", "certificate");
}

}  // namespace heddle::policy
