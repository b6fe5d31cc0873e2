// JwtProviders: what explain tells of them, and what they count.
#include "support.h"

namespace heddle::server {
namespace {

// RFC 8037, A.2.
constexpr const char* kKeys =
    R"({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},)"
    R"({"kty":"RSA","kid":"weak","n":"AQAB","e":"AQAB"}]})";

std::string idp(const std::string& name = "idp") {
  return named(name, "jwt_provider { issuer: 'https://i.example' audiences: 'shop' jwks: '" +
                         std::string(kKeys) + "' }");
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class JwtTest : public EngineTest {
 protected:
  JwtTest() {
    const auto answer = apply(
        {idp(),
         named("web",
               "service { addresses: '10.96.0.20' ports { name: 'http' port: 80 protocol: "
               "PROTOCOL_HTTP target_port: 8080 jwt { providers: 'idp' } } }"),
         web_endpoints(),
         named("open",
               "route { service: 'web' http { matches { path { prefix: '/open' } } jwt { "
               "providers: 'idp' required: false } backends { service: 'web' } } http { backends { "
               "service: 'web' } } }"),
         named("roles",
               "access_policy { target { service: 'web' } action: ACTION_DENY rules { from { "
               "jwt_claims { key: 'role' value: 'guest' } } } }")});
    EXPECT_EQ(answer.response.problems_size(), 0) << answer.response.ShortDebugString();
  }
  std::string tell(const std::string& path) {
    v1::ExplainRequest request;
    request.set_from("10.9.1.1");
    request.set_protocol("tcp");
    request.set_destination("shop/web");
    request.set_port(80);
    request.mutable_request()->set_method("GET");
    request.mutable_request()->set_authority("web");
    request.mutable_request()->set_path(path);
    std::string text;
    const auto told = explain(request);
    for (const auto& line : told.response.lines()) text += line.topic() + ": " + line.text() + "\n";
    return text;
  }
  v1::ListJwtProvidersResponse list() {
    v1::ListJwtProvidersResponse response;
    on_engine([&] { engine_->list_jwt_providers(response); });
    return response;
  }
};

TEST_F(JwtTest, ExplainTellsWhichTokenIsAskedFor) {
  const std::string closed = tell("/a");
  EXPECT_TRUE(has(closed,
                  "token: of shop/idp, as the port says: without one 401 no_token, with a "
                  "bad one 401 bad_token\n"))
      << closed;
  EXPECT_TRUE(has(closed, "token: claims are not asked about here")) << closed;
  EXPECT_TRUE(has(closed, "access: allowed: no DENY fits")) << closed;
  const std::string open = tell("/open/a");
  EXPECT_TRUE(has(open, "token: of shop/idp, as the rule says: without one it goes on")) << open;
}

TEST_F(JwtTest, ProvidersAreListedWithWhatTheyCount) {
  target_.packets = 7;
  const v1::ListJwtProvidersResponse first = list();
  ASSERT_EQ(first.providers_size(), 1);
  const v1::JwtProviderInfo& it = first.providers(0);
  EXPECT_EQ(it.namespace_() + "/" + it.name(), "shop/idp");
  EXPECT_EQ(it.issuer(), "https://i.example");
  EXPECT_EQ(it.keys(), 1u);
  EXPECT_EQ(it.notes_size(), 1) << "of the key that is left out";
  ASSERT_EQ(it.used_by_size(), 2);
  EXPECT_EQ(it.used_by(0), "Service shop/web");
  EXPECT_EQ(it.used_by(1), "Route shop/open");
  ASSERT_EQ(it.outcomes_size(), 1);
  EXPECT_EQ(it.outcomes(0).name(), "verified");
  EXPECT_EQ(it.outcomes(0).count(), 7u);
  // What its slot counted for another is not its own.
  apply({idp("later")});
  target_.packets = 9;
  const v1::ListJwtProvidersResponse second = list();
  ASSERT_EQ(second.providers_size(), 2);
  EXPECT_EQ(second.providers(0).outcomes(0).count(), 9u);
  EXPECT_EQ(second.providers(1).name(), "later");
  EXPECT_EQ(second.providers(1).outcomes(0).count(), 2u);
}

TEST_F(JwtTest, OneThatIsNamedStays) {
  const auto answer = remove("JwtProvider", "idp");
  ASSERT_EQ(answer.response.problems_size(), 2);
  EXPECT_TRUE(has(answer.response.problems(0).message(), "would be deleted")) << "and why";
}

}  // namespace
}  // namespace heddle::server
