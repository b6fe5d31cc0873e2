// AccessPolicies that ask for requests: what explain tells of them, and what their rules count.
#include "support.h"

namespace heddle::server {
namespace {

std::string text_of(const v1::ExplainResponse& response) {
  std::string text;
  for (const auto& line : response.lines()) text += line.topic() + ": " + line.text() + "\n";
  return text;
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class AccessTest : public EngineTest {
 protected:
  AccessTest() {
    apply({named("web",
                 "service { addresses: '10.96.0.20' ports { name: 'http' port: 80 protocol: "
                 "PROTOCOL_HTTP target_port: 8080 } selector { key: 'app' value: 'web' } }"),
           named("one",
                 "workload { port: 'cart' addresses: '10.8.0.5' service_account: 'shop' "
                 "labels { key: 'app' value: 'web' } }"),
           named("alias",
                 "route { service: 'web' http { matches { path { exact: '/alias' } } filters { "
                 "rewrite { full_path: '/admin/x' } } backends { service: 'web' } } http { "
                 "backends { service: 'web' } } }"),
           named("reads",
                 "access_policy { target { service: 'web' } action: ACTION_ALLOW rules { from { "
                 "service_account: 'shop' } to { methods: 'GET' } } rules { to { paths: '/open/*' "
                 "} to { paths: '/alias' } } }"),
           named("guard",
                 "access_policy { target { workload_labels { key: 'app' value: 'web' } } action: "
                 "ACTION_DENY rules { to { paths: '/admin/*' } } }"),
           named("watch",
                 "access_policy { target { service: 'web' } action: ACTION_DENY dry_run: true "
                 "rules { to { not_paths: '/open/*' } } }")});
  }
  std::string tell(const std::string& from, const std::string& path,
                   const std::string& method = "GET") {
    v1::ExplainRequest request;
    request.set_from(from);
    request.set_protocol("tcp");
    request.set_destination("shop/web");
    request.set_port(80);
    if (!path.empty()) {
      request.mutable_request()->set_method(method);
      request.mutable_request()->set_authority("web");
      request.mutable_request()->set_path(path);
    }
    return text_of(explain(request).response);
  }
};

TEST_F(AccessTest, ExplainTellsWhichRuleDecidesOfARequest) {
  const std::string by =
      "access: ALLOW by shop/reads rule 0 (spiffe://example.org/ns/shop/sa/shop)\n";
  const std::string sent = tell("shop/one", "/a");
  EXPECT_TRUE(has(sent, "audit: DENY by shop/watch rule 0, a dry run")) << sent;
  EXPECT_TRUE(has(sent, by)) << sent;
  EXPECT_TRUE(has(sent, "guard: allowed: no DENY for the workload fits")) << sent;
  EXPECT_TRUE(has(tell("10.9.1.1", "/open/a"), "access: ALLOW by shop/reads rule 1\n"));
  const std::string denied = tell("10.9.1.1", "/a");
  EXPECT_TRUE(has(denied, "access: denied: no ALLOW policy of this service fits\n")) << denied;
  EXPECT_TRUE(has(denied, "answer: 403 denied\n")) << denied;
  EXPECT_FALSE(has(denied, "route:")) << denied;
  EXPECT_TRUE(has(tell("10.9.1.1", "/open/../a"), "answer: 403 denied\n"));
}

TEST_F(AccessTest, ExplainAsksTheGuardOfWhatIsSent) {
  const std::string text = tell("10.9.1.1", "/alias");
  EXPECT_TRUE(has(text, "access: ALLOW by shop/reads rule 1\n")) << text;
  EXPECT_TRUE(has(text, "guard: DENY by shop/guard rule 0\n")) << text;
  EXPECT_TRUE(has(text, "answer: 403 denied, where it is this endpoint\n")) << text;
}

TEST_F(AccessTest, ExplainSaysThatAConnectionIsNotAll) {
  EXPECT_TRUE(
      has(tell("10.9.1.1", ""), "access: the connection is let in, and each request judged"));
}

TEST_F(AccessTest, RulesAreListedWithWhatTheyCount) {
  target_.packets = 7;
  v1::ListAccessResponse list;
  on_engine([&] { engine_->list_access(list); });
  ASSERT_EQ(list.rules_size(), 4);
  const v1::AccessRuleCounts& open = list.rules(2);
  EXPECT_EQ(open.namespace_() + "/" + open.policy(), "shop/reads");
  EXPECT_EQ(open.rule(), 1u);
  EXPECT_EQ(open.target(), "Service shop/web");
  EXPECT_EQ(open.action(), "ALLOW");
  EXPECT_EQ(open.text(), "to /open/* or /alias");
  EXPECT_EQ(open.allowed(), 7u);
  EXPECT_TRUE(list.rules(3).dry_run());
  EXPECT_EQ(list.rules(0).target(), "Workloads of shop (app=web)");
  // What its slot counted for another is not its own.
  apply({named("more",
               "access_policy { target { service: 'web' } action: ACTION_DENY rules { to { "
               "methods: 'BREW' } } }")});
  target_.packets = 9;
  list.Clear();
  on_engine([&] { engine_->list_access(list); });
  ASSERT_EQ(list.rules_size(), 5);
  EXPECT_EQ(list.rules(1).policy(), "more");
  EXPECT_EQ(list.rules(1).denied(), 2u);
  EXPECT_EQ(list.rules(3).allowed(), 9u);
}

TEST_F(AccessTest, ApplyTellsHowManyRequestsItHasCut) {
  target_.requests_cuts = 5;
  const auto answer = apply({named(
      "more",
      "access_policy { target { service: 'web' } action: ACTION_DENY rules { to { methods: 'GET' "
      "} } }")});
  EXPECT_EQ(answer.response.requests_cut(), 5u);
  EXPECT_EQ(apply({named("other",
                         "service { addresses: '10.96.0.30' ports { name: 'http' port: 80 "
                         "protocol: PROTOCOL_TCP } }")})
                .response.requests_cut(),
            0u);
}

}  // namespace
}  // namespace heddle::server
