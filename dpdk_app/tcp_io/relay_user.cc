#include "tcp_io/relay_user.h"

#include "flows/standing.h"

namespace heddle::app {

namespace {

// In one turn.
constexpr uint32_t kTimers = 256;
constexpr uint32_t kJudged = 64;

}  // namespace

// A pair is two connections.
RelayUser::RelayUser(Worker& worker, Instant start)
    : worker_(worker),
      view_(worker),
      relay_(worker.tcp->transport, *this, worker.tcp->limits.connections / 2, start,
             &worker.tcp->tls) {}

bool RelayUser::on_turn(Instant now) {
  relay_.on_timer(now, kTimers);
  const bool shakes = relay_.shake_hands(now);
  const bool more = relay_.sweep(worker_.policy->generation, kJudged, now);
  return more || shakes;
}

// Whatever the port carries besides.
policy::Flow RelayUser::flow_of(const mesh::Client& client) const {
  policy::Flow flow = view_.flow_of(client);
  flow.bytes = true;
  return flow;
}

bool RelayUser::wants_proxy_header(uint32_t frontend) {
  const policy::Frontend* its = view_.frontend(frontend);
  return its != nullptr && its->proxy_protocol_in;
}

std::optional<mesh::ClientTerms> RelayUser::terms(uint32_t frontend, const mesh::Client& client) {
  const policy::Frontend* its = view_.frontend(frontend);
  if (its == nullptr) return std::nullopt;
  policy::Flow flow = flow_of(client);
  flow.may_show = true;
  mesh::ClientTerms terms = view_.terms_of(*its, flow);
  if (terms.side == mesh::ClientSide::kPlain) return terms;  // choose() asks
  // Who may not come in at all is not worth a handshake.
  if (view_.decide(flow).verdict != policy::Verdict::kDenied) return terms;
  worker_.services[frontend].denied.add();
  return std::nullopt;
}

std::optional<mesh::Upstream> RelayUser::choose(uint32_t frontend, const mesh::Client& client,
                                                const mesh::ClientFacts& facts) {
  const policy::Snapshot& policy = view_.policy();
  const policy::Flow flow = flow_of(client);
  policy::PickState state = worker_.flows->pick_state();
  state.tries = policy::PickState::Tries::kConnection;
  const policy::Decision decision = policy::decide(policy, flow, &state, facts.server_name);
  ServiceCounters& counters = worker_.services[frontend];
  const bool denied = decision.verdict == policy::Verdict::kDenied;
  if (denied) counters.denied.add();
  if (decision.frontend == frontend &&
      (policy::asks_identity(*policy.frontends[frontend]) || policy.frontends[frontend]->is_http)) {
    // The SYN was let in before it was known who or what it is, and not counted.
    if (decision.audited) counters.audited.add();
    worker_.count_access(decision.access, !denied, decision.noted);
  }
  if (decision.verdict == policy::Verdict::kNoEndpoint ||
      decision.verdict == policy::Verdict::kNoRoute)
    counters.no_endpoint.add();
  if (decision.verdict != policy::Verdict::kForward || decision.frontend != frontend)
    return std::nullopt;
  if (policy.frontends[frontend]->forwarding != policy::Forwarding::kProxy) return std::nullopt;
  // Bytes have no token to show, and a port of HTTP alone has none of them.
  if (!policy.frontends[frontend]->takes_bytes()) {
    if (decision.endpoint->state != nullptr) decision.endpoint->state->give_try_back();
    counters.denied.add();
    return std::nullopt;
  }
  auto way = view_.upstream_of(flow, decision, {});
  if (way) return std::move(way->to);
  if (decision.endpoint->state != nullptr) decision.endpoint->state->give_try_back();
  if (way.error() != PolicyView::NoWay::kUnreachable) counters.denied.add();
  return std::nullopt;
}

void RelayUser::moved(uint32_t frontend, uint32_t endpoint, bool to_endpoint, uint32_t bytes) {
  if (!to_endpoint) return;
  worker_.services[frontend].bytes.add(bytes);
  worker_.endpoints[endpoint].bytes.add(bytes);
}

mesh::Standing RelayUser::judge(const mesh::RelayPair& pair) {
  if (!view_.is_still_proxied(pair.frontend, pair.client.tuple.local) ||
      !view_.frontend(pair.frontend)->takes_bytes() ||
      view_.lacks_identity(*view_.frontend(pair.frontend), pair.client)) {
    worker_.flows->counters.cut.add();
    return mesh::Standing::kReset;
  }
  const policy::Rechecked result =
      policy::recheck(view_.policy(), flow_of(pair.client), policy_address(pair.endpoint.address),
                      pair.endpoint.port.host());
  switch (result.recheck) {
    case policy::Recheck::kStays:
    case policy::Recheck::kDraining:
      return mesh::Standing::kStays;
    case policy::Recheck::kDenied:
    case policy::Recheck::kGone:
      break;
  }
  worker_.flows->counters.cut.add();
  return result.how == policy::Refusal::kDrop ? mesh::Standing::kSilent : mesh::Standing::kReset;
}

}  // namespace heddle::app
