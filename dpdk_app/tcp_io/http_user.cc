#include "tcp_io/http_user.h"

#include <algorithm>
#include <ctime>

#include "http/grpc.h"
#include "tcp_io/request_note.h"

namespace heddle::app {

namespace {

// In one turn.
constexpr uint32_t kJudged = 64;

mesh::HttpLimits limits_of(const Worker& worker) {
  mesh::HttpLimits limits;
  limits.connections = worker.tcp->limits.connections;
  limits.requests = worker.tcp->http_requests;
  limits.endpoints = policy::Limits().endpoint_slots();
  limits.wall = [] { return static_cast<int64_t>(std::time(nullptr)); };
  return limits;
}

// What the endpoint speaks itself. Where nobody has said so, what its client takes for granted: one
// that came by a gateway does not know the endpoint, but gRPC is HTTP/2 everywhere.
PolicyView::Wanted wanted_of(const policy::Decision& decision, const policy::Frontend& frontend,
                             const mesh::HttpRoute& route, const http::Message& request) {
  const policy::HttpUpstream upstream = decision.terms->upstream_http;
  const bool as_client = upstream == policy::HttpUpstream::kAsClient;
  const bool http2 = as_client ? request.version == http::Version::kHttp2 &&
                                     ((frontend.sniffs && !frontend.edge) || http::is_grpc(request))
                               : upstream == policy::HttpUpstream::kHttp2;
  return {http2 ? PolicyView::Inner::kHttp2 : PolicyView::Inner::kHttp1, route.upgrades, as_client};
}

// A worker counts for all providers that there may be.
std::unique_ptr<Requests> new_requests() {
  auto requests = std::make_unique<Requests>();
  requests->jwt = std::vector<mesh::JwtCounters>(policy::Limits().jwt_provider_slots());
  return requests;
}

// The rule as it is now; null: there is none of that name any more.
const policy::HttpTarget* find_again(const policy::Snapshot& policy,
                                     const policy::HttpRoutes& routes,
                                     const mesh::HttpRoute& then) {
  const uint32_t rule = then.target->slot;
  if (!policy.is_rule_of(rule, then.version)) return nullptr;
  for (const policy::HttpRoutes::Rule& each : routes.rules())
    if (each.target.slot == rule) return &each.target;
  return nullptr;
}

}  // namespace

HttpUser::HttpUser(Worker& worker, Instant start, mesh::TcpRelay& relay)
    : worker_(worker),
      relay_(relay),
      view_(worker),
      gate_(worker.id, (worker.tcp->requests = new_requests())->jwt),
      held_(worker.id, policy::Limits().rate_limits),
      proxy_(worker.tcp->transport, worker.tcp->buffers, *this, limits_of(worker), start,
             &worker.tcp->tls, worker.flows->pick_state().random.next()) {}

bool HttpUser::on_turn(Instant now) {
  const bool more = proxy_.on_turn(now);
  held_.on_tick(now);
  return proxy_.sweep(worker_.policy->generation, kJudged, now) || more;
}

bool HttpUser::wants_proxy_header(uint32_t frontend) {
  const policy::Frontend* its = view_.frontend(frontend);
  return its != nullptr && its->proxy_protocol_in;
}

std::optional<mesh::ClientTerms> HttpUser::terms(uint32_t frontend, const mesh::Client& client) {
  const policy::Frontend* its = view_.frontend(frontend);
  if (its == nullptr || !its->is_http) return std::nullopt;
  // Its header of the PROXY protocol may have taken until the slot was another's.
  if (!view_.is_still_proxied(frontend, client.tuple.local)) return std::nullopt;
  policy::Flow flow = view_.flow_of(client);
  flow.may_show = true;
  const policy::Decision decision = view_.decide(flow);
  if (decision.verdict == policy::Verdict::kDenied) {
    worker_.services[frontend].denied.add();
    worker_.count_access(decision.access, false, decision.noted);
    return std::nullopt;
  }
  return view_.terms_of(*its, flow);
}

bool HttpUser::admits(uint32_t frontend, const mesh::Client& client,
                      const policy::RequestHead& request) {
  const policy::Frontend* its = view_.frontend(frontend);
  if (its == nullptr || its->access == nullptr) return true;
  const policy::Judged judged =
      policy::judge_request(view_.policy(), frontend, view_.flow_of(client), request);
  worker_.count_access(judged.access, judged.allowed, judged.noted);
  ServiceCounters& counters = worker_.services[frontend];
  if (judged.audited) counters.audited.add();
  if (!judged.allowed) counters.denied.add();
  return judged.allowed;
}

mesh::HttpTokens HttpUser::tokens(uint32_t frontend) {
  const policy::Frontend* its = view_.frontend(frontend);
  if (its == nullptr || !its->asks_tokens()) return {};
  return {.asked = true, .names = its->claim_names};
}

// Null: the request may come as it is.
const policy::JwtCheck* HttpUser::check_of(const mesh::HttpTokenAsk& ask) const {
  const policy::HttpTarget* target = ask.route == nullptr ? nullptr : ask.route->target;
  if (target != nullptr && target->jwt != nullptr) return target->jwt.get();
  const policy::Frontend* its = view_.frontend(ask.frontend);
  return its == nullptr ? nullptr : its->jwt.get();
}

mesh::HttpToken HttpUser::authenticate(const mesh::HttpTokenAsk& ask,
                                       std::vector<uint8_t>& claims) {
  const policy::JwtCheck* check = check_of(ask);
  if (check == nullptr) return {};
  return gate_.authenticate(*check, ask.request, UnixTime(std::time(nullptr)), worker_.now, claims);
}

bool HttpUser::tell_token(const mesh::HttpTokenAsk& ask, const mesh::HttpToken& token,
                          const jwt::ClaimsView* claims) {
  const policy::JwtCheck* check = check_of(ask);
  return check == nullptr || mesh::JwtGate::tell(*check, token, claims, ask.request);
}

std::optional<mesh::HttpRoute> HttpUser::route(uint32_t frontend, const mesh::Client& client,
                                               const http::Message& request) {
  const policy::Frontend* its = view_.frontend(frontend);
  if (its == nullptr || !its->is_http) return std::nullopt;
  if (!its->takes_host(request.authority())) return std::nullopt;
  const policy::Flow flow = view_.flow_of(client);
  if (its->http == nullptr) {
    mesh::HttpRoute route{.version = view_.policy().version,
                          .upgrades = !request.protocol().empty()};
    lead_by_affinity(*its, flow, request, route);
    return route;
  }
  const policy::HttpMatched matched =
      its->http->find(request, flow.identified ? flow.in : kNoInterface);
  if (matched.target == nullptr) return std::nullopt;
  mesh::HttpRoute route{.target = matched.target,
                        .routes = its->http,
                        .version = view_.policy().version,
                        .upgrades = !request.protocol().empty(),
                        .prefix = matched.prefix};
  lead_by_affinity(policy::leading_terms(*its, matched.target), flow, request, route);
  return route;
}

// Requests of one client come to one endpoint where something in them says so, or will: a client
// that is given a cookie goes at once where that will lead it.
void HttpUser::lead_by_affinity(const policy::BackendTerms& terms, const policy::Flow& flow,
                                const http::Message& request, mesh::HttpRoute& route) {
  if (terms.hash_on == policy::HashOn::kFlow) return;
  Random& random = worker_.flows->pick_state().random;
  uint64_t otherwise = random.next();
  if (policy::wants_cookie(terms, request)) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    uint64_t word = 0;
    for (size_t i = 0; i < route.cookie.size(); ++i, word >>= 4) {
      if (i % 16 == 0) word = random.next();
      route.cookie[i] = kDigits[word & 15];
    }
    route.affinity = terms.affinity;
    otherwise = policy::hash_of_value({route.cookie.data(), route.cookie.size()});
  }
  route.hash = policy::hash_of_request(terms, flow, request, otherwise);
}

std::expected<mesh::HttpDestination, mesh::HttpFault> HttpUser::choose(const Try& what,
                                                                       const mesh::Client& client) {
  using mesh::HttpFault;
  const auto& [frontend, route, request, tried] = what;
  const policy::Frontend* its = view_.frontend(frontend);
  if (its == nullptr || !its->is_http) return std::unexpected(HttpFault::kNoRoute);
  const policy::HttpTarget* target = route.target;
  if (its->http != route.routes) {  // a later try, and policy has changed
    if (target == nullptr || its->http == nullptr) return std::unexpected(HttpFault::kNoRoute);
    target = find_again(view_.policy(), *its->http, route);
    if (target == nullptr) return std::unexpected(HttpFault::kNoRoute);
  }
  const policy::Flow flow = view_.flow_of(client);
  policy::PickState state = worker_.flows->pick_state();
  state.tried = tried;
  state.tries = policy::PickState::Tries::kRequest;
  const uint64_t hash = route.hash ? *route.hash : state.random.next();
  const policy::Decision decision =
      policy::decide_request(view_.policy(), frontend, flow, target, hash, &state);
  ServiceCounters& counters = worker_.services[frontend];
  if (decision.verdict == policy::Verdict::kFull) return std::unexpected(HttpFault::kBreaker);
  if (decision.verdict != policy::Verdict::kForward) {
    counters.no_endpoint.add();
    return std::unexpected(HttpFault::kNoEndpoint);
  }
  if (!decision.terms->may_ask_for(request.authority()))
    return std::unexpected(HttpFault::kNoRoute);
  const policy::RequestHead head = policy::RequestHead::of(request);
  auto way = view_.upstream_of(flow, decision, wanted_of(decision, *its, route, request), &head);
  if (!way) {
    if (decision.endpoint->state != nullptr) decision.endpoint->state->give_try_back();
    if (way.error() == PolicyView::NoWay::kUnreachable)
      return std::unexpected(HttpFault::kNoConnection);
    counters.denied.add();
    return std::unexpected(HttpFault::kDenied);
  }
  if (target != nullptr && target->connect != Duration()) way->to.connect_timeout = target->connect;
  return mesh::HttpDestination{.to = std::move(way->to),
                               .http2 = way->inner == PolicyView::Inner::kHttp2,
                               .retry = decision.terms->retry,
                               .per_try = decision.terms->per_try};
}

std::expected<mesh::HttpDestination, mesh::HttpFault> HttpUser::mirror(
    uint32_t frontend, const mesh::Client& client, const mesh::HttpRoute& route,
    const http::Message& request) {
  using mesh::HttpFault;
  const policy::Frontend* its = view_.frontend(frontend);
  const policy::PickState state = worker_.flows->pick_state();
  if (its == nullptr || its->http != route.routes) return std::unexpected(HttpFault::kNoRoute);
  if (!policy::is_mirrored(*route.target->mirror, state.random.next()))
    return std::unexpected(HttpFault::kNone);
  const policy::Flow flow = view_.flow_of(client);
  const policy::Decision decision = policy::decide_mirror(
      view_.policy(), frontend, flow, *route.target, state.random.next(), &state);
  if (decision.verdict != policy::Verdict::kForward) return std::unexpected(HttpFault::kNoEndpoint);
  if (!decision.terms->may_ask_for(request.authority()))
    return std::unexpected(HttpFault::kNoRoute);
  const policy::RequestHead head = policy::RequestHead::of(request);
  auto way = view_.upstream_of(flow, decision, wanted_of(decision, *its, route, request), &head);
  if (!way) return std::unexpected(HttpFault::kNoConnection);
  return mesh::HttpDestination{.to = std::move(way->to),
                               .http2 = way->inner == PolicyView::Inner::kHttp2};
}

void HttpUser::ended(const mesh::HttpRecord& record) {
  if (view_.policy().is_frontend_of(record.frontend, record.frontend_version))
    worker_.services[record.frontend].bytes.add(record.bytes_in);
  if (record.endpoint != kNoSlot) worker_.endpoints[record.endpoint].bytes.add(record.bytes_in);
  note_request(worker_, record, view_.flow_of(record.client));
}

mesh::Standing HttpUser::judge(uint32_t frontend, const mesh::Client& client) {
  const policy::Frontend* its = view_.frontend(frontend);
  policy::Flow flow = view_.flow_of(client);
  flow.may_show = !client.secure;  // its requests are judged again, if it has any
  const policy::Decision decision = view_.decide(flow);
  const bool proxied = its != nullptr && its->is_http &&
                       view_.is_still_proxied(frontend, client.tuple.local) &&
                       !view_.lacks_identity(*its, client);
  if (proxied && decision.verdict != policy::Verdict::kDenied) return mesh::Standing::kStays;
  worker_.flows->counters.cut.add();
  return proxied && decision.how == policy::Refusal::kDrop ? mesh::Standing::kSilent
                                                           : mesh::Standing::kReset;
}

bool HttpUser::may_go_on(uint32_t frontend, const mesh::Client& client,
                         const policy::RequestHead& request) {
  const policy::Frontend* its = view_.frontend(frontend);
  return its == nullptr || its->access == nullptr ||
         policy::judge_request(view_.policy(), frontend, view_.flow_of(client), request).allowed;
}

bool HttpUser::may_stay(uint32_t frontend, const mesh::Client& client,
                        const tcp::Endpoint& endpoint, const http::Message& sent) {
  const policy::Frontend* its = view_.frontend(frontend);
  if (its == nullptr) return false;
  const policy::RequestHead head = policy::RequestHead::of(sent);
  return view_
      .guard_of(*its, view_.flow_of(client), policy_address(endpoint.address), endpoint.port.host(),
                &head)
      .allowed;
}

}  // namespace heddle::app
