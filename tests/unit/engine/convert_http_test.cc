// Ports of HTTP and rules for requests, from messages and from files as people write them.
#include "policy/model.h"
#include "policy_convert.h"
#include "resource/read.h"
#include "support.h"

namespace heddle::server {
namespace {

using policy::HttpMatch;
using policy::PathMatch;
using policy::TextMatch;

policy::Route route_of(const std::string& rules) {
  const auto converted =
      convert_policy(resource_of(named("x", "route { service: 'cart' " + rules + " }")), "");
  EXPECT_TRUE(converted) << (converted ? ""
                                       : converted.error()[0].field + converted.error()[0].text);
  return converted ? std::get<policy::Route>((*converted)->spec) : policy::Route();
}

TEST(ConvertHttp, Ports) {
  const auto converted = convert_policy(
      resource_of(named("x",
                        "service { ports { name: 'a' port: 80 protocol: PROTOCOL_HTTP } "
                        "ports { name: 'b' port: 81 protocol: PROTOCOL_HTTP2 target_port: 8081 } "
                        "ports { name: 'c' port: 82 protocol: PROTOCOL_GRPC } "
                        "ports { name: 'd' port: 83 protocol: PROTOCOL_TCP } }")),
      "");
  ASSERT_TRUE(converted);
  const auto& spec = std::get<policy::Service>((*converted)->spec);
  EXPECT_EQ(spec.forwarding, policy::Forwarding::kDnat);
  EXPECT_EQ(spec.ports[0].http, policy::HttpUpstream::kHttp1);
  EXPECT_EQ(spec.ports[1].http, policy::HttpUpstream::kHttp2);
  EXPECT_EQ(spec.ports[1].target_port, 8081);
  EXPECT_EQ(spec.ports[2].http, policy::HttpUpstream::kHttp2);
  EXPECT_EQ(spec.ports[3].http, std::nullopt);
}

TEST(ConvertHttp, Matches) {
  const policy::Route route = route_of(
      "hostnames: 'A.Example' http { matches { path { prefix: '/v2' } method: 'GET' "
      "headers { name: 'X-Beta' exact: '1' } headers { name: 'a' suffix: 's' } "
      "query { name: 'Q' present: true } query { name: 'r' regex: '.' } "
      "source { workload: 'web' labels { key: 'a' value: 'b' } } } "
      "matches { path { regex: '/.*' } source { namespace: 'other' } } "
      "matches { path { exact: '/x' } } backends { service: 'cart' weight: 80 } }");
  EXPECT_EQ(route.hostnames, std::vector<std::string>{"a.example"});
  ASSERT_EQ(route.http.size(), 1u);
  ASSERT_EQ(route.http[0].matches.size(), 3u);
  const HttpMatch& match = route.http[0].matches[0];
  EXPECT_EQ(match.path, (PathMatch{PathMatch::Kind::kPrefix, "/v2"}));
  EXPECT_EQ(match.method, "GET");
  ASSERT_EQ(match.fields.size(), 2u);
  EXPECT_EQ(match.fields[0].name, "x-beta");
  EXPECT_EQ(match.fields[0].value, (TextMatch{TextMatch::Kind::kExact, "1"}));
  EXPECT_EQ(match.fields[1].value, (TextMatch{TextMatch::Kind::kSuffix, "s"}));
  ASSERT_EQ(match.query.size(), 2u);
  EXPECT_EQ(match.query[0].name, "Q");
  EXPECT_EQ(match.query[0].value, TextMatch());
  EXPECT_EQ(match.query[1].value, (TextMatch{TextMatch::Kind::kRegex, "."}));
  ASSERT_TRUE(match.source);
  EXPECT_EQ(match.source->workload, "web");
  EXPECT_EQ(match.source->ns, "shop") << "the Route's own";
  EXPECT_EQ(match.source->labels.at("a"), "b");
  EXPECT_EQ(route.http[0].matches[1].path, (PathMatch{PathMatch::Kind::kRegex, "/.*"}));
  EXPECT_EQ(route.http[0].matches[1].source->ns, "other");
  EXPECT_EQ(route.http[0].matches[2].path, (PathMatch{PathMatch::Kind::kExact, "/x"}));
  EXPECT_EQ(route.http[0].backends[0].weight, 80u);
}

TEST(ConvertHttp, Actions) {
  const policy::Route route = route_of(
      "http { filters { response_headers { set { name: 'X-A' value: '1' } remove: 'Server' } } "
      "filters { request_headers { add { name: 'b' value: '2' } } } "
      "filters { rewrite { hostname: 'B.example' prefix: '/v3' } } "
      "timeouts { request { seconds: 2 } idle { seconds: 3 } connect { nanos: 5000000 } } } "
      "http { filters { redirect { scheme: 'HTTPS' port: 443 path: '/x' status: 308 } } } "
      "http { filters { redirect { prefix: '/y' } } timeouts { request { } } } "
      "http { filters { direct_response { status: 404 body: 'none' content_type: 'text/a' } } } "
      "http { filters { rewrite { full_path: '/z' } } }");
  ASSERT_EQ(route.http.size(), 5u);
  const policy::HttpRule& first = route.http[0];
  EXPECT_EQ(first.response.set[0], (policy::HttpField{"x-a", "1"}));
  EXPECT_EQ(first.response.remove[0], "server");
  EXPECT_EQ(first.request.add[0], (policy::HttpField{"b", "2"}));
  EXPECT_EQ(first.filters.request, 1);
  EXPECT_EQ(first.filters.rewrite, 2);
  EXPECT_EQ(first.rewrite,
            (policy::HttpRewrite{"b.example", policy::HttpRewrite::Path::kPrefix, "/v3"}));
  EXPECT_EQ(first.request_timeout, seconds(2));
  EXPECT_EQ(first.stream_idle, seconds(3));
  EXPECT_EQ(first.connect, milliseconds(5));
  EXPECT_EQ(route.http[1].redirect,
            (policy::HttpRedirect{"https", "", 443, policy::HttpRedirect::Path::kFull, "/x", 308}));
  EXPECT_EQ(route.http[2].redirect,
            (policy::HttpRedirect{"", "", 0, policy::HttpRedirect::Path::kPrefix, "/y", 302}));
  EXPECT_EQ(route.http[2].request_timeout, Duration());
  EXPECT_EQ(route.http[3].direct, (policy::HttpDirect{404, "none", "text/a"}));
  EXPECT_EQ(route.http[4].rewrite,
            (policy::HttpRewrite{"", policy::HttpRewrite::Path::kFull, "/z"}));
}

TEST(ConvertHttp, MirrorsAndCors) {
  const policy::Route route = route_of(
      "http { filters { cors { origins { exact: 'HTTPS://A.example' } origins { regex: 'B.*' } "
      "origins { suffix: '.C' } origins { prefix: 'http://' } methods: 'PUT' headers: 'X-A' "
      "expose_headers: 'X-B' credentials: true max_age { seconds: 600 } } } "
      "filters { mirror { backend { service: 'next' subset { key: 'v' value: '2' } } share { "
      "millionths: 250000 } } } } "
      "http { filters { mirror { backend { service: 'next' } } } } "
      "http { filters { mirror { backend { service: 'next' } share {} } } filters { cors {} } }");
  ASSERT_EQ(route.http.size(), 3u);
  const policy::HttpRule& first = route.http[0];
  EXPECT_EQ(first.filters.cors, 0);
  EXPECT_EQ(first.filters.mirror, 1);
  ASSERT_TRUE(first.mirror);
  EXPECT_EQ(first.mirror->backend,
            (policy::Backend{.service = "next", .ns = "shop", .subset = {{"v", "2"}}}));
  EXPECT_EQ(first.mirror->share, 250'000u);
  ASSERT_TRUE(first.cors);
  EXPECT_EQ(first.cors->origins,
            (std::vector<TextMatch>{{TextMatch::Kind::kExact, "https://a.example"},
                                    {TextMatch::Kind::kRegex, "B.*"},
                                    {TextMatch::Kind::kSuffix, ".c"},
                                    {TextMatch::Kind::kPrefix, "http://"}}));
  EXPECT_EQ(first.cors->methods, std::vector<std::string>{"PUT"});
  EXPECT_EQ(first.cors->headers, std::vector<std::string>{"x-a"});
  EXPECT_EQ(first.cors->expose, std::vector<std::string>{"x-b"});
  EXPECT_TRUE(first.cors->credentials);
  EXPECT_EQ(first.cors->max_age, seconds(600));
  EXPECT_EQ(route.http[1].mirror->share, policy::kWholeShare) << "all when it is not given";
  EXPECT_EQ(route.http[2].mirror->share, 0u);
  EXPECT_EQ(route.http[2].cors->max_age, std::nullopt);
}

TEST(ConvertHttp, Affinity) {
  const auto policy_of = [](const std::string& balancer) {
    const auto converted = convert_policy(
        resource_of(named("x", "traffic_policy { service: 'cart' balancer { " + balancer + " } }")),
        "");
    EXPECT_TRUE(converted) << balancer;
    return converted ? std::get<policy::TrafficPolicy>((*converted)->spec)
                     : policy::TrafficPolicy();
  };
  const auto header = policy_of("hash_on: HASH_ON_HEADER hash_name: 'X-User'");
  EXPECT_EQ(header.hash_on, policy::HashOn::kHeader);
  EXPECT_EQ(header.hash_name, "x-user");
  EXPECT_EQ(header.hash_cookie_ttl, std::nullopt);
  const auto cookie = policy_of(
      "algorithm: ALGORITHM_RING_HASH hash_on: HASH_ON_COOKIE hash_name: 'Sid' hash_cookie_ttl {}");
  EXPECT_EQ(cookie.hash_on, policy::HashOn::kCookie);
  EXPECT_EQ(cookie.hash_name, "Sid") << "cookies have capitals";
  EXPECT_EQ(cookie.hash_cookie_ttl, Duration());
  EXPECT_EQ(policy_of("hash_on: HASH_ON_COOKIE hash_cookie_ttl { seconds: 3600 }").hash_cookie_ttl,
            seconds(3'600));
  EXPECT_EQ(policy_of("hash_name: 'x'").hash_name, "x") << "refused by the model";
}

// The example of docs/policy.md.
TEST(ConvertHttp, FromAFile) {
  resource::Reader reader("shop");
  reader.read(R"(
kind: Route
metadata: { name: cart, namespace: shop }
spec:
  service: cart
  http:
    - matches: [{ path: { prefix: /api } }]
      backends: [{ service: cart }]
      filters:
        - cors:
            origins: [{ exact: "https://shop.example" }, { suffix: .shop.example }]
            methods: [PUT, DELETE]
            headers: [content-type, x-csrf]
            expose_headers: [x-total]
            credentials: true
            max_age: 10m
        - mirror: { backend: { service: cart-next, subset: { version: v2 } }, share: 12.5% }
---
kind: TrafficPolicy
metadata: { name: cart, namespace: shop }
spec:
  service: cart
  balancer: { algorithm: maglev, hash_on: cookie, hash_name: sid, hash_cookie_ttl: 1h }
---
kind: TrafficPolicy
metadata: { name: next, namespace: shop }
spec:
  service: cart-next
  balancer: { algorithm: ring-hash, hash_on: header, hash_name: x-user }
---
kind: Service
metadata: { name: cart, namespace: shop }
spec: { addresses: [10.96.0.1], ports: [{ name: http, port: 80, protocol: http }] }
---
kind: Service
metadata: { name: cart-next, namespace: shop }
spec: { addresses: [10.96.0.2], ports: [{ name: http, port: 80, protocol: http }] }
)",
              "f.yaml");
  for (const resource::Problem& problem : reader.problems()) ADD_FAILURE() << text_of(problem);
  std::vector<policy::Edit> edits;
  for (const v1::Resource& resource : reader.resources()) {
    const auto converted = convert_policy(resource, "");
    ASSERT_TRUE(converted) << converted.error()[0].field << converted.error()[0].text;
    edits.push_back({(*converted)->key, *converted});
  }
  policy::Model model({}, {});
  for (const policy::Problem& problem : model.stage(edits))
    ADD_FAILURE() << problem.field << ": " << problem.text;
  const auto snapshot = model.commit(1).snapshot;
  const policy::Frontend& frontend = *snapshot->frontends[snapshot->frontend_table->find(
      {*policy::IpAddress::parse("10.96.0.1"), policy::Protocol::kTcp, 80})];
  ASSERT_NE(frontend.affinity, nullptr);
  EXPECT_EQ(frontend.affinity->cookie_attributes, "; Path=/; HttpOnly; Max-Age=3600");
  const policy::HttpTarget& target = frontend.http->rules()[0].target;
  EXPECT_EQ(target.mirror->share, 125'000u);
  EXPECT_TRUE(target.cors->allows("https://a.shop.example"));
  EXPECT_FALSE(target.cors->allows("https://shop.example.org"));
  EXPECT_EQ(target.cors->allow_methods(), "PUT, DELETE");
  EXPECT_EQ(target.cors->max_age(), "600");
}

TEST(ConvertHttp, Grpc) {
  const policy::Route route = route_of(
      "grpc { matches { service: 'shop.Cart' method: 'Get' } matches { service: 'shop.Cart' } "
      "matches { method: 'Get' headers { name: 'x' exact: '1' } } } grpc {}");
  EXPECT_TRUE(route.grpc);
  ASSERT_EQ(route.http.size(), 2u);
  const std::vector<HttpMatch>& matches = route.http[0].matches;
  EXPECT_EQ(matches[0].path, (PathMatch{PathMatch::Kind::kExact, "/shop.Cart/Get"}));
  EXPECT_EQ(matches[1].path, (PathMatch{PathMatch::Kind::kPrefix, "/shop.Cart"}));
  EXPECT_EQ(matches[2].path, (PathMatch{PathMatch::Kind::kRegex, "/[^/]+/Get"}));
  EXPECT_EQ(matches[2].fields[0].name, "x");
  ASSERT_EQ(route.http[1].matches.size(), 1u);
  EXPECT_EQ(route.http[1].matches[0].method, "POST");
}

TEST(ConvertHttp, RefusesWhatDoesNotAct) {
  const std::pair<const char*, const char*> rows[] = {
      {"http { hedge {} }", "spec.http[0].hedge"},
      {"http { timeouts { idle {} } }", "spec.http[0].timeouts.idle"},
      {"http { timeouts { request { seconds: -1 } } }", "spec.http[0].timeouts.request"},
      {"http {} http { backends { service: 'a' port: 70000 } }", "spec.http[1].backends[0].port"},
      {"http { filters { mirror { backend { service: 'a' port: 70000 } } } }",
       "spec.http[0].filters[0].mirror.backend.port"},
      {"http { filters { mirror { backend { service: 'a' weight: 1 } } } }",
       "spec.http[0].filters[0].mirror.backend.weight"},
      {"http { filters { mirror {} } filters { mirror {} } }", "spec.http[0].filters[1]"},
      {"grpc { filters { cors { origins {} } } }", "spec.grpc[0].filters[0].cors.origins[0]"},
      {"http { filters { cors { max_age { seconds: 86401 } } } }",
       "spec.http[0].filters[0].cors.max_age"},
      {"http { filters { cors { max_age { seconds: -1 } } } }",
       "spec.http[0].filters[0].cors.max_age"},
      {"http { filters {} }", "spec.http[0].filters[0]"},
      {"http { filters { rewrite {} } filters { rewrite {} } }", "spec.http[0].filters[1]"},
      {"http { filters { redirect { path: '/a' prefix: '/b' } } }",
       "spec.http[0].filters[0].redirect.prefix"},
      {"http { filters { redirect { status: 65838 } } }",
       "spec.http[0].filters[0].redirect.status"},
      {"http { matches { path { suffix: 'x' } } }", "spec.http[0].matches[0].path.suffix"},
      {"http { matches { path { prefix: '' } } }", "spec.http[0].matches[0].path.prefix"},
      {"http { matches { path {} } }", "spec.http[0].matches[0].path"},
      {"http { matches { headers { name: 'a' } } }", "spec.http[0].matches[0].headers[0]"},
      {"http { matches { query { name: 'a' present: false } } }",
       "spec.http[0].matches[0].query[0].present"},
      {"http { matches { source {} } }", "spec.http[0].matches[0].source"},
      {"grpc { matches { service: 'a/b' } }", "spec.grpc[0].matches[0].service"},
      {"grpc { matches { method: 'a.b' } }", "spec.grpc[0].matches[0].method"},
      {"http {} grpc {}", "spec.grpc"},
  };
  for (const auto& [rules, field] : rows) {
    const auto converted =
        convert_policy(resource_of(named("x", std::string("route { ") + rules + " }")), "");
    ASSERT_FALSE(converted) << rules;
    EXPECT_EQ(converted.error()[0].field, field) << rules << ": " << converted.error()[0].text;
    EXPECT_EQ(converted.error().size(), 1u) << rules;
  }
}

TEST(ConvertHttp, Retries) {
  const auto converted = convert_policy(
      resource_of(
          named("x",
                "route { grpc { backends { service: 'a' } timeouts { per_try { seconds: 1 } } "
                "retry { attempts: 3 on: RETRY_ON_RESET on: RETRY_ON_INTERNAL "
                "on: RETRY_ON_RETRIABLE_HEADERS headers: 'X-Again' "
                "backoff_base { seconds: 1 } body_limit: 0 } } }")),
      "");
  ASSERT_TRUE(converted.has_value());
  const policy::HttpRule& rule = std::get<policy::Route>((*converted)->spec).http[0];
  EXPECT_EQ(rule.per_try, seconds(1));
  ASSERT_TRUE(rule.retry.has_value());
  EXPECT_EQ(rule.retry->attempts, 3);
  EXPECT_TRUE(rule.retry->has(policy::RetryOn::kReset));
  EXPECT_TRUE(rule.retry->has(policy::RetryOn::kInternal));
  EXPECT_FALSE(rule.retry->has(policy::RetryOn::k5xx));
  EXPECT_EQ(rule.retry->headers, std::vector<std::string>{"x-again"});
  EXPECT_EQ(rule.retry->backoff.base, seconds(1));
  EXPECT_EQ(rule.retry->backoff.most, seconds(10));
  EXPECT_EQ(rule.retry->body_bytes, 0u);
}

TEST(ConvertHttp, BoundsAndOutliers) {
  const auto read = [](const std::string& spec) {
    return convert_policy(resource_of(named("x", "traffic_policy { service: 'a' " + spec + " }")),
                          "");
  };
  const auto converted = read(
      "limits { requests: 7 retry_budget { share { millionths: 100000 } least: 0 } "
      "per_try_timeout { seconds: 2 } } balancer { panic_threshold { millionths: 400000 } } "
      "outlier_detection { consecutive_5xx: 0 max_ejected { millionths: 500000 } }");
  ASSERT_TRUE(converted.has_value());
  const auto& policy = std::get<policy::TrafficPolicy>((*converted)->spec);
  EXPECT_EQ(policy.bounds.requests, 7u);
  EXPECT_EQ(policy.bounds.retries.share, 100'000u);
  EXPECT_EQ(policy.bounds.retries.least, 0u);
  EXPECT_EQ(policy.per_try, seconds(2));
  ASSERT_TRUE(policy.outliers.has_value());
  EXPECT_EQ(policy.outliers->server_errors, 0u);
  EXPECT_EQ(policy.outliers->local_errors, 5u);
  EXPECT_EQ(policy.outliers->most_ejected_percent, 50u);
  EXPECT_EQ(policy.outliers->panic_percent, 40u);

  EXPECT_EQ(read("limits { retries: 1 retry_budget {} }").error()[0].field,
            "spec.limits.retry_budget");
  EXPECT_EQ(read("balancer { panic_threshold {} }").error()[0].field,
            "spec.balancer.panic_threshold");
  EXPECT_EQ(read("outlier_detection { max_ejected { millionths: 15000 } }").error()[0].field,
            "spec.outlier_detection.max_ejected");
}

}  // namespace
}  // namespace heddle::server
