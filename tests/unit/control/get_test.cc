// get, describe, status, explain and show services.
#include <fmt/format.h>

#include "policy_fixture.h"
#include "resource/kinds.h"
#include "resource/read.h"

namespace heddle::test {
namespace {

constexpr const char* kMesh = R"(kind: Service
metadata: { name: cart, namespace: shop, labels: { team: a } }
spec:
  addresses: [10.96.0.20]
  ports: [{ name: http, port: 80, protocol: http }]
  selector: { app: cart }
  forwarding: full-nat
---
kind: Route
metadata: { name: cart, namespace: shop }
spec:
  service: cart
  http: [{ backends: [{ service: cart }], timeouts: { request: 2s } }]
---
kind: Secret
metadata: { name: pem, namespace: other }
spec: { certificate_pem: "first\nsecond\n" }
)";

std::vector<v1::Resource> resources() {
  resource::Reader reader("default");
  reader.read(kMesh, "mesh.yaml");
  EXPECT_TRUE(reader.problems().empty());
  return std::move(reader.resources());
}

class Get : public PolicyTest {
 protected:
  // Answers in pages of one resource.
  void SetUp() override {
    answers_.get = [this](const v1::GetRequest& request) {
      v1::GetResponse response;
      response.set_version(version_);
      size_t at = request.page_token().empty() ? 0 : std::stoul(request.page_token());
      const std::vector<v1::Resource> all = resources();
      const auto wanted = [&](const v1::Resource& resource) {
        const v1::ResourceKey key = resource::key_of(resource);
        return (request.kind().empty() || request.kind() == key.kind()) &&
               (request.namespace_().empty() || request.namespace_() == key.namespace_()) &&
               (request.name().empty() || request.name() == key.name());
      };
      while (at < all.size() && !wanted(all[at])) ++at;
      if (at == all.size()) return response;
      *response.add_resources() = all[at];
      for (size_t next = at + 1; next < all.size(); ++next)
        if (wanted(all[next]) && response.next_page_token().empty())
          response.set_next_page_token(std::to_string(next));
      return response;
    };
  }
  uint64_t version_ = 1;
};

TEST_F(Get, TableOfAllPages) {
  EXPECT_EQ(out({"get", "-A"}),
            "KIND     NAMESPACE  NAME  SUMMARY\n"
            "Service  shop       cart  addresses 10.96.0.20, ports 1, selector app=cart, ...\n"
            "Route    shop       cart  service cart, http 1\n"
            "Secret   other      pem   certificate_pem first?second?\n");
}

TEST_F(Get, OneNamespaceOneKindOneName) {
  EXPECT_EQ(out({"get"}), "no resources in namespace default (-A: all namespaces)\n");
  EXPECT_EQ(out({"get", "routes", "-n", "shop"}),
            "KIND   NAMESPACE  NAME  SUMMARY\nRoute  shop       cart  service cart, http 1\n");
  EXPECT_EQ(out({"get", "route", "shop/cart"}), out({"get", "Route", "cart", "-n", "shop"}));
  EXPECT_EQ(err(1, {"get", "route", "cart"}), "heddlectl: no Route default/cart\n");
  EXPECT_EQ(err(2, {"get", "rout", "-A"}), "heddlectl: no kind 'rout' (did you mean \"route\"?)\n");
  EXPECT_EQ(err(2, {"get", "-A", "-n", "shop"}),
            "heddlectl: get: -A is all namespaces, -n one of them\n");
  EXPECT_EQ(err(2, {"get", "route", "cart", "-A"}),
            "heddlectl: get: a NAME is of one namespace; -A is all of them\n");
}

TEST_F(Get, WhatIsPrintedCanBeApplied) {
  for (const char* format : {"yaml", "json"}) {
    resource::Reader reader("default");
    reader.read(out({"get", "-A", "-o", format}), "got");
    EXPECT_TRUE(reader.problems().empty());
    const auto expected = resources();
    ASSERT_EQ(reader.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i)
      EXPECT_EQ(reader.resources()[i].DebugString(), expected[i].DebugString());
  }
  EXPECT_EQ(out({"get", "secret", "other/pem", "-o", "json"}), R"({
  "kind": "Secret",
  "metadata": {
    "name": "pem",
    "namespace": "other"
  },
  "spec": {
    "certificate_pem": "first\u000asecond\u000a"
  }
}
)");
}

TEST_F(Get, PolicyThatChangesWhileItIsRead) {
  auto inner = answers_.get;
  int calls = 0;
  answers_.get = [&](const v1::GetRequest& request) {
    // Between the first and the second page, once.
    if (++calls == 2) version_ = 2;
    return inner(request);
  };
  const std::string text = out({"get", "-A"});
  EXPECT_EQ(std::ranges::count(text, '\n'), 4);
  answers_.get = [&](const v1::GetRequest& request) {
    ++version_;
    return inner(request);
  };
  EXPECT_EQ(err(1, {"get", "-A"}),
            "heddlectl: the policy changed each time while it was read; try again\n");
}

TEST_F(Get, PagesWithoutEnd) {
  answers_.get = [](const v1::GetRequest&) {
    v1::GetResponse response;
    *response.add_resources() = resources()[0];
    response.set_next_page_token("again");
    return response;
  };
  EXPECT_EQ(err(1, {"get", "-A"}), "heddlectl: heddled gives page after page without resources\n");
}

TEST_F(Get, DescribeIsForPeople) {
  EXPECT_EQ(out({"describe", "service", "shop/cart"}), R"(kind: Service
metadata:
  name: cart
  namespace: shop
  labels:
    team: a
spec:
  addresses:
    - 10.96.0.20
  ports:
    - name: http
      port: 80
      protocol: http
  selector:
    app: cart
  forwarding: full-nat
)");
  EXPECT_EQ(out({"describe", "secret", "other/pem"}), R"(kind: Secret
metadata:
  name: pem
  namespace: other
spec:
  certificate_pem:
    first
    second
)");
}

v1::PolicyStatus a_status() {
  v1::PolicyStatus status;
  status.set_version(42);
  status.set_live(true);
  status.set_since_ms(1'772'446'507'000);
  status.set_author("root");
  status.set_message("half to v2");
  for (const uint64_t version : {42u, 41u}) status.add_workers()->set_version(version);
  status.set_install_us(120);
  status.set_resources(12);
  status.set_services(3);
  status.set_endpoints(9);
  status.set_memory_bytes(3 << 19);
  status.set_applied(7);
  status.set_refused(1);
  status.set_last_refusal("no Service \"catr\"");
  return status;
}

TEST_F(Get, Status) {
  answers_.status = a_status;
  EXPECT_EQ(out({"status"}),
            "version    42, live since 2026-03-02 10:15:07, by root: half to v2\n"
            "workers    1/2 run it; installed in 0.1 ms\n"
            "holds      12 resources, 3 services, 9 endpoints; workers read 1.5 MiB\n"
            "applied    7 since start, 1 refused\n"
            "refusal    the last: no Service \"catr\"\n"
            "store      none: a restart forgets it\n");
  answers_.status = [] {
    v1::PolicyStatus status = a_status();
    status.set_gateways(2);
    return status;
  };
  EXPECT_NE(out({"status"}).find("3 services, 2 gateways, 9 endpoints"), std::string::npos);
  EXPECT_NE(out({"status", "-o", "json"}).find("\"version\": 42"), std::string::npos);
}

TEST_F(Get, StatusWatchedUntilTheStreamEnds) {
  answers_.watched = {a_status(), a_status()};
  answers_.watched[1].set_version(43);
  answers_.watched[1].set_live(false);
  answers_.watched[1].clear_message();
  EXPECT_EQ(
      out({"status", "--watch"}),
      "version 42, live since 2026-03-02 10:15:07, by root: half to v2  1/2 workers\n"
      "version 43, not live on all workers since 2026-03-02 10:15:07, by root  0/2 workers\n");
  EXPECT_NE(out({"status", "-w", "-o", "yaml"}).find("---\nversion: 42\n"), std::string::npos);
}

TEST_F(Get, Explain) {
  v1::ExplainRequest sent;
  answers_.explain = [&](const v1::ExplainRequest& request) {
    sent = request;
    v1::ExplainResponse response;
    v1::ExplainResponse::Line& line = *response.add_lines();
    line.set_topic("service");
    line.set_text("shop/cart port http");
    response.set_drop("policy_denied");
    return response;
  };
  const std::string expected =
      "service    shop/cart port http\nverdict    dropped: policy_denied\n";
  EXPECT_EQ(out({"explain", "--from", "shop/web-1", "tcp", "10.96.0.20:80"}), expected);
  EXPECT_EQ(sent.from(), "shop/web-1");
  EXPECT_EQ(sent.protocol(), "tcp");
  EXPECT_EQ(sent.destination(), "10.96.0.20");
  EXPECT_EQ(sent.port(), 80u);
  EXPECT_EQ(out({"explain", "--from", "fd00::1", "--source-port", "4000", "udp", "[fd00::2]:53"}),
            expected);
  EXPECT_EQ(sent.destination(), "fd00::2");
  EXPECT_EQ(sent.source_port(), 4000u);
  EXPECT_EQ(out({"explain", "--from", "10.8.0.11", "tcp", "shop/cart:80"}), expected);
  EXPECT_EQ(sent.destination(), "shop/cart");
  EXPECT_FALSE(sent.has_request());
}

TEST_F(Get, ExplainOfARequest) {
  v1::ExplainRequest sent;
  answers_.explain = [&](const v1::ExplainRequest& request) {
    sent = request;
    return v1::ExplainResponse();
  };
  const auto ask = [&](const std::string& destination, std::vector<std::string> more) {
    std::vector<std::string> words = {"explain", "--from", "10.8.0.11"};
    words.insert(words.end(), more.begin(), more.end());
    words.insert(words.end(), {"tcp", destination});
    out(words);
    return sent.request();
  };
  const v1::HttpRequest all = ask(
      "shop/cart:80",
      {"--request", "GET /a?b c", "--host", "cart.example", "-H", "X-Beta:  1", "-H", "empty:"});
  EXPECT_EQ(all.method(), "GET");
  EXPECT_EQ(all.path(), "/a?b c");
  EXPECT_EQ(all.authority(), "cart.example");
  ASSERT_EQ(all.headers_size(), 2);
  EXPECT_EQ(all.headers(0).name(), "X-Beta");
  EXPECT_EQ(all.headers(0).value(), "1");
  EXPECT_EQ(all.headers(1).value(), "");
  EXPECT_EQ(ask("shop/cart:80", {"--request", "GET /"}).authority(), "cart");
  EXPECT_EQ(ask("shop/cart:80", {"--request", "GET /", "-H", "HOST: b.example"}).authority(),
            "b.example");
  EXPECT_EQ(sent.request().headers_size(), 0);
  EXPECT_EQ(ask("10.96.0.20:80", {"--request", "GET /"}).authority(), "10.96.0.20");
  EXPECT_EQ(ask("[fd00::2]:80", {"--request", "GET /"}).authority(), "[fd00::2]");
}

TEST_F(Get, ExplainOfARequestThatIsNone) {
  const auto why = [this](std::vector<std::string> words, const char* protocol = "tcp") {
    words.insert(words.begin(), {"explain", "--from", "10.8.0.11"});
    words.insert(words.end(), {protocol, "shop/cart:80"});
    return err(2, words);
  };
  for (const char* text : {"GET", "GET ", " /", "GET x", "/"})
    EXPECT_EQ(
        why({"--request", text}),
        fmt::format("heddlectl: explain: --request: expected 'METHOD /PATH', not '{}'\n", text));
  EXPECT_EQ(why({"--request", "GET /"}, "udp"), "heddlectl: explain: --request needs tcp\n");
  EXPECT_EQ(why({"--host", "a"}),
            "heddlectl: explain: --host and -H are of a request; give --request too\n");
  EXPECT_EQ(why({"--request", "GET /", "--host", "a", "-H", "host: b"}),
            "heddlectl: explain: --host and -H 'Host: ...' are the same; give one\n");
  EXPECT_EQ(why({"--request", "GET /", "-H", ": x"}),
            "heddlectl: explain: -H: expected 'NAME: VALUE', not ': x'\n");
}

TEST_F(Get, ExplainOfWhatIsNone) {
  const auto destination = [this](const std::string& text) {
    return err(2, {"explain", "--from", "10.8.0.11", "tcp", text});
  };
  for (const char* text : {"10.96.0.20", "10.96.0.20:0", "10.96.0.20:65536", "fd00::2:53",
                           "[10.0.0.1]:80", "cart:80", "a/b/c:80", "10.96.0.20:http", ":80"})
    EXPECT_EQ(destination(text),
              fmt::format("heddlectl: explain: expected ADDRESS:PORT, [IPV6]:PORT or "
                          "NAMESPACE/NAME:PORT, not '{}'\n",
                          text));
  EXPECT_EQ(err(2, {"explain", "--from", "web", "tcp", "10.0.0.1:80"}),
            "heddlectl: explain: --from: expected NAMESPACE/NAME of a Workload or an address, not "
            "'web'\n");
  EXPECT_EQ(err(2, {"explain", "--from", "a/b", "sctp", "10.0.0.1:80"}),
            "heddlectl: PROTOCOL: expected tcp or udp, not 'sctp'\n");
  EXPECT_EQ(err(2, {"explain", "tcp", "10.0.0.1:80"}), "heddlectl: --from is required\n");
}

TEST_F(Get, ShowAccess) {
  EXPECT_EQ(out({"show", "access"}), "no rules of AccessPolicies\n");
  answers_.access = [] {
    v1::ListAccessResponse response;
    v1::AccessRuleCounts& allow = *response.add_rules();
    allow.set_namespace_("shop");
    allow.set_policy("callers");
    allow.set_rule(1);
    allow.set_target("Service shop/cart");
    allow.set_action("ALLOW");
    allow.set_text("to GET /a/*");
    allow.set_allowed(1'234);
    v1::AccessRuleCounts& deny = *response.add_rules();
    deny.set_namespace_("shop");
    deny.set_policy("try");
    deny.set_target("all of shop");
    deny.set_action("DENY");
    deny.set_dry_run(true);
    deny.set_text("everybody, everything");
    deny.set_dry_run_matches(5);
    return response;
  };
  EXPECT_EQ(out({"show", "access"}),
            "POLICY        RULE  ACTION          TARGET             ALLOWED  DENIED  AUDITED  "
            "DRY-RUN  MATCHES\n"
            "shop/callers     1  ALLOW           Service shop/cart    1,234       0        0  "
            "      0  to GET /a/*\n"
            "shop/try         0  DENY (dry run)  all of shop              0       0        0  "
            "      5  everybody, everything\n");
}

TEST_F(Get, ShowJwt) {
  EXPECT_EQ(out({"show", "jwt"}), "no JwtProviders\n");
  answers_.jwt = [] {
    v1::ListJwtProvidersResponse response;
    v1::JwtProviderInfo& provider = *response.add_providers();
    provider.set_namespace_("shop");
    provider.set_name("idp");
    provider.set_issuer("https://i.example");
    provider.set_keys(2);
    provider.add_notes("key 'x' is left out");
    provider.add_used_by("Gateway shop/web");
    provider.set_users(3);
    for (const auto& [name, count] :
         {std::pair("verified", 1'234u), std::pair("missing", 0u), std::pair("expired", 2u)}) {
      v1::JwtOutcome& outcome = *provider.add_outcomes();
      outcome.set_name(name);
      outcome.set_count(count);
    }
    return response;
  };
  EXPECT_EQ(out({"show", "jwt"}),
            "PROVIDER  ISSUER             KEYS  USED BY                      REQUESTS\n"
            "shop/idp  https://i.example     2  Gateway shop/web and 2 more  verified 1,234, "
            "expired 2\n"
            "\n"
            "shop/idp: key 'x' is left out\n");
}

TEST_F(Get, ShowLimits) {
  EXPECT_EQ(out({"show", "limits"}), "no RateLimits or Faults\n");
  v1::ListLimitsResponse response;
  answers_.limits = [&] { return response; };
  v1::RateLimitInfo& limit = *response.add_limits();
  limit.set_namespace_("shop");
  limit.set_name("calls");
  limit.set_target("Service shop/cart");
  limit.set_text("100 in 60s by source_address");
  limit.set_allowed(1'234);
  limit.set_limited(7);
  limit.set_overflow(2);
  limit.set_keyed(true);
  limit.set_keys(12);
  limit.set_places(15'360);
  EXPECT_EQ(out({"show", "limits"}),
            "RATELIMIT   OF                 LETS THROUGH                  ALLOWED  LIMITED  "
            "KEYS IN USE\n"
            "shop/calls  Service shop/cart  100 in 60s by source_address    1,234        7  "
            "12 of 15,360, 2 without a place\n");
  limit.set_keyed(false);
  v1::FaultInfo& fault = *response.add_faults();
  fault.set_namespace_("shop");
  fault.set_name("slow");
  fault.set_target("Gateway shop/web");
  fault.set_text("5% delayed by 100ms");
  fault.set_delayed(3);
  EXPECT_EQ(out({"show", "limits"}),
            "RATELIMIT   OF                 LETS THROUGH                  ALLOWED  LIMITED  "
            "KEYS IN USE\n"
            "shop/calls  Service shop/cart  100 in 60s by source_address    1,234        7  -\n"
            "\n"
            "FAULT      OF                PUTS IN              DELAYED  ABORTED\n"
            "shop/slow  Gateway shop/web  5% delayed by 100ms        3        0\n");
}

TEST_F(Get, ShowServices) {
  answers_.services = [] {
    v1::ListServicesResponse response;
    v1::ServiceCounts& service = *response.add_services();
    service.set_namespace_("shop");
    service.set_name("cart");
    service.set_port("http");
    service.set_number(80);
    service.set_protocol("tcp");
    service.set_address("10.96.0.20");
    service.set_endpoints(2);
    service.set_packets(1'234);
    service.set_bytes(98'765);
    service.set_denied(3);
    service.set_no_endpoint(4);
    service.set_forwarding("full-nat");
    service.set_flows(21);
    service.set_audited(5);
    service.set_kind("Service");
    v1::ServiceCounts& gateway = *response.add_services();
    gateway.set_namespace_("shop");
    gateway.set_name("web");
    gateway.set_port("https");
    gateway.set_number(443);
    gateway.set_protocol("tcp");
    gateway.set_address("192.0.2.80");
    gateway.set_forwarding("proxy");
    gateway.set_kind("Gateway");
    return response;
  };
  EXPECT_EQ(
      out({"show", "services"}),
      "SERVICE           PORT           ADDRESS     FORWARDING  ENDPOINTS  FLOWS  PACKETS   BYTES  "
      "DENIED  AUDITED  NO-ENDPOINT\n"
      "shop/cart         http 80/tcp    10.96.0.20  full-nat            2     21    1,234  98,765  "
      "     3        5            4\n"
      "gateway shop/web  https 443/tcp  192.0.2.80  proxy               0      0        0       0  "
      "     0        0            0\n");
}

TEST_F(Get, ShowEndpoints) {
  answers_.endpoints = [](const v1::ListEndpointsRequest& request) {
    EXPECT_EQ(request.service(), "shop/cart");
    v1::ListEndpointsResponse response;
    v1::EndpointCounts& endpoint = *response.add_endpoints();
    endpoint.set_namespace_("shop");
    endpoint.set_service("cart");
    endpoint.set_address("10.8.0.11");
    endpoint.set_port(8'080);
    endpoint.set_weight(100);
    endpoint.set_active_flows(3);
    endpoint.set_flows(1'204);
    endpoint.set_packets(20'000);
    endpoint.set_bytes(1'234'567);
    v1::EndpointCounts& going = *response.add_endpoints();
    going = endpoint;
    going.set_address("2001:db8:8::12");
    going.set_port(0);
    going.set_weight(0);
    going.set_priority(1);
    going.set_draining(true);
    v1::EndpointCounts& known = *response.add_endpoints();
    known = going;
    known.set_drain_left_ms(18'400);
    return response;
  };
  EXPECT_EQ(
      out({"show", "endpoints", "--service", "shop/cart"}),
      "SERVICE    ADDRESS         PORT  WEIGHT  PRIORITY  DRAINING  FLOWS-NOW  FLOWS  PACKETS      "
      "BYTES\n"
      "shop/cart  10.8.0.11       8080     100         0  -                 3  1,204   20,000  "
      "1,234,567\n"
      "shop/cart  2001:db8:8::12     -       0         1  yes               3  1,204   20,000  "
      "1,234,567\n"
      "shop/cart  2001:db8:8::12     -       0         1  18s left          3  1,204   20,000  "
      "1,234,567\n");
  answers_.endpoints = nullptr;
  EXPECT_EQ(out({"show", "endpoints"}), "no endpoints\n");
}

}  // namespace
}  // namespace heddle::test
