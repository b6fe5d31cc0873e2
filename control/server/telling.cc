#include "telling.h"

#include <algorithm>

namespace heddle::server {
namespace {

// By what the endpoint was chosen.
std::string hashed(const policy::Choice& choice, const policy::BackendTerms& leading) {
  if (choice.terms != nullptr && choice.terms->hash_on == policy::HashOn::kSourceAddress)
    return "the source address";
  switch (leading.hash_on) {
    case policy::HashOn::kFlow:
      break;
    case policy::HashOn::kSourceAddress:
      return "the source address";
    case policy::HashOn::kHeader:
      return "header " + leading.affinity->name;
    case policy::HashOn::kCookie:
      return "cookie " + leading.affinity->name;
  }
  return "the flow";
}

const char* text_of(tls::Version version) {
  return version == tls::Version::kTls13 ? "1.3" : "1.2";
}

}  // namespace

void tell_entry(const char* topic, const policy::AccessEntry& entry, const policy::Model& model,
                Telling& telling) {
  const char* action = entry.action == policy::Action::kAllow  ? "ALLOW"
                       : entry.action == policy::Action::kDeny ? "DENY"
                                                               : "AUDIT";
  telling.line(topic, "{} by {} rule {}{}{}", action, model.policy_name(entry.policy), entry.rule,
               entry.dry_run ? ", a dry run" : "",
               telling.sender().empty() ? "" : fmt::format(" ({})", telling.sender()));
}

void tell_refusal(policy::Refusal how, policy::Protocol protocol, Telling& telling) {
  const bool reset = how == policy::Refusal::kReset && protocol == policy::Protocol::kTcp;
  telling.line("refusal", "{}",
               how == policy::Refusal::kDrop ? "the sender is told nothing"
               : reset                       ? "the sender gets a TCP reset"
                                             : "the sender gets an ICMP error: unreachable");
}

std::optional<policy::Guarded> tell_guard_alone(const char* topic, const policy::Flow& flow,
                                                const policy::Snapshot& snapshot,
                                                const policy::Model& model, Telling& telling,
                                                const policy::RequestHead* request) {
  const InterfaceId out = snapshot.guarded(flow.destination);
  if (out == kNoInterface) return std::nullopt;
  const policy::Guarded guarded = policy::guard(snapshot, flow, out, request);
  for (const policy::AccessEntry* entry : guarded.noted)
    tell_entry("audit", *entry, model, telling);
  if (tell_mesh_guard(flow, guarded, telling)) return guarded;
  if (guarded.access != nullptr)
    tell_entry(topic, *guarded.access, model, telling);
  else
    telling.line(topic, "{}",
                 guarded.allowed ? "allowed: no DENY for the workload fits, and there is no ALLOW"
                                 : "denied: no ALLOW policy for the workload fits");
  return guarded;
}

bool tell_guard(const policy::Flow& flow, const policy::Snapshot& snapshot,
                const policy::Model& model, Telling& telling, const policy::RequestHead* request) {
  const auto guarded = tell_guard_alone("guard", flow, snapshot, model, telling, request);
  if (!guarded) return true;
  if (!guarded->allowed && request == nullptr) tell_refusal(guarded->how, flow.protocol, telling);
  return guarded->allowed;
}

std::string versions_of(const tls::Config& config) {
  return config.min_version == config.max_version
             ? text_of(config.min_version)
             : fmt::format("{} or {}", text_of(config.min_version), text_of(config.max_version));
}

std::string domains_of(const tls::Config& config) {
  std::string domains;
  for (const tls::TrustConfig& each : config.trust)
    domains += (domains.empty() ? "" : ", ") + each.trust_domain;
  return domains;
}

void tell_upstream_tls(const policy::BackendTerms& terms, Telling& telling) {
  if (terms.tls_out == nullptr) return;
  const tls::Config& config = terms.tls_out->config;
  telling.line("tls", "to the endpoint, TLS {}; it shows {}", versions_of(config),
               config.peer == tls::PeerCheck::kName
                   ? "a certificate of " + terms.tls_out->server_name
                   : "an X.509-SVID of " + domains_of(config));
}

void tell_endpoint(const Taken& taken, const policy::Snapshot& snapshot, const policy::Model& model,
                   Telling& telling) {
  const auto& [decision, choices, leading] = taken;
  if (choices.size() > 1) {
    const policy::Choice& its = choices[decision.choice];
    const uint32_t before = decision.choice == 0 ? 0u : choices[decision.choice - 1u].until;
    telling.line("backend", "{}, weight {} of {}", model.cluster_name(its.cluster),
                 its.until - before, choices.back().until);
  }
  if (decision.verdict == policy::Verdict::kNoEndpoint)
    return telling.line("endpoint", "none that takes new flows");
  const policy::Choice& choice = choices[decision.choice];
  const uint32_t wanted = choice.cluster;
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
                 hashed(choice, leading));
  else
    telling.line("endpoint", "one of {} endpoints, {}; {} for example", count,
                 policy::name_of(cluster.algorithm), who);
}

}  // namespace heddle::server
