#include "policy/decide.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "access_match.h"
#include "jwt/claims.h"

namespace heddle::policy {
namespace {

using balance::mix;

// Different walks from one hash, so that which backend says nothing about which endpoint.
constexpr uint64_t kForChoice = 0x63686f6963652d31;
constexpr uint64_t kForEndpoint = 0x656e64706f696e74;
constexpr uint64_t kForMirror = 0x6d6972726f72;

bool holds(const std::vector<IpPrefix>& prefixes, const IpAddress& address) {
  return std::ranges::any_of(prefixes, [&](const IpPrefix& p) { return p.contains(address); });
}

bool holds(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

bool fits(const SourceMatch& match, const PeerId& peer) {
  return (match.trust_domain.empty() || match.trust_domain == peer.trust_domain) &&
         (match.ns.empty() || match.ns == peer.ns) &&
         (match.service_account.empty() || match.service_account == peer.service_account) &&
         !holds(match.not_namespaces, peer.ns) &&
         !holds(match.not_service_accounts, peer.service_account) &&
         std::ranges::none_of(match.not_principals, [&](const Principal& each) {
           return each.ns == peer.ns && each.service_account == peer.service_account &&
                  each.trust_domain == peer.trust_domain;
         });
}

}  // namespace

const Networks::Identity* by_address(const Snapshot& snapshot, const Flow& flow) {
  if (snapshot.networks == nullptr || flow.identified || !flow.peer.id.empty()) return nullptr;
  return snapshot.networks->find(flow.in, flow.source);
}

namespace {

// The flow as AccessPolicies see it: with who its sender is by its address, where that is all that
// is known of it.
class Seen {
 public:
  Seen(const Snapshot& snapshot, const Flow& flow) : flow_(&flow) {
    const Networks::Identity* known = by_address(snapshot, flow);
    if (known == nullptr) [[likely]]
      return;
    named_ = flow;
    named_->peer = {known->text, known->trust_domain, known->ns, known->service_account};
    flow_ = &*named_;
  }
  Seen(const Seen&) = delete;
  Seen& operator=(const Seen&) = delete;
  const Flow& operator*() const { return *flow_; }

 private:
  const Flow* flow_;
  std::optional<Flow> named_;
};

}  // namespace

bool may_match(const SourceMatch& match, const Flow& flow) {
  if (!match.cidrs.empty() && !holds(match.cidrs, flow.source)) return false;
  return !holds(match.not_cidrs, flow.source);
}

bool matches(const SourceMatch& match, const Flow& flow) {
  const bool known = flow.identified && flow.in.index() < kMaxPolicyPorts;
  if (!flow.peer.id.empty()) {
    if (!fits(match, flow.peer)) return false;
  } else if (known ? !match.ports[flow.in.index()] : !match.anonymous) {
    return false;
  }
  return may_match(match, flow);
}

bool claims_fit(const SourceMatch& match, const jwt::ClaimsView* claims) {
  if (claims == nullptr) return !match.tokened && match.claims.empty();
  const auto is_so = [&](const ClaimMatch& wanted) {
    const std::optional<jwt::Claim> claim = claims->find(wanted.path);
    return claim && claim->has(wanted.value);
  };
  return std::ranges::all_of(match.claims, is_so) && std::ranges::none_of(match.not_claims, is_so);
}

namespace {

uint16_t choose(const std::vector<Choice>& choices, uint32_t total_weight, uint64_t hash) {
  const uint32_t at = balance::scale(mix(hash ^ kForChoice), total_weight);
  uint16_t choice = 0;
  while (choices[choice].until <= at) ++choice;
  return choice;
}

const Frontend* find_frontend(const Snapshot& snapshot, const Flow& flow, Decision& decision) {
  if (snapshot.frontend_table == nullptr) return nullptr;
  decision.frontend =
      snapshot.frontend_table->find({flow.destination, flow.protocol, flow.destination_port});
  return decision.frontend == kNoSlot ? nullptr : snapshot.frontends[decision.frontend].get();
}

Carries carries_of(const Frontend& frontend, const Flow& flow) {
  const bool bytes = flow.bytes && frontend.takes_bytes();
  return frontend.is_http && !bytes ? Carries::kRequests : Carries::kBytes;
}

// Of two different ones, drawn by weight, that with fewer flows for its weight.
uint32_t pick_least(const balance::WeightedRandom& table, const Cluster& cluster,
                    const PickState& state) {
  const uint32_t first = table.pick(state.random.next());
  if (table.members() < 2) return first;
  constexpr int kDraws = 2;
  uint32_t second = first;
  for (int draws = 0; draws < kDraws && second == first; ++draws)
    second = table.pick(state.random.next());
  if (second == first) {  // It has most of the weight: any other.
    const uint32_t last = table.members() - 1;
    second = table.member(state.random.below(last));
    if (second == first) second = table.member(last);
  }
  const EndpointEntry &a = cluster.endpoints[first], &b = cluster.endpoints[second];
  const uint64_t load_a = uint64_t{state.active[a.slot]} * b.weight;
  const uint64_t load_b = uint64_t{state.active[b.slot]} * a.weight;
  return load_b < load_a ? second : first;
}

struct Picker {
  const Cluster& cluster;
  uint32_t slot;
  uint64_t hash;
  const PickState* state;

  uint32_t operator()(const balance::Maglev& table) const { return table.pick(hash); }
  uint32_t operator()(const balance::RingHash& table) const { return table.pick(hash); }
  uint32_t operator()(const balance::RoundRobin& table) const {
    if (state != nullptr) return table.pick(state->cursors[slot]);
    balance::RoundRobin::Cursor cursor = table.start(hash);
    return table.pick(cursor);
  }
  uint32_t operator()(const balance::WeightedRandom& table) const {
    if (state == nullptr) return table.pick(hash);
    return cluster.algorithm == Algorithm::kLeastRequest ? pick_least(table, cluster, *state)
                                                         : table.pick(state->random.next());
  }
};

const BackendTerms& terms_of(const Frontend& frontend, const Choice& choice) {
  return choice.terms == nullptr ? frontend : *choice.terms;
}

uint16_t own_port(const BackendTerms& terms, const Flow& flow) {
  return terms.target_port != 0 ? terms.target_port : flow.destination_port;
}

// Where a cluster's endpoints have it: entries are sorted by place.
const EndpointEntry* find_entry(const Cluster& cluster, const IpAddress& address, uint16_t port) {
  const auto before = [](const EndpointEntry& entry, const std::pair<IpAddress, uint16_t>& place) {
    return std::pair(entry.address, entry.port) < place;
  };
  const auto at = std::lower_bound(cluster.endpoints.begin(), cluster.endpoints.end(),
                                   std::pair(address, port), before);
  const bool found = at != cluster.endpoints.end() && at->address == address && at->port == port;
  return found && (at->weight > 0 || at->draining) ? &*at : nullptr;
}

// A live flow, and where its packets go.
struct Led {
  const Frontend& frontend;
  const Flow& flow;
  const IpAddress& address;
  uint16_t port;
};

// Whether one of the clusters that these lead to still has the endpoint. One whose port is now
// another is another endpoint.
Recheck find_again(const Snapshot& snapshot, const std::vector<Choice>& choices, const Led& led) {
  const auto& [frontend, flow, address, port] = led;
  Recheck recheck = Recheck::kGone;
  for (const Choice& choice : choices) {
    const uint16_t own = own_port(terms_of(frontend, choice), flow);
    uint32_t at = choice.cluster;
    for (size_t tries = 0; at != kNoSlot && tries <= kMaxFallbacks; ++tries) {
      const Cluster& cluster = *snapshot.clusters[at];
      for (const uint16_t as : {port, uint16_t{0}}) {
        if (as == 0 && port != own) continue;
        const EndpointEntry* entry = find_entry(cluster, address, as);
        if (entry == nullptr) continue;
        if (!entry->draining) return Recheck::kStays;
        recheck = Recheck::kDraining;
      }
      at = cluster.fallback;
    }
  }
  return recheck;
}

// Which name a connection asked for is not kept, so it stays with an endpoint of any name.
Recheck find_again(const Snapshot& snapshot, const Led& led) {
  if (led.frontend.server_names == nullptr) return find_again(snapshot, led.frontend.choices, led);
  Recheck best = Recheck::kGone;
  for (const ServerNames::Target& target : led.frontend.server_names->targets()) {
    const Recheck recheck = find_again(snapshot, target.choices, led);
    if (recheck == Recheck::kStays) return recheck;
    if (recheck == Recheck::kDraining) best = recheck;
  }
  return best;
}

// What is asked for.
struct Wanted {
  const Flow& flow;
  std::string_view server_name;
};

// Who leads, and the hash that chooses among them.
struct Leading {
  const std::vector<Choice>& choices;
  uint32_t total_weight;
  uint64_t hash;
};

// Who asks, and how whoever answers is spoken to.
struct Asked {
  const BackendTerms& terms;
  const Flow& flow;
};

// Whether the endpoint may have this try. A try that it grants it has from then on.
enum class Fit : uint8_t { kYes, kTried, kFull, kNotNow };
Fit fit_of(const Cluster& cluster, const EndpointEntry& entry, const PickState& state) {
  if (std::ranges::find(state.tried, entry.slot) != state.tried.end()) return Fit::kTried;
  resilience::EndpointState* its = entry.state.get();
  if (its == nullptr || state.tries == PickState::Tries::kNothing) return Fit::kYes;
  if (cluster.breaker != nullptr) {
    const bool request = state.tries == PickState::Tries::kRequest;
    const uint32_t most =
        request ? cluster.breaker->endpoint_requests() : cluster.breaker->endpoint_connections();
    if (most != 0 && (request ? its->requests() : its->connections()) >= most) return Fit::kFull;
  }
  return its->may_try() ? Fit::kYes : Fit::kNotNow;
}

bool takes_flows(const EndpointEntry& entry) {
  return entry.weight > 0 && !entry.draining && !entry.out;
}

// One that may have the try instead of the one at `position`, which has `why` not: drawn as the
// cluster draws, and where that meets none the next in line of the same priority. Where there is no
// other, one that had it, or whose single try is under way: better a bad answer than none.
uint32_t pick_another(const Picker& picker, uint32_t position, Fit why, const PickState& state,
                      Decision& decision) {
  constexpr uint32_t kDraws = 4;
  const std::vector<EndpointEntry>& entries = picker.cluster.endpoints;
  uint32_t last = why == Fit::kFull ? balance::kNoEndpoint : position;
  bool full = why == Fit::kFull;
  const auto fits = [&](uint32_t at) {
    const Fit fit = fit_of(picker.cluster, entries[at], state);
    full |= fit == Fit::kFull;
    if (fit == Fit::kTried || fit == Fit::kNotNow) last = at;
    return fit == Fit::kYes;
  };
  for (uint32_t i = 1; i <= kDraws; ++i) {
    Picker again = picker;
    again.hash = mix(picker.hash + i);
    const uint32_t at = std::visit(again, picker.cluster.table);
    if (at != position && fits(at)) return at;
  }
  for (uint32_t i = 1; i < entries.size(); ++i) {
    const auto at = static_cast<uint32_t>((position + i) % entries.size());
    if (entries[at].priority == entries[position].priority && takes_flows(entries[at]) && fits(at))
      return at;
  }
  if (last == balance::kNoEndpoint && full) decision.verdict = Verdict::kFull;
  return last;
}

// In the decision's cluster, or in those that it falls back on.
void pick_in_cluster(const Snapshot& snapshot, const Asked& asked, uint64_t hash,
                     const PickState* state, Decision& decision) {
  decision.verdict = Verdict::kNoEndpoint;
  uint32_t at = decision.cluster;
  for (size_t tries = 0; at != kNoSlot && tries <= kMaxFallbacks; ++tries) {
    const Cluster& cluster = *snapshot.clusters[at];
    const Picker picker{cluster, at, hash, state};
    uint32_t position = std::visit(picker, cluster.table);
    if (position != balance::kNoEndpoint && state != nullptr) {
      const Fit fit = fit_of(cluster, cluster.endpoints[position], *state);
      if (fit != Fit::kYes) position = pick_another(picker, position, fit, *state, decision);
      if (decision.verdict == Verdict::kFull) return;
    }
    if (position != balance::kNoEndpoint) {
      decision.verdict = Verdict::kForward;
      decision.cluster = at;
      decision.endpoint = &cluster.endpoints[position];
      decision.breaker = cluster.breaker.get();
      decision.terms = &asked.terms;
      decision.port = decision.endpoint->port != 0 ? decision.endpoint->port
                                                   : own_port(asked.terms, asked.flow);
      return;
    }
    at = cluster.fallback;
  }
}

// The choice's own terms may keep a client with its endpoint, whatever led to the choice.
uint64_t endpoint_hash(const Choice& choice, const Flow& flow, uint64_t hash) {
  const bool own = choice.terms != nullptr && choice.terms->hash_on == HashOn::kSourceAddress;
  return mix((own ? hash_of(flow, choice.terms->hash_on) : hash) ^ kForEndpoint);
}

void pick_endpoint(const Snapshot& snapshot, const Frontend& frontend, const Flow& flow,
                   const Leading& leading, const PickState* state, Decision& decision) {
  decision.verdict = Verdict::kNoEndpoint;
  if (leading.total_weight == 0) return;
  decision.choice = choose(leading.choices, leading.total_weight, leading.hash);
  const Choice& choice = leading.choices[decision.choice];
  decision.cluster = choice.cluster;
  pick_in_cluster(snapshot, {terms_of(frontend, choice), flow},
                  endpoint_hash(choice, flow, leading.hash), state, decision);
}

// Of several addresses of a destination, who opens a connection of bytes means this one; requests
// are for a host, and balanced. One that takes no more, or is out, is left to the balancer's
// choice.
void stay_at_address(const Snapshot& snapshot, const Flow& flow, const PickState* state,
                     Decision& decision) {
  if (decision.verdict != Verdict::kForward || decision.endpoint->address == flow.destination)
    return;
  const Cluster& cluster = *snapshot.clusters[decision.cluster];
  const EndpointEntry* entry = find_entry(cluster, flow.destination, 0);
  if (entry == nullptr || entry->draining) return;
  if (state != nullptr && fit_of(cluster, *entry, *state) != Fit::kYes) return;
  if (decision.endpoint->state != nullptr) decision.endpoint->state->give_try_back();
  decision.endpoint = entry;
  decision.port = own_port(*decision.terms, flow);
}

void find_endpoint(const Snapshot& snapshot, const Frontend& frontend, const Wanted& wanted,
                   const PickState* state, Decision& decision) {
  const Flow& flow = wanted.flow;
  decision.how = frontend.no_endpoint;
  const std::vector<Choice>* choices = &frontend.choices;
  uint32_t total_weight = frontend.total_weight;
  if (frontend.server_names != nullptr) {
    decision.verdict = Verdict::kNoRoute;
    if (frontend.hosts != nullptr && frontend.hosts->find(wanted.server_name) == nullptr) return;
    decision.target = frontend.server_names->find(wanted.server_name);
    if (decision.target == nullptr) return;
    choices = &decision.target->choices;
    total_weight = decision.target->total_weight;
  }
  const uint64_t hash = hash_of(flow, frontend.hash_on);
  pick_endpoint(snapshot, frontend, flow, {*choices, total_weight, hash}, state, decision);
  if (frontend.external && frontend.on_the_way && !frontend.is_http)
    stay_at_address(snapshot, flow, state, decision);
  // A gateway's rule may be for more names than the ExternalService that it leads to.
  if (frontend.server_names != nullptr && decision.verdict == Verdict::kForward &&
      !decision.terms->may_ask_for(wanted.server_name))
    decision.verdict = Verdict::kNoRoute;
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

bool asks_identity(const Frontend& frontend) {
  return frontend.tls_in != nullptr && !frontend.tls_in->config.trust.empty() &&
         !frontend.of_workload;
}

Decision decide(const Snapshot& snapshot, const Flow& flow, const PickState* state,
                std::string_view server_name) {
  Decision decision;
  const Frontend* frontend = find_frontend(snapshot, flow, decision);
  if (frontend == nullptr) return decision;
  if (frontend->on_the_way && is_foreign(snapshot, *frontend, flow)) {
    decision.verdict = Verdict::kDenied;
    decision.how = Refusal::kReset;
    return decision;
  }
  if (frontend->access != nullptr) {
    decision.unasked = flow.may_show && flow.peer.id.empty() && asks_identity(*frontend);
    const Judged access = decision.unasked ? judge_unasked(*frontend->access, flow)
                                           : judge(*frontend->access, *Seen(snapshot, flow),
                                                   carries_of(*frontend, flow));
    decision.access = access.access;
    decision.audited = access.audited;
    decision.noted = access.noted;
    if (!access.allowed) {
      decision.verdict = Verdict::kDenied;
      decision.how = access.how;
      return decision;
    }
  }
  find_endpoint(snapshot, *frontend, {flow, server_name}, state, decision);
  return decision;
}

Flow behind(const Frontend& frontend, const Flow& flow) {
  Flow seen = flow;
  // What a service's or a gateway's own trust has verified counts there alone: whom workloads
  // believe their MeshPolicy says.
  if (!frontend.of_workload) seen.peer = {};
  seen.claims_ns = frontend.ns;
  if (frontend.identity == nullptr) return seen;
  const MeshIdentity& own = *frontend.identity;
  seen.peer = {own.id, own.trust_domain, own.ns, own.service_account};
  return seen;
}

Decision decide_request(const Snapshot& snapshot, uint32_t frontend_slot, const Flow& flow,
                        const HttpTarget* target, uint64_t hash, const PickState* state) {
  Decision decision;
  decision.frontend = frontend_slot;
  const Frontend& frontend = *snapshot.frontends[frontend_slot];
  decision.how = frontend.no_endpoint;
  const Leading leading = target == nullptr ? Leading{frontend.choices, frontend.total_weight, hash}
                                            : Leading{target->choices, target->total_weight, hash};
  pick_endpoint(snapshot, frontend, flow, leading, state, decision);
  return decision;
}

bool is_mirrored(const HttpMirrorTarget& mirror, uint64_t drawn) {
  return balance::scale(mix(drawn ^ kForMirror), kWholeShare) < mirror.share;
}

Decision decide_mirror(const Snapshot& snapshot, uint32_t frontend_slot, const Flow& flow,
                       const HttpTarget& target, uint64_t hash, const PickState* state) {
  Decision decision;
  decision.frontend = frontend_slot;
  decision.cluster = target.mirror->cluster;
  const HttpMirrorTarget& mirror = *target.mirror;
  const BackendTerms& terms =
      mirror.terms == nullptr ? *snapshot.frontends[frontend_slot] : *mirror.terms;
  pick_in_cluster(snapshot, {terms, flow}, mix(hash ^ kForEndpoint), state, decision);
  return decision;
}

Decision decide_endpoint(const Snapshot& snapshot, const Flow& flow) {
  Decision decision;
  if (const Frontend* frontend = find_frontend(snapshot, flow, decision))
    find_endpoint(snapshot, *frontend, {flow, {}}, nullptr, decision);
  return decision;
}

Judged judge_request(const Snapshot& snapshot, uint32_t frontend, const Flow& flow,
                     const RequestHead& request) {
  const AccessList* list = snapshot.frontends[frontend]->access.get();
  return list == nullptr ? Judged() : judge(*list, *Seen(snapshot, flow), request);
}

Guarded guard(const Snapshot& snapshot, const Flow& flow, InterfaceId out,
              const RequestHead* request) {
  if (out.index() >= snapshot.guards.size() || snapshot.guards[out.index()] == nullptr) return {};
  const AccessList& list = *snapshot.guards[out.index()];
  const bool unknown = !flow.identified && flow.peer.id.empty();
  if (unknown && list.mesh.at(flow.destination_port) == MeshTls::kStrict)
    return {.allowed = false, .how = Refusal::kReset, .unknown = true};
  const Seen seen(snapshot, flow);
  if (request == nullptr) return judge(list, *seen, Carries::kBytes);
  if (flow.claims_ns == list.ns) return judge(list, *seen, *request);
  // What another namespace's provider says of somebody is nothing here: it may say anything.
  Flow unproven = *seen;
  unproven.claims = nullptr;
  unproven.claims_open = false;
  return judge(list, unproven, *request);
}

namespace {

Outbound outbound_of(const Snapshot& snapshot, const Flow& flow) {
  if (!flow.identified || flow.in.index() >= snapshot.outbound.size()) return Outbound::kAllow;
  return snapshot.outbound[flow.in.index()];
}

}  // namespace

bool may_leave(const Snapshot& snapshot, const Flow& flow) {
  return outbound_of(snapshot, flow) == Outbound::kAllow ||
         std::ranges::binary_search(*snapshot.workload_addresses, flow.destination);
}

bool may_leave(const Snapshot& snapshot, const Flow& flow, const Frontend& frontend) {
  if (!frontend.external) return true;
  switch (outbound_of(snapshot, flow)) {
    case Outbound::kAllow:
      return true;
    case Outbound::kRegisteredOnly:
      return !is_foreign(snapshot, frontend, flow);
    case Outbound::kRefuse:
      break;
  }
  return false;
}

bool is_foreign(const Snapshot& snapshot, const Frontend& frontend, const Flow& flow) {
  if (frontend.only_ns.empty() || !flow.identified) return false;
  const auto& all = snapshot.workload_namespaces;
  return all == nullptr || flow.in.index() >= all->size() ||
         (*all)[flow.in.index()] != frontend.only_ns;
}

Rechecked recheck(const Snapshot& snapshot, const Flow& flow, const IpAddress& endpoint,
                  uint16_t port) {
  Decision found;
  const Frontend* frontend = find_frontend(snapshot, flow, found);
  if (frontend == nullptr) return {Recheck::kGone, Refusal::kReset};
  if (frontend->access != nullptr)
    if (const Judged access =
            judge(*frontend->access, *Seen(snapshot, flow), carries_of(*frontend, flow));
        !access.allowed)
      return {Recheck::kDenied, access.how};
  if (frontend->on_the_way && is_foreign(snapshot, *frontend, flow))
    return {Recheck::kDenied, Refusal::kReset};
  // A connection that was let out goes on to its end, which datagrams do not have.
  if (flow.protocol == Protocol::kUdp && !may_leave(snapshot, flow, *frontend))
    return {Recheck::kDenied, Refusal::kDrop};
  if (const InterfaceId out = snapshot.guarded(endpoint); out != kNoInterface) {
    Flow there = behind(*frontend, flow);
    there.destination = endpoint;
    there.destination_port = port;
    if (const Guarded guarded = guard(snapshot, there, out); !guarded.allowed)
      return {Recheck::kDenied, guarded.how};
  }
  const Recheck recheck = find_again(snapshot, {*frontend, flow, endpoint, port});
  const bool tells = frontend->no_endpoint != Refusal::kDrop;
  return {recheck, recheck == Recheck::kGone && tells ? Refusal::kReset : Refusal::kDrop};
}

}  // namespace heddle::policy
