// What list_clusters tells: the groups of endpoints, and who leads there.
#include <algorithm>
#include <map>
#include <set>

#include "engine.h"

namespace heddle::server {
namespace {

constexpr int kUsersTold = 16;

// By cluster: ports, rules, and clusters whose fallback it is.
class ClusterUsers {
 public:
  explicit ClusterUsers(const policy::Model& model) : model_(model) {}

  void add(const policy::Frontend& frontend, const policy::Model::FrontendName& name) {
    const std::string own = full_name(name.kind, name.ns + "/" + name.service) + ":" + name.port;
    add(frontend.choices, own);
    if (frontend.server_names != nullptr)
      for (const policy::ServerNames::Target& target : frontend.server_names->targets())
        if (target.route == policy::kNoSlot) add(target.choices, own);
    // One of each is that of many ports.
    if (seen_.insert(frontend.server_names.get()).second) add(frontend.server_names.get());
    if (seen_.insert(frontend.http.get()).second) add(frontend.http.get());
  }
  void add(uint32_t cluster, const std::string& user) { users_[cluster].insert(user); }
  const std::set<std::string>& of(uint32_t cluster) { return users_[cluster]; }

 private:
  void add(std::span<const policy::Choice> choices, const std::string& user) {
    for (const policy::Choice& choice : choices) add(choice.cluster, user);
  }
  void add(const policy::ServerNames* names) {
    if (names == nullptr) return;
    // Without a route it is the service's own, which has been told.
    for (const policy::ServerNames::Target& target : names->targets())
      if (target.route != policy::kNoSlot)
        add(target.choices,
            fmt::format("{} tls[{}]", model_.route_name(target.route), target.rule));
  }
  void add(const policy::HttpRoutes* routes) {
    if (routes == nullptr) return;
    for (const policy::HttpRoutes::Rule& rule : routes->rules()) {
      const policy::HttpTarget& target = rule.target;
      const std::string user = fmt::format("{}[{}]", model_.route_name(target.route), target.rule);
      add(target.choices, user);
      if (target.mirror) add(target.mirror->cluster, user + " mirror");
    }
  }

  const policy::Model& model_;
  std::map<uint32_t, std::set<std::string>> users_;
  std::set<const void*> seen_;
};

}  // namespace

void Engine::list_clusters(v1::ListClustersResponse& response) const {
  const policy::Snapshot& snapshot = *compiled_.snapshot;
  ClusterUsers users(model_);
  for (const auto& [slot, name] : model_.frontends()) users.add(*snapshot.frontends[slot], name);
  for (uint32_t slot = 0; slot < snapshot.clusters.size(); ++slot)
    if (const auto& cluster = snapshot.clusters[slot];
        cluster != nullptr && cluster->fallback != policy::kNoSlot)
      users.add(cluster->fallback, "fallback of " + model_.cluster_name(slot));
  for (uint32_t slot = 0; slot < snapshot.clusters.size(); ++slot) {
    if (snapshot.clusters[slot] == nullptr) continue;
    const policy::Cluster& cluster = *snapshot.clusters[slot];
    v1::ClusterInfo& info = *response.add_clusters();
    info.set_name(model_.cluster_name(slot));
    info.set_algorithm(policy::name_of(cluster.algorithm));
    info.set_endpoints(static_cast<uint32_t>(cluster.endpoints.size()));
    info.set_draining(static_cast<uint32_t>(
        std::ranges::count_if(cluster.endpoints, &policy::EndpointEntry::draining)));
    if (cluster.fallback != policy::kNoSlot)
      info.set_fallback(model_.cluster_name(cluster.fallback));
    if (!cluster.endpoints.empty())
      info.set_family(cluster.endpoints.front().address.is_v4() ? "ipv4" : "ipv6");
    const std::set<std::string>& all = users.of(slot);
    info.set_users(static_cast<uint32_t>(all.size()));
    for (auto at = all.begin(); at != all.end() && info.used_by_size() < kUsersTold; ++at)
      info.add_used_by(*at);
  }
  auto& all = *response.mutable_clusters();
  std::sort(all.begin(), all.end(), [](const v1::ClusterInfo& a, const v1::ClusterInfo& b) {
    return std::pair(a.name(), a.family()) < std::pair(b.name(), b.family());
  });
}

}  // namespace heddle::server
