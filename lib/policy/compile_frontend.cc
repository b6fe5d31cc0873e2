#include <algorithm>
#include <array>

#include "compile.h"
#include "names.h"
#include "tls_use.h"

namespace heddle::policy {
namespace {

bool is_proxied(const Frontend& frontend) { return frontend.forwarding == Forwarding::kProxy; }

// Of connections; where requests go is asked for each.
template <class Take>
void for_each_choice(const Frontend& frontend, const Take& take) {
  for (const Choice& choice : frontend.choices) take(choice);
  if (frontend.server_names == nullptr) return;
  for (const ServerNames::Target& target : frontend.server_names->targets())
    for (const Choice& choice : target.choices) take(choice);
}

std::set<uint32_t> clusters_of(const Frontend& frontend) {
  std::set<uint32_t> clusters;
  for_each_choice(frontend, [&](const Choice& choice) { clusters.insert(choice.cluster); });
  return clusters;
}

// Where connections may be: clusters, and the port there of endpoints without one of their own.
std::set<std::pair<uint32_t, uint16_t>> places_of(const Frontend& frontend) {
  std::set<std::pair<uint32_t, uint16_t>> places;
  for_each_choice(frontend, [&](const Choice& choice) {
    const BackendTerms& terms = choice.terms == nullptr ? frontend : *choice.terms;
    places.insert({choice.cluster, terms.target_port});
  });
  return places;
}

// The same object for all frontends that lead alike, and as long as they do. Whether it is.
bool share(const std::shared_ptr<const ServerNames>& from, std::shared_ptr<const ServerNames>& to) {
  if (from == nullptr || to == nullptr || *from != *to) return false;
  to = from;
  return true;
}

std::shared_ptr<const ServerNames> hosts_of(const ServicePort& port) {
  if (port.hostnames.empty()) return nullptr;
  std::vector<ServerNames::Name> names;
  for (const std::string& each : port.hostnames) names.emplace_back(each, 0);
  return std::make_shared<const ServerNames>(std::vector<ServerNames::Target>(1), std::move(names));
}

bool has_name_rules(const Group& group) {
  return std::ranges::any_of(group.routes, [](const Resource* route) {
    return !std::get<Route>(route->spec).tls.empty();
  });
}

}  // namespace

std::vector<Compiler::PortRule> Compiler::rules_of(const Group& group) const {
  const auto& ports = group.spec().ports;
  std::vector<PortRule> rules(ports.size());
  for (const Resource* route : group.routes) {
    const auto& spec = std::get<Route>(route->spec);
    for (uint16_t i = 0; i < spec.rules.size(); ++i)
      for (size_t port = 0; port < ports.size(); ++port)
        if ((!ports[port].http || ports[port].sniffed) &&
            (spec.rules[i].port.empty() || spec.rules[i].port == ports[port].name))
          rules[port] = {route, i, &spec.rules[i]};
  }
  return rules;
}

std::vector<Compiler::PortParts> Compiler::parts_of(const Group& group) const {
  std::vector<PortParts> parts(group.spec().ports.size());
  const std::vector<PortRule> rules = rules_of(group);
  const ExternalService* external = group.external();
  const bool has_names = group.is_gateway() || (external != nullptr && !external->hosts.empty()) ||
                         has_name_rules(group);
  const std::shared_ptr<const RequestLimits> limits = limits_of(group);
  for (size_t i = 0; i < parts.size(); ++i) {
    const ServicePort& port = group.spec().ports[i];
    parts[i].rule = rules[i];
    if (port.http) parts[i].limits = limits;
    parts[i].terms = terms_of(group, port);
    parts[i].hosts = hosts_of(port);
    if (group.is_gateway()) parts[i].identity = identity_of(*group.service);
    parts[i].jwt = jwt_check(group.key.ns, port.jwt);
    if (ends_tls(port)) parts[i].tls_in = shelf_.find(server_use(index_, group.key, port));
    parts[i].by_name = has_names && port.tls && port.tls->mode == ClientTls::kPassthrough;
  }
  return parts;
}

Frontend Compiler::make_frontend(const Group& group, const FrontendKey& key, size_t port,
                                 const PortParts& parts) {
  const Service& spec = group.spec();
  Frontend frontend;
  static_cast<BackendTerms&>(frontend) = parts.terms;
  frontend.service = group.compiled.slot;
  frontend.tenant = tenants_.at(group.key.ns);
  frontend.ns = group.key.ns;
  frontend.forwarding = forwarding_of(spec, spec.ports[port]);
  frontend.source_mapping = spec.source_mapping;
  frontend.proxy_protocol_in = spec.ports[port].proxy_protocol;
  frontend.edge = group.is_gateway();
  frontend.external = group.external() != nullptr;
  frontend.on_the_way = (frontend.external && group.external()->on_the_way()) ||
                        index_.mesh_peer(group.key) != nullptr;
  if (frontend.external && !group.external()->exported) frontend.only_ns = group.key.ns;
  frontend.identity = parts.identity;
  frontend.jwt = parts.jwt;
  frontend.limits = parts.limits;
  frontend.of_workload = group.is_workload();
  frontend.hosts = parts.hosts;
  frontend.tls_in = parts.tls_in;
  frontend.access = group.compiled.access[port];
  frontend.is_http = spec.ports[port].http.has_value();
  frontend.sniffs = spec.ports[port].sniffed;
  if (spec.ports[port].tls) frontend.client_tls = spec.ports[port].tls->mode;
  if (!group.traffic_policies.empty())
    frontend.no_endpoint =
        std::get<TrafficPolicy>((*group.traffic_policies.begin())->spec).no_endpoint;
  const bool v4 = key.address.is_v4();
  if (parts.by_name)
    frontend.server_names = lead_by_name(group, v4);
  else
    lead_by_weight(group, v4, parts.rule, frontend);
  return frontend;
}

void Compiler::lead_by_weight(const Group& group, bool v4, const PortRule& rule,
                              Frontend& frontend) {
  if (rule.route == nullptr) {
    if (group.is_gateway()) return;  // it has no endpoints of its own
    frontend.total_weight = 1;
    frontend.choices.assign(1, {1, acquire(index_.group_of(group.key), v4, {}), nullptr});
    return;
  }
  frontend.route = routes_.at(rule.route->key);
  frontend.rule = rule.number;
  frontend.choices = choices_of(std::get<Route>(rule.route->spec), rule.rule->backends, v4);
  frontend.total_weight = frontend.choices.back().until;
}

std::shared_ptr<const ServerNames> Compiler::lead_by_name(const Group& group, bool v4) {
  std::vector<ServerNames::Target> targets;
  std::vector<ServerNames::Name> names;
  // Without rules its endpoints get what asks for its hosts, and nothing else.
  if (const ExternalService* external = group.external();
      external != nullptr && !has_name_rules(group)) {
    for (const std::string& host : external->hosts) names.emplace_back(host, 0);
    ServerNames::Target& target = targets.emplace_back();
    target.choices.assign(1, {1, acquire(index_.group_of(group.key), v4, {}), nullptr});
    target.total_weight = 1;
  }
  for (const Resource* route : group.routes) {
    const auto& spec = std::get<Route>(route->spec);
    for (uint16_t i = 0; i < spec.tls.size(); ++i) {
      const auto number = static_cast<uint32_t>(targets.size());
      for (const std::string& name : spec.tls[i].server_names) names.emplace_back(name, number);
      ServerNames::Target& target = targets.emplace_back();
      target.route = routes_.at(route->key);
      target.rule = i;
      target.choices = choices_of(spec, spec.tls[i].backends, v4);
      target.total_weight = target.choices.back().until;
    }
  }
  return std::make_shared<const ServerNames>(std::move(targets), std::move(names));
}

void Compiler::compile_frontends(Group& group) {
  struct Wanted {
    FrontendKey key;
    size_t port;
  };
  std::vector<Wanted> wanted;
  std::vector<PortParts> parts;
  if (group.service != nullptr) {
    const Service& spec = group.spec();
    parts = parts_of(group);
    for (size_t port = 0; port < spec.ports.size(); ++port)
      for (const IpAddress& address : spec.addresses)
        wanted.push_back({{address, spec.ports[port].protocol, spec.ports[port].number}, port});
    std::ranges::sort(wanted, {}, &Wanted::key);
  }
  std::vector<CompiledService::FrontendSlot>& old = group.compiled.frontends;
  std::vector<CompiledService::FrontendSlot> next;
  next.reserve(wanted.size());
  const HttpParts http = http_parts(group);
  for (const auto& [key, port] : wanted) {
    const auto was = std::ranges::lower_bound(old, key, {}, &CompiledService::FrontendSlot::key);
    const bool stays = was != old.end() && was->key == key;
    const uint32_t slot = stays ? std::exchange(was->slot, kNoSlot) : frontends_.take();
    Frontend frontend = make_frontend(group, key, port, parts[port]);
    if (frontend.is_http) frontend.http = http[key.address.is_v4() ? 1 : 0];
    if (frontend.http != nullptr) hold_choices(*frontend.http);
    frontend.claim_names = claim_names_of(frontend);
    frontend.since = stays ? current_.frontends[slot]->since : version_;
    if (stays) share(current_.frontends[slot]->hosts, frontend.hosts);
    if (stays && point_alike(current_.frontends[slot]->identity, frontend.identity))
      frontend.identity = current_.frontends[slot]->identity;
    if (stays && point_alike(current_.frontends[slot]->jwt, frontend.jwt))
      frontend.jwt = current_.frontends[slot]->jwt;
    if (stays && point_alike(current_.frontends[slot]->claim_names, frontend.claim_names))
      frontend.claim_names = current_.frontends[slot]->claim_names;
    if (stays && point_alike(current_.frontends[slot]->limits, frontend.limits))
      frontend.limits = current_.frontends[slot]->limits;
    if (!stays || !share(current_.frontends[slot]->server_names, frontend.server_names))
      for (const CompiledService::FrontendSlot& done : next)
        if (share(current_.frontends[done.slot]->server_names, frontend.server_names)) break;
    if (stays) release_choices(slot);
    if (stays)
      note_change(*current_.frontends[slot], frontend);
    else
      note_fresh(key, frontend);
    if (!stays || frontend != *current_.frontends[slot])
      put_frontend(slot, std::make_shared<const Frontend>(std::move(frontend)));
    next.push_back({key, slot});
    if (!stays) fresh_frontends_.push_back(slot);
    keys_changed_ |= !stays;
  }
  for (const auto& gone : old) {
    if (gone.slot == kNoSlot) continue;
    flows_cut_ = true;
    release_choices(gone.slot);
    put_frontend(gone.slot, nullptr);
    frontends_.give(gone.slot);
    keys_changed_ = true;
  }
  old = std::move(next);
  for (const auto& routes : http)
    if (routes != nullptr) release_choices(*routes);
}

void Compiler::note_change(const Frontend& before, const Frontend& after) {
  const bool leads_on =
      before.choices == after.choices && before.server_names == after.server_names;
  flows_cut_ |= before.access != after.access || before.forwarding != after.forwarding ||
                before.only_ns != after.only_ns || (after.on_the_way && !before.on_the_way) ||
                before.target_port != after.target_port ||
                (before.takes_bytes() && !after.takes_bytes()) ||
                !std::ranges::includes(places_of(after), places_of(before));
  // A connection keeps the TLS that it was opened with.
  flows_concerned_ |= !leads_on || before.is_http != after.is_http ||
                      before.sniffs != after.sniffs ||
                      before.source_mapping != after.source_mapping;
}

// A port of its own takes its flows from an entry for all ports. What is taken on its way from now
// on may have gone there until now.
void Compiler::note_fresh(const FrontendKey& key, const Frontend& frontend) {
  flows_cut_ |= frontend.on_the_way;
  flows_cut_ |= current_.frontend_table != nullptr && current_.frontend_table->find(key) != kNoSlot;
}

void Compiler::put_frontend(uint32_t slot, std::shared_ptr<const Frontend> frontend) {
  const auto before = slot < current_.frontends.size() ? current_.frontends[slot] : nullptr;
  if (frontend != nullptr) frontend_bytes_.add(*frontend);
  if (before != nullptr) frontend_bytes_.remove(*before);
  frontend_count_ += frontend != nullptr ? 1u : 0u;
  frontend_count_ -= before != nullptr ? 1u : 0u;
  // A slot's address and port are the same for as long as it has a frontend.
  listeners_changed_ |=
      (frontend != nullptr && is_proxied(*frontend)) != (before != nullptr && is_proxied(*before));
  current_.frontends.set(slot, std::move(frontend));
}

void Compiler::release_choices(uint32_t frontend) {
  for_each_choice(*current_.frontends[frontend],
                  [this](const Choice& choice) { release(choice.cluster); });
  if (const auto& http = current_.frontends[frontend]->http; http != nullptr)
    release_choices(*http);
}

void Compiler::compile_table() {
  if (!std::exchange(keys_changed_, false)) return;
  std::vector<FrontendTable::Entry> entries;
  entries.reserve(frontend_count_);
  for (const auto& [key, group] : index_.groups())
    for (const auto& frontend : group.compiled.frontends)
      entries.push_back({frontend.key, frontend.slot});
  current_.frontend_table = std::make_shared<const FrontendTable>(entries);
}

void Compiler::compile_listeners() {
  if (!std::exchange(listeners_changed_, false)) return;
  std::vector<ProxyListener> listeners;
  for (const auto& [key, group] : index_.groups())
    for (const auto& [frontend, slot] : group.compiled.frontends)
      if (is_proxied(*current_.frontends[slot]))
        listeners.push_back({frontend.address, frontend.port, slot});
  std::ranges::sort(listeners, {}, &ProxyListener::frontend);
  if (listeners.empty())
    current_.listeners.reset();
  else if (current_.listeners == nullptr || *current_.listeners != listeners)
    current_.listeners = std::make_shared<const std::vector<ProxyListener>>(std::move(listeners));
}

Model::FrontendName Compiler::describe(const Group& group, const FrontendKey& key,
                                       uint32_t slot) const {
  Model::FrontendName name{.kind = group.compiled.service->key.kind,
                           .ns = group.key.ns,
                           .service = group.key.name,
                           .port = {},
                           .key = key};
  name.forwarding = current_.frontends[slot]->forwarding;
  // As committed: the group may have another, or none, staged.
  for (const ServicePort& port : service_of(*group.compiled.service).ports)
    if (port.number == key.port && port.protocol == key.protocol) name.port = port.name;
  std::set<uint32_t> clusters = clusters_of(*current_.frontends[slot]);
  if (const auto& http = current_.frontends[slot]->http; http != nullptr) {
    clusters.clear();
    for (const HttpRoutes::Rule& rule : http->rules())
      for (const Choice& choice : rule.target.choices) clusters.insert(choice.cluster);
  }
  for (const uint32_t cluster : clusters)
    name.endpoints += static_cast<uint32_t>(
        std::ranges::count(current_.clusters[cluster]->endpoints, false, &EndpointEntry::draining));
  return name;
}

std::vector<std::pair<uint32_t, Model::FrontendName>> Compiler::frontends() const {
  std::vector<std::pair<uint32_t, Model::FrontendName>> names;
  for (const auto& [key, group] : index_.groups())
    for (const auto& [frontend, slot] : group.compiled.frontends)
      names.emplace_back(slot, describe(group, frontend, slot));
  std::ranges::sort(names, {}, [](const auto& name) { return name.first; });
  return names;
}

Model::FrontendName Compiler::frontend_name(uint32_t wanted) const {
  for (const auto& [key, group] : index_.groups())
    for (const auto& [frontend, slot] : group.compiled.frontends)
      if (slot == wanted) return describe(group, frontend, slot);
  return {};
}

}  // namespace heddle::policy
