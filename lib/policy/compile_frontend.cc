#include <algorithm>

#include "compile.h"
#include "names.h"

namespace heddle::policy {
namespace {

size_t bytes_of(const Frontend& frontend) {
  return sizeof(Frontend) + frontend.choices.capacity() * sizeof(Choice);
}

bool is_proxied(const Frontend& frontend) { return frontend.forwarding == Forwarding::kProxy; }

}  // namespace

std::vector<Compiler::PortRule> Compiler::rules_of(const Group& group) const {
  const auto& ports = group.spec().ports;
  std::vector<PortRule> rules(ports.size());
  for (const Resource* route : group.routes) {
    const auto& spec = std::get<Route>(route->spec);
    for (uint16_t i = 0; i < spec.rules.size(); ++i)
      for (size_t port = 0; port < ports.size(); ++port)
        if (spec.rules[i].port.empty() || spec.rules[i].port == ports[port].name)
          rules[port] = {route, i, &spec.rules[i]};
  }
  return rules;
}

Frontend Compiler::make_frontend(const Group& group, const FrontendKey& key, size_t port,
                                 const PortRule& rule) {
  const Service& spec = group.spec();
  Frontend frontend{.service = group.compiled.slot,
                    .tenant = tenants_.at(group.key.ns),
                    .forwarding = spec.forwarding,
                    .source_mapping = spec.source_mapping,
                    .access = group.compiled.access[port]};
  if (!keeps_packets(spec.forwarding)) frontend.target_port = spec.ports[port].target_port;
  if (!group.traffic_policies.empty()) {
    const auto& policy = std::get<TrafficPolicy>((*group.traffic_policies.begin())->spec);
    frontend.hash_on = policy.hash_on;
    frontend.no_endpoint = policy.no_endpoint;
    frontend.connect_timeout = policy.connect_timeout.value_or(kDefaultConnectTimeout);
    frontend.idle_timeout = policy.idle_timeout.value_or(kDefaultIdleTimeout);
  }
  const bool v4 = key.address.is_v4();
  if (rule.route == nullptr) {
    frontend.total_weight = 1;
    frontend.choices.assign(1, {1, acquire(index_.group_of(group.key.ns, group.key.name), v4, {})});
    return frontend;
  }
  frontend.route = routes_.at(rule.route->key);
  frontend.rule = rule.number;
  frontend.choices.reserve(rule.rule->backends.size());
  for (const Backend& backend : rule.rule->backends) {
    frontend.total_weight += backend.weight;
    frontend.choices.push_back(
        {frontend.total_weight,
         acquire(index_.group_of(backend.ns, backend.service), v4, backend.subset)});
  }
  return frontend;
}

void Compiler::compile_frontends(Group& group) {
  struct Wanted {
    FrontendKey key;
    size_t port;
  };
  std::vector<Wanted> wanted;
  std::vector<PortRule> rules;
  if (group.service != nullptr) {
    const Service& spec = group.spec();
    rules = rules_of(group);
    for (size_t port = 0; port < spec.ports.size(); ++port)
      for (const IpAddress& address : spec.addresses)
        wanted.push_back({{address, spec.ports[port].protocol, spec.ports[port].number}, port});
    std::ranges::sort(wanted, {}, &Wanted::key);
  }
  std::vector<CompiledService::FrontendSlot>& old = group.compiled.frontends;
  std::vector<CompiledService::FrontendSlot> next;
  next.reserve(wanted.size());
  for (const auto& [key, port] : wanted) {
    const auto was = std::ranges::lower_bound(old, key, {}, &CompiledService::FrontendSlot::key);
    const bool stays = was != old.end() && was->key == key;
    const uint32_t slot = stays ? std::exchange(was->slot, kNoSlot) : frontends_.take();
    Frontend frontend = make_frontend(group, key, port, rules[port]);
    if (stays) release_choices(slot);
    if (stays)
      note_change(*current_.frontends[slot], frontend);
    else
      note_fresh(key);
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
}

void Compiler::note_change(const Frontend& before, const Frontend& after) {
  const auto leads_to = [&](const Choice& choice) {
    return std::ranges::find(after.choices, choice.cluster, &Choice::cluster) !=
           after.choices.end();
  };
  flows_cut_ |= before.access != after.access || before.forwarding != after.forwarding ||
                before.target_port != after.target_port ||
                !std::ranges::all_of(before.choices, leads_to);
  flows_concerned_ |=
      before.choices != after.choices || before.source_mapping != after.source_mapping;
}

// A port of its own takes its flows from an entry for all ports.
void Compiler::note_fresh(const FrontendKey& key) {
  flows_cut_ |= current_.frontend_table != nullptr && current_.frontend_table->find(key) != kNoSlot;
}

void Compiler::put_frontend(uint32_t slot, std::shared_ptr<const Frontend> frontend) {
  bool was_proxied = false;
  if (slot < current_.frontends.size()) {
    if (const auto& old = current_.frontends[slot]; old != nullptr) {
      bytes_ -= bytes_of(*old);
      --frontend_count_;
      was_proxied = is_proxied(*old);
    }
  }
  bool proxied = false;
  if (frontend != nullptr) {
    bytes_ += bytes_of(*frontend);
    ++frontend_count_;
    proxied = is_proxied(*frontend);
  }
  // A slot's address and port are the same for as long as it has a frontend.
  listeners_changed_ |= proxied != was_proxied;
  current_.frontends.set(slot, std::move(frontend));
}

void Compiler::release_choices(uint32_t frontend) {
  for (const Choice& choice : current_.frontends[frontend]->choices) release(choice.cluster);
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
  Model::FrontendName name{.ns = group.key.ns, .service = group.key.name, .port = {}, .key = key};
  name.forwarding = current_.frontends[slot]->forwarding;
  // As committed: the group may have another, or none, staged.
  for (const ServicePort& port : std::get<Service>(group.compiled.service->spec).ports)
    if (port.number == key.port && port.protocol == key.protocol) name.port = port.name;
  std::set<uint32_t> clusters;
  for (const Choice& choice : current_.frontends[slot]->choices)
    if (clusters.insert(choice.cluster).second)
      name.endpoints += static_cast<uint32_t>(std::ranges::count(
          current_.clusters[choice.cluster]->endpoints, false, &EndpointEntry::draining));
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
