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

}  // namespace

std::shared_ptr<const RequestNames> Engine::request_names() const {
  auto names = std::make_shared<RequestNames>();
  names->version = version_;
  for (auto& [slot, name] : model_.frontends())
    place(names->services, slot) = {name.ns, name.service,
                                    fmt::format("{}/{}:{}", name.ns, name.service, name.port)};
  for (auto& rule : model_.http_rules()) {
    std::string text = fmt::format("{}[{}]", rule.route, rule.rule);
    place(names->rules, rule.slot) = {std::move(rule.route), std::move(rule.service),
                                      std::move(rule.text), rule.rule, std::move(text)};
  }
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
  std::vector<policy::Model::EndpointName> names = model_.endpoints();
  if (names.size() > kMostEndpointSeries) {
    facts.endpoints.left_out = names.size() - kMostEndpointSeries;
    names.resize(kMostEndpointSeries);
  }
  tell_endpoints(names, facts.endpoints.told);
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
    use(frontend.choices, fmt::format("{}/{}:{}", name.ns, name.service, name.port));
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
