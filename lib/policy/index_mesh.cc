// The mesh in the index: which workloads are in it, and what is made of them. All of it follows
// from the resources, so it is made again for namespaces that were touched.
#include <fmt/format.h>

#include <algorithm>

#include "index.h"
#include "names.h"

namespace heddle::policy {
namespace {

ClientTls client_tls_of(MeshTls mode) {
  switch (mode) {
    case MeshTls::kStrict:
      return ClientTls::kTerminate;
    case MeshTls::kPermissive:
      return ClientTls::kOptional;
    case MeshTls::kDisable:
      break;
  }
  return ClientTls::kOff;
}

MeshModes modes_of(const MeshPolicy& policy) { return {policy.tls, policy.ports}; }

const Service& offered(const Resource& offer) { return std::get<Service>(offer.spec); }

}  // namespace

bool MeshModes::any(MeshTls mode) const {
  return tls == mode ||
         std::ranges::any_of(ports, [mode](const auto& port) { return port.second == mode; });
}

void Index::link_mesh_policy(const Resource& resource, Change change, Touched& touched) {
  const std::string& ns = resource.key.ns;
  ResourceSet& policies = mesh_policies_[ns];
  put(policies, &resource, change);
  if (policies.empty()) mesh_policies_.erase(ns);
  link_tls(resource, change);
  touched.meshes.insert(ns);
  touched.mesh_material.insert(ns);
}

const Resource* Index::mesh_policy_of(const Resource& workload) const {
  const auto found = mesh_policies_.find(workload.key.ns);
  if (found == mesh_policies_.end()) return nullptr;
  const Resource* wide = nullptr;
  for (const Resource* policy : found->second) {
    const Labels& labels = std::get<MeshPolicy>(policy->spec).workload_labels;
    if (labels.empty())
      wide = policy;
    else if (carries(workload, labels))
      return policy;
  }
  return wide;
}

std::shared_ptr<const MeshPeer> Index::mesh_peer(const Key& workload) const {
  const auto found = meshed_.find(workload);
  return found == meshed_.end() ? nullptr : found->second.peer;
}

std::vector<const Resource*> Index::meshed_here() const {
  std::vector<const Resource*> all;
  for (const auto& [key, meshed] : meshed_)
    if (meshed.peer == nullptr) all.push_back(find(key));
  return all;
}

const Resource* Index::wide_mesh_policy(const std::string& ns) const {
  const auto found = mesh_policies_.find(ns);
  if (found == mesh_policies_.end()) return nullptr;
  for (const Resource* policy : found->second)
    if (std::get<MeshPolicy>(policy->spec).workload_labels.empty()) return policy;
  return nullptr;
}

std::string Index::identity_of(const std::string& ns, const std::string& account) const {
  if (facts_.node.trust_domain.empty() || account.empty()) return {};
  return fmt::format("spiffe://{}/ns/{}/sa/{}", facts_.node.trust_domain, ns, account);
}

ResourcePtr Index::offer_of(const Group& group) const {
  if (!group.is_workload()) return shared(group.key);
  const auto found = meshed_.find(group.key);
  return found == meshed_.end() ? nullptr : found->second.offer;
}

// The ports at which Services of HTTP lead to the workload: its requests are told apart.
void Index::add_mesh_ports(const Resource& workload, std::map<uint16_t, ServicePort>& to) const {
  const auto add = [&](const Service& service, uint16_t endpoint_port) {
    for (const ServicePort& port : service.ports) {
      if (!port.http) continue;
      uint16_t number = port.target_port != 0 ? port.target_port : port.number;
      if (endpoint_port != 0) number = endpoint_port;
      ServicePort made{.name = fmt::format("http-{}", number), .number = number};
      made.http = port.http;
      ServicePort& kept = to.emplace(number, std::move(made)).first->second;
      // Who says what endpoints speak is believed; bytes pass where one of the Services lets them.
      if (kept.http == HttpUpstream::kAsClient) kept.http = port.http;
      kept.sniffed |= port.sniffed;
    }
  };
  const auto& spec = std::get<Workload>(workload.spec);
  for (const Labels* labels : {&workload.labels, &spec.labels}) {
    for (const auto& [name, value] : *labels) {
      const auto found = selectors_.find({workload.key.ns, name, value});
      if (found == selectors_.end()) continue;
      for (const Group* group : found->second)
        if (group->service != nullptr && carries(workload, group->spec().selector))
          add(group->spec(), 0);
    }
  }
  for (const IpAddress& address : spec.addresses) {
    const auto [first, last] = endpoints_.all(address);
    for (auto use = first; use != last; ++use) {
      const Resource* set = find(*use->second);
      if (set == nullptr || set->key.ns != workload.key.ns || set->key.kind != Kind::kEndpointSet)
        continue;
      const auto& listed = std::get<EndpointSet>(set->spec);
      const Resource* service = find({Kind::kService, set->key.ns, listed.service});
      if (service == nullptr) continue;
      for (const Endpoint& endpoint : listed.endpoints)
        if (endpoint.address == address) add(service_of(*service), endpoint.port);
    }
  }
}

Index::Meshed Index::make_meshed(const Resource& workload, const Resource& policy) const {
  const auto& spec = std::get<Workload>(workload.spec);
  const auto& mesh = std::get<MeshPolicy>(policy.spec);
  const bool here = is_here(spec);
  Meshed made;
  made.modes = modes_of(mesh);
  if (!here) {
    made.peer = std::make_shared<const MeshPeer>(MeshPeer{identity_of(workload), made.modes});
    made.modes = {};
  }
  std::map<uint16_t, ServicePort> ports;
  add_mesh_ports(workload, ports);
  for (const auto& [number, mode] : mesh.ports)
    ports.emplace(number, ServicePort{.name = fmt::format("tcp-{}", number), .number = number});
  ports.emplace(0, ServicePort{.name = "all-tcp"});
  Service offer{.addresses = spec.addresses};
  offer.forwarding = Forwarding::kProxy;
  for (auto& [number, port] : ports) {
    const MeshTls mode = mesh.ports.contains(number) ? mesh.ports.at(number) : mesh.tls;
    if (here && mode != MeshTls::kDisable) {
      ServerTls tls{.mode = client_tls_of(mode), .certificates = {spec.certificate}};
      tls.trust = mesh.trust;
      tls.choice.min_version = tls::Version::kTls13;
      // What is bytes to who calls may be HTTP all the same.
      if (port.http) tls.choice.alpn = {"h2", "http/1.1"};
      tls.choice.alpn.emplace_back(kMeshTcpAlpn);
      tls.own_id = identity_of(workload);
      port.tls = std::move(tls);
    }
    offer.ports.push_back(std::move(port));
  }
  made.offer = std::make_shared<const Resource>(Resource{workload.key, {}, std::move(offer)});
  return made;
}

// Endpoints of the namespace's Services may be others to the mesh.
void Index::touch_members(const std::string& ns, Touched& touched) {
  for (auto at = groups_.lower_bound({Kind::kService, ns, {}});
       at != groups_.end() && at->first.kind == Kind::kService && at->first.ns == ns; ++at) {
    if (at->second.service == nullptr) continue;
    touched.all.insert(&at->second);
    touched.members.insert(&at->second);
  }
}

void Index::put_meshed(const Key& key, const Meshed* before, const Meshed* after,
                       Touched& touched) {
  const auto size = [](const Meshed* of) -> uint64_t {
    if (of == nullptr) return 0;
    return offered(*of->offer).addresses.size() * offered(*of->offer).ports.size();
  };
  totals_.mesh_ports += size(after) - size(before);
  touched.mesh = true;
  if ((before == nullptr) != (after == nullptr)) {
    const Change change = after == nullptr ? Change::kRemove : Change::kAdd;
    totals_.meshed += change == Change::kAdd ? 1 : UINT64_MAX;
    count_namespace(key.ns, change);
  }
  Group* group = touch(key, touched);
  group->service = after == nullptr ? nullptr : after->offer.get();
  for (GroupSet* set :
       {&touched.members, &touched.sizes, &touched.frontends, &touched.access, &touched.services})
    set->insert(group);
}

void Index::refresh_mesh(const std::string& ns, Touched& touched) {
  std::map<Key, Meshed> before;
  const auto first = meshed_.lower_bound({Kind::kWorkload, ns, {}});
  auto last = first;
  for (; last != meshed_.end() && last->first.ns == ns; ++last) before.insert(*last);
  meshed_.erase(first, last);
  bool peers_changed = false;
  if (mesh_policies_.contains(ns)) {
    for (auto at = resources_.lower_bound({Kind::kWorkload, ns, {}});
         at != resources_.end() && at->first.kind == Kind::kWorkload && at->first.ns == ns; ++at) {
      if (at->second == nullptr) continue;
      const Resource* policy = mesh_policy_of(*at->second);
      if (policy == nullptr) continue;
      Meshed now = make_meshed(*at->second, *policy);
      const auto was = before.find(at->first);
      const Meshed* old = was == before.end() ? nullptr : &was->second;
      if (old != nullptr && point_alike(old->peer, now.peer)) now.peer = old->peer;
      peers_changed |= old == nullptr || old->peer != now.peer;
      const auto port = now.peer == nullptr
                            ? facts_.workload_port(std::get<Workload>(at->second->spec).port)
                            : std::nullopt;
      if (port && (old == nullptr || old->modes != now.modes)) touched.guards.insert(*port);
      const bool same = old != nullptr && (old->peer == nullptr) == (now.peer == nullptr) &&
                        offered(*old->offer) == offered(*now.offer);
      if (same) now.offer = old->offer;
      const Meshed& kept = meshed_.emplace(at->first, std::move(now)).first->second;
      if (!same) put_meshed(at->first, old, &kept, touched);
      if (old != nullptr) before.erase(was);
    }
  }
  for (const auto& [key, gone] : before) {
    peers_changed |= gone.peer != nullptr;
    put_meshed(key, &gone, nullptr, touched);
    for (uint32_t port = 0; port < port_workloads_.size(); ++port)
      for (const Resource* workload : port_workloads_[port])
        if (workload->key == key) touched.guards.insert(port);
  }
  if (peers_changed) touch_members(ns, touched);
}

void Index::refresh_mesh(Touched& touched) {
  for (const std::string& ns : touched.meshes) {
    const auto at = meshed_.lower_bound({Kind::kWorkload, ns, {}});
    const bool any = at != meshed_.end() && at->first.ns == ns;
    if (any || mesh_policies_.contains(ns)) refresh_mesh(ns, touched);
  }
  for (const auto& [key, meshed] : meshed_)
    if (touched.mesh_material.contains(key.ns)) touched.frontends.insert(touch(key, touched));
  for (const std::string& ns : touched.mesh_material)
    for (auto at = groups_.lower_bound({Kind::kGateway, ns, {}});
         at != groups_.end() && at->first.kind == Kind::kGateway && at->first.ns == ns; ++at)
      if (at->second.service != nullptr) touched.frontends.insert(touch(at->first, touched));
}

}  // namespace heddle::policy
