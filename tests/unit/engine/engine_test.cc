// The engine: what one Apply does as a whole, in turn and beside others.
#include <filesystem>
#include <thread>

#include "support.h"

namespace heddle::server {
namespace {

TEST_F(EngineTest, AppliesAndSaysWhatChanged) {
  const auto first = apply({web(), web_endpoints()});
  ASSERT_TRUE(first.status.ok()) << first.status.error_message();
  EXPECT_EQ(first.response.version(), 1u);
  EXPECT_EQ(first.response.added(), 2u);
  EXPECT_EQ(first.response.workers(), 1u);
  EXPECT_EQ(first.response.workers_total(), 1u);
  EXPECT_EQ(target_.version, 1u);
  const auto second = apply({web_endpoints("10.1.0.8")});
  EXPECT_EQ(second.response.version(), 2u);
  EXPECT_EQ(second.response.changed(), 1u);
  ASSERT_EQ(second.response.changes_size(), 1);
  const v1::ResourceChange& change = second.response.changes(0);
  EXPECT_EQ(change.what(), v1::ResourceChange::WHAT_CHANGED);
  EXPECT_EQ(change.key().kind(), "EndpointSet");
  v1::HistoryRequest second_version;
  second_version.set_version(2);
  const auto told = history(second_version);
  ASSERT_EQ(told.response.versions(0).changes_size(), 1);
  EXPECT_GT(told.response.versions(0).changes(0).fields_size(), 0);
}

TEST_F(EngineTest, ChangesNothingWhenNothingDiffers) {
  apply({web()});
  const uint64_t installs = target_.installs;
  const auto again = apply({web()});
  EXPECT_EQ(again.response.version(), 1u);
  EXPECT_EQ(again.response.changes_size(), 0);
  EXPECT_EQ(target_.installs, installs);
  EXPECT_EQ(history().response.versions_size(), 1);
}

TEST_F(EngineTest, RefusesAsAWhole) {
  apply({web()});
  const auto refused =
      apply({named("good", "endpoint_set { service: 'web' endpoints { address: '10.1.0.9' } }"),
             named("bad", "endpoint_set { service: 'wbe' endpoints { address: '10.1.0.8' } }")});
  ASSERT_TRUE(refused.status.ok());
  ASSERT_EQ(refused.response.problems_size(), 1);
  const v1::Problem& problem = refused.response.problems(0);
  EXPECT_EQ(problem.upsert(), 1u);
  EXPECT_EQ(problem.field(), "spec.service");
  EXPECT_EQ(problem.message(), "no Service \"wbe\" in namespace shop (did you mean \"web\"?)");
  EXPECT_EQ(get().response.resources_size(), 1);
  EXPECT_EQ(status().version(), 1u);
  EXPECT_EQ(status().refused(), 1u);
  EXPECT_NE(status().last_refusal().find("wbe"), std::string::npos);
}

TEST_F(EngineTest, DeletesWhatNobodyNeeds) {
  apply({web(), web_endpoints()});
  const auto needed = remove("Service", "web");
  ASSERT_EQ(needed.response.problems_size(), 1);
  EXPECT_EQ(needed.response.problems(0).key().kind(), "EndpointSet");
  EXPECT_EQ(remove("Service", "other").response.problems(0).message(), "is not there");
  EXPECT_EQ(remove("EndpointSet", "web").response.deleted(), 1u);
  EXPECT_EQ(remove("Service", "web").response.version(), 3u);
  EXPECT_EQ(get().response.resources_size(), 0);
}

TEST_F(EngineTest, ComparesTheExpectedVersion) {
  v1::ApplyRequest request = request_of({web()});
  request.set_expected_version(1);
  EXPECT_EQ(apply(request).status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  request.set_expected_version(0);
  EXPECT_TRUE(apply(request).status.ok());
  EXPECT_EQ(status().version(), 1u);
}

TEST_F(EngineTest, DryRunTellsAndChangesNothing) {
  v1::ApplyRequest request = request_of({web()});
  request.set_dry_run(true);
  const auto answer = apply(request);
  EXPECT_TRUE(answer.response.dry_run());
  EXPECT_EQ(answer.response.added(), 1u);
  EXPECT_EQ(status().version(), 0u);
  EXPECT_EQ(get().response.resources_size(), 0);
  EXPECT_EQ(apply({web()}).response.version(), 1u);
}

TEST_F(EngineTest, RollsBackToAnOldContent) {
  apply({web(), web_endpoints("10.1.0.7")});
  apply({web_endpoints("10.1.0.8"), named("extra", "endpoint_set { service: 'web' }")});
  const auto back = rollback(1);
  ASSERT_TRUE(back.status.ok()) << back.status.error_message();
  EXPECT_EQ(back.response.version(), 3u);
  EXPECT_EQ(back.response.changed(), 1u);
  EXPECT_EQ(back.response.deleted(), 1u);
  EXPECT_EQ(history().response.versions(0).content_of(), 1u);
  v1::GetRequest sets;
  sets.set_kind("EndpointSet");
  ASSERT_EQ(get(sets).response.resources_size(), 1);
  EXPECT_EQ(get(sets).response.resources(0).endpoint_set().endpoints(0).address(), "10.1.0.7");
  EXPECT_EQ(rollback(99).status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(EngineTest, PagesThroughResources) {
  std::vector<std::string> all;
  for (int i = 0; i < 25; ++i)
    all.push_back(named("web-" + std::to_string(i), "endpoint_set { service: 'web' }"));
  all.push_back(web());
  ASSERT_EQ(apply(all).response.added(), 26u);
  v1::GetRequest request;
  request.set_page_size(10);
  std::set<std::string> names;
  int pages = 0;
  do {
    const auto page = get(request);
    ASSERT_TRUE(page.status.ok());
    EXPECT_LE(page.response.resources_size(), 10);
    for (const v1::Resource& each : page.response.resources()) names.insert(each.metadata().name());
    request.set_page_token(page.response.next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  EXPECT_EQ(names.size(), 26u);
  EXPECT_EQ(pages, 3);
  for (const char* token : {"x", "1/", "9999/a/b", "/a/b", "1//"}) {
    request.set_page_token(token);
    const auto page = get(request);
    EXPECT_TRUE(!page.status.ok() || page.response.resources_size() <= 10) << token;
  }
}

TEST_F(EngineTest, AStuckWorkerIsToldAndStopsFurtherChanges) {
  apply({web()});
  target_.stuck = true;
  const auto late = apply({web_endpoints()});
  EXPECT_TRUE(late.status.ok());
  EXPECT_EQ(late.response.workers(), 0u);
  EXPECT_EQ(late.response.workers_total(), 1u);
  EXPECT_FALSE(status().live());
  const auto refused = apply({web_endpoints("10.1.0.8")});
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  target_.stuck = false;
  target_.install(engine_->restored());
  EXPECT_TRUE(status().live());
  EXPECT_EQ(apply({web_endpoints("10.1.0.8")}).response.version(), 3u);
}

TEST_F(EngineTest, CountsOfAServiceBeginWithIt) {
  target_.packets = 500;  // somebody else's, in the same slots
  apply({web()});
  target_.packets = 507;
  v1::ListServicesResponse services;
  on_engine([&] { engine_->list_services(services); });
  ASSERT_EQ(services.services_size(), 1);
  EXPECT_EQ(services.services(0).packets(), 7u);
}

TEST_F(EngineTest, ManyAtOnceBecomeVersionsInTurn) {
  apply({web()});
  constexpr int kThreads = 8, kEach = 50;
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const auto answer =
            apply({named("web-" + std::to_string(t),
                         "endpoint_set { service: 'web' endpoints { address: '10." +
                             std::to_string(20 + t) + ".0." + std::to_string(i + 2) + "' } }")});
        good += answer.status.ok() && answer.response.problems_size() == 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, kThreads * kEach);
  EXPECT_EQ(status().version(), 1u + kThreads * kEach);
  EXPECT_EQ(status().endpoints(), uint32_t{kThreads});
}

TEST_F(EngineTest, WatchersGetTheNewest) {
  std::mutex mutex;
  std::vector<uint64_t> seen;
  const auto watcher = engine_->watch([&](const v1::PolicyStatus& now) {
    const std::lock_guard lock(mutex);
    seen.push_back(now.version());
  });
  ASSERT_TRUE(watcher);
  on_engine([&] { engine_->tell(*watcher); });
  apply({web()});
  on_engine([] {});
  engine_->forget(*watcher);
  apply({web_endpoints()});
  EXPECT_EQ(seen, (std::vector<uint64_t>{0, 1}));
}

TEST_F(EngineTest, ExplainsAsTheWorkersDecide) {
  apply({web(), web_endpoints(),
         named("callers",
               "access_policy { target { service: 'web' } action: ACTION_DENY rules { from { "
               "cidrs: '10.9.0.0/16' } } }")});
  v1::ExplainRequest request;
  request.set_from("10.9.1.1");
  request.set_protocol("tcp");
  request.set_destination("shop/web");
  request.set_port(80);
  const auto denied = explain(request);
  ASSERT_TRUE(denied.status.ok()) << denied.status.error_message();
  EXPECT_FALSE(denied.response.allowed());
  EXPECT_EQ(denied.response.drop(), "ip4_service.denied");
  request.set_from("10.8.1.1");
  EXPECT_TRUE(explain(request).response.allowed());
  target_.on_link = false;
  EXPECT_EQ(explain(request).response.drop(), "ip4_service.endpoint_not_on_link");
  request.set_port(81);
  EXPECT_EQ(explain(request).response.drop(), "ip4_service.no_port");
  request.set_destination("192.0.2.99");
  EXPECT_TRUE(explain(request).response.allowed());
  for (const char* from : {"", "shop/none", "300.1.1.1", "fd00::1", "/", "a/"}) {
    request.set_from(from);
    EXPECT_EQ(explain(request).status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << from;
  }
}

std::string text_of(const v1::ExplainResponse& response) {
  std::string text;
  for (const auto& line : response.lines()) text += line.topic() + ": " + line.text() + "\n";
  return text;
}

// Where a request goes is another question than whether its connection is taken.
TEST_F(EngineTest, ExplainsPortsOfHttp) {
  apply({named("web",
               "service { addresses: '10.96.0.20' ports { name: 'http' port: 80 protocol: "
               "PROTOCOL_HTTP } }"),
         named("r", "route { service: 'web' http { backends { service: 'web' } } }")});
  v1::ExplainRequest request;
  request.set_from("10.8.1.1");
  request.set_protocol("tcp");
  request.set_destination("shop/web");
  request.set_port(80);
  const auto told = explain(request);
  EXPECT_TRUE(told.response.allowed()) << "without an endpoint as well";
  const std::string text = text_of(told.response);
  EXPECT_NE(text.find("listener: protocol http: each request has a route of its own\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("endpoint: "), std::string::npos) << text;
  apply(
      {named("deny", "access_policy { target { service: 'web' } action: ACTION_DENY rules {} }")});
  EXPECT_FALSE(explain(request).response.allowed());
}

TEST_F(EngineTest, ExplainsWhatBecomesOfARequest) {
  apply({named("web",
               "service { addresses: '10.96.0.20' ports { name: 'http' port: 80 protocol: "
               "PROTOCOL_HTTP target_port: 8080 } }"),
         named("web",
               "endpoint_set { service: 'web' endpoints { address: '10.1.0.7' labels { key: 'v' "
               "value: '1' } } endpoints { address: '10.1.0.8' labels { key: 'v' value: '2' } } }"),
         named("r",
               "route { service: 'web' hostnames: 'shop.example' "
               "http { matches { path { exact: '/old' } } filters { direct_response { status: 410 "
               "body: 'gone' } } } "
               "http { matches { path { prefix: '/go' } } filters { redirect { hostname: "
               "'b.example' } } } "
               "http { matches { path { prefix: '/' } headers { name: 'x-v' exact: '2' } "
               "} filters { request_headers { set { name: 'x-a' value: 'b' } } } "
               "backends { service: 'web' subset { key: 'v' value: '2' } } timeouts { request { "
               "seconds: 2 } } } }")});
  v1::ExplainRequest request;
  request.set_from("10.8.1.1");
  request.set_protocol("tcp");
  request.set_destination("shop/web");
  request.set_port(80);
  const auto tell = [&](const char* path, const char* host, const char* version) {
    v1::HttpRequest& asked = *request.mutable_request();
    asked.Clear();
    asked.set_method("GET");
    asked.set_authority(host);
    asked.set_path(path);
    v1::HeaderValue& header = *asked.add_headers();
    header.set_name("X-V");
    header.set_value(version);
    return text_of(explain(request).response);
  };
  const std::string sent = tell("/a/../b?c", "shop.example:80", "2");
  EXPECT_NE(sent.find("request: GET shop.example:80/b?c\nroute: shop/r http[2] matches[0]\n"
                      "time-out: request 2000 ms\nheaders: of the request: x-a set to b\n"),
            std::string::npos)
      << sent;
  EXPECT_NE(sent.find("10.1.0.8"), std::string::npos) << sent;
  EXPECT_NE(tell("/old", "shop.example", "1").find("answer: 410 by the rule, 4 bytes\n"),
            std::string::npos);
  EXPECT_NE(tell("/go/x", "shop.example", "1")
                .find("answer: 302 by the rule, elsewhere: host b.example\n"),
            std::string::npos);
  const char* none = "answer: 404 no_route: no rule of the service's Routes fits\n";
  EXPECT_NE(tell("/x", "shop.example", "1").find(none), std::string::npos);
  EXPECT_NE(tell("/x", "other.example", "2").find(none), std::string::npos);
  EXPECT_NE(tell("/../x", "shop.example", "2").find("answer: 400 bad_request: "),
            std::string::npos);
  apply({named("other",
               "route { service: 'web' hostnames: 'shop.example' http { matches { path { prefix: "
               "'/half' } } backends { service: 'web' subset { key: 'v' value: '1' } weight: 80 } "
               "backends { service: 'web' subset { key: 'v' value: '2' } weight: 20 } } }")});
  const std::string half = tell("/half", "shop.example", "1");
  EXPECT_NE(half.find("weight 80 of 100\n"), std::string::npos) << half;
  EXPECT_NE(half.find("weight 20 of 100\nendpoint: drawn for each request; 10.1.0."),
            std::string::npos)
      << half;
  EXPECT_NE(tell("/x", "shop example", "2").find("answer: 400 bad_request: its host is none\n"),
            std::string::npos);
}

TEST_F(EngineTest, ExplainsMirrorsCorsAndAffinity) {
  apply(
      {named("web",
             "service { addresses: '10.96.0.20' ports { name: 'http' port: 80 protocol: "
             "PROTOCOL_HTTP } }"),
       named("web",
             "endpoint_set { service: 'web' endpoints { address: '10.1.0.7' } endpoints { "
             "address: '10.1.0.8' } }"),
       named("next",
             "service { addresses: '10.96.0.21' ports { name: 'http' port: 80 protocol: "
             "PROTOCOL_HTTP } }"),
       named("next", "endpoint_set { service: 'next' endpoints { address: '10.1.0.9' } }"),
       named("sticky",
             "traffic_policy { service: 'web' balancer { hash_on: HASH_ON_COOKIE hash_name: "
             "'sid' hash_cookie_ttl { seconds: 3600 } } }"),
       named("r",
             "route { service: 'web' http { backends { service: 'web' } "
             "filters { mirror { backend { service: 'next' } share { millionths: 125000 } } } "
             "filters { cors { origins { exact: 'https://a.example' } methods: 'PUT' credentials: "
             "true } } } }")});
  v1::ExplainRequest request;
  request.set_from("10.8.1.1");
  request.set_protocol("tcp");
  request.set_destination("shop/web");
  request.set_port(80);
  using Headers = std::vector<std::pair<const char*, const char*>>;
  const auto tell = [&](const char* method, const Headers& headers) {
    v1::HttpRequest& asked = *request.mutable_request();
    asked.Clear();
    asked.set_method(method);
    asked.set_authority("a");
    asked.set_path("/");
    for (const auto& [name, value] : headers) {
      v1::HeaderValue& header = *asked.add_headers();
      header.set_name(name);
      header.set_value(value);
    }
    return text_of(explain(request).response);
  };
  const auto has = [](const std::string& text, const char* line) {
    EXPECT_NE(text.find(line), std::string::npos) << line << " in\n" << text;
  };
  const std::string fresh = tell("GET", {});
  has(fresh, "mirror: shop/next, 12.5% of requests; to 10.1.0.9 for example\n");
  has(fresh, "cors: the request has no origin header: nothing is asked\n");
  has(fresh, "affinity: none yet: the answer gives cookie sid for 3600 s\n");
  has(fresh, "endpoint: drawn for each request; 10.1.0.");
  const std::string known = tell("GET", {{"Cookie", "sid=1"}, {"Origin", "https://a.example"}});
  has(known, "affinity: by cookie sid\n");
  has(known, ", one of 2 by Maglev on cookie sid\n");
  has(known, "cors: origin https://a.example is allowed, with credentials\n");
  has(tell("GET", {{"Origin", "https://b.example"}}),
      "cors: origin https://b.example is not allowed\n");
  has(tell("OPTIONS", {{"Origin", "https://a.example"}, {"Access-Control-Request-Method", "PUT"}}),
      "cors: it asks first: methods PUT; headers none\n");
  apply({named("sticky",
               "traffic_policy { service: 'web' balancer { hash_on: HASH_ON_HEADER hash_name: "
               "'X-User' algorithm: ALGORITHM_RING_HASH } }"),
         named("next", "endpoint_set { service: 'next' }")});
  const std::string bare = tell("GET", {});
  has(bare, "affinity: none: the request has no header x-user\n");
  has(bare, "mirror: shop/next, 12.5% of requests; no endpoint takes them\n");
  const std::string user = tell("GET", {{"x-user", "anna"}});
  has(user, "affinity: by header x-user\n");
  has(user, " by ring hash on header x-user\n");
}

// The mirror's workload decides over copies, as the endpoint's does over requests.
TEST_F(EngineTest, ExplainsWhoGetsNoCopies) {
  apply({named("web",
               "service { addresses: '10.96.0.20' ports { name: 'http' port: 80 protocol: "
               "PROTOCOL_HTTP } }"),
         named("web", "endpoint_set { service: 'web' endpoints { address: '10.1.0.7' } }"),
         named("next",
               "service { addresses: '10.96.0.21' ports { name: 'http' port: 80 "
               "protocol: PROTOCOL_HTTP } selector { key: 'app' value: 'next' } }"),
         named("one",
               "workload { port: 'cart' addresses: '10.8.0.5' labels { key: 'app' value: 'next' } "
               "}"),
         named("r",
               "route { service: 'web' http { backends { service: 'web' } filters { mirror { "
               "backend { service: 'next' } share { millionths: 1000000 } } } } }")});
  v1::ExplainRequest request;
  request.set_from("10.9.1.1");
  request.set_protocol("tcp");
  request.set_destination("shop/web");
  request.set_port(80);
  request.mutable_request()->set_method("GET");
  request.mutable_request()->set_authority("a");
  request.mutable_request()->set_path("/");
  const auto guard = [](const std::string& action, const std::string& ports) {
    return named("guard",
                 "access_policy { target { workload_labels { key: 'app' value: 'next' } } action: "
                 "ACTION_" +
                     action + " rules { to { ports: '" + ports + "' } } }");
  };
  const std::string copy = "mirror: shop/next, 100% of requests; to 10.8.0.5 for example\n";
  const std::string none = "mirror: this endpoint gets none: the copy is left out\n";
  const auto tell = [&] { return text_of(explain(request).response); };
  EXPECT_NE(tell().find(copy + "endpoint: "), std::string::npos) << tell();
  apply({guard("DENY", "80")});
  EXPECT_NE(tell().find(copy + "mirror: DENY by shop/guard rule 0\n" + none), std::string::npos)
      << tell();
  EXPECT_TRUE(explain(request).response.allowed()) << "the request itself goes on";
  apply({guard("ALLOW", "80")});
  EXPECT_NE(tell().find(copy + "mirror: ALLOW by shop/guard rule 0\nendpoint: "), std::string::npos)
      << tell();
  apply({guard("ALLOW", "9")});
  EXPECT_NE(tell().find(copy + "mirror: denied: no ALLOW policy for the workload fits\n" + none),
            std::string::npos)
      << tell();
}

// Workers lead requests by the same functions.
TEST_F(EngineTest, ExplainsByWhoseHashARequestGoes) {
  const std::string port = " ports { name: 'http' port: 80 protocol: PROTOCOL_HTTP } }";
  const auto web = [&](const std::string& name, const std::string& number) {
    return named(name, "service { addresses: '10.96.0." + number + "'" + port);
  };
  const auto ends = [&](const std::string& name, const std::string& number) {
    return named(name, "endpoint_set { service: '" + name + "' endpoints { address: '10.1.0." +
                           number + "' } endpoints { address: '10.1.1." + number + "' } }");
  };
  const auto rule = [](const std::string& first, const std::string& second) {
    return "http { matches { path { exact: '/" + first + "' } } backends { service: '" + first +
           "' weight: 50 } backends { service: '" + second + "' weight: 50 } } ";
  };
  apply({web("a", "21"), ends("a", "2"), web("b", "22"), ends("b", "3"),
         named("a", "traffic_policy { service: 'a' balancer { hash_on: HASH_ON_SOURCE_ADDRESS } }"),
         named("gate",
               "gateway { addresses: '10.96.0.100' listeners { name: 'http' port: 80 protocol: "
               "PROTOCOL_HTTP } }"),
         named("r", "route { gateway: 'gate' " + rule("a", "b") + rule("b", "a") + "}"),
         named("called", "route { service: 'a' http { backends { service: 'b' port: 80 } } }")});
  v1::ExplainRequest request;
  request.set_from("10.8.1.1");
  request.set_protocol("tcp");
  request.set_port(80);
  const auto tell = [&](const char* of, const char* path) {
    request.set_destination(of);
    request.mutable_request()->set_method("GET");
    request.mutable_request()->set_authority("a");
    request.mutable_request()->set_path(path);
    return text_of(explain(request).response);
  };
  const auto has = [](const std::string& text, const char* line) {
    EXPECT_NE(text.find(line), std::string::npos) << line << " in\n" << text;
  };
  has(tell("shop/gate", "/a"), ", one of 2 by Maglev on the source address\n");
  has(tell("shop/gate", "/b"), "endpoint: drawn for each request; ");
  has(tell("shop/a", "/"), "endpoint: drawn for each request; ");
  has(tell("shop/gate", "/c"), "answer: 404 no_route: no rule of the gateway's Routes fits\n");
}

TEST_F(EngineTest, ExplainsWhichServerNamesAreTaken) {
  const auto applied = apply(
      {named("db",
             "service { addresses: '10.96.0.21' ports { name: 'sql' port: 5432 protocol: "
             "PROTOCOL_TCP } }"),
       named("db", "endpoint_set { service: 'db' endpoints { address: '10.1.0.7' } }"),
       named(
           "gate",
           "gateway { addresses: '10.96.0.100' listeners { name: 'tls' port: 443 protocol: "
           "PROTOCOL_TLS hostnames: '*.db.example' tls { mode: SERVER_TLS_MODE_PASSTHROUGH } } }"),
       named("r",
             "route { gateway: 'gate' tls { server_names: '*.example' backends { service: 'db' } } "
             "}")});
  ASSERT_TRUE(applied.status.ok()) << applied.response.DebugString();
  v1::ExplainRequest request;
  request.set_from("10.8.1.1");
  request.set_protocol("tcp");
  request.set_destination("shop/gate");
  request.set_port(443);
  const auto tell = [&](const char* name) {
    request.set_tls_name(name);
    return text_of(explain(request).response);
  };
  const auto has = [](const std::string& text, const char* line) {
    EXPECT_NE(text.find(line), std::string::npos) << line << " in\n" << text;
  };
  has(tell("x.db.example"), "route: shop/r tls[0], by server name x.db.example\n");
  has(tell("x.example"),
      "route: by server names; the listener takes no connections with server name x.example\n");
  has(tell(""), "route: by server names; the listener takes no connections with no server name\n");
}

TEST_F(EngineTest, ExplainsHowPacketsGetThere) {
  struct Row {
    const char* forwarding;
    const char* line;
  };
  const Row rows[] = {
      {"FORWARDING_DNAT", "translation: 10.96.0.20:80 -> 10.1.0.7:8080\n"},
      {"FORWARDING_FULL_NAT", "translation: the source becomes one of the node's NAT addresses\n"},
      {"FORWARDING_PROXY",
       "forwarding: proxy: terminated here, a new connection to 10.1.0.7:8080\n"},
      {"FORWARDING_DIRECT", "transport: unchanged, to the endpoint's MAC address"},
      {"FORWARDING_IP_IN_IP", "transport: unchanged, inside a packet to 10.1.0.7"},
  };
  v1::ExplainRequest request;
  request.set_from("10.8.1.1");
  request.set_protocol("tcp");
  request.set_destination("10.96.0.20");
  request.set_port(80);
  for (const Row& row : rows) {
    const std::string name = row.forwarding;
    const bool own_port = name.ends_with("NAT") || name.ends_with("PROXY");
    apply({named("web",
                 "service { addresses: '10.96.0.20' ports { name: 'http' port: 80 "
                 "protocol: PROTOCOL_TCP " +
                     std::string(own_port ? "target_port: 8080 " : "") + "} forwarding: " + name +
                     " }"),
           web_endpoints()});
    const auto told = explain(request);
    EXPECT_TRUE(told.response.allowed()) << name;
    EXPECT_NE(text_of(told.response).find(row.line), std::string::npos) << text_of(told.response);
  }
  v1::ListServicesResponse services;
  on_engine([&] { engine_->list_services(services); });
  EXPECT_EQ(services.services(0).forwarding(), "ip-in-ip");
}

TEST_F(EngineTest, ExplainsRefusalsAndGuards) {
  apply({named("web",
               "service { addresses: '10.96.0.20' ports { name: 'http' port: 80 "
               "target_port: 8080 protocol: PROTOCOL_TCP } selector { key: 'app' value: "
               "'web' } }"),
         named("one",
               "workload { port: 'cart' addresses: '10.8.0.5' labels { key: 'app' value: "
               "'web' } }"),
         named("pick",
               "traffic_policy { service: 'web' balancer { algorithm: "
               "ALGORITHM_ROUND_ROBIN } }"),
         named("guard",
               "access_policy { target { workload_labels { key: 'app' value: 'web' } } "
               "action: ACTION_DENY on_deny: REFUSAL_RESET rules { to { ports: '8080' } } "
               "}")});
  v1::ExplainRequest request;
  request.set_from("10.9.1.1");
  request.set_protocol("tcp");
  request.set_destination("shop/web");
  request.set_port(80);
  const auto told = explain(request);
  const std::string text = text_of(told.response);
  EXPECT_FALSE(told.response.allowed());
  EXPECT_NE(text.find("endpoint: one of 1 endpoints, round-robin; 10.8.0.5 one"), std::string::npos)
      << text;
  EXPECT_NE(text.find("guard: DENY by shop/guard rule 0"), std::string::npos) << text;
  EXPECT_NE(text.find("refusal: the sender gets a TCP reset"), std::string::npos) << text;
  request.set_destination("10.8.0.5");
  EXPECT_TRUE(explain(request).response.allowed());
  request.set_port(8080);
  EXPECT_FALSE(explain(request).response.allowed());
}

// What has drained goes by itself, under the same version.
TEST_F(EngineTest, LetsGoOfWhatHasDrained) {
  apply({web(), web_endpoints(),
         named("quick", "traffic_policy { service: 'web' drain_time { nanos: 1000000 } }")});
  apply({web_endpoints("10.1.0.8")});
  const uint64_t version = status().version();
  const auto drains = [&] {
    bool any = true;
    on_engine([&] {
      const auto& snapshot = *engine_->restored().snapshot;
      any = std::ranges::any_of(snapshot.clusters[0]->endpoints, &policy::EndpointEntry::draining);
    });
    return any;
  };
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (drains() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_FALSE(drains());
  EXPECT_EQ(status().version(), version);
  EXPECT_EQ(history().response.versions_size(), 2);
}

TEST_F(EngineTest, BoundsWhatItTakes) {
  v1::ApplyRequest request = request_of({web()});
  request.set_message(std::string(1'001, 'x'));
  EXPECT_EQ(apply(request).status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request = request_of({named(std::string(1 << 20, 'n'), "endpoint_set { service: 'web' }")});
  EXPECT_EQ(apply(request).response.problems_size(), 1);
  request = request_of({web(), named("many", "endpoint_set { service: 'web' }")});
  for (int i = 0; i < 200'000; ++i)
    request.mutable_upserts(1)->mutable_endpoint_set()->add_endpoints()->set_address(
        "10." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." +
        std::to_string(i & 255));
  const auto many = apply(request);
  ASSERT_GE(many.response.problems_size(), 1);
  EXPECT_NE(many.response.problems(0).message().find("at most"), std::string::npos)
      << many.response.problems(0).message();
  EXPECT_EQ(status().version(), 0u);
}

TEST(EngineStore, RestoresWhatWasAccepted) {
  char directory[] = "/tmp/heddle-engine-XXXXXX";
  ASSERT_NE(::mkdtemp(directory), nullptr);
  struct Stored : EngineTest {
    explicit Stored(const char* path) : EngineTest(path) {}
    void TestBody() override {}
    using EngineTest::apply;
    using EngineTest::get;
    using EngineTest::open;
    using EngineTest::status;
  };
  {
    Stored engine(directory);
    engine.apply({web(), web_endpoints()});
  }
  Stored engine(directory);
  EXPECT_EQ(engine.status().version(), 1u);
  EXPECT_EQ(engine.get().response.resources_size(), 2);
  EXPECT_EQ(engine.apply({web_endpoints("10.1.0.8")}).response.version(), 2u);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace heddle::server
