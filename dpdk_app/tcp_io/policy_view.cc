#include "tcp_io/policy_view.h"

#include "mesh/peer_identity.h"
#include "tcp_io/own_address.h"
#include "tcp_io/ready_tls.h"
#include "worker/tcp.h"

namespace heddle::app {

namespace {

tcp::IpAddress tcp_address(const policy::IpAddress& address) {
  return address.is_v4() ? tcp::from_ipv4(address.v4()) : address.v6();
}

InterfaceId towards(const l3::Topology& topology, const policy::IpAddress& address) {
  return address.is_v4() ? interface_towards(topology, address.v4())
                         : interface_towards(topology, address.v6());
}

mesh::ProxyHeaderVersion version_of(policy::ProxyProtocol protocol) {
  switch (protocol) {
    case policy::ProxyProtocol::kOff:
      break;
    case policy::ProxyProtocol::kV1:
      return mesh::ProxyHeaderVersion::kV1;
    case policy::ProxyProtocol::kV2:
      return mesh::ProxyHeaderVersion::kV2;
  }
  return mesh::ProxyHeaderVersion::kNone;
}

}  // namespace

policy::IpAddress policy_address(const tcp::IpAddress& address) {
  return address.is_v4_mapped() ? policy::IpAddress(tcp::to_ipv4(address))
                                : policy::IpAddress(address);
}

std::shared_ptr<tls::Context> PolicyView::context_of(
    const std::shared_ptr<const policy::TlsUse>& use) const {
  if (use == nullptr) return nullptr;
  return static_cast<const ReadyTls&>(*use->ready)
      .of(worker_.id, worker_.tcp->tls.least_busy_lane());
}

mesh::ClientTerms PolicyView::terms_of(const policy::Frontend& frontend,
                                       const policy::Flow& flow) const {
  mesh::ClientTerms terms;
  terms.edge = frontend.edge;
  terms.in_mesh = frontend.of_workload;
  terms.version = policy().version;
  terms.sniffs = frontend.sniffs && frontend.takes_bytes();
  terms.silence = frontend.idle_timeout;
  // A neighbour on this node is known by its port.
  if (frontend.of_workload && flow.identified) return terms;
  if (frontend.of_workload && !frontend.is_http) terms.only_alpn = policy::kMeshTcpAlpn;
  switch (frontend.client_tls) {
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
  terms.tls = context_of(frontend.tls_in);
  return terms;
}

// Who the client is, is known by where its address leads: a handshake that came to an end is proof
// that it is there. What a load balancer tells of its clients is none: they have an address alone.
policy::Flow PolicyView::flow_of(const mesh::Client& client) const {
  const tcp::FourTuple& tuple = client.tuple;
  policy::Flow flow{.source = policy_address(tuple.remote.address),
                    .destination = policy_address(tuple.local.address),
                    .protocol = policy::Protocol::kTcp,
                    .source_port = tuple.remote.port.host(),
                    .destination_port = tuple.local.port.host(),
                    .in = kNoInterface};
  if (client.identity != nullptr) {
    const mesh::PeerIdentity& shown = *client.identity;
    flow.peer = {shown.id, shown.parts.trust_domain, shown.parts.name_space,
                 shown.parts.service_account};
  }
  flow.claims = client.claims;
  flow.claims_open = client.claims_open;
  if (client.told) return flow;
  flow.in = towards(*worker_.topology, flow.source);
  if (flow.in == kNoInterface) return flow;
  const auto role = worker_.topology->interface(flow.in).role;
  flow.identified = role == l3::InterfaceRole::kWorkload;
  return flow;
}

policy::Decision PolicyView::decide(const policy::Flow& flow) const {
  return policy::decide(policy(), flow);
}

// Who asks shows its own identity, or goes in plaintext where the workload takes that.
std::expected<void, PolicyView::NoWay> PolicyView::protect(const policy::Flow& flow,
                                                           const policy::Decision& decision,
                                                           Wanted wanted, Way& way) const {
  const policy::MeshPeer& peer = *decision.endpoint->mesh;
  const policy::MeshTls mode = peer.modes.at(decision.port);
  if (mode == policy::MeshTls::kDisable) return {};
  const auto& identities = policy().identities;
  const policy::MeshIdentity* shown = policy().frontends[decision.frontend]->identity.get();
  if (shown == nullptr && flow.identified && flow.in.index() < identities.size())
    shown = identities[flow.in.index()].get();
  if (shown == nullptr && mode == policy::MeshTls::kPermissive) return {};
  if (shown == nullptr || peer.id.empty()) return std::unexpected(NoWay::kNoIdentity);
  const policy::MeshIdentity& own = *shown;
  // Requests of one identity share connections.
  if (wanted.inner == Inner::kHttp1 && !wanted.upgrades && !wanted.exactly)
    way.inner = Inner::kHttp2;
  const auto& use = way.inner == Inner::kTcp     ? own.tcp
                    : way.inner == Inner::kHttp1 ? own.http1
                                                 : own.http2;
  way.to.tls = context_of(use);
  way.to.tls_use = use;
  way.to.server_name.clear();
  way.to.expected_id = {decision.endpoint->mesh, &peer.id};
  way.to.proxy_header = mesh::ProxyHeaderVersion::kNone;
  return {};
}

mesh::Bounds PolicyView::bounds_of(const policy::Decision& decision) const {
  const std::shared_ptr<resilience::Breaker>& breaker =
      policy().clusters[decision.cluster]->breaker;
  mesh::Bounds bounds{.endpoint = decision.endpoint->state};
  if (breaker == nullptr) return bounds;
  bounds.service = {breaker, &breaker->end(worker_.id.value())};
  bounds.endpoint_connections = breaker->endpoint_connections();
  bounds.endpoint_requests = breaker->endpoint_requests();
  return bounds;
}

std::expected<PolicyView::Way, PolicyView::NoWay> PolicyView::upstream_of(
    const policy::Flow& flow, const policy::Decision& decision, Wanted wanted,
    const policy::RequestHead* request) const {
  const policy::IpAddress& endpoint = decision.endpoint->address;
  const InterfaceId out = towards(*worker_.topology, endpoint);
  if (out == kNoInterface) return std::unexpected(NoWay::kUnreachable);
  const policy::Frontend& frontend = *policy().frontends[decision.frontend];
  const policy::Guarded guarded = guard_of(frontend, flow, endpoint, decision.port, request);
  worker_.count_access(guarded.access, guarded.allowed, guarded.noted);
  if (guarded.audited) worker_.services[decision.frontend].audited.add();
  if (!guarded.allowed) return std::unexpected(NoWay::kDenied);
  const policy::BackendTerms& terms = *decision.terms;
  Way way{.inner = wanted.inner};
  way.to = mesh::Upstream{
      .tuple = {{own_address_on(*worker_.topology, out, endpoint.is_v4()), Be16(0)},
                {tcp_address(endpoint), Be16(decision.port)}},
      .endpoint = decision.endpoint->slot,
      .generation = policy().generation,
      .connect_timeout = terms.connect_timeout,
      .idle_timeout = terms.idle_timeout,
      .tls = context_of(terms.tls_out),
      .tls_use = terms.tls_out,
      .server_name = terms.tls_out == nullptr ? std::string() : terms.tls_out->server_name,
      .proxy_header = version_of(terms.proxy_protocol_out),
      .bounds = bounds_of(decision)};
  if (decision.endpoint->mesh != nullptr)
    if (const auto done = protect(flow, decision, wanted, way); !done)
      return std::unexpected(done.error());
  return way;
}

bool PolicyView::lacks_identity(const policy::Frontend& frontend,
                                const mesh::Client& client) const {
  return frontend.of_workload && frontend.client_tls == policy::ClientTls::kTerminate &&
         !client.secure && !client.shaking && !flow_of(client).identified;
}

policy::Guarded PolicyView::guard_of(const policy::Frontend& frontend, const policy::Flow& asked,
                                     const policy::IpAddress& endpoint, uint16_t port,
                                     const policy::RequestHead* request) const {
  policy::Flow flow = policy::behind(frontend, asked);
  const InterfaceId out = towards(*worker_.topology, endpoint);
  if (out == kNoInterface) return {};
  flow.destination = endpoint;
  flow.destination_port = port;
  return policy::guard(policy(), flow, out, request);
}

bool PolicyView::is_still_proxied(uint32_t frontend, const tcp::Endpoint& service) const {
  if (policy().frontend_table == nullptr) return false;
  const uint32_t slot = policy().frontend_table->find(
      {policy_address(service.address), policy::Protocol::kTcp, service.port.host()});
  return slot == frontend && policy().frontends[slot]->forwarding == policy::Forwarding::kProxy;
}

void PolicyView::opened(uint32_t frontend, uint32_t endpoint) {
  if (frontend != kNoSlot) worker_.services[frontend].flows.add();
  worker_.endpoints[endpoint].flows.add();
  worker_.flows->set_active_flows(endpoint, worker_.flows->active_flows(endpoint) + 1);
}

void PolicyView::closed(uint32_t endpoint) {
  const uint32_t active = worker_.flows->active_flows(endpoint);
  if (active > 0) worker_.flows->set_active_flows(endpoint, active - 1);
}

}  // namespace heddle::app
