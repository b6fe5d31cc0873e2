// Edits that nobody sane makes: they are refused by a sentence and leave nothing behind.
#include <gtest/gtest.h>

#include "gateway_support.h"
#include "policy/model.h"
#include "random_edits.h"
#include "resources.h"
#include "seed.h"

namespace heddle::policy {
namespace {

using namespace test;

class Garbage {
 public:
  explicit Garbage(uint64_t seed) : random_(seed), sane_(seed + 1) {}

  Edit next() {
    Edit edit = sane_.next().front();
    if (edit.resource == nullptr) return spoil_key(edit);
    auto resource = std::make_shared<Resource>(*edit.resource);
    for (uint32_t left = 1 + random_.below(3); left > 0; --left)
      std::visit([&](auto& spec) { spoil(spec); }, resource->spec);
    if (one_in(6)) resource->labels = labels();
    if (one_in(8)) resource->spec.emplace<TrafficPolicy>();
    if (one_in(8)) {
      spoil(resource->spec.emplace<Secret>());
      resource->key.kind = edit.key.kind = Kind::kSecret;
    }
    if (one_in(8)) {
      spoil(resource->spec.emplace<TrustBundle>());
      resource->key.kind = edit.key.kind = Kind::kTrustBundle;
    }
    if (one_in(8)) {
      spoil(resource->spec.emplace<Gateway>());
      resource->key.kind = edit.key.kind = Kind::kGateway;
    }
    if (one_in(8)) {
      spoil(resource->spec.emplace<ExternalService>());
      resource->key.kind = edit.key.kind = Kind::kExternalService;
    }
    if (one_in(12)) {
      spoil(resource->spec.emplace<OutboundPolicy>());
      resource->key.kind = edit.key.kind = Kind::kOutboundPolicy;
    }
    if (one_in(12)) {
      grow(resource->spec.emplace<NetworkIdentity>().cidrs, any_prefix());
      resource->key.kind = edit.key.kind = Kind::kNetworkIdentity;
    }
    if (one_in(8)) {
      spoil(resource->spec.emplace<JwtProvider>());
      resource->key.kind = edit.key.kind = Kind::kJwtProvider;
    }
    if (one_in(12)) {
      spoil(resource->spec.emplace<RateLimit>());
      resource->key.kind = edit.key.kind = Kind::kRateLimit;
    }
    if (one_in(12)) {
      spoil(resource->spec.emplace<Fault>());
      resource->key.kind = edit.key.kind = Kind::kFault;
    }
    if (one_in(8)) resource->key.name = name();
    edit.resource = resource;
    return one_in(8) ? spoil_key(edit) : edit;
  }

 private:
  bool one_in(uint32_t times) { return random_.below(times) == 0; }

  Edit spoil_key(Edit edit) {
    if (one_in(2)) edit.key.kind = static_cast<Kind>(random_.below(14));
    if (one_in(2)) edit.key.name = name();
    if (one_in(2)) edit.key.ns = name();
    return edit;
  }

  std::string name() {
    std::string text(one_in(50) ? 5'000 : random_.below(70), 'a');
    for (char& c : text)
      if (one_in(4)) c = static_cast<char>(random_.next());
    return text;
  }
  size_t count() { return one_in(20) ? 5'000 : random_.below(100); }
  Labels labels() {
    Labels all;
    for (size_t left = random_.below(100); left > 0; --left) all[name()] = name();
    return all;
  }
  IpAddress address() {
    if (one_in(2)) return sane_.address(96, 12);
    return one_in(2)
               ? IpAddress(wire::Ipv4Address::from_host(static_cast<uint32_t>(random_.next())))
               : IpAddress(wire::Ipv6Address::from_host(random_.next(), random_.next()));
  }
  IpPrefix any_prefix() { return {address(), static_cast<uint8_t>(random_.next())}; }
  template <class T>
  void grow(std::vector<T>& list, const T& with) {
    list.resize(count(), with);
  }

  void spoil(Workload& spec) {
    if (one_in(2)) spec.port = name();
    if (one_in(2)) grow(spec.addresses, address());
    if (one_in(2)) spec.service_account = name();
    if (one_in(4)) spec.labels = labels();
  }
  void spoil(RequestScope& scope) {
    if (one_in(2)) scope.service = name();
    if (one_in(4)) scope.gateway = name();
    if (one_in(4)) grow(scope.routes, name());
    if (one_in(4)) scope.matches.resize(count());
  }
  void spoil(RateLimit& spec) {
    spoil(spec.scope);
    if (one_in(2)) spec.rate.tokens = random_.next();
    if (one_in(2)) spec.rate.per = Duration(static_cast<int64_t>(random_.next()));
    if (one_in(2)) spec.rate.burst = one_in(2) ? 0 : random_.next();
    if (one_in(4)) grow(spec.keys, {static_cast<RateKey::Kind>(random_.next()), name()});
  }
  void spoil(Fault& spec) {
    spoil(spec.scope);
    if (one_in(2))
      spec.delay = resilience::FaultDelay{.time = Duration(static_cast<int64_t>(random_.next())),
                                          .share = static_cast<uint32_t>(random_.next())};
    if (one_in(2))
      spec.abort = resilience::FaultAbort{.code = static_cast<uint16_t>(random_.next()),
                                          .share = static_cast<uint32_t>(random_.next())};
  }
  void spoil(NetworkIdentity& spec) {
    if (one_in(2)) grow(spec.cidrs, any_prefix());
    if (one_in(2)) spec.service_account = name();
    if (one_in(4)) spec.node = name();
  }
  void spoil(Service& spec) {
    if (one_in(2)) grow(spec.addresses, address());
    if (one_in(2)) grow(spec.ports, {name(), static_cast<uint16_t>(random_.next())});
    if (one_in(4)) spec.selector = labels();
    if (one_in(4)) spec.forwarding = static_cast<Forwarding>(random_.next());
    if (one_in(4)) spec.source_mapping = static_cast<SourceMapping>(random_.next());
    for (ServicePort& port : spec.ports) {
      if (one_in(4)) port.target_port = static_cast<uint16_t>(random_.next());
      if (one_in(8)) spoil(port.tls.emplace());
      if (one_in(8)) grow(port.jwt.emplace().providers, name());
    }
    if (one_in(2)) spec.fallback = one_in(2) ? name() : "s" + std::to_string(random_.below(6));
  }
  void spoil(Gateway& spec) {
    spoil(spec.service);
    if (one_in(2)) spec.service.forwarding = Forwarding::kProxy;
    for (ServicePort& port : spec.service.ports) {
      if (one_in(8)) grow(port.hostnames, name());
      port.proxy_protocol = one_in(2);
    }
  }
  void spoil(ExternalService& spec) {
    spoil(spec.service);
    if (one_in(2)) spec.service.fallback.clear();
    if (one_in(2)) spec.service.selector.clear();
    if (one_in(2)) spec.service.forwarding = Forwarding::kProxy;
    for (ServicePort& port : spec.service.ports) {
      port.ends_here = !one_in(4);
      if (one_in(8)) spoil(port.upstream_tls.emplace());
    }
    if (one_in(3)) grow(spec.hosts, name());
    if (one_in(3)) grow(spec.endpoints, {.address = address()});
    for (Endpoint& endpoint : spec.endpoints)
      if (one_in(2)) endpoint.address = address();
  }
  void spoil(OutboundPolicy& spec) { spec.mode = static_cast<Outbound>(random_.next()); }
  void spoil(UpstreamTls& tls) {
    tls.server_name = name();
    tls.verify = static_cast<tls::PeerCheck>(random_.below(4));
    if (one_in(3)) grow(tls.trust, name());
    tls.certificate = name();
    if (one_in(3)) grow(tls.server_ids, name());
    spoil(tls.choice);
  }
  void spoil(TlsChoice& choice) {
    choice.min_version = static_cast<tls::Version>(random_.below(3));
    choice.max_version = static_cast<tls::Version>(random_.below(3));
    if (one_in(3)) grow(choice.suites, static_cast<tls::SuiteId>(random_.next()));
    if (one_in(3)) grow(choice.groups, name());
    if (one_in(3)) grow(choice.alpn, name());
  }
  void spoil(ServerTls& tls) {
    tls.mode = static_cast<ClientTls>(random_.below(5));
    if (one_in(3)) grow(tls.certificates, name());
    if (one_in(3)) grow(tls.trust, name());
    if (one_in(3)) grow(tls.client_ids, name());
    spoil(tls.choice);
  }
  void spoil(Secret& spec) {
    if (one_in(2)) spec.chain_pem = std::string(one_in(4) ? kMaxChainPem + 1 : 9, 'c');
    if (one_in(2)) spec.key_pem = std::string(one_in(4) ? kMaxKeyPem + 1 : 9, 'k');
  }
  void spoil(TrustBundle& spec) {
    if (one_in(2)) spec.trust_domain = name();
    if (one_in(2)) spec.roots_pem = std::string(one_in(4) ? kMaxBundlePem + 1 : 9, 'r');
  }
  void spoil(EndpointSet& spec) {
    if (one_in(3)) spec.service = name();
    if (one_in(2)) grow(spec.endpoints, {.address = address()});
    for (Endpoint& endpoint : spec.endpoints) {
      if (one_in(2)) endpoint.address = address();
      endpoint.weight = static_cast<uint16_t>(random_.next());
      if (one_in(4)) endpoint.port = static_cast<uint16_t>(random_.next());
      if (one_in(8)) endpoint.priority = static_cast<uint8_t>(random_.next());
    }
    if (!spec.endpoints.empty() && one_in(4)) spec.endpoints[0].labels = labels();
  }
  uint16_t port() { return static_cast<uint16_t>(one_in(2) ? 80 : random_.next()); }
  void spoil_ports(std::vector<Backend>& backends) {
    for (Backend& each : backends)
      if (one_in(3)) each.port = port();
  }
  void spoil(Route& spec) {
    if (one_in(3)) spec.service = name();
    if (one_in(8)) spec.gateway = name();
    if (one_in(4)) {
      spec.gateway = "gate";
      if (!one_in(4)) spec.service.clear();
    }
    if (one_in(3)) grow(spec.rules, {});
    if (one_in(3)) grow(spec.tls, {{name()}, {backend("s0")}});
    for (TlsRule& rule : spec.tls) {
      if (one_in(3)) grow(rule.server_names, name());
      spoil_ports(rule.backends);
    }
    for (HttpRule& rule : spec.http) {
      spoil_ports(rule.backends);
      if (one_in(3))
        rule.mirror = HttpMirror{.backend = backend("s" + std::to_string(random_.below(6)))};
      if (rule.mirror && one_in(2)) rule.mirror->backend.port = port();
    }
    for (TcpRule& rule : spec.rules) {
      if (one_in(3)) rule.port = name();
      if (one_in(3)) grow(rule.backends, backend("s0", static_cast<uint32_t>(random_.next())));
      if (!rule.backends.empty() && one_in(3)) rule.backends[0].ns = name();
      spoil_ports(rule.backends);
      if (!rule.backends.empty() && one_in(10)) rule.backends[0].subset = labels();
    }
  }
  void spoil(TrafficPolicy& spec) {
    if (one_in(2)) spec.service = name();
    spec.hash_on = static_cast<HashOn>(random_.next());
    spec.algorithm = static_cast<Algorithm>(random_.next());
    spec.drain_time = Duration(static_cast<int64_t>(random_.next()));
    spec.no_endpoint = static_cast<Refusal>(random_.next());
    if (!one_in(3)) return;
    spoil(spec.upstream_tls.emplace());
  }
  void spoil(JwtProvider& spec) {
    if (one_in(2)) spec.issuer = name();
    if (one_in(2)) grow(spec.audiences, name());
    if (one_in(2)) spec.jwks = name();
    if (one_in(2)) grow(spec.algorithms, name());
    if (one_in(2)) spec.leeway = Duration(static_cast<int64_t>(random_.next()));
    if (one_in(2)) spec.from = {static_cast<JwtPlace::Kind>(random_.below(4)), name(), name()};
    if (one_in(2)) grow(spec.claim_headers, {name(), name()});
  }
  void spoil(MeshPolicy& spec) {
    if (one_in(2)) spec.workload_labels = labels();
    spec.tls = static_cast<MeshTls>(random_.next());
    if (one_in(2)) spec.ports[port()] = static_cast<MeshTls>(random_.next());
    if (one_in(2)) spec.trust = {name()};
  }
  void spoil(Operation& to) {
    if (one_in(3)) grow(to.ports, name());
    if (one_in(3)) grow(to.not_ports, name());
    for (auto* list : {&to.methods, &to.not_methods, &to.hosts, &to.not_hosts})
      if (one_in(4)) grow(*list, name());
    for (auto* list : {&to.paths, &to.not_paths})
      if (one_in(4)) grow(*list, {static_cast<AccessPath::Kind>(random_.next() % 4), name()});
    if (one_in(4)) grow(to.fields, {name(), {TextMatch::Kind::kRegex, name()}});
  }
  void spoil(AccessPolicy& spec) {
    if (one_in(8)) spec.workload_labels = labels();
    if (one_in(8)) spec.action = static_cast<Action>(random_.next());
    if (one_in(8)) spec.on_deny = static_cast<Refusal>(random_.next());
    if (one_in(3)) spec.service = name();
    if (one_in(3)) grow(spec.rules, {});
    for (AccessRule& rule : spec.rules) {
      if (one_in(3)) grow(rule.to, {});
      if (!rule.to.empty()) spoil(rule.to[0]);
      if (one_in(3)) grow(rule.from, {});
      if (rule.from.empty()) continue;
      Source& source = rule.from[0];
      if (one_in(2)) source.ns = name();
      if (one_in(2)) grow(source.cidrs, any_prefix());
      if (one_in(2)) grow(source.not_namespaces, name());
      if (one_in(2)) grow(source.not_service_accounts, name());
      if (one_in(2)) grow(source.not_principals, {name(), name()});
      if (one_in(2)) grow(source.claims, {name(), name()});
    }
  }

  Random random_;
  RandomEdits sane_;
};

TEST(Hostile, EditsAreRefusedAndLeaveNothing) {
  const uint64_t seed = test_seed();
  Garbage garbage(seed);
  RandomEdits sane(seed + 2);
  World world;
  world.commit();
  Gateway gate = gateway({listener("http", 80), tcp_listener("tcp", 1000)}, {"10.97.0.1"});
  world.apply({put("a/gate", gate)});
  for (int step = 0; step < 200; ++step)
    if (world.refuse(sane.next()).empty()) world.commit();
  const auto before = world.snapshot;
  const auto attachments = world.attachments;
  const ModelStats stats = world.model.stats();
  int refused = 0;
  for (int step = 0; step < 3'000; ++step) {
    const Edit edit = garbage.next();
    const auto problems = world.model.stage({&edit, 1});
    for (const Problem& problem : problems) {
      EXPECT_FALSE(problem.text.empty());
      EXPECT_LE(problem.text.size(), 1'000u) << "names are cut";
    }
    refused += !problems.empty();
    if (problems.empty()) world.model.rollback();
  }
  EXPECT_GT(refused, 2'000);
  world.commit();
  EXPECT_EQ(world.model.stats().snapshot_bytes, stats.snapshot_bytes);
  EXPECT_EQ(world.model.stats().resources, stats.resources);
  EXPECT_EQ(world.attachments, attachments);
  EXPECT_EQ(world.snapshot->frontend_table, before->frontend_table);
  for (uint32_t slot = 0; slot < before->frontends.size(); ++slot)
    EXPECT_EQ(world.snapshot->frontends[slot], before->frontends[slot]);
}

// All services fall back to one, or in one long chain, or in a ring: seconds would be too long.
TEST(Hostile, ManyFallbacks) {
  World world;
  std::vector<Edit> star, chain;
  for (uint32_t i = 0; i < 4'000; ++i) {
    Service spec{.addresses = {IpAddress(wire::Ipv4Address::from_host(0x0a60'0000 + i))},
                 .ports = {{"http", 80}}};
    const std::string name = "shop/s" + std::to_string(i);
    if (i > 0) spec.fallback = "s0";
    star.push_back(put(name, spec));
    spec.fallback = "s" + std::to_string((i + 1) % 4'000);
    chain.push_back(put(name, spec));
  }
  world.apply(star);
  EXPECT_EQ(world.model.stage(chain).size(), Model::kMaxProblems);
  Service root = std::get<Service>(star[0].resource->spec);
  root.fallback = "s7";
  EXPECT_EQ(world.model.stage(std::vector<Edit>{put("shop/s0", root)}).size(), Model::kMaxProblems);
}

// One address in an endpoint set of each of many services, of which all know each other.
TEST(Hostile, OneAddressEverywhere) {
  World world;
  std::vector<Edit> edits;
  for (uint32_t i = 0; i < 4'000; ++i) {
    const std::string name = "s" + std::to_string(i);
    const Service spec{.addresses = {IpAddress(wire::Ipv4Address::from_host(0x0a60'0000))},
                       .ports = {{"http", static_cast<uint16_t>(1 + i)}}};
    edits.push_back(put("shop/" + name, direct(spec)));
    edits.push_back(put("shop/" + name, endpoints(name, {"10.1.0.1", "10.1.0.2", "10.1.0.3"})));
  }
  world.apply(edits);
  world.apply({put("shop/w", workload("w1", {"10.1.0.1"}))});
  EXPECT_EQ(world.attachments->ports[0].also_from.size(), 1u);
  EXPECT_NE(world.refuse({put("bank/x", service({"10.96.0.0"}, {{"http", 9'000}}))}), "");
  for (Edit& edit : edits) edit.resource = nullptr;
  world.apply(edits);
  EXPECT_EQ(world.model.stats().endpoints, 0u);
}

}  // namespace
}  // namespace heddle::policy
