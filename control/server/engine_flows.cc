// What the engine knows of flows: which of them a change has cut, whose they are, and what
// endpoints have of them.
#include <algorithm>
#include <thread>

#include "engine.h"

namespace heddle::server {
namespace {

// A sweep over a million flows takes some thousand turns of a worker.
constexpr auto kSweepTimeout = std::chrono::seconds(2);
constexpr auto kSweepPoll = std::chrono::microseconds(100);

// Milliseconds from now on; 0: over, or not known.
uint64_t left_ms(Instant end) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const int64_t left =
      end.ns() / 1'000'000 - std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  return left > 0 ? static_cast<uint64_t>(left) : 0;
}

}  // namespace

std::string FlowNames::text(uint32_t slot) const {
  if (slot >= by_slot.size() || by_slot[slot].service.empty()) return {};
  const Name& name = by_slot[slot];
  return full_name(name.kind, name.service) + ":" + name.port;
}

FlowNames Engine::flow_names() const {
  FlowNames names;
  for (auto& [slot, name] : model_.frontends()) {
    if (slot >= names.by_slot.size()) names.by_slot.resize(slot + 1u);
    names.by_slot[slot] = {name.ns + "/" + name.service, std::move(name.port), name.kind};
  }
  return names;
}

void Engine::note_fresh_slots() {
  std::ranges::sort(compiled_.fresh_frontends);
  std::ranges::sort(compiled_.fresh_http_rules);
  target_->forget_requests(compiled_.fresh_frontends, compiled_.fresh_http_rules);
  const auto frontends = target_->frontend_counts(compiled_.fresh_frontends);
  for (size_t i = 0; i < frontends.size(); ++i)
    baselines_[compiled_.fresh_frontends[i]] = frontends[i];
  const auto access = target_->access_counts(compiled_.fresh_access_rules);
  for (size_t i = 0; i < access.size(); ++i)
    access_baselines_[compiled_.fresh_access_rules[i]] = access[i];
  const auto jwt = target_->jwt_counts(compiled_.fresh_jwt_providers);
  for (size_t i = 0; i < jwt.size(); ++i) jwt_baselines_[compiled_.fresh_jwt_providers[i]] = jwt[i];
  const auto networks = target_->network_counts(compiled_.fresh_networks);
  for (size_t i = 0; i < networks.size(); ++i)
    network_baselines_[compiled_.fresh_networks[i]] = networks[i];
  const auto endpoints = target_->endpoint_counts(compiled_.fresh_endpoints);
  for (size_t i = 0; i < endpoints.size(); ++i) {
    const uint32_t slot = compiled_.fresh_endpoints[i];
    if (endpoints[i].packets == 0 && endpoints[i].flows == 0)
      endpoint_baselines_.erase(slot);
    else
      endpoint_baselines_[slot] = endpoints[i];
  }
}

bool Engine::wait_until_swept(uint32_t generation) const {
  const SteadyTime end = std::chrono::steady_clock::now() + kSweepTimeout;
  while (!target_->has_swept(generation)) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(kSweepPoll);
  }
  return true;
}

void Engine::tell_cut(v1::ApplyResponse& response) const {
  if (!compiled_.may_cut) return;
  // A worker that does not take the version does not look at its flows either.
  response.set_flows_pending(!target_->is_live(version_) ||
                             !wait_until_swept(compiled_.snapshot->generation));
  response.set_flows_cut(target_->flows_cut() - cut_before_);
  response.set_requests_cut(target_->requests_cut() - requests_cut_before_);
}

grpc::Status Engine::list_endpoints(const v1::ListEndpointsRequest& request,
                                    v1::ListEndpointsResponse& response) {
  std::vector<policy::Model::EndpointName> names;
  if (request.service().empty()) {
    names = model_.endpoints();
  } else {
    const size_t slash = request.service().find('/');
    if (slash == std::string::npos)
      return {grpc::StatusCode::INVALID_ARGUMENT, "service: expected NAMESPACE/NAME"};
    const policy::Key key{policy::Kind::kService, request.service().substr(0, slash),
                          request.service().substr(slash + 1)};
    if (model_.find(key) == nullptr)
      return {grpc::StatusCode::NOT_FOUND,
              fmt::format("no Service \"{}\" in namespace {}", key.name, key.ns)};
    names = model_.endpoints(&key);
  }
  tell_endpoints(names, response);
  return grpc::Status::OK;
}

void Engine::tell_endpoints(const std::vector<policy::Model::EndpointName>& names,
                            v1::ListEndpointsResponse& response) const {
  std::vector<uint32_t> slots;
  slots.reserve(names.size());
  for (const auto& name : names) slots.push_back(name.slot);
  const std::vector<EndpointCounts> counts = target_->endpoint_counts(slots);
  for (size_t i = 0; i < names.size(); ++i) {
    const policy::Model::EndpointName& name = names[i];
    const auto known = endpoint_baselines_.find(name.slot);
    const EndpointCounts base =
        known == endpoint_baselines_.end() ? EndpointCounts() : known->second;
    v1::EndpointCounts& to = *response.add_endpoints();
    to.set_namespace_(name.ns);
    to.set_service(name.service);
    to.set_address(name.address.text());
    to.set_port(name.port);
    to.set_weight(name.weight);
    to.set_priority(name.priority);
    to.set_draining(name.draining);
    if (name.draining) to.set_drain_left_ms(left_ms(name.drains_until));
    to.set_active_flows(counts[i].active);
    to.set_flows(counts[i].flows - base.flows);
    to.set_packets(counts[i].packets - base.packets);
    to.set_bytes(counts[i].bytes - base.bytes);
  }
}

}  // namespace heddle::server
