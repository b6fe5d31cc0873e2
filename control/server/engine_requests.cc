// What the engine knows of requests: the names of what was counted, and facts for metrics.
#include "engine.h"

namespace heddle::server {
namespace {

// Of endpoints: the others are counted as left out.
constexpr size_t kMostEndpointSeries = 10'000;

template <class Name>
Name& place(std::vector<Name>& names, size_t slot) {
  if (slot >= names.size()) names.resize(slot + 1);
  return names[slot];
}

}  // namespace

std::string full_name(policy::Kind kind, const std::string& path) {
  if (kind == policy::Kind::kWorkload) return "workload " + path;
  return (kind == policy::Kind::kGateway ? "gateway " : "") + path;
}

std::shared_ptr<const RequestNames> Engine::request_names() const {
  auto names = std::make_shared<RequestNames>();
  names->version = version_;
  const policy::Snapshot& snapshot = *compiled_.snapshot;
  for (const auto& [slot, name] : model_.frontends()) {
    const std::string full = full_name(name.kind, name.ns + "/" + name.service);
    place(names->services, slot) = {.kind = std::string(policy::name_of(name.kind)),
                                    .ns = name.ns,
                                    .name = name.service,
                                    .full = full,
                                    .text = full + ":" + name.port,
                                    .since = snapshot.frontends[slot]->since};
  }
  for (const auto& rule : model_.http_rules())
    place(names->rules, rule.slot) = {.route = rule.route,
                                      .service = full_name(rule.kind, rule.service),
                                      .meaning = rule.text,
                                      .rule = rule.rule,
                                      .text = fmt::format("{}[{}]", rule.route, rule.rule),
                                      .since = snapshot.rules_since[rule.slot]};
  const policy::Key first{policy::Kind::kWorkload, "", ""};
  for (auto at = content_.lower_bound(first);
       at != content_.end() && at->first.kind == policy::Kind::kWorkload; ++at) {
    const policy::Resource* resource = model_.find(at->first);
    if (resource == nullptr) continue;
    const InterfaceId behind = model_.interface_of(std::get<policy::Workload>(resource->spec));
    if (behind == kNoInterface) continue;
    RequestNames::Source& source = place(names->sources, behind.index());
    // A port may carry several workloads: then nobody can tell who it was.
    const bool alone = source.text.empty();
    source.name = alone ? at->first.name : "";
    source.ns = alone || source.ns == at->first.ns ? at->first.ns : "";
    source.text = alone ? fmt::format("{}/{}", source.ns, source.name) : "several";
  }
  return names;
}

EngineFacts Engine::facts() {
  EngineFacts facts;
  facts.status = status();
  list_services(facts.services);
  list_access(facts.access);
  list_workloads(facts.workloads);
  list_jwt_providers(facts.jwt);
  list_limits(facts.limits);
  const auto some = model_.endpoints_up_to(kMostEndpointSeries);
  facts.endpoints.left_out = some.left_out;
  tell_endpoints(some.endpoints, facts.endpoints.told);
  return facts;
}

}  // namespace heddle::server
