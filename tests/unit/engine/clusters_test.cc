// What list_clusters tells: all that is led to, and by whom.
#include "support.h"

namespace heddle::server {
namespace {

using Clusters = EngineTest;

v1::ListClustersResponse list(Engine& engine) {
  v1::ListClustersResponse response;
  engine.list_clusters(response);
  return response;
}

// "shop/cart: shop/cart:http, shop/r[0]", one a line.
std::string text_of(const v1::ListClustersResponse& response) {
  std::string text;
  for (const v1::ClusterInfo& cluster : response.clusters()) {
    text += cluster.name() + ":";
    for (const std::string& user : cluster.used_by()) text += " " + user + ",";
    text.back() = '\n';
  }
  return text;
}

std::string service(const std::string& name, const std::string& address,
                    const std::string& more = "") {
  return named(name, "service { addresses: '" + address +
                         "' ports { name: 'http' port: 80 protocol: PROTOCOL_HTTP } " + more +
                         " }");
}
std::string endpoint(const std::string& of, const std::string& address) {
  return named(of,
               "endpoint_set { service: '" + of + "' endpoints { address: '" + address + "' } }");
}

TEST_F(Clusters, AreToldWhoeverLeadsThere) {
  const auto applied = apply(
      {service("web", "10.96.0.20", "fallback: 'spare'"), endpoint("web", "10.1.0.7"),
       service("copies", "10.96.0.21"), endpoint("copies", "10.1.0.8"),
       named("spare",
             "service { addresses: '10.96.0.22' ports { name: 'raw' port: 90 protocol: "
             "PROTOCOL_TCP } }"),
       named("web",
             "gateway { addresses: '10.96.0.100' listeners { name: 'http' port: 80 protocol: "
             "PROTOCOL_HTTP } listeners { name: 'tls' port: 443 protocol: PROTOCOL_TLS tls { mode: "
             "SERVER_TLS_MODE_PASSTHROUGH } } listeners { name: 'sql' port: 1000 protocol: "
             "PROTOCOL_TCP } }"),
       named(
           "h",
           "route { gateway: 'web' http { backends { service: 'web' subset { key: 'v' value: '1' "
           "} } filters { mirror { backend { service: 'copies' } share { millionths: 1000 } } } } "
           "}"),
       named("t",
             "route { gateway: 'web' tls { server_names: 'a.example' backends { service: 'spare' } "
             "} }"),
       named("c", "route { gateway: 'web' tcp { port: 'sql' backends { service: 'spare' } } }")});
  ASSERT_TRUE(applied.status.ok())
      << applied.status.error_message() << applied.response.DebugString();
  on_engine([&] {
    EXPECT_EQ(text_of(list(*engine_)),
              "shop/copies: shop/copies:http, shop/h[0] mirror\n"
              "shop/spare: fallback of shop/web, fallback of shop/web (v=1), gateway shop/web:sql, "
              "shop/spare:raw, shop/t tls[0]\n"
              "shop/web: shop/web:http\n"
              "shop/web (v=1): shop/h[0]\n");
  });
}

TEST_F(Clusters, CountUsersOnceAndTellSixteen) {
  std::vector<std::string> resources = {service("web", "10.96.0.20"), endpoint("web", "10.1.0.7")};
  std::string rules;
  for (int i = 0; i < 20; ++i)
    rules += "http { backends { service: 'web' } backends { service: 'web' weight: 2 } } ";
  resources.push_back(named("r", "route { service: 'web' " + rules + "}"));
  ASSERT_TRUE(apply(resources).status.ok());
  on_engine([&] {
    const auto response = list(*engine_);
    ASSERT_EQ(response.clusters_size(), 1);
    EXPECT_EQ(response.clusters(0).users(), 21u) << "20 rules and the port";
    EXPECT_EQ(response.clusters(0).used_by_size(), 16);
    EXPECT_EQ(response.clusters(0).family(), "ipv4");
    EXPECT_EQ(response.clusters(0).endpoints(), 1u);
  });
}

}  // namespace
}  // namespace heddle::server
