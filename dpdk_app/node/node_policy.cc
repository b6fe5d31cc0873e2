// How policy gets to the workers, and what they have counted under it.
#include "mesh/http_proxy.h"
#include "node/node.h"
#include "worker/requests.h"
#include "worker/tcp.h"

namespace heddle::app {

void Node::publish(std::shared_ptr<const l3::Topology> topology,
                   std::shared_ptr<const policy::Snapshot> policy) {
  if (topology != installed_now_.topology) {
    const std::lock_guard lock(state_);
    routes_ = topology->lines;
  }
  installed_now_.topology = std::move(topology);
  installed_now_.policy = std::move(policy);
  installed_->publish(std::make_unique<Installed>(installed_now_), rcu_);
}

void Node::install(const policy::Compiled& compiled) {
  std::shared_ptr<const l3::Topology> topology;
  const std::lock_guard lock(publishing_);
  if (compiled.attachments == attachments_) {
    topology = installed_now_.topology;
  } else {
    std::vector<PortFacts> now;
    {
      const std::lock_guard ports(ethdev_);
      now = facts();
    }
    // A link that has changed since the main thread looked is its to tell and to publish.
    for (size_t i = 0; i < now.size(); ++i) now[i].up = installed_now_.topology->interfaces[i].up;
    topology = build_topology(config_, now, ++generation_, *compiled.attachments);
    attachments_ = compiled.attachments;
  }
  publish(std::move(topology), compiled.snapshot);
}

std::vector<uint64_t> Node::worker_versions() {
  std::vector<uint64_t> all;
  for (const auto& worker : workers_) all.push_back(worker->counters.policy_version.value());
  return all;
}

bool Node::is_live(uint64_t version) {
  return std::ranges::all_of(workers_, [&](const auto& worker) {
    return worker->counters.policy_version.value() == version;
  });
}

bool Node::is_on_link(const policy::IpAddress& address) {
  std::shared_ptr<const l3::Topology> topology;
  {
    const std::lock_guard lock(publishing_);
    topology = installed_now_.topology;
  }
  constexpr uint32_t kNoRoute = l3::Lpm<wire::Ipv4Address>::kNoRoute;
  const uint32_t slot =
      address.is_v4() ? topology->fib4.lookup(address.v4()) : topology->fib6.lookup(address.v6());
  return slot != kNoRoute && topology->hops[slot].kind == l3::HopKind::kConnected;
}

std::vector<server::FrontendCounts> Node::frontend_counts(std::span<const uint32_t> slots) {
  std::vector<server::FrontendCounts> all(slots.size());
  for (size_t i = 0; i < slots.size(); ++i) {
    for (const auto& worker : workers_) {
      const ServiceCounters& counters = worker->services[slots[i]];
      all[i].packets += counters.packets.value();
      all[i].bytes += counters.bytes.value();
      all[i].denied += counters.denied.value();
      all[i].no_endpoint += counters.no_endpoint.value();
      all[i].flows += counters.flows.value();
      all[i].audited += counters.audited.value();
    }
  }
  return all;
}

std::vector<server::EndpointCounts> Node::endpoint_counts(std::span<const uint32_t> slots) {
  std::vector<server::EndpointCounts> all(slots.size());
  for (size_t i = 0; i < slots.size(); ++i) {
    for (const auto& worker : workers_) {
      const EndpointCounters& counters = worker->endpoints[slots[i]];
      all[i].packets += counters.packets.value();
      all[i].bytes += counters.bytes.value();
      all[i].flows += counters.flows.value();
      all[i].active += worker->flows->active_flows(slots[i]);
    }
  }
  return all;
}

std::vector<server::AccessCounts> Node::access_counts(std::span<const uint32_t> slots) {
  std::vector<server::AccessCounts> all(slots.size());
  for (size_t i = 0; i < slots.size(); ++i) {
    for (const auto& worker : workers_) {
      const AccessCounters& counters = worker->access[slots[i]];
      all[i].allowed += counters.allowed.value();
      all[i].denied += counters.denied.value();
      all[i].audited += counters.audited.value();
      all[i].dry_run += counters.dry_run.value();
    }
  }
  return all;
}

std::vector<uint64_t> Node::outbound_refused() {
  std::vector<uint64_t> all(policy::kMaxPolicyPorts);
  for (const auto& worker : workers_)
    for (size_t i = 0; i < all.size(); ++i) all[i] += worker->outbound_refused[i].value();
  return all;
}

std::vector<uint64_t> Node::network_counts(std::span<const uint32_t> slots) {
  std::vector<uint64_t> all(slots.size());
  for (const auto& worker : workers_)
    for (size_t i = 0; i < slots.size(); ++i) all[i] += worker->networks[slots[i]].value();
  return all;
}

std::vector<server::JwtCounts> Node::jwt_counts(std::span<const uint32_t> slots) {
  std::vector<server::JwtCounts> all(slots.size(), server::JwtCounts(mesh::kJwtOutcomes));
  for (const auto& worker : workers_) {
    const Requests* of = worker->tcp == nullptr ? nullptr : worker->tcp->requests.get();
    if (of == nullptr) continue;
    for (size_t i = 0; i < slots.size(); ++i)
      for (size_t outcome = 0; outcome < mesh::kJwtOutcomes; ++outcome)
        all[i][outcome] += of->jwt[slots[i]].value(outcome);
  }
  return all;
}

std::vector<server::JwtOutcomeText> Node::jwt_outcomes() {
  std::vector<server::JwtOutcomeText> all;
  for (size_t outcome = 0; outcome < mesh::kJwtOutcomes; ++outcome)
    all.push_back({mesh::jwt_outcome_name(outcome), mesh::jwt_outcome_sentence(outcome)});
  return all;
}

uint64_t Node::requests_cut() {
  uint64_t cut = 0;
  for (const auto& worker : workers_) {
    const mesh::HttpProxy* http = worker->tcp == nullptr ? nullptr : worker->tcp->user->http();
    if (http != nullptr) cut += http->counters().value(mesh::HttpStat::kRequestsCut);
  }
  return cut;
}

uint64_t Node::flows_cut() {
  uint64_t cut = 0;
  for (const auto& worker : workers_) cut += worker->flows->counters.cut.value();
  return cut;
}

// Generations go round, so they are compared by their distance.
bool Node::has_swept(uint32_t generation) {
  return std::ranges::all_of(workers_, [&](const auto& worker) {
    const auto has = [&](const Gauge& swept) {
      return static_cast<int32_t>(static_cast<uint32_t>(swept.value()) - generation) >= 0;
    };
    return has(worker->flows->counters.swept) &&
           (worker->tcp == nullptr || has(worker->tcp->swept));
  });
}

}  // namespace heddle::app
