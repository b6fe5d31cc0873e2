// The mesh in the model: what is made of workloads, here and on other nodes, and who they believe.
#include <gtest/gtest.h>

#include "gateway_support.h"
#include "tls_support.h"

namespace heddle::policy {
namespace {

using namespace test;

constexpr const char* kWeb = "10.8.0.11";   // of this node, behind w2
constexpr const char* kCart = "10.8.1.11";  // of another
constexpr const char* kVip = "10.96.0.1";
constexpr const char* kWebId = "spiffe://example.org/ns/shop/sa/web";
constexpr const char* kCartId = "spiffe://example.org/ns/shop/sa/cart";

NodeFacts named() {
  NodeFacts facts = node();
  facts.node = "here";
  facts.trust_domain = "example.org";
  return facts;
}

Workload web() {
  Workload spec = workload("w2", {kWeb}, {{"app", "web"}});
  spec.service_account = "web";
  spec.certificate = "svid-web";
  return spec;
}

Workload cart() {
  Workload spec = workload("anything", {kCart}, {{"app", "cart"}});
  spec.service_account = "cart";
  spec.certificate = "elsewhere";
  spec.node = "there";
  return spec;
}

MeshPolicy mesh(MeshTls tls = MeshTls::kStrict) { return {.tls = tls, .trust = {"mesh"}}; }

class Mesh : public testing::Test {
 protected:
  Mesh() {
    Service spec = http_service({kVip}, {http_port("http", 80)});
    spec.ports[0].target_port = 8080;
    spec.selector = {{"app", "cart"}};
    world.apply({secret("shop/svid-web"), bundle("shop/mesh", "example.org"),
                 put("shop/web", web()), put("shop/cart", cart()), put("shop/cart", spec)});
  }
  const EndpointEntry& endpoint(const char* address = kVip, uint16_t port = 80) const {
    return world.snapshot->clusters[world.frontend(address, port)->choices[0].cluster]
        ->endpoints[0];
  }
  FakeMaker maker;
  World world{Limits(), named(), &maker};
};

TEST_F(Mesh, NothingIsInItWithoutAPolicy) {
  EXPECT_FALSE(world.snapshot->intercepts);
  EXPECT_EQ(world.frontend(kWeb, 8080), nullptr);
  EXPECT_EQ(endpoint().mesh, nullptr);
  EXPECT_EQ(outcome(decide(*world.snapshot, flow("10.8.0.1", kVip, 80))), kCart)
      << "another node's workload is an endpoint as any";
}

TEST_F(Mesh, AWorkloadOfAnotherNodeIsReachedByItsIdentity) {
  world.apply({put("shop/mesh", mesh())});
  ASSERT_NE(endpoint().mesh, nullptr);
  EXPECT_EQ(endpoint().mesh->id, kCartId);
  EXPECT_EQ(endpoint().mesh->modes.at(8080), MeshTls::kStrict);
  // What is sent to its own address ends here too, in plaintext, and is HTTP where a Service says
  // so.
  const Frontend* own = world.frontend(kCart, 8080);
  ASSERT_NE(own, nullptr);
  EXPECT_TRUE(own->of_workload && own->is_http);
  EXPECT_EQ(own->client_tls, ClientTls::kOff);
  EXPECT_EQ(own->tls_in, nullptr);
  EXPECT_EQ(endpoint(kCart, 8080).mesh, endpoint().mesh);
  const Decision other = decide(*world.snapshot, flow(kWeb, kCart, 9999));
  EXPECT_EQ(outcome(other), kCart);
  EXPECT_EQ(other.port, 9999) << "any port is its own";
  EXPECT_FALSE(world.snapshot->frontends[other.frontend]->is_http);
}

TEST_F(Mesh, AWorkloadOfThisNodeEndsTlsByItsCertificate) {
  world.apply({put("shop/mesh", mesh())});
  const Frontend* own = world.frontend(kWeb, 1);
  ASSERT_NE(own, nullptr);
  EXPECT_TRUE(own->of_workload);
  EXPECT_EQ(own->forwarding, Forwarding::kProxy);
  EXPECT_EQ(own->client_tls, ClientTls::kTerminate);
  ASSERT_NE(own->tls_in, nullptr);
  const tls::Config& config = own->tls_in->config;
  EXPECT_EQ(config.own_id, kWebId);
  EXPECT_EQ(config.min_version, tls::Version::kTls13);
  EXPECT_EQ(config.peer, tls::PeerCheck::kSpiffe);
  EXPECT_EQ(config.alpn, std::vector<std::string>{"heddle-tcp"});
  EXPECT_EQ(config.trust[0].roots_pem, "roots of shop/mesh");
  EXPECT_EQ(endpoint(kWeb, 1).mesh, nullptr) << "no TLS behind its own port";
  // What it shows to others.
  ASSERT_EQ(world.snapshot->identities.size(), 9U);
  const MeshIdentity* shown = world.snapshot->identities[2].get();
  ASSERT_NE(shown, nullptr);
  EXPECT_EQ(shown->id, kWebId);
  EXPECT_EQ(shown->http2->config.alpn, std::vector<std::string>{"h2"});
  EXPECT_EQ(shown->tcp->config.role, tls::Role::kClient);
  EXPECT_EQ(shown->tcp->config.own_id, kWebId);
  EXPECT_EQ(shown->tcp->config.certificates[0].chain_pem, "chain of shop/svid-web");
}

TEST_F(Mesh, ModesAreOfWorkloadsAndPorts) {
  MeshPolicy some = mesh(MeshTls::kPermissive);
  some.workload_labels = {{"app", "web"}};
  some.ports = {{9000, MeshTls::kDisable}, {9001, MeshTls::kStrict}};
  world.apply({put("shop/mesh", mesh()), put("shop/web", some)});
  EXPECT_EQ(world.frontend(kWeb, 1)->client_tls, ClientTls::kOptional);
  EXPECT_EQ(world.frontend(kWeb, 9000)->client_tls, ClientTls::kOff);
  EXPECT_EQ(world.frontend(kWeb, 9001)->client_tls, ClientTls::kTerminate);
  EXPECT_EQ(endpoint().mesh->modes.at(9000), MeshTls::kStrict) << "cart follows the namespace's";
  world.apply({remove(Kind::kMeshPolicy, "shop/mesh")});
  EXPECT_EQ(endpoint().mesh, nullptr);
  EXPECT_EQ(world.frontend(kCart, 8080), nullptr);
  EXPECT_NE(world.frontend(kWeb, 1), nullptr);
}

TEST_F(Mesh, WhatDoesNotChangeStaysTheSameObject) {
  world.apply({put("shop/mesh", mesh())});
  const auto peer = endpoint().mesh;
  const auto shown = world.snapshot->identities[2];
  const auto cluster = world.snapshot->clusters[world.frontend(kVip, 80)->choices[0].cluster];
  const uint32_t generation = world.snapshot->generation;
  world.apply({put("shop/mesh", mesh()), put("shop/other", service({"10.96.0.9"}))});
  EXPECT_EQ(endpoint().mesh, peer);
  EXPECT_EQ(world.snapshot->identities[2], shown);
  EXPECT_EQ(world.snapshot->clusters[world.frontend(kVip, 80)->choices[0].cluster], cluster);
  EXPECT_EQ(world.snapshot->generation, generation) << "no flow has to be judged again";
  world.apply({put("shop/svid-web", Secret{"another chain", "key"})});
  EXPECT_NE(world.snapshot->identities[2], shown);
  EXPECT_EQ(world.snapshot->identities[2]->tcp->config.certificates[0].chain_pem, "another chain");
  EXPECT_EQ(world.frontend(kWeb, 1)->tls_in->config.certificates[0].chain_pem, "another chain");
}

TEST_F(Mesh, GuardsKnowPeersByIdentityAndRefuseStrangers) {
  AccessPolicy allow{.workload_labels = {{"app", "web"}}};
  allow.rules = {
      {.from = {{.ns = "shop", .service_account = "cart", .trust_domain = "example.org"}}}};
  world.apply({put("shop/mesh", mesh()), put("shop/callers", allow)});
  Flow stranger = flow("192.0.2.9", kWeb, 80), peer = stranger, other = stranger,
       foreign = stranger;
  peer.peer = {kCartId, "example.org", "shop", "cart"};
  other.peer = {"spiffe://example.org/ns/shop/sa/users", "example.org", "shop", "users"};
  foreign.peer = {"spiffe://other.org/ns/shop/sa/cart", "other.org", "shop", "cart"};
  const InterfaceId port(2);
  EXPECT_TRUE(guard(*world.snapshot, peer, port).allowed);
  EXPECT_FALSE(guard(*world.snapshot, other, port).allowed);
  EXPECT_FALSE(guard(*world.snapshot, foreign, port).allowed);
  EXPECT_TRUE(guard(*world.snapshot, stranger, port).unknown);
  world.apply({remove(Kind::kAccessPolicy, "shop/callers")});
  EXPECT_TRUE(guard(*world.snapshot, other, port).allowed);
  EXPECT_FALSE(guard(*world.snapshot, stranger, port).allowed) << "STRICT";
  world.apply({put("shop/mesh", mesh(MeshTls::kPermissive))});
  EXPECT_TRUE(guard(*world.snapshot, stranger, port).allowed);
}

TEST_F(Mesh, AGatewayHasAnIdentityOfItsOwn) {
  Gateway spec = gateway({listener("http", 80)});
  spec.service_account = "edge";
  spec.certificate = "svid-edge";
  EXPECT_NE(
      world.refuse({secret("shop/svid-edge"), put("shop/gate", spec)}).find("has no MeshPolicy"),
      std::string::npos);
  world.apply({put("shop/mesh", mesh()), secret("shop/svid-edge"), put("shop/gate", spec)});
  const Frontend* listens = world.frontend("10.96.0.100", 80);
  ASSERT_NE(listens->identity, nullptr);
  EXPECT_EQ(listens->identity->id, "spiffe://example.org/ns/shop/sa/edge");
  const Flow seen = behind(*listens, flow("192.0.2.9", kWeb, 80));
  EXPECT_EQ(seen.peer.service_account, "edge");
  EXPECT_TRUE(guard(*world.snapshot, seen, InterfaceId(2)).allowed);
}

TEST_F(Mesh, RefusesWhatCannotBe) {
  const auto refused = [&](std::vector<Edit> edits, const char* text) {
    const std::string lines = world.refuse(std::move(edits));
    EXPECT_NE(lines.find(text), std::string::npos) << lines;
  };
  Workload bare = web();
  bare.certificate.clear();
  refused({put("shop/mesh", mesh()), put("shop/web", bare)},
          "spec.certificate: missing: MeshPolicy shop/mesh");
  bare = web();
  bare.service_account.clear();
  refused({put("shop/mesh", mesh()), put("shop/web", bare)}, "spec.service_account: missing");
  Workload elsewhere = cart();
  elsewhere.service_account.clear();
  refused({put("shop/mesh", mesh()), put("shop/cart", elsewhere)}, "spec.service_account: missing");
  refused({put("shop/mesh", MeshPolicy{.tls = MeshTls::kStrict})}, "spec.trust: missing");
  refused({put("shop/mesh", MeshPolicy{.trust = {"none"}})}, "no TrustBundle \"none\"");
  refused({put("shop/mesh", mesh()), put("shop/mesh2", mesh())},
          "is for all workloads of the namespace already");
  MeshPolicy one = mesh(), two = mesh();
  one.workload_labels = two.workload_labels = {{"app", "web"}};
  refused({put("shop/one", one), put("shop/two", two)}, "are both for Workload shop/web");
  refused({put("shop/svid-web", Secret{"chain", "bad"}), put("shop/mesh", mesh())},
          "the key is bad");
  world.apply({put("shop/mesh", mesh())});
  refused({remove(Kind::kSecret, "shop/svid-web")}, "would be deleted");
  refused({remove(Kind::kTrustBundle, "shop/mesh")}, "would be deleted");
  EXPECT_EQ(world.frontend(kWeb, 1)->client_tls, ClientTls::kTerminate) << "nothing has changed";
}

TEST_F(Mesh, WorkloadsInItCountAsServices) {
  Limits limits;
  limits.services = 2;
  World small(limits, named(), &maker);
  small.apply({secret("shop/svid-web"), bundle("shop/mesh", "example.org"), put("shop/web", web()),
               put("shop/one", service({"10.96.0.1"}))});
  EXPECT_EQ(small.refuse({put("shop/mesh", mesh())}), "");
  EXPECT_NE(small.refuse({put("shop/two", service({"10.96.0.2"}))})
                .find("there would be 3 Services and Workloads in the mesh; at most 2"),
            std::string::npos);
}

TEST_F(Mesh, TakingBackIsAsIfNothingHadBeen) {
  world.apply({put("shop/mesh", mesh())});
  const auto frontend = world.frontend(kWeb, 1);
  ASSERT_EQ(world.refuse(
                {put("shop/mesh", mesh(MeshTls::kDisable)), remove(Kind::kWorkload, "shop/cart")}),
            "");
  world.model.rollback();
  world.commit();
  EXPECT_EQ(world.frontend(kWeb, 1), frontend);
  EXPECT_EQ(endpoint().mesh->id, kCartId);
  world.apply({remove(Kind::kWorkload, "shop/cart"), remove(Kind::kWorkload, "shop/web")});
  EXPECT_EQ(world.frontend(kWeb, 1), nullptr);
  EXPECT_EQ(world.frontend(kCart, 8080), nullptr);
  EXPECT_FALSE(world.snapshot->intercepts);
}

// What a service's own trust has verified says nothing about whom workloads believe.
TEST_F(Mesh, WhatAnotherTrustHasVerifiedIsNobodyToWorkloads) {
  Service tls = with_tls({.certificates = {"svid-web"}, .trust = {"mesh"}}, {"10.96.0.9"});
  tls.selector = {{"app", "web"}};
  world.apply({put("shop/mesh", mesh()), put("shop/own", tls),
               put("shop/gate", gateway({listener("http", 80)}))});
  Flow shown = flow("192.0.2.9", "10.96.0.9", 443);
  shown.peer = {kCartId, "example.org", "shop", "cart"};
  for (const Frontend* each :
       {world.frontend("10.96.0.9", 443), world.frontend("10.96.0.100", 80)}) {
    Flow seen = behind(*each, shown);
    EXPECT_TRUE(seen.peer.id.empty());
    EXPECT_TRUE(guard(*world.snapshot, seen, InterfaceId(2)).unknown);
  }
  EXPECT_EQ(behind(*world.frontend(kWeb, 80), shown).peer.id, kCartId);
}

TEST_F(Mesh, AGatewayKeepsThePolicyThatItsIdentityStandsOn) {
  Gateway spec = gateway({listener("http", 80)});
  spec.service_account = "edge";
  spec.certificate = "svid-edge";
  world.apply({put("shop/mesh", mesh()), secret("shop/svid-edge"), put("shop/gate", spec)});
  EXPECT_NE(world.refuse({remove(Kind::kMeshPolicy, "shop/mesh")}).find("has no MeshPolicy"),
            std::string::npos);
  MeshPolicy some = mesh();
  some.workload_labels = {{"app", "web"}};
  EXPECT_NE(world.refuse({put("shop/mesh", some)}).find("has no MeshPolicy"), std::string::npos);
  world.apply({remove(Kind::kGateway, "shop/gate"), remove(Kind::kMeshPolicy, "shop/mesh")});
}

// Its port is a name of its node, which may be one here as well, or none.
TEST_F(Mesh, EndpointsOfOtherNodesSendFromNoAddressHere) {
  for (const char* port : {"", "w2", "nowhere"}) {
    Workload there = cart();
    there.port = port;
    Service direct = service({"10.96.0.9"}, {{"raw", 80}});
    direct.forwarding = Forwarding::kDirect;
    direct.selector = {{"app", "cart"}};
    world.apply({put("shop/cart", there), put("shop/own", direct)});
    ASSERT_NE(world.frontend("10.96.0.9", 80), nullptr);
    for (const Attachments::PortAddresses& each : world.attachments->ports)
      EXPECT_TRUE(each.also_from.empty()) << port;
  }
}

TEST_F(Mesh, WhatDoesNotActTowardsAnotherNodeIsRefused) {
  TrafficPolicy tls = upstream(by_name("cart.test", {"mesh"}));
  TrafficPolicy header{.service = "cart", .proxy_protocol = ProxyProtocol::kV2};
  for (const TrafficPolicy& policy : {tls, header}) {
    const char* text = "does not act towards Workload shop/cart";
    world.apply({put("shop/policy", policy)});
    EXPECT_NE(world.refuse({put("shop/mesh", mesh())}).find(text), std::string::npos);
    world.apply({remove(Kind::kTrafficPolicy, "shop/policy"), put("shop/mesh", mesh())});
    EXPECT_NE(world.refuse({put("shop/policy", policy)}).find(text), std::string::npos);
    world.apply({put("shop/policy", policy), put("shop/mesh", mesh(MeshTls::kDisable))});
    EXPECT_NE(world.refuse({put("shop/mesh", mesh(MeshTls::kPermissive))}).find(text),
              std::string::npos);
    world.apply({remove(Kind::kMeshPolicy, "shop/mesh")});
  }
}

TEST_F(Mesh, NoPortIsLeftOut) {
  MeshPolicy many = mesh();
  for (uint16_t port = 1; port < kMaxMeshPorts; ++port) many.ports[port] = MeshTls::kDisable;
  world.apply({put("shop/mesh", many)});
  ASSERT_NE(world.frontend(kWeb, 62), nullptr);
  EXPECT_EQ(world.frontend(kWeb, 62)->client_tls, ClientTls::kOff);
  EXPECT_EQ(world.frontend(kWeb, 63)->client_tls, ClientTls::kTerminate);
  Service more = http_service({"10.96.0.9"}, {http_port("one", 8'000), http_port("two", 8'001)});
  more.selector = {{"app", "web"}};
  EXPECT_NE(world.refuse({put("shop/more", more)})
                .find("Workload shop/web would have 65 ports in the mesh"),
            std::string::npos);
  many.ports[63] = many.ports[64] = MeshTls::kDisable;
  EXPECT_NE(world.refuse({put("shop/mesh", many)}).find("at most 63"), std::string::npos);
}

TEST_F(Mesh, WorkloadsOfAllNodesAreBounded) {
  Limits limits;
  limits.workloads = 1;
  World small(limits, named(), &maker);
  small.apply({put("shop/cart", cart())});
  Workload other = cart();
  other.addresses = {ip("10.8.1.12")};
  EXPECT_NE(small.refuse({put("shop/other", other)}).find("there would be 2 Workloads; at most 1"),
            std::string::npos);
}

// What comes from elsewhere for another node's workload is led on.
TEST_F(Mesh, WorkloadsOfOtherNodesAreMetOnTheWay) {
  for (const MeshTls mode : {MeshTls::kStrict, MeshTls::kDisable}) {
    world.apply({put("shop/mesh", mesh(mode)), put("shop/cart", cart())});
    EXPECT_TRUE(world.frontend(kCart, 8080)->on_the_way);
    EXPECT_FALSE(world.frontend(kWeb, 1)->on_the_way);
    Workload here = cart();
    here.node = "here";
    here.port = "w3";
    here.certificate = "svid-web";
    here.service_account = "web";
    world.apply({put("shop/cart", here)});
    EXPECT_FALSE(world.frontend(kCart, 8080)->on_the_way);
  }
}

}  // namespace
}  // namespace heddle::policy
