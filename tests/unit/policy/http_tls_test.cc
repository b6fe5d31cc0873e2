// TLS of ports of HTTP: what is offered to clients and to endpoints.
#include <gtest/gtest.h>

#include "http_support.h"
#include "tls_support.h"

namespace heddle::policy {
namespace {

using namespace test;
using Names = std::vector<std::string>;

class HttpTls : public testing::Test, public TlsWorld {
 protected:
  // Plain TCP, HTTP/1.1 and HTTP/2 at 80, 81 and 82.
  static Service three(std::optional<ServerTls> tls) {
    Service spec = http_service(
        {"10.96.0.1"},
        {{"tcp", 80}, http_port("one", 81), http_port("two", 82, HttpUpstream::kHttp2)});
    spec.forwarding = Forwarding::kProxy;
    for (ServicePort& port : spec.ports) port.tls = tls;
    return spec;
  }
  void apply(std::vector<Edit> edits) {
    edits.push_back(secret("shop/cert"));
    edits.push_back(bundle("shop/roots", "example.org"));
    world.apply(std::move(edits));
  }
  Names in(uint16_t port) const { return world.frontend("10.96.0.1", port)->tls_in->config.alpn; }
  Names out(uint16_t port) const { return world.frontend("10.96.0.1", port)->tls_out->config.alpn; }
};

TEST_F(HttpTls, OffersBothVersions) {
  apply({put("shop/cart", three(ServerTls{.certificates = {"cert"}}))});
  EXPECT_EQ(in(80), Names());
  EXPECT_EQ(in(81), (Names{"h2", "http/1.1"}));
  EXPECT_EQ(in(82), (Names{"h2", "http/1.1"}));
  apply({put("shop/cart", three(ServerTls{.mode = ClientTls::kOptional,
                                          .certificates = {"cert"},
                                          .choice = {.alpn = {"http/1.1"}}}))});
  EXPECT_EQ(in(82), Names{"http/1.1"});
}

TEST_F(HttpTls, AsksEndpointsForTheirVersion) {
  apply({put("shop/cart", three({})), put("shop/tp", upstream(by_name("cart.example.org")))});
  EXPECT_EQ(out(80), Names());
  EXPECT_EQ(out(81), Names{"http/1.1"});
  EXPECT_EQ(out(82), Names{"h2"});
  EXPECT_EQ(maker.made.size(), 3u);
  const auto before = world.frontend("10.96.0.1", 82)->tls_out;
  apply({put("shop/tp", upstream(by_name("cart.example.org")))});
  EXPECT_EQ(world.frontend("10.96.0.1", 82)->tls_out, before);
  EXPECT_EQ(maker.made.size(), 3u);
  UpstreamTls given = by_name("cart.example.org");
  given.choice.alpn = {"h2", "http/1.1"};
  apply({put("shop/tp", upstream(given))});
  EXPECT_EQ(out(81), given.choice.alpn);
  EXPECT_EQ(world.frontend("10.96.0.1", 81)->tls_out, world.frontend("10.96.0.1", 80)->tls_out);
}

// Without forwarding: proxy it is for the ports of HTTP alone.
TEST_F(HttpTls, OtherPortsOfTheServiceKeepTheirBytes) {
  Service spec = http_service({"10.96.0.1"}, {{"tcp", 80}, http_port("one", 81)});
  TrafficPolicy policy = upstream(by_name("cart.example.org"));
  policy.connect_timeout = seconds(1);
  apply({put("shop/cart", spec), put("shop/tp", policy)});
  EXPECT_EQ(world.frontend("10.96.0.1", 80)->tls_out, nullptr);
  EXPECT_EQ(out(81), Names{"http/1.1"});
  EXPECT_EQ(world.frontend("10.96.0.1", 81)->connect_timeout, seconds(1));
  spec.ports[0].tls = ServerTls{.certificates = {"cert"}};
  EXPECT_EQ(world.refuse({put("shop/cart", spec)}),
            "Service shop/cart spec.ports[0].tls: needs forwarding: proxy, and this is dnat: "
            "without it packets pass as they are\n");
  spec.ports[0].tls.reset();
  spec.ports[1].tls = ServerTls{.mode = ClientTls::kPassthrough};
  EXPECT_EQ(world.refuse({put("shop/cart", spec)}),
            "Service shop/cart spec.ports[1].tls.mode: is PASSTHROUGH, where the endpoint ends "
            "TLS, and the port is one of HTTP, which ends here\n");
}

TEST_F(HttpTls, OneProblemForOnePolicy) {
  UpstreamTls tls = by_name("cart.example.org");
  tls.certificate = "bad";
  const std::string problems =
      world.refuse({put("shop/cart", three({})), put("shop/tp", upstream(tls)),
                    secret("shop/bad", "bad"), bundle("shop/roots", "example.org")});
  EXPECT_EQ(std::ranges::count(problems, '\n'), 3) << "of three configurations: " << problems;
}

}  // namespace
}  // namespace heddle::policy
