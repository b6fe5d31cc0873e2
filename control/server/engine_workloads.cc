// Workloads as the node knows them: its own and others', and how they are in the mesh.
#include "engine.h"

namespace heddle::server {

void Engine::list_workloads(v1::ListWorkloadsResponse& response) const {
  list_networks(response);
  const std::vector<uint64_t> refused = target_->outbound_refused();
  for (auto at = content_.lower_bound({policy::Kind::kWorkload, "", ""});
       at != content_.end() && at->first.kind == policy::Kind::kWorkload; ++at) {
    const policy::Resource* resource = model_.find(at->first);
    if (resource == nullptr) continue;
    const auto& spec = std::get<policy::Workload>(resource->spec);
    v1::WorkloadInfo& info = *response.add_workloads();
    info.set_namespace_(at->first.ns);
    info.set_name(at->first.name);
    info.set_here(model_.is_here(spec));
    info.set_node(info.here() ? options_.facts.node : spec.node);
    if (info.here()) info.set_port(spec.port);
    for (const policy::IpAddress& address : spec.addresses) info.add_addresses(address.text());
    info.set_identity(model_.identity_of(*resource));
    const auto mesh = model_.mesh_of(*resource);
    if (mesh) info.set_mesh(policy::name_of(mesh->tls));
    if (mesh)
      for (const auto& [port, mode] : mesh->ports)
        info.add_mesh_ports(fmt::format("{} {}", port, policy::name_of(mode)));
    info.set_outbound(policy::name_of(model_.outbound_of(*resource)));
    if (!info.here()) continue;
    info.set_certificate(spec.certificate);
    const InterfaceId behind = model_.interface_of(spec);
    if (behind.index() < refused.size()) info.set_outbound_refused(refused[behind.index()]);
  }
}

// Who is known by address alone, behind those whose identity is their own.
void Engine::list_networks(v1::ListWorkloadsResponse& response) const {
  std::map<policy::Key, uint32_t> slots;
  if (const auto& networks = compiled_.snapshot->networks; networks != nullptr)
    for (const policy::Networks::Identity& each : networks->identities())
      slots[{policy::Kind::kNetworkIdentity, each.ns, each.name}] = each.slot;
  for (auto at = content_.lower_bound({policy::Kind::kNetworkIdentity, "", ""});
       at != content_.end() && at->first.kind == policy::Kind::kNetworkIdentity; ++at) {
    const policy::Resource* resource = model_.find(at->first);
    if (resource == nullptr) continue;
    const auto& spec = std::get<policy::NetworkIdentity>(resource->spec);
    v1::NetworkInfo& info = *response.add_networks();
    info.set_namespace_(at->first.ns);
    info.set_name(at->first.name);
    info.set_service_account(spec.service_account);
    for (const policy::IpPrefix& prefix : spec.cidrs) info.add_cidrs(prefix.text());
    const auto slot = slots.find(at->first);
    info.set_here(slot != slots.end());
    info.set_node(info.here() ? options_.facts.node : spec.node);
    if (!info.here()) continue;
    const auto base = network_baselines_.find(slot->second);
    info.set_flows(target_->network_counts(std::span(&slot->second, 1))[0] -
                   (base == network_baselines_.end() ? 0 : base->second));
  }
}

}  // namespace heddle::server
