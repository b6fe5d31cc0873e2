// What acts is taken as it is meant, and what does not act yet is refused by name.
#include "policy_convert.h"

#include "support.h"

namespace heddle::server {
namespace {

std::vector<FieldProblem> problems_of(const std::string& spec) {
  const auto converted = convert_policy(resource_of(named("x", spec)), "example.org");
  return converted ? std::vector<FieldProblem>() : converted.error();
}

TEST(Convert, RefusesKindsThatDoNotAct) {
  for (const char* spec : {"telemetry_policy {}"}) {
    const auto problems = problems_of(spec);
    ASSERT_EQ(problems.size(), 1u) << spec;
    EXPECT_NE(problems[0].text.find("does not act in this version"), std::string::npos) << spec;
  }
  EXPECT_EQ(problems_of("").front().field, "spec");
}

TEST(Convert, RefusesFieldsThatDoNotAct) {
  const std::string service = "service { forwarding: FORWARDING_DIRECT ";
  const std::string gate = "gateway { listeners { ";
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"service { forwarding: 77 }", "spec.forwarding"},
      {"service { source_mapping: SOURCE_MAPPING_PER_SOURCE }", "spec.source_mapping"},
      {service + "source_mapping: SOURCE_MAPPING_PER_FLOW }", "spec.source_mapping"},
      {"service { forwarding: FORWARDING_FULL_NAT source_mapping: 7 }", "spec.source_mapping"},
      {service + "ports { port: 1 } }", "spec.ports[0].protocol"},
      {service + "ports { port: 1 protocol: PROTOCOL_UNSPECIFIED } }", "spec.ports[0].protocol"},
      {"service { forwarding: FORWARDING_DNAT ports { port: 1 protocol: PROTOCOL_HTTP } }",
       "spec.forwarding"},
      {service + "ports { port: 1 protocol: 77 } }", "spec.ports[0].protocol"},
      {service + "ports { port: 1 protocol: PROTOCOL_TCP target_port: 70000 } }",
       "spec.ports[0].target_port"},
      {service + "ports { port: 1 protocol: PROTOCOL_TCP all_ports: true } }",
       "spec.ports[0].port"},
      {service + "ports { port: 70000 protocol: PROTOCOL_TCP } }", "spec.ports[0].port"},
      {service + "ports { protocol: PROTOCOL_TCP } }", "spec.ports[0].port"},
      {service + "addresses: 'x' }", "spec.addresses[0]"},
      {"endpoint_set { endpoints { address: '10.0.0.1' port: 70000 } }", "spec.endpoints[0].port"},
      {"endpoint_set { endpoints { address: '10.0.0.1' zone: 'a' } }", "spec.endpoints[0].zone"},
      {"endpoint_set { endpoints { address: '10.0.0.1' priority: 8 } }",
       "spec.endpoints[0].priority"},
      {"endpoint_set { endpoints { address: '10.0.0.1' weight: 1001 } }",
       "spec.endpoints[0].weight"},
      {"route { gateway: 'g' tcp { backends { service: 's' port: 70000 } } }",
       "spec.tcp[0].backends[0].port"},
      {gate + "port: 80 } }", "spec.listeners[0].protocol"},
      {gate + "port: 80 protocol: PROTOCOL_HTTP2 } }", "spec.listeners[0].protocol"},
      {gate + "port: 80 protocol: PROTOCOL_UDP } }", "spec.listeners[0].protocol"},
      {gate + "protocol: PROTOCOL_TCP } }", "spec.listeners[0].port"},
      {gate + "port: 443 protocol: PROTOCOL_TLS } }", "spec.listeners[0].tls"},
      {gate + "port: 443 protocol: PROTOCOL_HTTP tls {} } }", "spec.listeners[0].tls.mode"},
      {gate + "port: 1 protocol: PROTOCOL_TCP tls { mode: SERVER_TLS_MODE_PASSTHROUGH } } }",
       "spec.listeners[0].protocol"},
      {"gateway { addresses: 'x' }", "spec.addresses[0]"},
      {"traffic_policy { proxy_protocol: 9 }", "spec.proxy_protocol"},
      {service + "ports { port: 1 protocol: PROTOCOL_TLS } }", "spec.ports[0].tls"},
      {"traffic_policy { tls: TLS_MODE_STRICT }", "spec.tls"},
      {"traffic_policy { balancer { algorithm: 77 } }", "spec.balancer.algorithm"},
      {"traffic_policy { balancer { algorithm: ALGORITHM_RANDOM hash_on: HASH_ON_FLOW } }",
       "spec.balancer.hash_on"},
      {"traffic_policy { drain_time { seconds: 86401 } }", "spec.drain_time"},
      {"traffic_policy { drain_time { seconds: 1 nanos: -1 } }", "spec.drain_time"},
      {"traffic_policy { no_endpoint: 77 }", "spec.no_endpoint"},
      {"traffic_policy { balancer { hash_on: 77 } }", "spec.balancer.hash_on"},
      {"traffic_policy { balancer { algorithm: ALGORITHM_RANDOM hash_on: HASH_ON_COOKIE } }",
       "spec.balancer.hash_on"},
      {"traffic_policy { balancer { hash_on: HASH_ON_COOKIE hash_cookie_ttl { seconds: -1 } } }",
       "spec.balancer.hash_cookie_ttl"},
      {"traffic_policy { balancer { hash_cookie_ttl { seconds: 34560001 } } }",
       "spec.balancer.hash_cookie_ttl"},
      {"traffic_policy { balancer { slow_start {} } }", "spec.balancer.slow_start"},
      {"traffic_policy { balancer { panic_threshold {} } }", "spec.balancer.panic_threshold"},
      {"traffic_policy { limits { connect_timeout {} } }", "spec.limits.connect_timeout"},
      {"traffic_policy { limits { connect_timeout { nanos: 999999 } } }",
       "spec.limits.connect_timeout"},
      {"traffic_policy { limits { connect_timeout { seconds: 600 nanos: 1 } } }",
       "spec.limits.connect_timeout"},
      {"traffic_policy { limits { connect_timeout { seconds: 9223372036854775807 } } }",
       "spec.limits.connect_timeout"},
      {"traffic_policy { limits { idle_timeout { nanos: 999999999 } } }",
       "spec.limits.idle_timeout"},
      {"traffic_policy { limits { idle_timeout { seconds: -1 } } }", "spec.limits.idle_timeout"},
      {"traffic_policy { limits { idle_timeout { seconds: 1 nanos: -1 } } }",
       "spec.limits.idle_timeout"},
      {"traffic_policy { limits { idle_timeout { seconds: 2592001 } } }",
       "spec.limits.idle_timeout"},
      {"service { forwarding: FORWARDING_PROXY source_mapping: SOURCE_MAPPING_PER_SOURCE }",
       "spec.source_mapping"},
      {"traffic_policy { health_check {} }", "spec.health_check"},
      {"traffic_policy { tls: TLS_MODE_STRICT }", "spec.tls"},
      {"external_service { ports { port: 1 } }", "spec.ports[0].protocol"},
      {"external_service { ports { protocol: PROTOCOL_TCP } }", "spec.ports[0].port"},
      {"external_service { ports { port: 1 protocol: PROTOCOL_HTTP tls { trust: 'a' } } }",
       "spec.ports[0].tls.verify"},
      {"external_service { hosts: 'a.b' ports { port: 1 protocol: PROTOCOL_HTTP tls { trust: 'a' "
       "server_ids: 'spiffe://a/ns/b/sa/c' } } }",
       "spec.ports[0].tls.verify"},
      {"external_service { ports { port: 1 protocol: PROTOCOL_HTTP tls { server_name: 'a.b' "
       "min_version: '1.1' } } }",
       "spec.ports[0].tls.min_version"},
      {"external_service { dns_refresh { seconds: 1 } }", "spec.dns_refresh"},
      {"external_service { export_to: 'a' }", "spec.export_to"},
      {"external_service { export_to: '*' export_to: 'a' }", "spec.export_to"},
      {"external_service { addresses: '10.0.0.0/8' }", "spec.addresses[0]"},
      {"external_service { endpoints { address: 'example.org' } }", "spec.endpoints[0].address"},
      {"external_service { endpoints { address: '10.0.0.1' zone: 'a' } }",
       "spec.endpoints[0].zone"},
      {"outbound_policy {}", "spec.mode"},
      {"network_identity { cidrs: '10.1.0.1/8' }", "spec.cidrs[0]"},
      {"outbound_policy { mode: 9 }", "spec.mode"},
      {"access_policy {}", "spec.action"},
      {"access_policy { action: 77 }", "spec.action"},
      {"access_policy { action: ACTION_DENY on_deny: 77 }", "spec.on_deny"},
      {"access_policy { action: ACTION_ALLOW rules { from {} } }", "spec.rules[0].from[0]"},
      {"access_policy { action: ACTION_ALLOW rules { to {} } }", "spec.rules[0].to[0]"},
      {"access_policy { action: ACTION_ALLOW rules { to { headers { name: 'a' } } } }",
       "spec.rules[0].to[0].headers[0]"},
      {"access_policy { action: ACTION_ALLOW rules { from { namespace: 'a' not_principals: 'p' } } "
       "}",
       "spec.rules[0].from[0].not_principals[0]"},
      {"jwt_provider { from {} }", "spec.from"},
      {"jwt_provider { jwks_file: 'keys.json' }", "spec.jwks_file"},
      {"jwt_provider { leeway { seconds: 301 } }", "spec.leeway"},
      {"jwt_provider { leeway { seconds: -1 } }", "spec.leeway"},
      {service + "ports { port: 1 protocol: PROTOCOL_HTTP jwt { providers: 'a' providers: 'b' "
                 "providers: 'c' providers: 'd' providers: 'e' } } }",
       "spec.ports[0].jwt.providers"},
      {"access_policy { action: ACTION_ALLOW rules { from { cidrs: '10.0.0.1/8' } } }",
       "spec.rules[0].from[0].cidrs[0]"},
      {"access_policy { action: ACTION_ALLOW rules { from { principal: 'cart' } } }",
       "spec.rules[0].from[0].principal"},
      {"access_policy { action: ACTION_ALLOW rules { from { principal: 'spiffe://a/ns/b/sa/c/d' } "
       "} }",
       "spec.rules[0].from[0].principal"},
      {"access_policy { action: ACTION_ALLOW rules { from { namespace: 'x' principal: "
       "'spiffe://a/ns/b/sa/c' } } }",
       "spec.rules[0].from[0].principal"},
  };
  for (const auto& [spec, field] : rows) {
    const auto problems = problems_of(spec);
    ASSERT_EQ(problems.size(), 1u) << spec;
    EXPECT_EQ(problems[0].field, field) << spec;
  }
}

TEST(Convert, ReadsAnExternalService) {
  const auto converted = convert_policy(
      resource_of(named("x",
                        "external_service { hosts: 'API.example.com' addresses: '203.0.113.5' "
                        "export_to: '*' endpoints { address: '203.0.113.6' weight: 3 } "
                        "ports { name: 'a' port: 80 protocol: PROTOCOL_GRPC target_port: 443 "
                        "tls { trust: 'b' min_version: '1.3' } } "
                        "ports { name: 'c' port: 443 protocol: PROTOCOL_TLS } "
                        "ports { name: 'd' port: 53 protocol: PROTOCOL_UDP } }")),
      "example.org");
  ASSERT_TRUE(converted.has_value());
  const auto& spec = std::get<policy::ExternalService>((*converted)->spec);
  EXPECT_EQ(spec.hosts, std::vector<std::string>{"api.example.com"});
  EXPECT_TRUE(spec.exported);
  EXPECT_EQ(spec.endpoints[0].weight, 3);
  ASSERT_EQ(spec.service.ports.size(), 3u);
  const policy::ServicePort& grpc = spec.service.ports[0];
  EXPECT_EQ(grpc.http, policy::HttpUpstream::kHttp2);
  EXPECT_EQ(grpc.target_port, 443);
  EXPECT_EQ(grpc.hostnames, spec.hosts);
  ASSERT_TRUE(grpc.upstream_tls.has_value());
  EXPECT_EQ(grpc.upstream_tls->server_name, "api.example.com");
  EXPECT_EQ(grpc.upstream_tls->choice.min_version, tls::Version::kTls13);
  EXPECT_EQ(spec.service.ports[1].tls->mode, policy::ClientTls::kPassthrough);
  EXPECT_TRUE(grpc.ends_here && spec.service.ports[1].ends_here);
  EXPECT_FALSE(spec.service.ports[2].ends_here);
  EXPECT_EQ(spec.service.forwarding, policy::Forwarding::kDnat) << "of its UDP";
}

// Services select workloads by them.
TEST(Convert, KeepsTheLabelsOfMetadata) {
  v1::Resource resource = resource_of(named("x", "workload { port: 'web' }"));
  (*resource.mutable_metadata()->mutable_labels())["app"] = "web";
  const auto converted = convert_policy(resource, "example.org");
  ASSERT_TRUE(converted.has_value());
  EXPECT_EQ((*converted)->labels, (policy::Labels{{"app", "web"}}));
}

TEST(Convert, TakesWhatActs) {
  const auto spec = [](const std::string& text) {
    const auto converted = convert_policy(resource_of(named("x", text)), "");
    EXPECT_TRUE(converted) << text;
    return (*converted)->spec;
  };
  const auto plain = std::get<policy::Service>(
      spec("service { ports { name: 'all' protocol: PROTOCOL_UDP all_ports: true } ports { name: "
           "'web' port: 80 target_port: 8080 protocol: PROTOCOL_TCP } }"));
  EXPECT_EQ(plain.forwarding, policy::Forwarding::kDnat) << "the default";
  EXPECT_EQ(plain.ports[0].number, 0);
  EXPECT_EQ(plain.ports[1].target_port, 8080);
  const auto nat = std::get<policy::Service>(spec(
      "service { forwarding: FORWARDING_FULL_NAT source_mapping: SOURCE_MAPPING_PER_SOURCE }"));
  EXPECT_EQ(nat.source_mapping, policy::SourceMapping::kPerSource);
  const auto set = std::get<policy::EndpointSet>(
      spec("endpoint_set { endpoints { address: '10.0.0.1' port: 81 priority: 7 } }"));
  EXPECT_EQ(set.endpoints[0].port, 81);
  EXPECT_EQ(set.endpoints[0].priority, 7);
  const auto traffic = std::get<policy::TrafficPolicy>(
      spec("traffic_policy { balancer { algorithm: ALGORITHM_LEAST_REQUEST } drain_time { seconds: "
           "5 nanos: 1 } no_endpoint: REFUSAL_RESET }"));
  EXPECT_EQ(traffic.algorithm, policy::Algorithm::kLeastRequest);
  EXPECT_EQ(traffic.drain_time, seconds(5) + nanoseconds(1));
  EXPECT_EQ(traffic.no_endpoint, policy::Refusal::kReset);
  const auto bare = std::get<policy::TrafficPolicy>(spec("traffic_policy {}"));
  EXPECT_EQ(bare.drain_time, policy::kDefaultDrainTime);
  EXPECT_EQ(bare.no_endpoint, policy::Refusal::kUnreachable);
  EXPECT_FALSE(bare.connect_timeout);
  EXPECT_FALSE(bare.idle_timeout);
  const auto proxied = std::get<policy::Service>(spec("service { forwarding: FORWARDING_PROXY }"));
  EXPECT_EQ(proxied.forwarding, policy::Forwarding::kProxy);
  const auto limits = std::get<policy::TrafficPolicy>(
      spec("traffic_policy { limits { connect_timeout { nanos: 1000000 } idle_timeout {} } }"));
  EXPECT_EQ(limits.connect_timeout, milliseconds(1));
  EXPECT_EQ(limits.idle_timeout, Duration());
  const auto longest = std::get<policy::TrafficPolicy>(spec(
      "traffic_policy { limits { connect_timeout { seconds: 600 } idle_timeout { seconds: 2592000 "
      "} } }"));
  EXPECT_EQ(longest.connect_timeout, policy::kMaxConnectTimeout);
  EXPECT_EQ(longest.idle_timeout, policy::kMaxIdleTimeout);
  const auto access = std::get<policy::AccessPolicy>(
      spec("access_policy { action: ACTION_AUDIT dry_run: true on_deny: REFUSAL_UNREACHABLE target "
           "{ workload_labels { key: 'a' value: 'b' } } }"));
  EXPECT_EQ(access.action, policy::Action::kAudit);
  EXPECT_TRUE(access.dry_run);
  EXPECT_EQ(access.on_deny, policy::Refusal::kUnreachable);
  EXPECT_EQ(access.workload_labels.at("a"), "b");
}

TEST(Convert, TakesTokens) {
  const auto spec = [](const std::string& text) {
    const auto converted = convert_policy(resource_of(named("x", text)), "");
    EXPECT_TRUE(converted) << text;
    return (*converted)->spec;
  };
  const auto plain =
      std::get<policy::JwtProvider>(spec("jwt_provider { issuer: 'i' audiences: 'a' jwks: '{}' }"));
  EXPECT_EQ(plain.from, policy::JwtPlace());
  EXPECT_EQ(plain.from.name + " " + plain.from.prefix, "authorization Bearer");
  EXPECT_FALSE(plain.leeway);
  EXPECT_FALSE(plain.forward);
  const auto full = std::get<policy::JwtProvider>(spec(
      "jwt_provider { issuer: 'i' audiences: 'a' audiences: 'b' jwks: '{}' algorithms: 'EdDSA' "
      "leeway { seconds: 5 } from { header { name: 'X-Token' } } forward: true "
      "claim_to_headers { claim: 'sub' header: 'X-User' } }"));
  EXPECT_EQ(full.from, (policy::JwtPlace{policy::JwtPlace::Kind::kHeader, "x-token", ""}));
  EXPECT_EQ(full.leeway, seconds(5));
  EXPECT_EQ(full.claim_headers, (std::vector<policy::ClaimHeader>{{"sub", "x-user"}}));
  const auto gateway = std::get<policy::Gateway>(
      spec("gateway { listeners { port: 1 protocol: PROTOCOL_HTTP jwt { providers: 'p' } } }"));
  EXPECT_EQ(gateway.service.ports[0].jwt, (policy::JwtUse{{"p"}, true})) << "required";
  const auto route = std::get<policy::Route>(
      spec("route { service: 's' grpc { jwt { providers: 'p' required: false } } }"));
  EXPECT_EQ(route.http[0].jwt, (policy::JwtUse{{"p"}, false}));
  const auto source = [&](const std::string& action, const std::string& claims) {
    return std::get<policy::AccessPolicy>(
               spec("access_policy { action: " + action + " rules { from { " + claims + " } } }"))
        .rules[0]
        .from[0];
  };
  const std::string role = "_claims { key: 'role' value: 'a' }";
  EXPECT_EQ(source("ACTION_ALLOW", "jwt" + role).claims,
            (std::vector<policy::ClaimMatch>{{"role", "a"}}));
  EXPECT_TRUE(source("ACTION_DENY", "jwt" + role).tokened);
  EXPECT_TRUE(source("ACTION_ALLOW", "not_jwt" + role).tokened);
  EXPECT_FALSE(source("ACTION_DENY", "not_jwt" + role).tokened);
}

TEST(Convert, RefusesTls) {
  const auto first = [](const std::string& spec) {
    const auto problems = problems_of(spec);
    return problems.empty() ? "" : problems[0].field + ": " + problems[0].text;
  };
  const auto port = [&](const std::string& tls) {
    return first(
        "service { forwarding: FORWARDING_PROXY ports { name: 'https' port: 443 protocol: "
        "PROTOCOL_TCP tls { " +
        tls + " } } }");
  };
  const auto upstream = [&](const std::string& tls) {
    return first("traffic_policy { upstream_tls { " + tls + " } }");
  };
  const std::string at = "spec.ports[0].tls.", up = "spec.upstream_tls.";
  const std::string ends = "mode: SERVER_TLS_MODE_TERMINATE ";
  EXPECT_EQ(port("mode: SERVER_TLS_MODE_PASSTHROUGH"), "");
  EXPECT_EQ(port(""), at + "mode: missing; expected TERMINATE, OPTIONAL or PASSTHROUGH");
  EXPECT_EQ(port(ends + "min_version: '1.1'"),
            at + "min_version: expected \"1.2\" or \"1.3\", not \"1.1\"");
  EXPECT_TRUE(port(ends + "suites: 'TLS_RSA_WITH_AES_128_CBC_SHA'")
                  .starts_with(at + "suites[0]: \"TLS_RSA_WITH_AES_128_CBC_SHA\" is not known; "
                                    "expected one of TLS_AES_128_GCM_SHA256, "));
  EXPECT_EQ(port(ends + "max_version: '1.2' suites: 'TLS_AES_128_GCM_SHA256'"),
            at + "suites: has none of the versions that are allowed");
  EXPECT_EQ(port(ends + "groups: 'X25519' groups: 'P-224'"),
            at + "groups[1]: \"P-224\" is not known; expected one of X25519, P-256, P-384, P-521");
  EXPECT_EQ(port(ends + "groups: 'X25519' groups: 'X25519'"),
            at + "groups[1]: \"X25519\" is there twice");
  EXPECT_TRUE(port(ends + "client_ids: 'spiffe://Example.org/x'")
                  .starts_with(at + "client_ids[0]: \"spiffe://Example.org/x\" is no SPIFFE ID"));
  EXPECT_EQ(upstream("server_name: 'a.org'"), "");
  EXPECT_TRUE(upstream("").starts_with(up + "verify: missing; expected NAME"));
  EXPECT_TRUE(upstream("server_name: 'a.org' server_ids: 'spiffe://a.org/x'")
                  .starts_with(up + "verify: missing; expected NAME"));
  EXPECT_EQ(upstream("verify: 7"), up + "verify: expected NAME or SPIFFE");
}

TEST(Convert, TakesTls) {
  const auto converted = convert_policy(
      resource_of(
          named("x",
                "service { ports { name: 'https' port: 443 protocol: PROTOCOL_TLS tls { mode: "
                "SERVER_TLS_MODE_OPTIONAL certificates: 'c' trust: 't' min_version: '1.3' groups: "
                "'P-384' "
                "suites: 'TLS_AES_256_GCM_SHA384' alpn: 'h2' known_names_only: true } } }")),
      "");
  ASSERT_TRUE(converted);
  const policy::ServicePort& port = std::get<policy::Service>((*converted)->spec).ports[0];
  EXPECT_EQ(port.protocol, policy::Protocol::kTcp);
  const policy::ServerTls wanted{.mode = policy::ClientTls::kOptional,
                                 .certificates = {"c"},
                                 .trust = {"t"},
                                 .known_names_only = true,
                                 .choice = {.min_version = tls::Version::kTls13,
                                            .suites = {tls::SuiteId::kAes256GcmSha384},
                                            .groups = {"P-384"},
                                            .alpn = {"h2"}}};
  EXPECT_EQ(*port.tls, wanted);
  const auto names = convert_policy(
      resource_of(named("x",
                        "route { service: 's' tls { server_names: 'A.Example.ORG' backends { "
                        "service: 'b' } } }")),
      "");
  ASSERT_TRUE(names);
  EXPECT_EQ(std::get<policy::Route>((*names)->spec).tls[0].server_names[0], "a.example.org");
}

// A newer heddlectl may know fields that this heddled does not: it must not seem to obey them.
TEST(Convert, RefusesFieldsThatItDoesNotKnow) {
  v1::Resource resource = resource_of(web());
  v1::ServicePort& port = *resource.mutable_service()->mutable_ports(0);
  port.GetReflection()->MutableUnknownFields(&port)->AddVarint(99, 1);
  const auto converted = convert_policy(resource, "example.org");
  ASSERT_FALSE(converted);
  EXPECT_EQ(converted.error()[0].field, "spec.ports[0]");
  EXPECT_NE(converted.error()[0].text.find("does not know"), std::string::npos);
}

TEST(Convert, TakesPrincipalsApart) {
  const auto source = [](const std::string& from, std::string_view domain) {
    const auto converted = convert_policy(
        resource_of(
            named("x", "access_policy { action: ACTION_ALLOW rules { from { " + from + " } } }")),
        domain);
    EXPECT_TRUE(converted) << from;
    return std::get<policy::AccessPolicy>((*converted)->spec).rules[0].from[0];
  };
  const auto ours = source("principal: 'spiffe://example.org/ns/shop/sa/web'", "example.org");
  EXPECT_EQ(ours.ns, "shop");
  EXPECT_EQ(ours.service_account, "web");
  EXPECT_FALSE(ours.foreign);
  EXPECT_TRUE(source("principal: 'spiffe://example.com/ns/shop/sa/web'", "example.org").foreign);
  EXPECT_TRUE(source("trust_domain: 'example.com'", "example.org").foreign);
  // Fails closed: senders without identity are of no trust domain, and of no other namespace.
  EXPECT_TRUE(source("trust_domain: 'example.org'", "example.org").identified);
  EXPECT_TRUE(source("not_namespaces: 'shop'", "example.org").identified);
  EXPECT_FALSE(source("cidrs: '10.0.0.0/8'", "example.org").identified);
  const auto without = convert_policy(
      resource_of(named("x",
                        "access_policy { action: ACTION_ALLOW rules { from { principal: "
                        "'spiffe://example.org/ns/shop/sa/web' } } }")),
      "");
  ASSERT_FALSE(without);
  EXPECT_NE(without.error()[0].text.find("trust_domain"), std::string::npos);
}

TEST(Convert, TakesWhatIsAskedOfRequests) {
  const auto converted = convert_policy(
      resource_of(named("x",
                        "access_policy { action: ACTION_DENY rules { from { not_principals: "
                        "'spiffe://example.org/ns/a/sa/b' not_principals: "
                        "'spiffe://other.org/ns/a/sa/b' not_service_accounts: 'c' } to { "
                        "methods: 'GET' paths: '/a' paths: '/a/*' paths: '*.png' paths: '*' "
                        "paths: '/*' paths: '/a*' hosts: 'A.org' not_ports: '81' headers { name: "
                        "'X-A' regex: 'b+' } } to { not_hosts: '*.b.org' not_paths: '/c' "
                        "not_methods: 'PUT' } } }")),
      "example.org");
  ASSERT_TRUE(converted);
  const policy::AccessRule rule = std::get<policy::AccessPolicy>((*converted)->spec).rules[0];
  EXPECT_EQ(rule.from[0].not_principals,
            (std::vector<policy::Principal>{{"a", "b", "example.org", false},
                                            {"a", "b", "other.org", true}}));
  EXPECT_EQ(rule.from[0].not_service_accounts, std::vector<std::string>{"c"});
  EXPECT_FALSE(rule.from[0].identified) << "a DENY is for those without identity too";
  using Path = policy::AccessPath::Kind;
  const policy::Operation first{.not_ports = {"81"},
                                .methods = {"GET"},
                                .paths = {{Path::kExact, "/a"},
                                          {Path::kUnder, "/a"},
                                          {Path::kSuffix, ".png"},
                                          {Path::kAny, ""},
                                          {Path::kUnder, ""},
                                          {Path::kExact, "/a*"}},
                                .hosts = {"a.org"},
                                .fields = {{"x-a", {policy::TextMatch::Kind::kRegex, "b+"}}}};
  EXPECT_EQ(rule.to[0], first) << "a star within is refused with the shape";
  const policy::Operation second{
      .not_methods = {"PUT"}, .not_paths = {{Path::kExact, "/c"}}, .not_hosts = {"*.b.org"}};
  EXPECT_EQ(rule.to[1], second);
}

TEST(Convert, TakesGateways) {
  const auto converted = convert_policy(
      resource_of(
          named("x",
                "gateway { addresses: '10.0.0.1' listeners { name: 'plain' port: 80 "
                "protocol: PROTOCOL_HTTP hostnames: 'A.Example' proxy_protocol: true } "
                "listeners { name: 'https' port: 443 protocol: PROTOCOL_TLS tls { mode: "
                "SERVER_TLS_MODE_TERMINATE certificates: 'c' } } listeners { name: 'tls' "
                "port: 444 protocol: PROTOCOL_TLS tls { mode: SERVER_TLS_MODE_PASSTHROUGH } "
                "} listeners { name: 'sql' port: 1 protocol: PROTOCOL_TCP } }")),
      "");
  ASSERT_TRUE(converted);
  EXPECT_EQ((*converted)->key.kind, policy::Kind::kGateway);
  const policy::Service& offer = policy::service_of(**converted);
  EXPECT_EQ(offer.forwarding, policy::Forwarding::kProxy);
  ASSERT_EQ(offer.ports.size(), 4u);
  EXPECT_EQ(offer.ports[0].http, policy::HttpUpstream::kHttp1);
  EXPECT_EQ(offer.ports[0].hostnames, std::vector<std::string>{"a.example"});
  EXPECT_TRUE(offer.ports[0].proxy_protocol);
  EXPECT_TRUE(offer.ports[1].http && offer.ports[1].tls);
  EXPECT_FALSE(offer.ports[2].http);
  EXPECT_EQ(offer.ports[2].tls->mode, policy::ClientTls::kPassthrough);
  EXPECT_FALSE(offer.ports[3].http || offer.ports[3].tls);
  const auto route = convert_policy(
      resource_of(named("x",
                        "route { gateway: 'g' http { backends { service: 's' namespace: 'n' port: "
                        "81 } } }")),
      "");
  ASSERT_TRUE(route);
  const auto& spec = std::get<policy::Route>((*route)->spec);
  EXPECT_EQ(spec.gateway, "g");
  EXPECT_EQ(spec.http[0].backends[0].port, 81);
  EXPECT_EQ(spec.http[0].backends[0].ns, "n");
  v1::ResourceKey told;
  told.set_kind("Gateway");
  const auto key = convert_key(told);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->kind, policy::Kind::kGateway);
}

TEST(Convert, TakesTheProxyProtocol) {
  const auto converted = convert_policy(
      resource_of(named("x", "traffic_policy { service: 's' proxy_protocol: PROXY_PROTOCOL_V2 }")),
      "");
  ASSERT_TRUE(converted);
  EXPECT_EQ(std::get<policy::TrafficPolicy>((*converted)->spec).proxy_protocol,
            policy::ProxyProtocol::kV2);
}

TEST(Convert, DefaultsAreOnesWeight) {
  const auto converted =
      convert_policy(resource_of(named("x",
                                       "endpoint_set { service: 'web' endpoints { address: "
                                       "'10.0.0.1' } endpoints { address: '10.0.0.2' weight: "
                                       "0 } }")),
                     "");
  const auto& set = std::get<policy::EndpointSet>((*converted)->spec);
  EXPECT_EQ(set.endpoints[0].weight, 1u);
  EXPECT_EQ(set.endpoints[1].weight, 0u);
}

}  // namespace
}  // namespace heddle::server
