// What the engine knows of requests: the names of what was counted, and facts for metrics.
#include <algorithm>
#include <map>

#include "engine.h"

namespace heddle::server {
namespace {

// Of endpoints: the others are counted as left out.
constexpr size_t kMostEndpointSeries = 10'000;
constexpr int kUsersTold = 16;

template <class Name>
Name& place(std::vector<Name>& names, size_t slot) {
  if (slot >= names.size()) names.resize(slot + 1);
  return names[slot];
}

// As show services has it.
std::string full_name(policy::Kind kind, const std::string& path) {
  return (kind == policy::Kind::kGateway ? "gateway " : "") + path;
}

}  // namespace

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
  const auto some = model_.endpoints_up_to(kMostEndpointSeries);
  facts.endpoints.left_out = some.left_out;
  tell_endpoints(some.endpoints, facts.endpoints.told);
  return facts;
}

void Engine::list_clusters(v1::ListClustersResponse& response) const {
  std::map<uint32_t, v1::ClusterInfo> clusters;
  const policy::Snapshot& snapshot = *compiled_.snapshot;
  const auto use = [&](std::span<const policy::Choice> choices, const std::string& user) {
    for (const policy::Choice& choice : choices) {
      v1::ClusterInfo& info = clusters[choice.cluster];
      const auto& told = info.used_by();
      if (std::ranges::find(told, user) != told.end()) continue;
      info.set_users(info.users() + 1);
      if (info.used_by_size() < kUsersTold) info.add_used_by(user);
    }
  };
  for (const auto& [slot, name] : model_.frontends()) {
    const policy::Frontend& frontend = *snapshot.frontends[slot];
    use(frontend.choices,
        fmt::format("{}:{}", full_name(name.kind, name.ns + "/" + name.service), name.port));
    if (frontend.http == nullptr) continue;
    for (const policy::HttpRoutes::Rule& rule : frontend.http->rules())
      use(rule.target.choices,
          fmt::format("{}[{}]", model_.route_name(rule.target.route), rule.target.rule));
  }
  for (auto& [slot, info] : clusters) {
    const policy::Cluster& cluster = *snapshot.clusters[slot];
    info.set_name(model_.cluster_name(slot));
    info.set_algorithm(policy::name_of(cluster.algorithm));
    info.set_endpoints(static_cast<uint32_t>(cluster.endpoints.size()));
    info.set_draining(static_cast<uint32_t>(
        std::ranges::count_if(cluster.endpoints, &policy::EndpointEntry::draining)));
    if (cluster.fallback != policy::kNoSlot)
      info.set_fallback(model_.cluster_name(cluster.fallback));
    if (!cluster.endpoints.empty())
      info.set_family(cluster.endpoints.front().address.is_v4() ? "ipv4" : "ipv6");
    *response.add_clusters() = std::move(info);
  }
  auto& all = *response.mutable_clusters();
  std::sort(all.begin(), all.end(), [](const v1::ClusterInfo& a, const v1::ClusterInfo& b) {
    return std::pair(a.name(), a.family()) < std::pair(b.name(), b.family());
  });
}

}  // namespace heddle::server
