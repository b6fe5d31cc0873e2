#include "telling.h"

#include <algorithm>

namespace heddle::server {

void tell_endpoint(const policy::Decision& decision, std::span<const policy::Choice> choices,
                   const policy::Frontend& frontend, const policy::Snapshot& snapshot,
                   const policy::Model& model, Telling& telling) {
  if (choices.size() > 1) {
    const policy::Choice& choice = choices[decision.choice];
    const uint32_t before = decision.choice == 0 ? 0u : choices[decision.choice - 1u].until;
    telling.line("backend", "{}, weight {} of {}", model.cluster_name(choice.cluster),
                 choice.until - before, choices.back().until);
  }
  if (decision.verdict == policy::Verdict::kNoEndpoint)
    return telling.line("endpoint", "none that takes new flows");
  const uint32_t wanted = choices[decision.choice].cluster;
  if (decision.cluster != wanted)
    telling.line("fallback", "{} has no endpoint: {}", model.cluster_name(wanted),
                 model.cluster_name(decision.cluster));
  const policy::Cluster& cluster = *snapshot.clusters[decision.cluster];
  const policy::EndpointEntry& endpoint = *decision.endpoint;
  const auto takes = [&](const policy::EndpointEntry& each) {
    return each.weight > 0 && each.priority == endpoint.priority;
  };
  const auto count = std::ranges::count_if(cluster.endpoints, takes);
  const auto* workload = model.workload_at(endpoint.address);
  const std::string who =
      endpoint.address.text() + (workload == nullptr ? "" : " " + workload->key.name);
  if (policy::is_hash(cluster.algorithm))
    telling.line("endpoint", "{}, one of {} by {} on {}", who, count,
                 cluster.algorithm == policy::Algorithm::kMaglev ? "Maglev" : "ring hash",
                 frontend.hash_on == policy::HashOn::kFlow ? "the flow" : "the source address");
  else
    telling.line("endpoint", "one of {} endpoints, {}; {} for example", count,
                 policy::name_of(cluster.algorithm), who);
}

}  // namespace heddle::server
