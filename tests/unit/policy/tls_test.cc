// TLS of ports and towards endpoints: what is refused, what workers get, and what stays the same.
#include <gtest/gtest.h>

#include "tls_support.h"

namespace heddle::policy {
namespace {

using namespace test;

class Tls : public testing::Test, public TlsWorld {
 protected:
  // Of a first change that has all that TLS may name.
  std::string refusal(std::vector<Edit> edits) {
    TlsWorld fresh;
    edits.push_back(secret("shop/cert"));
    edits.push_back(bundle("shop/roots", "example.org"));
    edits.push_back(bundle("shop/others", "other.org", "crl"));
    return fresh.world.refuse(std::move(edits));
  }
  std::string port_refusal(ServerTls tls, Forwarding forwarding = Forwarding::kProxy) {
    return refusal({put("shop/cart", with_tls(std::move(tls), {"10.96.0.1"}, forwarding))});
  }
  std::string upstream_refusal(UpstreamTls tls) {
    Service spec = service({"10.96.0.1"});
    spec.forwarding = Forwarding::kProxy;
    return refusal({put("shop/cart", spec), put("shop/cart", upstream(std::move(tls)))});
  }
  const Frontend& frontend(const char* address = "10.96.0.1") const {
    return *world.frontend(address, 443);
  }
};

TEST_F(Tls, RefusesPorts) {
  const std::string at = "Service shop/cart spec.ports[0].tls";
  const struct {
    ServerTls tls;
    std::string problem;
  } rows[] = {
      {{.certificates = {"cert"}}, ""},
      {{.mode = ClientTls::kOptional, .certificates = {"cert"}, .trust = {"roots", "others"}}, ""},
      {{}, at + ".certificates: is missing: who ends TLS needs a Secret at least\n"},
      {{.certificates = {"cret"}},
       at + ".certificates[0]: no Secret \"cret\" in namespace shop (did you mean \"cert\"?)\n"},
      {{.certificates = {"cert", "cert"}}, at + ".certificates[1]: \"cert\" is there twice\n"},
      {{.certificates = {"cert"}, .trust = {"none"}},
       at + ".trust[0]: no TrustBundle \"none\" in namespace shop\n"},
      {{.certificates = {"cert"}, .client_ids = {"spiffe://example.org/ns/a/sa/b"}},
       at + ".client_ids: needs trust: without it no client is asked for a certificate\n"},
      {{.certificates = {"cert"}, .trust = {"roots"}, .client_ids = {"spiffe://else.org/x"}},
       at + ".client_ids[0]: \"spiffe://else.org/x\" is of trust domain else.org, which no "
            "TrustBundle under trust is for\n"},
      {{.certificates = {"cert"},
        .choice = {.min_version = tls::Version::kTls13, .max_version = tls::Version::kTls12}},
       at + ".min_version: is above max_version\n"},
      {{.mode = ClientTls::kPassthrough, .certificates = {"cert"}},
       at + ": has mode: PASSTHROUGH, where the endpoint ends TLS: only mode may be given\n"},
      {{.mode = ClientTls::kOff}, at + ".mode: is none that is known\n"},
  };
  for (const auto& row : rows) EXPECT_EQ(port_refusal(row.tls), row.problem);
  EXPECT_EQ(port_refusal({.certificates = {"cert"}}, Forwarding::kDnat),
            at + ": needs forwarding: proxy, and this is dnat: without it packets pass as they "
                 "are\n");
}

TEST_F(Tls, RefusesUpstreams) {
  const std::string at = "TrafficPolicy shop/cart spec.upstream_tls";
  UpstreamTls spiffe{.verify = tls::PeerCheck::kSpiffe, .trust = {"roots"}};
  EXPECT_EQ(upstream_refusal(by_name("cart.example.org")), "");
  EXPECT_EQ(upstream_refusal(spiffe), "");
  spiffe.server_ids = {"spiffe://other.org/ns/a/sa/b"};
  EXPECT_NE(upstream_refusal(spiffe).find("is of trust domain other.org"), std::string::npos);
  EXPECT_EQ(upstream_refusal(by_name("")),
            at + ".server_name: is missing: verify: NAME compares it with the certificate\n");
  EXPECT_EQ(upstream_refusal(by_name("10.0.0.1")),
            at + ".server_name: \"10.0.0.1\" looks like an address, which is no server name\n");
  EXPECT_EQ(upstream_refusal(by_name("a.org", {})),
            at + ".trust: is missing: there is no TLS without checking who answers; name a "
                 "TrustBundle\n");
  EXPECT_EQ(upstream_refusal(by_name("a.org", {"roots", "others"})),
            at + ".trust: with verify: NAME either all of these have a CRL, or none has\n");
  UpstreamTls unchecked = by_name("a.org");
  unchecked.verify = tls::PeerCheck::kNone;
  EXPECT_EQ(upstream_refusal(unchecked), at + ".verify: expected NAME or SPIFFE\n");
  EXPECT_EQ(refusal({put("shop/cart", service({"10.96.0.1"})),
                     put("shop/cart", upstream(by_name("a.org")))}),
            at + ": needs forwarding: proxy, and Service shop/cart has forwarding: dnat\n");
  EXPECT_NE(refusal({put("shop/cart", passing()), put("shop/cart", upstream(by_name("a.org")))})
                .find("with tls.mode: PASSTHROUGH, where clients"),
            std::string::npos);
}

TEST_F(Tls, IsRefusedWhereNobodyMakesIt) {
  World bare;
  EXPECT_EQ(
      bare.refuse({secret("shop/cert"), put("shop/cart", with_tls({.certificates = {"cert"}}))}),
      "Service shop/cart spec.ports[0].tls: this heddled has no TLS: it is built or started "
      "without it\n");
  EXPECT_NE(bare.refuse({put("shop/cart", passing())}), "");
  EXPECT_EQ(bare.refuse({secret("shop/cert"), bundle("shop/roots", "example.org")}), "");
}

TEST_F(Tls, OneBundleForEachTrustDomain) {
  EXPECT_EQ(world.refuse({bundle("shop/a", "example.org"), bundle("shop/b", "example.org")}),
            "TrustBundle shop/a spec.trust_domain: example.org is of TrustBundle shop/b\n"
            "TrustBundle shop/b spec.trust_domain: example.org is of TrustBundle shop/a\n");
  world.apply({bundle("shop/a", "example.org"), bundle("bank/a", "example.org")});
  EXPECT_NE(world.refuse({bundle("shop/b", "example.org")}), "");
  world.apply({remove(Kind::kTrustBundle, "shop/a"), bundle("shop/b", "example.org")});
}

TEST_F(Tls, WhatIsNamedStays) {
  world.apply({secret("shop/cert"), put("shop/cart", with_tls({.certificates = {"cert"}}))});
  EXPECT_EQ(world.refuse({remove(Kind::kSecret, "shop/cert")}),
            "Service shop/cart spec.ports[0].tls.certificates[0]: Secret shop/cert would be "
            "deleted, and this still names it\n");
  EXPECT_EQ(world.model.tls_users(key(Kind::kSecret, "shop/cert")).size(), 1u);
  world.apply({remove(Kind::kService, "shop/cart"), remove(Kind::kSecret, "shop/cert")});
  EXPECT_TRUE(world.model.tls_users(key(Kind::kSecret, "shop/cert")).empty());
}

TEST_F(Tls, WorkersGetConfigurations) {
  UpstreamTls out = by_name("cart.example.org", {"roots", "more"});
  out.certificate = "cert";
  world.apply({secret("shop/cert"), bundle("shop/roots", "example.org"),
               bundle("shop/more", "other.org"),
               put("shop/cart", with_tls({.mode = ClientTls::kOptional,
                                          .certificates = {"cert"},
                                          .trust = {"roots", "more"},
                                          .client_ids = {"spiffe://example.org/a"},
                                          .known_names_only = true,
                                          .choice = {.alpn = {"h2"}}},
                                         {"10.96.0.1", "2001:db8::1"})),
               put("shop/cart", upstream(out))});
  EXPECT_EQ(maker.made,
            (std::vector<std::string>{"Service shop/cart port https", "TrafficPolicy shop/cart"}));
  const Frontend& v4 = frontend();
  EXPECT_EQ(v4.client_tls, ClientTls::kOptional);
  EXPECT_EQ(v4.tls_in, frontend("2001:db8::1").tls_in);
  const tls::Config& in = v4.tls_in->config;
  EXPECT_EQ(in.role, tls::Role::kServer);
  EXPECT_EQ(in.peer, tls::PeerCheck::kSpiffe);
  EXPECT_EQ(in.certificates[0].chain_pem, "chain of shop/cert");
  EXPECT_EQ(in.trust.size(), 2u);
  EXPECT_EQ(in.trust[1].trust_domain, "other.org");
  EXPECT_TRUE(in.known_names_only);
  EXPECT_EQ(in.alpn, std::vector<std::string>{"h2"});
  EXPECT_EQ(in.groups, tls::Config().groups);
  EXPECT_NE(v4.tls_in->ready, nullptr);
  const TlsUse& to = *v4.tls_out;
  EXPECT_EQ(to.config.role, tls::Role::kClient);
  EXPECT_EQ(to.server_name, "cart.example.org");
  // By name there is one bundle alone.
  ASSERT_EQ(to.config.trust.size(), 1u);
  EXPECT_EQ(to.config.trust[0].roots_pem, "roots of shop/roots\nroots of shop/more");
}

TEST_F(Tls, WhatIsUnchangedIsTheSameObject) {
  world.apply({secret("shop/cert"), secret("shop/other"),
               put("shop/cart", with_tls({.certificates = {"cert"}})),
               put("shop/pay", with_tls({.certificates = {"other"}}, {"10.96.0.2"}))});
  const auto before = frontend().tls_in, other = frontend("10.96.0.2").tls_in;
  world.apply(
      {put("shop/cart", endpoints("cart", {"10.1.0.1"})),
       put("shop/cart", TrafficPolicy{.service = "cart", .hash_on = HashOn::kSourceAddress}),
       secret("shop/unused")});
  EXPECT_EQ(frontend().tls_in, before);
  EXPECT_EQ(maker.made.size(), 2u);
  const uint32_t generation = world.snapshot->generation;
  world.apply({secret("shop/cert", "new")});
  EXPECT_NE(frontend().tls_in, before);
  EXPECT_EQ(frontend().tls_in->config.certificates[0].key_pem, "new");
  EXPECT_EQ(frontend("10.96.0.2").tls_in, other);
  EXPECT_EQ(maker.made.size(), 3u);
  // Live connections are left alone.
  EXPECT_FALSE(world.may_cut);
  EXPECT_EQ(world.snapshot->generation, generation);
  // As long as somebody has the old one, it is taken again.
  world.apply({secret("shop/cert")});
  EXPECT_EQ(frontend().tls_in, before);
  EXPECT_EQ(maker.made.size(), 3u);
}

TEST_F(Tls, WhatCannotBeMadeIsRefusedWhereItIsUsed) {
  world.apply({secret("shop/cert"), put("shop/cart", with_tls({.certificates = {"cert"}}))});
  const auto before = frontend().tls_in;
  EXPECT_EQ(world.refuse({secret("shop/cert", "bad")}),
            "Service shop/cart spec.ports[0].tls: certificate cert: the key is bad\n");
  world.commit();
  EXPECT_EQ(frontend().tls_in, before);
  EXPECT_EQ(world.refuse({secret("shop/cert", "new")}), "");
  world.model.rollback();
  world.commit();
  EXPECT_EQ(frontend().tls_in, before);
}

TEST_F(Tls, ChangedFilesTakeNoVersion) {
  world.apply({secret("shop/cert"), put("shop/cart", with_tls({.certificates = {"cert"}}))});
  ASSERT_EQ(world.refuse({secret("shop/cert", "new")}), "");
  const Compiled compiled = world.model.commit(world.version, world.now);
  EXPECT_EQ(compiled.snapshot->version, world.version);
  EXPECT_TRUE(compiled.fresh_frontends.empty());
  EXPECT_EQ(compiled.attachments, world.attachments);
}

TEST_F(Tls, BoundsThePemOfAllUses) {
  Limits limits;
  limits.tls_use_bytes = 60;
  FakeMaker counting;
  World small(limits, node(), &counting);
  small.apply({secret("shop/cert"), put("shop/cart", with_tls({.certificates = {"cert"}}))});
  EXPECT_NE(small
                .refuse({put("shop/pay", with_tls({.certificates = {"cert"}}, {"10.96.0.2"})),
                         put("shop/buy", with_tls({.certificates = {"cert"}}, {"10.96.0.3"}))})
                .find("bytes of certificates, keys and roots in all ports"),
            std::string::npos);
  small.apply({put("shop/pay", with_tls({.certificates = {"cert"}}, {"10.96.0.2"}))});
}

}  // namespace
}  // namespace heddle::policy
