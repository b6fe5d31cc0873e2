#include "policy/decide.h"

#include <algorithm>
#include <bit>

namespace heddle::policy {
namespace {

using balance::mix;

// Different walks from one hash, so that which backend says nothing about which endpoint.
constexpr uint64_t kForChoice = 0x63686f6963652d31;
constexpr uint64_t kForEndpoint = 0x656e64706f696e74;

bool holds(const std::vector<IpPrefix>& prefixes, const IpAddress& address) {
  return std::ranges::any_of(prefixes, [&](const IpPrefix& p) { return p.contains(address); });
}

bool matches(const SourceMatch& match, const Flow& flow) {
  const bool known = flow.identified && flow.in.index() < kMaxPolicyPorts;
  if (known ? !match.ports[flow.in.index()] : !match.anonymous) return false;
  if (!match.cidrs.empty() && !holds(match.cidrs, flow.source)) return false;
  return !holds(match.not_cidrs, flow.source);
}

bool allows(const AccessList& list, const Flow& flow, const AccessEntry*& decided) {
  for (const AccessEntry& entry : list.entries) {
    for (const SourceMatch& match : entry.from) {
      if (!matches(match, flow)) continue;
      decided = &entry;
      return entry.action == Action::kAllow;
    }
  }
  return list.default_allow;
}

uint16_t choose(const Frontend& frontend, uint64_t hash) {
  const uint32_t at = balance::scale(mix(hash ^ kForChoice), frontend.total_weight);
  uint16_t choice = 0;
  while (frontend.choices[choice].until <= at) ++choice;
  return choice;
}

const Frontend* find_frontend(const Snapshot& snapshot, const Flow& flow, Decision& decision) {
  if (snapshot.frontend_table == nullptr) return nullptr;
  decision.frontend =
      snapshot.frontend_table->find({flow.destination, flow.protocol, flow.destination_port});
  return decision.frontend == kNoSlot ? nullptr : snapshot.frontends[decision.frontend].get();
}

void find_endpoint(const Snapshot& snapshot, const Frontend& frontend, const Flow& flow,
                   Decision& decision) {
  decision.verdict = Verdict::kNoEndpoint;
  if (frontend.total_weight == 0) return;
  const uint64_t hash = hash_of(flow, frontend.hash_on);
  decision.choice = choose(frontend, hash);
  decision.cluster = frontend.choices[decision.choice].cluster;
  uint32_t at = decision.cluster;
  for (size_t tries = 0; at != kNoSlot && tries <= kMaxFallbacks; ++tries) {
    const Cluster& cluster = *snapshot.clusters[at];
    const uint32_t position = cluster.table.pick(mix(hash ^ kForEndpoint));
    if (position != balance::kNoEndpoint) {
      decision.verdict = Verdict::kForward;
      decision.cluster = at;
      decision.endpoint = &cluster.endpoints[position];
      return;
    }
    at = cluster.fallback;
  }
}

}  // namespace

uint32_t hash_of(const Flow& flow, HashOn hash_on) {
  const auto fold = [](const IpAddress& address, uint64_t salt) {
    return mix(mix(address.v6().high() ^ salt) ^ address.v6().low());
  };
  const uint64_t source = fold(flow.source, 0x736f75726365);
  if (hash_on == HashOn::kSourceAddress) return static_cast<uint32_t>(source >> 32);
  const uint64_t ports = uint64_t{flow.source_port} << 24 | uint64_t{flow.destination_port} << 8 |
                         static_cast<uint64_t>(flow.protocol);
  const uint64_t destination = fold(flow.destination, 0x64657374 + ports);
  return static_cast<uint32_t>(mix(source + std::rotl(destination, 32)) >> 32);
}

Decision decide(const Snapshot& snapshot, const Flow& flow) {
  Decision decision;
  const Frontend* frontend = find_frontend(snapshot, flow, decision);
  if (frontend == nullptr) return decision;
  if (frontend->access != nullptr && !allows(*frontend->access, flow, decision.access))
    decision.verdict = Verdict::kDenied;
  else
    find_endpoint(snapshot, *frontend, flow, decision);
  return decision;
}

Decision decide_endpoint(const Snapshot& snapshot, const Flow& flow) {
  Decision decision;
  if (const Frontend* frontend = find_frontend(snapshot, flow, decision))
    find_endpoint(snapshot, *frontend, flow, decision);
  return decision;
}

}  // namespace heddle::policy
