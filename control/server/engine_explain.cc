// Explain: the workers' own decision about one packet, told in words.
#include <algorithm>

#include "engine.h"
#include "explain_identity.h"
#include "explain_request.h"
#include "telling.h"
#include "tls/spiffe.h"

namespace heddle::server {
using policy::Verdict;

namespace {

grpc::Status wrong(std::string text) {
  return {grpc::StatusCode::INVALID_ARGUMENT, std::move(text)};
}

// "shop/cart" into its parts.
std::optional<std::pair<std::string, std::string>> parse_name(const std::string& text) {
  const size_t slash = text.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == text.size()) return {};
  return std::pair(text.substr(0, slash), text.substr(slash + 1));
}

// The sender's part of the flow; `family_of` says which of a workload's addresses is meant.
grpc::Status read_sender(const std::string& from, const policy::Model& model,
                         const policy::IpAddress& family_of, policy::Flow& flow,
                         std::string& peer) {
  const policy::Resource* resource = nullptr;
  if (const auto name = parse_name(from)) {
    resource = model.find({policy::Kind::kWorkload, name->first, name->second});
    if (resource == nullptr)
      return wrong(fmt::format("no Workload \"{}\" in namespace {}", name->second, name->first));
  } else {
    const auto address = policy::IpAddress::parse(from);
    if (!address) return wrong(fmt::format("from: {}", address.error().text));
    flow.source = *address;
    resource = model.workload_at(*address);
    if (resource == nullptr) return grpc::Status::OK;
  }
  const auto& workload = std::get<policy::Workload>(resource->spec);
  flow.in = model.interface_of(workload);
  flow.identified = flow.in != kNoInterface;
  if (!flow.identified) peer = model.identity_of(*resource);
  if (parse_name(from)) {
    const auto fits =
        std::ranges::find(workload.addresses, family_of.is_v4(), &policy::IpAddress::is_v4);
    if (fits == workload.addresses.end())
      return wrong(fmt::format("Workload {} has no address of the destination's family", from));
    flow.source = *fits;
  }
  return grpc::Status::OK;
}

grpc::Status read_destination(const v1::ExplainRequest& request, const policy::Model& model,
                              policy::IpAddress& address) {
  const auto name = parse_name(request.destination());
  if (!name) {
    const auto parsed = policy::IpAddress::parse(request.destination());
    if (!parsed) return wrong(fmt::format("destination: {}", parsed.error().text));
    address = *parsed;
    return grpc::Status::OK;
  }
  const auto* resource = model.find({policy::Kind::kService, name->first, name->second});
  if (resource == nullptr)
    resource = model.find({policy::Kind::kGateway, name->first, name->second});
  if (resource == nullptr)
    return wrong(
        fmt::format("no Service \"{}\" in namespace {}, nor a Gateway", name->second, name->first));
  address = policy::service_of(*resource).addresses.front();
  return grpc::Status::OK;
}

void tell_access(const policy::Decision& decision, const policy::Frontend& frontend, bool of_bytes,
                 const policy::Model& model, Telling& telling) {
  if (frontend.access == nullptr) return telling.line("access", "no AccessPolicy: everybody may");
  const bool judges = frontend.is_http && !of_bytes && decision.verdict != Verdict::kDenied;
  if (judges && std::ranges::any_of(frontend.access->entries, [](const policy::AccessEntry& each) {
        return policy::asks_request(each);
      }))
    return telling.line("access", "the connection is let in, and each request judged (--request)");
  for (const policy::AccessEntry* entry : decision.noted)
    tell_entry("audit", *entry, model, telling);
  if (decision.access != nullptr) return tell_entry("access", *decision.access, model, telling);
  telling.line("access", "{}",
               frontend.access->default_allow ? "allowed: no DENY fits, and there is no ALLOW"
                                              : "denied: no ALLOW policy of this service fits");
}

// "10.8.0.11:8080", "[2001:db8::1]:80".
std::string place(const policy::IpAddress& address, uint16_t port) {
  return fmt::format("{}{}{}:{}", address.is_v4() ? "" : "[", address.text(),
                     address.is_v4() ? "" : "]", port);
}

void tell_forwarding(const policy::Flow& flow, const policy::Decision& decision,
                     policy::Forwarding forwarding, Telling& telling) {
  switch (forwarding) {
    case policy::Forwarding::kFullNat:
    case policy::Forwarding::kDnat:
      telling.line("translation", "{} -> {}", place(flow.destination, flow.destination_port),
                   place(decision.endpoint->address, decision.port));
      if (forwarding == policy::Forwarding::kFullNat)
        telling.line("translation", "the source becomes one of the node's NAT addresses");
      return;
    case policy::Forwarding::kDirect:
      return telling.line("transport",
                          "unchanged, to the endpoint's MAC address (forwarding: direct)");
    case policy::Forwarding::kIpInIp:
      return telling.line("transport", "unchanged, inside a packet to {} (forwarding: ip-in-ip)",
                          decision.endpoint->address.text());
    case policy::Forwarding::kProxy:
      return telling.line("forwarding", "proxy: terminated here, a new connection to {}",
                          place(decision.endpoint->address, decision.port));
  }
}

const char* topic_of(policy::Kind kind) {
  switch (kind) {
    case policy::Kind::kGateway:
      return "gateway";
    case policy::Kind::kWorkload:
      return "workload";
    case policy::Kind::kExternalService:
      return "external";
    default:
      return "service";
  }
}

// Whose port was called.
void tell_frontend(const policy::Flow& flow, const std::string& protocol,
                   const policy::Model::FrontendName& name, Telling& telling) {
  telling.line(topic_of(name.kind), "{}/{} {} {} ({} {}:{})", name.ns, name.service,
               name.kind == policy::Kind::kGateway ? "listener" : "port", name.port, protocol,
               flow.destination.text(), flow.destination_port);
}

void tell_client_tls(const policy::Frontend& frontend, Telling& telling) {
  if (frontend.client_tls == policy::ClientTls::kOff) return;
  if (frontend.tls_in == nullptr)
    return telling.line("tls", "passes through: the endpoint ends it (mode: PASSTHROUGH)");
  const tls::Config& config = frontend.tls_in->config;
  const bool optional = frontend.client_tls == policy::ClientTls::kOptional;
  telling.line(
      "tls", "{}, TLS {}; {}", optional ? "ended here when the client speaks it" : "ended here",
      versions_of(config),
      config.peer == tls::PeerCheck::kNone ? "clients need no certificate"
                                           : "clients show an X.509-SVID of " + domains_of(config));
}

void tell_route(const policy::Decision& decision, const policy::Frontend& frontend,
                const std::string& tls_name, const policy::Model& model, Telling& telling) {
  const std::string name = tls_name.empty() ? "no server name" : "server name " + tls_name;
  if (decision.target != nullptr && decision.target->route == policy::kNoSlot)
    telling.line("route", "none: the service's own endpoints, by {}", name);
  else if (decision.target != nullptr)
    telling.line("route", "{} tls[{}], by {}", model.route_name(decision.target->route),
                 decision.target->rule, name);
  else if (frontend.server_names != nullptr && decision.verdict == Verdict::kDenied)
    telling.line("route", "by server names");
  else if (frontend.hosts != nullptr && frontend.hosts->find(tls_name) == nullptr)
    telling.line("route", "by server names; the listener takes no connections with {}", name);
  else if (frontend.server_names != nullptr)
    telling.line("route", "by server names; none of the rules has {}", name);
  else if (frontend.route == policy::kNoSlot)
    telling.line(
        "route", "none: {}",
        frontend.choices.empty() ? "no rule is for this listener" : "the service's own endpoints");
  else
    telling.line("route", "{} tcp[{}]", model.route_name(frontend.route), frontend.rule);
}

void tell_listener(const policy::Frontend& frontend, bool of_requests, Telling& telling) {
  if (!frontend.is_http) return;
  if (!frontend.sniffs)
    return telling.line("listener", "protocol http: each request has a route of its own");
  telling.line("listener", "protocol auto, told by the first bytes: {}",
               of_requests && !frontend.takes_bytes() ? "requests alone, as tokens are asked for"
               : of_requests                          ? "what is HTTP has a route for each request"
                                                      : "what is not HTTP (else --request)");
}

// As the service nodes name it: how the sender is told makes another drop of it.
const char* drop_of(const policy::Decision& decision, policy::Protocol protocol) {
  const bool silent =
      decision.how == policy::Refusal::kDrop ||
      (decision.how == policy::Refusal::kReset && protocol == policy::Protocol::kTcp);
  switch (decision.verdict) {
    case Verdict::kForward:
      return "";
    case Verdict::kNoPort:
      return "no_port";
    case Verdict::kDenied:
      return silent ? "denied" : "denied_told";
    case Verdict::kNoEndpoint:
      return silent ? "no_endpoint_silent" : "no_endpoint";
    case Verdict::kNoRoute:
      return "no_route";
    case Verdict::kFull:
      return "breaker";
  }
  return "";
}

// Whether the connection would end here although it is to no service's address.
bool is_intercepted(const policy::Snapshot& snapshot, const policy::Flow& flow) {
  if (!snapshot.intercepts || flow.protocol != policy::Protocol::kTcp) return false;
  const uint32_t slot =
      snapshot.frontend_table->find({flow.destination, flow.protocol, flow.destination_port});
  if (slot == policy::kNoSlot) return false;
  const policy::Frontend& frontend = *snapshot.frontends[slot];
  return frontend.of_workload ||
         (frontend.on_the_way && flow.identified && !policy::is_foreign(snapshot, frontend, flow));
}

// The flow that is asked about; not OK: what is wrong with the question.
grpc::Status read_flow(const v1::ExplainRequest& request, const policy::Model& model,
                       policy::Flow& flow, std::string& peer) {
  if (request.protocol() == "udp")
    flow.protocol = policy::Protocol::kUdp;
  else if (request.protocol() != "tcp")
    return wrong("protocol: expected tcp or udp");
  if (request.port() == 0 || request.port() > UINT16_MAX || request.source_port() > UINT16_MAX)
    return wrong("port: expected 1 to 65535");
  flow.destination_port = static_cast<uint16_t>(request.port());
  flow.source_port = static_cast<uint16_t>(request.source_port());
  if (auto status = read_destination(request, model, flow.destination); !status.ok()) return status;
  if (auto status = read_sender(request.from(), model, flow.destination, flow, peer); !status.ok())
    return status;
  if (flow.source.is_v4() != flow.destination.is_v4())
    return wrong("the sender and the destination are of different address families");
  if (request.identity().empty()) return grpc::Status::OK;
  peer = request.identity();
  if (!tls::parse_spiffe_id(peer))
    return wrong("identity: expected spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT");
  return grpc::Status::OK;
}

// An address outside of the node comes in by an uplink, whichever that would be.
InterfaceId uplink_of(const policy::NodeFacts& facts) {
  for (uint16_t i = 0; i < facts.ports.size(); ++i)
    if (facts.ports[i].is_uplink) return InterfaceId(i);
  return kNoInterface;
}

}  // namespace

grpc::Status Engine::explain(const v1::ExplainRequest& request,
                             v1::ExplainResponse& response) const {
  policy::Flow flow;
  std::string peer;  // whom it shows by TLS: a workload of another node, or as is asked
  if (auto status = read_flow(request, model_, flow, peer); !status.ok()) return status;
  policy::PeerId shown;
  if (const auto id = tls::parse_spiffe_id(peer))
    shown = {peer, id->trust_domain, id->name_space, id->service_account};
  if (!flow.identified) flow.in = uplink_of(options_.facts);
  const policy::Snapshot& snapshot = *compiled_.snapshot;
  response.set_version(snapshot.version);
  Telling telling(response);
  telling.line("from", "{}{}", flow.source.text(),
               flow.identified
                   ? fmt::format(", known by port {}", options_.facts.ports[flow.in.index()].name)
               : !request.identity().empty() ? ", who shows " + peer
               : !peer.empty()               ? ", of another node, as " + peer
                                             : std::string(", without identity"));
  telling.set_sender(identity_of(flow));
  const auto& addresses = compiled_.attachments->service_addresses;
  const bool to_service =
      std::ranges::binary_search(addresses, flow.destination) || is_intercepted(snapshot, flow);
  flow.peer = shown;
  const std::string drop =
      to_service ? explain_service(flow, request, telling) : explain_routed(flow, telling);
  response.set_allowed(drop.empty());
  response.set_drop(drop);
  return grpc::Status::OK;
}

// As a SPIFFE ID; empty: it has none.
std::string Engine::identity_of(const policy::Flow& flow) const {
  if (!flow.peer.id.empty()) return std::string(flow.peer.id);
  const policy::Resource* resource =
      flow.identified && !options_.trust_domain.empty() ? model_.workload_at(flow.source) : nullptr;
  if (resource == nullptr) return {};
  const auto& workload = std::get<policy::Workload>(resource->spec);
  if (workload.service_account.empty()) return {};
  return fmt::format("spiffe://{}/ns/{}/sa/{}", options_.trust_domain, resource->key.ns,
                     workload.service_account);
}

// As what follows knows it.
void Engine::name_sender(const policy::Flow& flow, Telling& telling) const {
  const std::string network = tell_network(*compiled_.snapshot, flow, telling);
  telling.set_sender(network.empty() ? identity_of(flow) : network);
}

void Engine::tell_outbound(const policy::Flow& flow, Telling& telling) const {
  const policy::Outbound mode = compiled_.snapshot->outbound[flow.in.index()];
  const policy::Resource* sender = model_.workload_at(flow.source);
  telling.line("outbound", "refused, and told: the OutboundPolicy of namespace {} says {}",
               sender == nullptr ? "?" : sender->key.ns, policy::name_of(mode));
}

// The drop's name, or empty: it passes.
std::string Engine::explain_routed(const policy::Flow& asked, Telling& telling) const {
  policy::Flow flow = asked;
  telling.line("service", "{} is no service's address: the packet is routed",
               flow.destination.text());
  // Nobody here ends its TLS.
  if (!flow.peer.id.empty()) tell_unshown(flow.peer, telling);
  flow.peer = {};
  name_sender(flow, telling);
  const std::string guard = flow.destination.is_v4() ? "ip4_guard" : "ip6_guard";
  if (!policy::may_leave(*compiled_.snapshot, flow)) {
    tell_outbound(flow, telling);
    return guard + (flow.protocol == policy::Protocol::kTcp ? ".outbound" : ".outbound_told");
  }
  if (tell_guard(flow, *compiled_.snapshot, model_, telling)) return "";
  return guard + ".denied";
}

std::string Engine::explain_service(const policy::Flow& asked, const v1::ExplainRequest& request,
                                    Telling& telling) const {
  const policy::Snapshot& snapshot = *compiled_.snapshot;
  policy::Flow flow = asked;
  flow.peer = {};
  flow.bytes = !request.has_request();  // where the port takes either
  const std::string node = flow.destination.is_v4() ? "ip4_service" : "ip6_service";
  const std::string& tls_name = request.tls_name();
  const std::string& protocol = request.protocol();
  policy::Decision decision = policy::decide(snapshot, flow, nullptr, tls_name);
  if (decision.verdict == Verdict::kNoPort) {
    telling.line("service", "{} is a service's address, and has no {} port {}",
                 flow.destination.text(), protocol, flow.destination_port);
    return fmt::format("{}.{}", node, drop_of(decision, flow.protocol));
  }
  const policy::Frontend& frontend = *snapshot.frontends[decision.frontend];
  tell_frontend(flow, protocol, model_.frontend_name(decision.frontend), telling);
  if (!policy::may_leave(snapshot, flow, frontend)) {
    tell_outbound(flow, telling);
    return node + (flow.protocol == policy::Protocol::kTcp ? ".outbound" : ".outbound_told");
  }
  tell_client_tls(frontend, telling);
  if (!asked.peer.id.empty()) {
    const std::string refused = show_identity(frontend, asked.peer, flow, telling);
    if (!refused.empty()) return refused;
    decision = policy::decide(snapshot, flow, nullptr, tls_name);
  }
  name_sender(flow, telling);
  const bool of_requests = frontend.is_http && (request.has_request() || !frontend.takes_bytes());
  tell_listener(frontend, of_requests, telling);
  if (!of_requests) tell_route(decision, frontend, tls_name, model_, telling);
  // What is said of the request says more.
  const bool judges = of_requests && frontend.access != nullptr && request.has_request();
  if (!judges || decision.verdict == Verdict::kDenied)
    tell_access(decision, frontend, !of_requests, model_, telling);
  // The connection ends here, whoever gets its requests.
  if (of_requests && decision.verdict != Verdict::kDenied) {
    telling.line("forwarding", "proxy: terminated here");
    tell_upstream_tls(frontend, telling);
    if (request.has_request())
      explain_request({snapshot, model_, flow, decision.frontend}, request.request(), telling);
    return "";
  }
  if (decision.verdict != Verdict::kDenied && decision.verdict != Verdict::kNoRoute) {
    const auto& choices = decision.target == nullptr ? frontend.choices : decision.target->choices;
    tell_endpoint({decision, choices, frontend}, snapshot, model_, telling);
  }
  if (decision.verdict != Verdict::kForward) {
    tell_refusal(decision.how, flow.protocol, telling);
    return fmt::format("{}.{}", node, drop_of(decision, flow.protocol));
  }
  policy::Flow there = policy::behind(frontend, flow);
  there.destination = decision.endpoint->address;
  there.destination_port = decision.port;
  if (frontend.forwarding == policy::Forwarding::kDirect &&
      !target_->is_on_link(there.destination)) {
    telling.line("transport",
                 "the endpoint is on no link of this node, as forwarding: direct needs");
    return node + ".endpoint_not_on_link";
  }
  tell_forwarding(flow, decision, frontend.forwarding, telling);
  tell_upstream_tls(*decision.terms, telling);
  if (!tell_mesh({decision, flow, frontend, snapshot, model_}, "bytes of TCP", telling))
    return node + ".denied";
  return tell_guard(there, snapshot, model_, telling) ? "" : node + ".denied";
}

}  // namespace heddle::server
