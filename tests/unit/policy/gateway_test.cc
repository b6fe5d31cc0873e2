// Gateways in the model: where their listeners lead, and by whose terms.
#include <gtest/gtest.h>

#include <set>

#include "gateway_support.h"

namespace heddle::policy {
namespace {

using namespace test;

constexpr const char* kGate = "10.96.0.100";

// cart speaks HTTP/1.1 at 8080, users HTTP/2 at its own port, db is of connections.
std::vector<Edit> shop() {
  ServicePort cart = http_port("http", 80), users = http_port("h2", 81, HttpUpstream::kHttp2);
  cart.target_port = 8080;
  return {put("shop/cart", http_service({"10.96.0.1"}, {cart})),
          put("shop/cart", endpoints("cart", {"10.1.0.1"})),
          put("shop/users", http_service({"10.96.0.2"}, {users})),
          put("shop/users", endpoints("users", {"10.1.0.2"})),
          put("shop/db", service({"10.96.0.3"}, {{"sql", 5432}})),
          put("shop/db", endpoints("db", {"10.1.0.3"}))};
}

std::vector<Edit> with(std::vector<Edit> edits, std::initializer_list<Edit> more) {
  edits.insert(edits.end(), more);
  return edits;
}

uint32_t slot_of(const World& world, uint16_t port) {
  return world.snapshot->frontend_table->find({ip(kGate), Protocol::kTcp, port});
}

// Of a request for the host.
Decision ask(const World& world, const char* host, uint16_t port = 80,
             const char* client = "10.9.0.1", uint64_t hash = 7) {
  const uint32_t slot = slot_of(world, port);
  const Request request("GET", host, "/");
  const auto& routes = world.snapshot->frontends[slot]->http;
  const HttpTarget* target = routes->find(request.message, kNoInterface).target;
  if (target == nullptr) return {.verdict = Verdict::kNoRoute};
  return decide_request(*world.snapshot, slot, flow(client, kGate, port), target, hash);
}

Decision connect(const World& world, uint16_t port, std::string_view name = {}) {
  return decide(*world.snapshot, flow("10.9.0.1", kGate, port), nullptr, name);
}

TEST(Gateway, RequestsGoByTheTermsOfTheBackendsPort) {
  World world;
  TrafficPolicy users{.service = "users"};
  users.connect_timeout = seconds(1);
  users.idle_timeout = seconds(9);
  users.proxy_protocol = ProxyProtocol::kV2;
  users.hash_on = HashOn::kSourceAddress;
  world.apply(
      with(shop(), {put("shop/users", users), put("shop/web", gateway({listener("http", 80)})),
                    put("shop/a", leads({"a.example"}, backend("cart"))),
                    put("shop/b", leads({"b.example"}, backend("users")))}));
  const Decision cart = ask(world, "a.example"), other = ask(world, "b.example");
  EXPECT_EQ(outcome(cart), "10.1.0.1");
  EXPECT_EQ(cart.port, 8080) << "the target port, not the listener's";
  EXPECT_EQ(cart.terms->upstream_http, HttpUpstream::kHttp1);
  EXPECT_EQ(cart.terms->connect_timeout, kDefaultConnectTimeout);
  EXPECT_EQ(cart.terms->proxy_protocol_out, ProxyProtocol::kOff);
  EXPECT_EQ(outcome(other), "10.1.0.2");
  EXPECT_EQ(other.port, 81) << "the Service's port, not the listener's";
  EXPECT_EQ(other.terms->upstream_http, HttpUpstream::kHttp2);
  EXPECT_EQ(other.terms->connect_timeout, seconds(1));
  EXPECT_EQ(other.terms->idle_timeout, seconds(9));
  EXPECT_EQ(other.terms->proxy_protocol_out, ProxyProtocol::kV2);
  EXPECT_EQ(outcome(ask(world, "c.example")), "no route");
  EXPECT_EQ(world.frontend("10.96.0.2", 81)->proxy_protocol_out, ProxyProtocol::kV2);
}

TEST(Gateway, KeepsAClientWhereItsBackendWantsIt) {
  World world;
  TrafficPolicy cart{.service = "cart"};
  cart.hash_on = HashOn::kSourceAddress;
  world.apply(
      with(shop(), {put("shop/more", endpoints("cart", {"10.1.0.5", "10.1.0.6"})),
                    put("shop/cart", cart), put("shop/web", gateway({listener("http", 80)})),
                    put("shop/a", leads({"a.example"}, backend("cart"))),
                    put("shop/more", leads({"b.example"}, backend("users"))),
                    put("shop/extra", endpoints("users", {"10.1.0.7", "10.1.0.8"}))}));
  std::set<std::string> stays, moves;
  for (uint64_t hash = 1; hash < 200; ++hash) {
    stays.insert(outcome(ask(world, "a.example", 80, "10.9.0.1", hash * 0x9e3779b97f4a7c15)));
    moves.insert(outcome(ask(world, "b.example", 80, "10.9.0.1", hash * 0x9e3779b97f4a7c15)));
  }
  EXPECT_EQ(stays.size(), 1u);
  EXPECT_EQ(moves.size(), 3u);
}

TEST(Gateway, WithoutRulesNothingGoesOn) {
  World world;
  world.apply({put("shop/web", gateway({listener("http", 80), tcp_listener("tcp", 81)}))});
  ASSERT_NE(world.frontend(kGate, 80)->http, nullptr);
  EXPECT_TRUE(world.frontend(kGate, 80)->is_http);
  EXPECT_EQ(outcome(ask(world, "a.example")), "no route");
  EXPECT_EQ(outcome(connect(world, 81)), "no endpoint");
  EXPECT_EQ(world.snapshot->listeners->size(), 2u);
  EXPECT_FALSE(world.snapshot->roles.is_service(ip(kGate))) << "all of it ends here";
  EXPECT_EQ(world.attachments->service_addresses, ips({kGate}));
}

TEST(Gateway, ListenersHaveHosts) {
  World world;
  world.apply(
      with(shop(), {put("shop/web", gateway({listener("http", 80, {"*.shop.example", "b.org"}),
                                             listener("all", 81)})),
                    put("shop/r", leads({}, backend("cart")))}));
  const Frontend& http = *world.frontend(kGate, 80);
  for (const char* host :
       {"a.shop.example", "A.Shop.Example:80", "b.org", "b.org.", "x.y.shop.example"})
    EXPECT_TRUE(http.takes_host(host)) << host;
  for (const char* host : {"shop.example", "c.org", "", "[::1]:80", "a.b.org"})
    EXPECT_FALSE(http.takes_host(host)) << host;
  EXPECT_TRUE(world.frontend(kGate, 81)->takes_host("")) << "without hostnames all";
  const auto hosts = http.hosts;
  world.apply({put("shop/more", leads({"b.org"}, backend("users")))});
  EXPECT_EQ(world.frontend(kGate, 80)->hosts, hosts) << "the same object";
}

TEST(Gateway, ConnectionsAreLedByTheirListener) {
  TlsWorld tls;
  World& world = tls.world;
  world.apply(
      with(shop(), {put("shop/web", gateway({tcp_listener("sql", 1000), tcp_listener("none", 1001),
                                             passing_listener("tls", 443, {"*.example"})})),
                    put("shop/sql", leads_tcp("sql", backend("db"))),
                    put("shop/tls", leads_tls({"db.example", "*.db.example"}, backend("db")))}));
  const Decision sql = connect(world, 1000);
  EXPECT_EQ(outcome(sql), "10.1.0.3");
  EXPECT_EQ(sql.port, 5432);
  EXPECT_EQ(outcome(connect(world, 1001)), "no endpoint");
  EXPECT_EQ(outcome(connect(world, 443, "db.example")), "10.1.0.3");
  EXPECT_EQ(connect(world, 443, "db.example").port, 5432);
  EXPECT_EQ(outcome(connect(world, 443, "x.db.example")), "10.1.0.3");
  EXPECT_EQ(outcome(connect(world, 443, "other.example")), "no route");
  EXPECT_EQ(outcome(connect(world, 443)), "no route");
  // A wildcard of a rule is wider than the listener.
  world.apply(
      {put("shop/web", gateway({tcp_listener("sql", 1000), tcp_listener("none", 1001),
                                passing_listener("tls", 443, {"*.db.example", "db.example"})}))});
  EXPECT_EQ(outcome(connect(world, 443, "x.db.example")), "10.1.0.3");
  world.apply({put("shop/tls", leads_tls({"*.example"}, backend("db")))});
  EXPECT_EQ(outcome(connect(world, 443, "x.db.example")), "10.1.0.3");
  EXPECT_EQ(outcome(connect(world, 443, "x.example")), "no route") << "of no listener";
}

// What a Service's port and policy say changes behind the gateway, too.
TEST(Gateway, FollowsItsBackends) {
  TlsWorld tls;
  World& world = tls.world;
  world.apply(with(
      shop(),
      {put("shop/web", gateway({listener("http", 80), tcp_listener("sql", 1000)})),
       put("shop/a", leads({"a.example"}, backend("cart"))),
       put("shop/sql", leads_tcp("sql", backend("db"))), bundle("shop/roots", "example.org")}));
  const auto routes = world.frontend(kGate, 80)->http;
  world.apply({put("shop/more", endpoints("cart", {"10.1.0.9"})),
               put("shop/other", service({"10.96.0.8"}))});
  EXPECT_EQ(world.frontend(kGate, 80)->http, routes) << "endpoints are no terms";
  world.apply({put("shop/cart", upstream(by_name("cart.example")))});
  ASSERT_NE(ask(world, "a.example").terms->tls_out, nullptr);
  EXPECT_EQ(ask(world, "a.example").terms->tls_out, world.frontend("10.96.0.1", 80)->tls_out);
  const auto with_tls = world.frontend(kGate, 80)->http;
  world.apply({put("shop/tp", TrafficPolicy{.service = "users", .drain_time = seconds(1)})});
  EXPECT_EQ(world.frontend(kGate, 80)->http, with_tls) << "of another service";
  world.apply({put("shop/roots", TrustBundle{"example.org", "other roots", {}})});
  EXPECT_EQ(ask(world, "a.example").terms->tls_out, world.frontend("10.96.0.1", 80)->tls_out);
  world.apply({remove(Kind::kTrafficPolicy, "shop/cart")});
  EXPECT_EQ(ask(world, "a.example").terms->tls_out, nullptr);
  ServicePort moved = http_port("http", 80, HttpUpstream::kHttp2);
  moved.target_port = 9090;
  world.apply({put("shop/cart", http_service({"10.96.0.1"}, {moved}))});
  EXPECT_EQ(ask(world, "a.example").port, 9090);
  EXPECT_EQ(ask(world, "a.example").terms->upstream_http, HttpUpstream::kHttp2);
}

TEST(Gateway, LiveConnectionsGoWithTheirPort) {
  World world;
  world.apply(with(shop(), {put("shop/web", gateway({tcp_listener("sql", 1000)})),
                            put("shop/sql", leads_tcp("sql", backend("db")))}));
  const Flow client = flow("10.9.0.1", kGate, 1000);
  const auto stands = [&] {
    return recheck(*world.snapshot, client, ip("10.1.0.3"), 5432).recheck;
  };
  EXPECT_EQ(stands(), Recheck::kStays);
  world.apply({put("shop/db", service({"10.96.0.3"}, {{"sql", 5432, Protocol::kTcp, 5433}}))});
  EXPECT_TRUE(world.may_cut);
  EXPECT_EQ(stands(), Recheck::kGone);
  world.apply({put("shop/db", service({"10.96.0.3"}, {{"sql", 5432}}))});
  EXPECT_EQ(stands(), Recheck::kStays);
  world.apply({put("shop/web", gateway({tcp_listener("other", 1001)})),
               put("shop/sql", leads_tcp("other", backend("db")))});
  EXPECT_TRUE(world.may_cut);
  EXPECT_EQ(stands(), Recheck::kGone);
}

TEST(Gateway, BackendsOfOtherNamespaces) {
  World world;
  world.apply({put("else/x", http_service({"10.97.0.1"})),
               put("else/x", endpoints("x", {"10.1.1.1"})),
               put("shop/web", gateway({listener("http", 80)})),
               put("shop/r", leads({}, backend("x", 1, {}, "else")))});
  EXPECT_EQ(outcome(ask(world, "any")), "10.1.1.1");
  EXPECT_EQ(
      world.refuse({remove(Kind::kService, "else/x")}),
      "EndpointSet else/x spec.service: Service else/x would be deleted, and this still names "
      "it\nRoute shop/r spec.http[0].backends[0].service: Service else/x would be deleted, and "
      "this still names it\n");
}

TEST(Gateway, PortsOfBackends) {
  World world;
  ServicePort http = http_port("http", 80), two = http_port("two", 81),
              udp{"dns", 53, Protocol::kUdp};
  world.apply({put("shop/mixed", http_service({"10.96.0.1"}, {http, {"sql", 5432}, udp})),
               put("shop/mixed", endpoints("mixed", {"10.1.0.1"})),
               put("shop/two", http_service({"10.96.0.2"}, {http, two})),
               put("shop/any", service({"10.96.0.3"}, {{"all", 0}})),
               put("shop/any", endpoints("any", {"10.1.0.2"})),
               put("shop/dns", service({"10.96.0.4"}, {udp, {"dns-tcp", 53}})),
               put("shop/web", gateway({listener("http", 80), tcp_listener("tcp", 1000)}))});
  const std::string at = "Route shop/r spec.http[0].backends[0].port: ";
  const std::string unclear = "is missing: it is not clear which port of Service shop/";
  struct Row {
    Route route;
    std::string problem;
  };
  Route grpc = leads({}, at_port("mixed", 80));
  grpc.grpc = true;
  const Row rows[] = {
      {leads({}, backend("mixed")), ""},
      {leads({}, at_port("mixed", 5432)), ""},
      {leads_tcp("tcp", backend("dns")), ""},
      {leads({}, at_port("any", 9)), ""},
      {leads({}, backend("two")), at + unclear + "two is meant; it has tcp/80, tcp/81\n"},
      {leads({}, backend("any")), at + unclear + "any is meant; it has all ports of tcp\n"},
      {leads({}, at_port("mixed", 53)),
       at + "Service shop/mixed has no port tcp/53; it has tcp/80, tcp/5432, udp/53\n"},
      {leads_tcp("tcp", backend("mixed")), "Route shop/r spec.tcp[0].backends[0].port: " + unclear +
                                               "mixed is meant; it has tcp/80, tcp/5432, udp/53\n"},
      {grpc,
       "Route shop/r spec.grpc[0].backends[0].port: port http of Service shop/mixed is not of "
       "protocol grpc, http2 or auto\n"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(world.refuse({put("shop/r", row.route)}), row.problem);
    world.model.rollback();
  }
  world.apply({put("shop/r", leads({}, at_port("any", 9)))});
  EXPECT_EQ(ask(world, "a").port, 9);
  world.apply({put("shop/r", leads({}, backend("mixed")))});
  EXPECT_EQ(ask(world, "a").port, 80);
  EXPECT_EQ(world.refuse({put("shop/mixed", http_service({"10.96.0.1"}, {http, two}))}),
            at + unclear + "mixed is meant; it has tcp/80, tcp/81\n");
}

// A Service's own Routes may name the port of another one as well, where connections end here.
TEST(Gateway, PortsOfBackendsOfServices) {
  World world;
  Service proxied = service({"10.96.0.6"}, {{"sql", 1}});
  proxied.forwarding = Forwarding::kProxy;
  world.apply(with(shop(), {put("shop/front", proxied),
                            put("shop/r", Route{.service = "front",
                                                .rules = {{.backends = {at_port("db", 5432)}}}}),
                            put("shop/http", http_route({{.backends = {at_port("users", 81)}}}))}));
  EXPECT_EQ(decide(*world.snapshot, flow("10.9.0.1", "10.96.0.6", 1)).port, 5432);
  const uint32_t slot = world.snapshot->frontend_table->find({ip("10.96.0.1"), Protocol::kTcp, 80});
  const HttpTarget& target = world.snapshot->frontends[slot]->http->rules()[0].target;
  const Decision users =
      decide_request(*world.snapshot, slot, flow("10.9.0.1", "10.96.0.1", 80), &target, 1);
  EXPECT_EQ(users.port, 81);
  EXPECT_EQ(users.terms->upstream_http, HttpUpstream::kHttp2);
  EXPECT_EQ(
      world.refuse(
          {put("shop/db", Route{.service = "db", .rules = {{.backends = {at_port("db", 5432)}}}})}),
      "Route shop/db spec.tcp[0].backends[0].port: needs forwarding: proxy, and Service shop/db "
      "has forwarding: dnat; leave it out\n");
}

TEST(Gateway, AccessOfItsNamespace) {
  World world;
  world.apply({put("shop/web", gateway({tcp_listener("tcp", 80)})),
               put("shop/deny", AccessPolicy{.action = Action::kDeny, .rules = {{}}})});
  EXPECT_EQ(outcome(connect(world, 80)), "denied");
  world.apply({remove(Kind::kAccessPolicy, "shop/deny")});
  EXPECT_EQ(outcome(connect(world, 80)), "no endpoint");
}

TEST(Gateway, IsToldAsOne) {
  World world;
  world.apply(with(shop(), {put("shop/cart", gateway({listener("http", 80)})),
                            put("shop/r", of_gateway(http_route({rule({})}), "cart"))}));
  const Model::FrontendName name = world.model.frontend_name(slot_of(world, 80));
  EXPECT_EQ(name.kind, Kind::kGateway);
  EXPECT_EQ(name.service, "cart");
  EXPECT_EQ(name.endpoints, 1u);
  EXPECT_EQ(world.model.stats().gateways, 1u);
  EXPECT_EQ(world.model.stats().services, 3u);
  ASSERT_EQ(world.model.http_rules().size(), 1u);
  EXPECT_EQ(world.model.http_rules()[0].kind, Kind::kGateway);
  EXPECT_EQ(world.model.http_rules()[0].service, "shop/cart");
  EXPECT_STREQ(name_of(Kind::kGateway), "Gateway");
}

TEST(Gateway, ListenersEndTls) {
  TlsWorld tls;
  ServicePort https = listener("https", 443, {"a.example"}), wrapped = tcp_listener("sql", 1000);
  https.tls = ServerTls{.certificates = {"cert"}, .trust = {"roots"}};
  wrapped.tls = ServerTls{.certificates = {"cert"}};
  https.proxy_protocol = true;
  tls.world.apply({secret("shop/cert"), bundle("shop/roots", "example.org"),
                   put("shop/web", gateway({https, wrapped}))});
  const Frontend& frontend = *tls.world.frontend(kGate, 443);
  EXPECT_EQ(frontend.client_tls, ClientTls::kTerminate);
  EXPECT_TRUE(frontend.proxy_protocol_in);
  EXPECT_FALSE(tls.world.frontend(kGate, 1000)->proxy_protocol_in);
  ASSERT_NE(frontend.tls_in, nullptr);
  EXPECT_EQ(frontend.tls_in->config.name, "Gateway shop/web listener https");
  EXPECT_EQ(frontend.tls_in->config.alpn, (std::vector<std::string>{"h2", "http/1.1"}));
  EXPECT_EQ(tls.world.model.tls_users(key(Kind::kSecret, "shop/cert")),
            std::vector<Key>{key(Kind::kGateway, "shop/web")});
  const auto before = frontend.tls_in;
  tls.world.apply({secret("shop/cert", "other")});
  EXPECT_NE(tls.world.frontend(kGate, 443)->tls_in, before);
  EXPECT_EQ(tls.world.refuse({remove(Kind::kSecret, "shop/cert")}),
            "Gateway shop/web spec.listeners[0].tls.certificates[0]: Secret shop/cert would be "
            "deleted, and this still names it\nGateway shop/web "
            "spec.listeners[1].tls.certificates[0]: Secret shop/cert would be deleted, and this "
            "still names it\n");
}

TEST(Gateway, ComesAndGoes) {
  World world;
  world.apply(with(shop(), {put("shop/web", gateway({listener("http", 80)})),
                            put("shop/r", leads({}, backend("cart")))}));
  EXPECT_EQ(
      world.refuse({remove(Kind::kGateway, "shop/web")}),
      "Route shop/r spec.gateway: Gateway shop/web would be deleted, and this still names it\n");
  world.apply({remove(Kind::kGateway, "shop/web"), remove(Kind::kRoute, "shop/r")});
  EXPECT_EQ(slot_of(world, 80), kNoSlot);
  world.apply({put("shop/web", gateway({listener("http", 80)}, {kGate, "10.96.0.101"})),
               put("shop/r", leads({}, backend("users")))});
  EXPECT_EQ(outcome(ask(world, "a")), "10.1.0.2");
  EXPECT_EQ(world.frontend(kGate, 80)->http, world.frontend("10.96.0.101", 80)->http);
  world.apply({put("shop/r", http_route({rule({})}))});
  EXPECT_EQ(outcome(ask(world, "a")), "no route") << "the Route is another's now";
}

}  // namespace
}  // namespace heddle::policy
