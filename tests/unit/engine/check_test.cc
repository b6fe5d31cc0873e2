// Check: certificates by a clock that is given, ways to endpoints, and all of it from an engine.
#include <algorithm>
#include <ctime>

#include "../control/fake_node.h"
#include "certificates.h"
#include "directory.h"
#include "node_check.h"
#include "pem.h"
#include "support.h"

namespace heddle::server {
namespace {

constexpr int64_t kDay = 86'400, kFrom = 1'700'000'000, kUntil = 1'700'000'000 + 100 * kDay;
constexpr const char* kWebId = "spiffe://example.org/ns/shop/sa/web";

std::string quoted(std::string pem) {
  for (size_t at = 0; (at = pem.find('\n', at)) != std::string::npos; at += 2)
    pem.replace(at, 1, "\\n");
  return "'" + pem + "'";
}

// "error Service shop/cart: text", one a line.
std::string text_of(Findings& findings) {
  v1::CheckResponse response;
  findings.tell(response);
  std::string all;
  for (const v1::Finding& each : response.findings())
    all += (each.level() == v1::Finding::LEVEL_ERROR     ? "error "
            : each.level() == v1::Finding::LEVEL_WARNING ? "warning "
                                                         : "note ") +
           each.about() + ": " + each.text() + "\n";
  return all;
}

tls::Issued leaf(const tls::Issued* authority, int64_t from = kFrom, int64_t until = kUntil) {
  return tls::issue(
      {.common_name = "web", .uris = {kWebId}, .not_before = from, .not_after = until}, authority);
}

TEST(CheckSecret, TellsUntilWhen) {
  const tls::Issued authority = tls::make_authority("root");
  const policy::Secret secret{leaf(&authority).pem(), ""};
  const auto told = [&](int64_t now) {
    Findings findings;
    check_secret({policy::Kind::kSecret, "shop", "svid"}, secret, now, findings);
    return text_of(findings);
  };
  EXPECT_EQ(told(kFrom), "");
  EXPECT_EQ(told(kUntil - 21 * kDay), "");
  EXPECT_EQ(told(kUntil - 19 * kDay),
            "warning Secret shop/svid: the certificate ends on 2024-02-22 22:13 UTC, in 19 days\n");
  EXPECT_EQ(told(kUntil - 90),
            "warning Secret shop/svid: the certificate ends on 2024-02-22 22:13 UTC, in 1 "
            "minutes\n");
  EXPECT_EQ(told(kUntil),
            "error Secret shop/svid: the certificate has expired on 2024-02-22 22:13 UTC\n");
  EXPECT_EQ(told(kFrom - 7'200),
            "error Secret shop/svid: the certificate is good from 2023-11-14 22:13 UTC on, 2 hours "
            "from now\n");
}

TEST(CheckSecret, LooksAtIntermediates) {
  const tls::Issued root = tls::make_authority("root");
  const tls::Issued between = tls::issue(
      {.common_name = "between", .authority = true, .not_before = kFrom, .not_after = kFrom + kDay},
      &root);
  const policy::Secret secret{leaf(&between).pem() + between.pem(), ""};
  Findings findings;
  check_secret({policy::Kind::kSecret, "shop", "svid"}, secret, kFrom + kDay, findings);
  EXPECT_EQ(text_of(findings),
            "error Secret shop/svid: the intermediate CN=between has expired on 2023-11-15 22:13 "
            "UTC\n");
}

TEST(CheckTrustBundle, OneGoodRootIsEnough) {
  const tls::Issued old = tls::issue({.common_name = "old",
                                      .authority = true,
                                      .not_before = kFrom - 100 * kDay,
                                      .not_after = kFrom},
                                     nullptr);
  const tls::Issued root = tls::make_authority("root");
  const auto told = [&](const std::string& roots, int64_t now) {
    Findings findings;
    check_trust_bundle({policy::Kind::kTrustBundle, "shop", "mesh"},
                       {.trust_domain = "example.org", .roots_pem = roots, .crl_pem = ""}, now,
                       findings);
    return text_of(findings);
  };
  EXPECT_EQ(told(root.pem(), kFrom + 1), "");
  EXPECT_EQ(told(old.pem() + root.pem(), kFrom + 1),
            "note TrustBundle shop/mesh: the root CN=old has expired on 2023-11-14 22:13 UTC\n");
  EXPECT_EQ(told(old.pem(), kFrom + 1),
            "error TrustBundle shop/mesh: none of its roots is good today: nobody is believed\n");
  EXPECT_EQ(told(old.pem(), kFrom - 10 * kDay),
            "warning TrustBundle shop/mesh: the root CN=old ends on 2023-11-14 22:13 UTC, in 10 "
            "days\n");
}

TEST(CheckIdentity, WhetherOthersBelieveIt) {
  const tls::Issued root = tls::make_authority("root"), other = tls::make_authority("other");
  const tls::Issued between = tls::make_authority("between", &root);
  const policy::TrustBundle right{"example.org", root.pem(), ""},
      wrong{"example.org", other.pem(), ""}, elsewhere{"other.org", root.pem(), ""};
  const auto told = [&](const policy::Secret& secret, const policy::TrustBundle& trust,
                        const char* identity = kWebId, int64_t now = kFrom + kDay) {
    Findings findings;
    check_identity({policy::Kind::kWorkload, "shop", "web"}, identity, secret, {&trust}, now,
                   findings);
    return text_of(findings);
  };
  const policy::Secret direct{leaf(&root).pem(), ""},
      chained{leaf(&between).pem() + between.pem(), ""}, cut{leaf(&between).pem(), ""};
  EXPECT_EQ(told(direct, right), "");
  EXPECT_EQ(told(chained, right), "");
  EXPECT_EQ(told(cut, right),
            "error Workload shop/web: its certificate is not believed by others: unable to get "
            "local issuer certificate\n");
  EXPECT_EQ(told(direct, wrong).find("error Workload shop/web: its certificate is not believed"),
            0u);
  EXPECT_EQ(told(direct, elsewhere),
            "error Workload shop/web: its certificate is not believed by others: no TrustBundle of "
            "its MeshPolicy is for its trust domain\n");
  EXPECT_EQ(told(direct, right, "spiffe://example.org/ns/shop/sa/cart"),
            "error Workload shop/web: its certificate is not for "
            "spiffe://example.org/ns/shop/sa/cart\n");
  EXPECT_EQ(told(direct, right, kWebId, kUntil), "") << "its Secret says so";
}

TEST(CheckReach, RoutesAndNeighbours) {
  const auto ip = [](const char* text) { return *policy::IpAddress::parse(text); };
  const std::vector<RouteInfo> routes = {
      {"10.1.0.0/24", "connected", "connected", {"wan"}, true},
      {"10.2.0.0/16", "forward", "static", {"10.1.0.254 wan"}, true},
      {"10.2.3.0/24", "drop", "static", {}, true},
      {"10.3.0.0/16", "forward", "static", {"10.1.0.253 wan", "10.1.0.254 wan"}, true},
      {"10.4.0.0/16", "forward", "static", {"10.1.0.253 wan"}, false},
      {"fd09::/64", "connected", "connected", {"wan"}, true}};
  const std::vector<NeighborInfo> neighbors = {
      {.interface = "wan", .address = "10.1.0.9", .mac = "", .state = "failed"},
      {.interface = "wan", .address = "10.1.0.254", .mac = "", .state = "failed"},
      {.interface = "wan", .address = "fd09::9", .mac = "", .state = "failed"},
      {.interface = "wan", .address = "10.1.0.8", .mac = "", .state = "reachable"}};
  const auto told = [&](const char* address, uint16_t port = 80, bool draining = false) {
    Findings findings;
    check_reach({{.ns = "shop",
                  .service = "cart",
                  .address = ip(address),
                  .port = port,
                  .draining = draining}},
                routes, neighbors, findings);
    std::string text = text_of(findings);
    return text.empty() ? text : text.substr(std::string("error Service shop/cart: ").size());
  };
  EXPECT_EQ(told("10.1.0.8"), "");
  EXPECT_EQ(told("10.1.0.7"), "") << "nobody has asked for it yet";
  EXPECT_EQ(told("10.1.0.9"), "endpoint 10.1.0.9:80: no neighbour answers for its address\n");
  EXPECT_EQ(told("10.1.0.9", 0), "endpoint 10.1.0.9: no neighbour answers for its address\n");
  EXPECT_EQ(told("10.1.0.9", 80, true), "");
  EXPECT_EQ(told("fd09::9"), "endpoint [fd09::9]:80: no neighbour answers for its address\n");
  EXPECT_EQ(told("10.2.0.1"), "endpoint 10.2.0.1:80: the next hop 10.1.0.254 does not answer\n");
  EXPECT_EQ(told("10.2.3.1"),
            "endpoint 10.2.3.1:80: the route 10.2.3.0/24 drops what goes there\n");
  EXPECT_EQ(told("10.3.0.1"), "") << "one of two next hops answers";
  EXPECT_EQ(told("10.4.0.1"), "endpoint 10.4.0.1:80: there is no route to it\n");
  EXPECT_EQ(told("fd99::1"), "endpoint [fd99::1]:80: there is no route to it\n");
}

TEST(Findings, TheWorstFirstAndNotTooMany) {
  Findings findings;
  findings.note("a", "1");
  for (size_t i = 1; i < kMostFindings - 1; ++i) findings.warning("b", "2");
  findings.error("c", "3", "try this");
  findings.error("d", "4");
  v1::CheckResponse response;
  findings.tell(response);
  ASSERT_EQ(response.findings_size(), static_cast<int>(kMostFindings));
  EXPECT_EQ(response.findings(0).about(), "c");
  EXPECT_EQ(response.findings(0).hint(), "try this");
  EXPECT_EQ(response.findings(response.findings_size() - 1).about(), "a");
  EXPECT_EQ(response.left_out(), 1u);
}

class Check : public EngineTest {
 protected:
  Check() { open(scratch_.path("state")); }
  ~Check() override { engine_.reset(); }

  v1::CheckResponse check() {
    v1::CheckResponse response;
    node_.empty = true;  // without routes
    on_engine([&] { engine_->check(node_, response); });
    return response;
  }
  static bool tells(const v1::CheckResponse& response, v1::Finding::Level level,
                    const std::string& about, const std::string& text) {
    return std::ranges::any_of(response.findings(), [&](const v1::Finding& each) {
      return each.level() == level && each.about() == about &&
             each.text().find(text) != std::string::npos;
    });
  }

  test::Scratch scratch_;
  FakeNode node_;
};

TEST_F(Check, OfAnEngine) {
  EXPECT_EQ(check().findings_size(), 0);
  const int64_t now = std::time(nullptr);
  const tls::Issued root = tls::make_authority("root");
  const tls::Issued old = leaf(&root, now - 100 * kDay, now - 1);
  ASSERT_EQ(apply({named("svid", "secret { certificate_pem: " + quoted(old.pem()) +
                                     " private_key_pem: " + quoted(old.key_pem()) + " }"),
                   web_endpoints(),
                   named("web",
                         "service { addresses: '10.96.0.20' ports { name: "
                         "'raw' port: 80 protocol: PROTOCOL_TCP } }"),
                   named("alone",
                         "service { addresses: '10.96.0.21' ports { name: 'raw' port: 80 "
                         "protocol: PROTOCOL_TCP } }")})
                .response.problems_size(),
            0);
  const v1::CheckResponse told = check();
  EXPECT_EQ(told.resources(), 4u);
  EXPECT_EQ(told.version(), 1u);
  EXPECT_TRUE(tells(told, v1::Finding::LEVEL_ERROR, "Secret shop/svid", "has expired"));
  EXPECT_TRUE(tells(told, v1::Finding::LEVEL_ERROR, "Service shop/web", "there is no route to it"));
  EXPECT_TRUE(tells(told, v1::Finding::LEVEL_WARNING, "Service shop/alone", "has no endpoints"));
}

}  // namespace
}  // namespace heddle::server
