#include "policy/model.h"

#include <fmt/format.h>

#include <set>
#include <string_view>

#include "adviser.h"
#include "check.h"
#include "compile.h"
#include "index.h"
#include "jwt_shelf.h"
#include "names.h"
#include "problems.h"
#include "shape.h"
#include "tls_shelf.h"
#include "tls_use.h"

namespace heddle::policy {

struct Model::State {
  State(NodeFacts node, const Limits& bounds, TlsMaker* tls_maker, JwtMaker* jwt_maker)
      : limits(bounds),
        facts(std::move(node)),
        index(facts),
        shelf(tls_maker),
        jwt_shelf(jwt_maker),
        compiler(facts, limits, index, {shelf, jwt_shelf}) {}

  void check_edits(std::span<const Edit> edits, Problems& problems) const;
  void check_port(const Key& key, const Workload& workload, std::set<std::string_view>& ports,
                  Problems& problems) const;
  void check_staged(std::span<const Edit> edits, const Touched& now, Problems& problems) const;
  void stage_tls(const Touched& now, const Key& blamed, Problems& problems);
  void stage_jwt(std::span<const Edit> edits, Problems& problems);
  void undo_to(size_t mark, Touched& now);
  void sweep(const Touched& now);

  struct Undo {
    Key key;
    ResourcePtr before;
  };

  Limits limits;
  Facts facts;
  Index index;
  TlsShelf shelf;
  JwtShelf jwt_shelf;
  Compiler compiler;
  std::vector<Undo> undo;  // of what was staged since the last commit
  Touched touched;         // by it
};

namespace {

// All resources that name the service.
void add_referrers(const Group& group, ResourceSet& to) {
  for (const ResourceSet* set :
       {&group.endpoint_sets, &group.routes, &group.traffic_policies, &group.access_policies,
        &group.limits, &group.backend_of, &group.fallback_of})
    to.insert(set->begin(), set->end());
}

// The services whose chain of fallbacks leads here, as far as a chain may be long.
void add_chain(const Index& index, const Group& group, ResourceSet& to) {
  ResourceSet level = group.fallback_of;
  for (size_t depth = 0; depth <= kMaxFallbacks && !level.empty(); ++depth) {
    ResourceSet next;
    for (const Resource* service : level) {
      if (!to.insert(service).second) continue;
      const auto found = index.groups().find(service->key);
      if (found == index.groups().end()) continue;
      next.insert(found->second.fallback_of.begin(), found->second.fallback_of.end());
    }
    level = std::move(next);
  }
}

}  // namespace

// Of this node's: there is one for each port. Others are bounded by their number
// (Limits::workloads).
void Model::State::check_port(const Key& key, const Workload& workload,
                              std::set<std::string_view>& ports, Problems& problems) const {
  if (!index.is_here(workload)) return;
  if (!facts.workload_port(workload.port))
    problems.add(key, "spec.port", facts.no_port(workload.port));
  else if (!ports.insert(workload.port).second)
    problems.add(key, "spec.port",
                 fmt::format("port {} is that of another Workload in this request", workload.port));
}

// What can be said before anything is staged. It bounds all that is done afterwards.
void Model::State::check_edits(std::span<const Edit> edits, Problems& problems) const {
  std::set<Key> seen;
  std::set<std::string_view> ports;
  Totals totals = index.totals();
  totals.endpoints = totals.subsets = totals.cluster_endpoints = totals.access_terms = 0;
  totals.namespaces = 0;
  for (const auto& [key, resource] : edits) {
    if (problems.full()) return;
    if (!seen.insert(key).second) {
      problems.add(key, "", "there are two edits of it in one request");
      continue;
    }
    const Resource* before = index.find_exactly(key);
    if (before != nullptr) totals.subtract(Totals::of(*before));
    if (resource != nullptr) {
      check_shape(key, *resource, problems);
      if (const auto* workload = std::get_if<Workload>(&resource->spec))
        check_port(key, *workload, ports, problems);
      totals.add(Totals::of(*resource));
    } else if (before == nullptr) {
      problems.add(
          key, "",
          fmt::format("there is no {} {} to delete", name_of(key.kind), quote(path_of(key))));
    }
  }
  if (problems.none() && !edits.empty())
    Checker({facts, limits, index, seen, shelf.can_make()}, problems)
        .check_totals(totals, edits.front().key);
}

void Model::State::check_staged(std::span<const Edit> edits, const Touched& now,
                                Problems& problems) const {
  std::set<Key> deleted;
  ResourceSet resources;
  for (const auto& [key, resource] : edits) {
    if (resource == nullptr) {
      deleted.insert(key);
    } else {
      resources.insert(resource.get());
    }
  }
  ResourceSet chains;
  for (const Group* group : now.services) {
    add_referrers(*group, resources);
    add_chain(index, *group, chains);
  }
  resources.insert(chains.begin(), chains.end());
  for (const Key& key : now.material)
    resources.insert(index.tls_users(key).begin(), index.tls_users(key).end());
  // A gateway's identity stands on the MeshPolicy of its namespace.
  for (const Group* group : now.frontends)
    if (group->is_gateway() && group->service != nullptr &&
        now.mesh_material.contains(group->key.ns))
      resources.insert(group->service);
  // These name Routes.
  for (const Group* group : now.frontends)
    resources.insert(group->limits.begin(), group->limits.end());
  Checker checker({facts, limits, index, deleted, shelf.can_make()}, problems);
  for (const Resource* resource : resources) {
    if (problems.full()) return;
    checker.check(*resource);
  }
  for (const Group* group : now.services) checker.check_mesh_ports(*group, edits.front().key);
  for (const Group* group : now.members) checker.check_mesh_terms(*group, edits.front().key);
  for (Group* group : now.frontends)
    if (!now.members.contains(group)) checker.check_mesh_terms(*group, edits.front().key);
  for (const Group* group : now.sizes) checker.check_endpoints(*group);
  ResourceSet routes;  // that lead from these or to them
  for (const Group* group : now.frontends) {
    checker.check_rules(*group);
    checker.check_token_places(*group);
    routes.insert(group->routes.begin(), group->routes.end());
    routes.insert(group->backend_of.begin(), group->backend_of.end());
  }
  for (const Resource* route : routes) checker.check_upstreams(*route);
  for (const Group* group : now.access) checker.check_access(*group);
  for (const uint32_t port : now.guards) checker.check_guard(port);
  checker.check_totals(index.totals(), edits.front().key);
}

// What fits is made ready, as commit() cannot fail.
void Model::State::stage_tls(const Touched& now, const Key& blamed, Problems& problems) {
  bool any = false;
  const auto stage = [&](const Key& key, std::string field, TlsUse use) {
    any = true;
    const auto made = shelf.stage(std::move(use));
    if (!made) problems.add(key, std::move(field), made.error().text);
  };
  for (const Group* group : now.frontends) {
    if (group->service == nullptr || problems.full()) continue;
    const auto& ports = group->spec().ports;
    if (group->is_gateway())
      for (TlsUse& use : gateway_uses(index, *group->service))
        stage(group->key, "spec.certificate", std::move(use));
    for (size_t i = 0; i < ports.size(); ++i)
      if (ports[i].upstream_tls)
        stage(group->service->key, element("spec.ports", i) + ".tls",
              client_use(index, group->service->key, *ports[i].upstream_tls, ports[i]));
    for (size_t i = 0; i < ports.size(); ++i)
      if (ends_tls(ports[i]) && group->is_workload())
        stage(group->key, "spec.certificate", server_use(index, group->key, ports[i]));
      else if (ends_tls(ports[i]))
        stage(group->key, element(ports_field(group->key.kind), i) + ".tls",
              server_use(index, group->key, ports[i]));
    for (const Resource* policy : group->traffic_policies)
      if (const auto& tls = std::get<TrafficPolicy>(policy->spec).upstream_tls)
        for (TlsUse& use : client_uses(index, policy->key, *tls, group->spec()))
          stage(policy->key, "spec.upstream_tls", std::move(use));
  }
  if (now.mesh || !now.mesh_material.empty() || now.identities)
    for (const Resource* workload : index.meshed_here())
      for (TlsUse& use : mesh_uses(index, *workload))
        if (shelf.find(use) == nullptr) stage(workload->key, "spec.certificate", std::move(use));
  if (!any) return;
  if (const size_t bytes = shelf.bytes(); bytes > limits.tls_use_bytes)
    problems.add(blamed, "",
                 fmt::format("there would be {} bytes of certificates, keys and roots in all ports "
                             "and upstreams with TLS; at most {} are allowed",
                             bytes, limits.tls_use_bytes));
}

void Model::State::stage_jwt(std::span<const Edit> edits, Problems& problems) {
  for (const auto& [key, resource] : edits) {
    if (resource == nullptr || key.kind != Kind::kJwtProvider) continue;
    if (const auto refused = jwt_shelf.stage(resource))
      problems.add(key, refused->field, refused->text);
  }
}

void Model::State::undo_to(size_t mark, Touched& now) {
  while (undo.size() > mark) {
    index.replace(undo.back().key, std::move(undo.back().before), now);
    undo.pop_back();
  }
  index.recount(now);
}

void Model::State::sweep(const Touched& now) {
  for (Group* group : GroupSet(now.all)) {
    if (!group->empty()) continue;
    touched.forget(group);
    index.sweep(group);
  }
}

Model::Model(NodeFacts facts, const Limits& limits, TlsMaker* tls_maker, JwtMaker* jwt_maker)
    : state_(std::make_unique<State>(std::move(facts), limits, tls_maker, jwt_maker)) {}

Model::~Model() = default;

std::vector<Problem> Model::stage(std::span<const Edit> edits) {
  State& state = *state_;
  Problems problems(kMaxProblems);
  state.check_edits(edits, problems);
  if (!problems.none() || edits.empty()) return problems.take();

  const size_t mark = state.undo.size(), shelf_mark = state.shelf.mark(),
               jwt_mark = state.jwt_shelf.mark();
  Touched now;
  for (const auto& [key, resource] : edits)
    state.undo.push_back({key, state.index.replace(key, resource, now)});
  state.index.recount(now);
  state.check_staged(edits, now, problems);
  if (problems.none()) state.stage_tls(now, edits.front().key, problems);
  if (problems.none()) state.stage_jwt(edits, problems);
  if (problems.none()) {
    state.touched.merge(now);
  } else {
    state.shelf.undo_to(shelf_mark);
    state.jwt_shelf.undo_to(jwt_mark);
    state.undo_to(mark, now);
    state.sweep(now);
  }
  return problems.take();
}

void Model::rollback() {
  Touched now;
  state_->undo_to(0, now);
  now.merge(state_->touched);
  state_->touched = {};
  state_->shelf.settle();
  state_->jwt_shelf.settle();
  state_->sweep(now);
}

Compiled Model::commit(uint64_t version, Instant now) {
  State& state = *state_;
  std::vector<Key> edited;
  for (State::Undo& undo : state.undo) edited.push_back(std::move(undo.key));
  state.undo.clear();
  Compiled compiled = state.compiler.commit(version, now, state.touched, edited);
  const Touched done = std::exchange(state.touched, {});
  state.shelf.settle();
  state.jwt_shelf.settle();
  state.sweep(done);
  return compiled;
}

Instant Model::next_drain_end() const { return state_->compiler.next_drain_end(); }

bool Model::tend(Instant now) { return state_->compiler.tend(now); }
Instant Model::next_tend() const { return state_->compiler.next_tend(); }
std::vector<Model::ServiceBreaker> Model::breakers() const { return state_->compiler.breakers(); }
std::vector<Model::Outlier> Model::outliers() const { return state_->compiler.outliers(); }

ModelStats Model::stats() const { return state_->compiler.stats(); }

std::vector<std::pair<uint32_t, Model::FrontendName>> Model::frontends() const {
  return state_->compiler.frontends();
}
Model::FrontendName Model::frontend_name(uint32_t slot) const {
  return state_->compiler.frontend_name(slot);
}
std::vector<Model::EndpointName> Model::endpoints(const Key* service) const {
  return state_->compiler.endpoints(service);
}
Model::SomeEndpoints Model::endpoints_up_to(size_t most) const {
  return state_->compiler.endpoints_up_to(most);
}
Model::HttpRuleName Model::http_rule_name(uint32_t slot) const {
  return state_->compiler.http_rule_name(slot);
}
std::vector<Model::HttpRuleName> Model::http_rules() const { return state_->compiler.http_rules(); }
std::vector<Model::AccessRuleName> Model::access_rules() const {
  return state_->compiler.access_rules();
}
std::vector<std::shared_ptr<const JwtTarget>> Model::jwt_providers() const {
  return state_->compiler.jwt_providers();
}
std::vector<std::shared_ptr<const RateLimitTarget>> Model::rate_limits() const {
  return state_->compiler.rate_limits();
}
std::vector<std::shared_ptr<const FaultTarget>> Model::faults() const {
  return state_->compiler.faults();
}
std::string Model::route_name(uint32_t route) const { return state_->compiler.route_name(route); }
std::string Model::policy_name(uint32_t policy) const {
  return state_->compiler.policy_name(policy);
}
std::string Model::cluster_name(uint32_t cluster) const {
  return state_->compiler.cluster_name(cluster);
}
std::string Model::tenant_name(uint16_t tenant) const {
  return state_->compiler.tenant_name(tenant);
}

const Resource* Model::workload_at(const IpAddress& address) const {
  const Key* key = state_->index.workloads().first(address);
  return key == nullptr ? nullptr : state_->index.find(*key);
}

const Resource* Model::find(const Key& key) const { return state_->index.find(key); }

std::vector<Key> Model::tls_users(const Key& key) const {
  std::vector<Key> users;
  for (const Resource* user : state_->index.tls_users(key)) users.push_back(user->key);
  return users;
}

std::string Model::identity_of(const Resource& workload) const {
  return state_->index.identity_of(workload);
}

Outbound Model::outbound_of(const Resource& workload) const {
  return state_->index.outbound_of(workload.key.ns);
}

bool Model::is_here(const Workload& workload) const { return state_->index.is_here(workload); }

std::optional<MeshModes> Model::mesh_of(const Resource& workload) const {
  const Resource* policy = state_->index.mesh_policy_of(workload);
  if (policy == nullptr) return std::nullopt;
  const auto& spec = std::get<MeshPolicy>(policy->spec);
  return MeshModes{spec.tls, spec.ports};
}

const Resource* Model::mesh_policy_of(const Resource& workload) const {
  return state_->index.mesh_policy_of(workload);
}

std::vector<Advice> Model::advice(size_t most) const {
  return Adviser(state_->index, most).advise();
}

InterfaceId Model::interface_of(const Workload& workload) const {
  if (!state_->index.is_here(workload)) return kNoInterface;
  const auto port = state_->facts.workload_port(workload.port);
  return port ? InterfaceId(static_cast<uint16_t>(*port)) : kNoInterface;
}

}  // namespace heddle::policy
