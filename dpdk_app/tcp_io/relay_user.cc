#include "tcp_io/relay_user.h"

#include "flows/standing.h"
#include "policy/decide.h"
#include "tcp_io/own_address.h"
#include "tcp_io/ready_tls.h"

namespace heddle::app {

namespace {

// In one turn.
constexpr uint32_t kTimers = 256;
constexpr uint32_t kJudged = 64;

policy::IpAddress address_of(const tcp::IpAddress& address) {
  return address.is_v4_mapped() ? policy::IpAddress(tcp::to_ipv4(address))
                                : policy::IpAddress(address);
}
tcp::IpAddress address_of(const policy::IpAddress& address) {
  return address.is_v4() ? tcp::from_ipv4(address.v4()) : address.v6();
}

InterfaceId towards(const l3::Topology& topology, const policy::IpAddress& address) {
  return address.is_v4() ? interface_towards(topology, address.v4())
                         : interface_towards(topology, address.v6());
}

}  // namespace

// A pair is two connections.
RelayUser::RelayUser(Worker& worker, Instant start)
    : worker_(worker),
      relay_(worker.tcp->transport, *this, worker.tcp->limits.connections / 2, start,
             &worker.tcp->tls) {}

bool RelayUser::on_turn(Instant now) {
  relay_.on_timer(now, kTimers);
  const bool shakes = relay_.shake_hands(now);
  const bool more = relay_.sweep(worker_.policy->generation, kJudged, now);
  worker_.tcp->swept.set(relay_.swept());
  return more || shakes;
}

std::shared_ptr<tls::Context> RelayUser::context_of(
    const std::shared_ptr<const policy::TlsUse>& use) const {
  if (use == nullptr) return nullptr;
  return static_cast<const ReadyTls&>(*use->ready)
      .of(worker_.id, worker_.tcp->tls.least_busy_lane());
}

std::optional<mesh::ClientTerms> RelayUser::terms(uint32_t frontend, const tcp::FourTuple& client) {
  const policy::Snapshot& policy = *worker_.policy;
  if (policy.frontends[frontend] == nullptr) return std::nullopt;
  const policy::Frontend& its = *policy.frontends[frontend];
  mesh::ClientTerms terms;
  switch (its.client_tls) {
    case policy::ClientTls::kOff:
      return terms;
    case policy::ClientTls::kTerminate:
      terms.side = mesh::ClientSide::kTls;
      break;
    case policy::ClientTls::kOptional:
      terms.side = mesh::ClientSide::kEither;
      break;
    case policy::ClientTls::kPassthrough:
      terms.side = mesh::ClientSide::kTlsNamed;
      break;
  }
  terms.tls = context_of(its.tls_in);
  // Who may not come in at all is not worth a handshake.
  if (policy::decide(policy, flow_of(client)).verdict != policy::Verdict::kDenied) return terms;
  worker_.services[frontend].denied.add();
  return std::nullopt;
}

// Who the client is, is known by where its address leads: a handshake that came to an end is proof
// that it is there.
policy::Flow RelayUser::flow_of(const tcp::FourTuple& client) const {
  policy::Flow flow{.source = address_of(client.remote.address),
                    .destination = address_of(client.local.address),
                    .protocol = policy::Protocol::kTcp,
                    .source_port = client.remote.port.host(),
                    .destination_port = client.local.port.host(),
                    .in = kNoInterface};
  flow.in = towards(*worker_.topology, flow.source);
  if (flow.in == kNoInterface) return flow;
  const auto role = worker_.topology->interface(flow.in).role;
  flow.identified = role == l3::InterfaceRole::kWorkload;
  return flow;
}

std::optional<mesh::Upstream> RelayUser::choose(uint32_t frontend, const tcp::FourTuple& client,
                                                const mesh::ClientFacts& facts) {
  const policy::Snapshot& policy = *worker_.policy;
  const policy::Flow flow = flow_of(client);
  const policy::PickState state = worker_.flows->pick_state();
  const policy::Decision decision = policy::decide(policy, flow, &state, facts.server_name);
  ServiceCounters& counters = worker_.services[frontend];
  if (decision.verdict == policy::Verdict::kDenied) counters.denied.add();
  if (decision.verdict == policy::Verdict::kNoEndpoint ||
      decision.verdict == policy::Verdict::kNoRoute)
    counters.no_endpoint.add();
  if (decision.verdict != policy::Verdict::kForward || decision.frontend != frontend)
    return std::nullopt;
  const policy::Frontend& its = *policy.frontends[frontend];
  if (its.forwarding != policy::Forwarding::kProxy) return std::nullopt;
  const policy::IpAddress& endpoint = decision.endpoint->address;
  const InterfaceId out = towards(*worker_.topology, endpoint);
  if (out == kNoInterface) return std::nullopt;
  policy::Flow arriving = flow;
  arriving.destination = endpoint;
  arriving.destination_port = decision.port;
  const policy::Guarded guarded = policy::guard(policy, arriving, out);
  if (!guarded.allowed) {
    counters.denied.add();
    return std::nullopt;
  }
  return mesh::Upstream{
      .tuple = {{own_address_on(*worker_.topology, out, endpoint.is_v4()), Be16(0)},
                {address_of(endpoint), Be16(decision.port)}},
      .endpoint = decision.endpoint->slot,
      .generation = policy.generation,
      .connect_timeout = its.connect_timeout,
      .idle_timeout = its.idle_timeout,
      .tls = context_of(its.tls_out),
      .server_name = its.tls_out == nullptr ? std::string() : its.tls_out->server_name};
}

void RelayUser::opened(uint32_t frontend, uint32_t endpoint) {
  worker_.services[frontend].flows.add();
  worker_.endpoints[endpoint].flows.add();
  worker_.flows->set_active_flows(endpoint, worker_.flows->active_flows(endpoint) + 1);
}

void RelayUser::closed(uint32_t, uint32_t endpoint) {
  const uint32_t active = worker_.flows->active_flows(endpoint);
  if (active > 0) worker_.flows->set_active_flows(endpoint, active - 1);
}

void RelayUser::moved(uint32_t frontend, uint32_t endpoint, bool to_endpoint, uint32_t bytes) {
  if (!to_endpoint) return;
  worker_.services[frontend].bytes.add(bytes);
  worker_.endpoints[endpoint].bytes.add(bytes);
}

// Slots are used again: the address and port must lead to the same one as before.
bool RelayUser::is_still_proxied(const policy::Snapshot& policy, const mesh::RelayPair& pair) {
  if (policy.frontend_table == nullptr) return false;
  const tcp::Endpoint& service = pair.client.local;
  const uint32_t slot = policy.frontend_table->find(
      {address_of(service.address), policy::Protocol::kTcp, service.port.host()});
  return slot == pair.frontend && policy.frontends[slot]->forwarding == policy::Forwarding::kProxy;
}

mesh::Standing RelayUser::judge(const mesh::RelayPair& pair) {
  const policy::Snapshot& policy = *worker_.policy;
  if (!is_still_proxied(policy, pair)) {
    worker_.flows->counters.cut.add();
    return mesh::Standing::kReset;
  }
  const policy::Rechecked result = policy::recheck(
      policy, flow_of(pair.client), address_of(pair.endpoint.address), pair.endpoint.port.host());
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
