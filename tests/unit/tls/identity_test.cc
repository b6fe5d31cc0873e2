// Who the peer is: SPIFFE IDs, chains, validity, usage, revocation.
#include <openssl/pem.h>

#include "ends.h"
#include "tls/spiffe.h"

namespace heddle::tls {
namespace {

TEST(Spiffe, IdsAreParsedOrRefused) {
  const auto id = parse_spiffe_id("spiffe://mesh.test/ns/shop/sa/cart");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->trust_domain, "mesh.test");
  EXPECT_EQ(id->path, "/ns/shop/sa/cart");
  EXPECT_EQ(id->name_space, "shop");
  EXPECT_EQ(id->service_account, "cart");
  const auto other = parse_spiffe_id("spiffe://a/b");
  ASSERT_TRUE(other);
  EXPECT_EQ(other->name_space, "");
  for (const std::string_view wrong :
       {"", "spiffe://", "spiffe://a", "spiffe://a/", "spiffe:///ns/x", "SPIFFE://a/b",
        "spiffe://A/b", "spiffe://a:80/b", "spiffe://u@a/b", "spiffe://a/b?c", "spiffe://a/b#c",
        "spiffe://a/b//c", "spiffe://a/b/", "spiffe://a/./b", "spiffe://a/../b", "spiffe://a/%62",
        "https://a/b", "spiffe://a/b c"})
    EXPECT_FALSE(parse_spiffe_id(wrong)) << wrong;
  EXPECT_FALSE(parse_spiffe_id(std::string("spiffe://a/") + std::string(kMaxSpiffeId, 'b')));
  EXPECT_FALSE(parse_spiffe_id("spiffe://" + std::string(256, 'a') + "/b"));
  EXPECT_FALSE(parse_spiffe_id(std::string_view("spiffe://a/b\0c", 14)));
}

Config spiffe_config(Role role, const CertificateConfig& certificate) {
  return {.name = "test",
          .role = role,
          .certificates = {certificate},
          .peer = PeerCheck::kSpiffe,
          .trust = mesh_trust()};
}

struct Row {
  const char* name;
  Refusal refusal;
  CertificateConfig certificate;
  UnixTime at = kToday;
};

std::vector<Row> bad_peers() {
  const Authorities& by = authorities();
  const std::string id = "spiffe://mesh.test/ns/shop/sa/cart";
  const auto made = [&](Wanted wanted, const Issued& issuer = authorities().mesh) {
    return config_of(issue(wanted, &issuer));
  };
  std::string chain = by.middle.pem();
  const Issued m1 = make_authority("m1", &by.middle);
  const Issued m2 = make_authority("m2", &m1);
  const Issued m3 = make_authority("m3", &m2);
  const std::string long_chain = m3.pem() + m2.pem() + m1.pem() + by.middle.pem();
  return {
      {"no URI", Refusal::kNoUri, made({.names = {"cart"}})},
      {"no names at all", Refusal::kNoUri, made({})},
      {"two URIs", Refusal::kManyUris, made({.uris = {id, id + "2"}})},
      {"the same URI twice", Refusal::kManyUris, made({.uris = {id, id}})},
      {"a URI that is no SPIFFE ID", Refusal::kNotSpiffe, made({.uris = {"https://mesh.test/x"}})},
      {"a trust domain alone", Refusal::kNotSpiffe, made({.uris = {"spiffe://mesh.test"}})},
      {"an unknown trust domain", Refusal::kUnknownTrustDomain,
       made({.uris = {"spiffe://other.test/ns/a/sa/b"}}, by.other)},
      {"signed by another's authority", Refusal::kUnknownIssuer, made({.uris = {id}}, by.other)},
      {"signed by itself", Refusal::kUnknownIssuer, config_of(issue({.uris = {id}}, nullptr))},
      {"an intermediate that is not sent", Refusal::kUnknownIssuer,
       made({.uris = {id}}, by.middle)},
      {"expired", Refusal::kExpired, made({.uris = {id}}), UnixTime{2'000'000'001}},
      {"not yet valid", Refusal::kNotYetValid, made({.uris = {id}, .not_before = 1'900'000'000})},
      {"an authority's certificate", Refusal::kIsAuthority,
       config_of(issue(
           {.uris = {id}, .authority = true, .key_usage = "critical,keyCertSign,digitalSignature"},
           &by.mesh))},
      {"may sign certificates", Refusal::kIsAuthority,
       made({.uris = {id}, .key_usage = "critical,digitalSignature,keyCertSign"})},
      {"may not sign", Refusal::kWrongUsage,
       made({.uris = {id}, .key_usage = "critical,keyAgreement"})},
      {"no key usage", Refusal::kWrongUsage, made({.uris = {id}, .key_usage = ""})},
      {"too long a chain", Refusal::kChainTooLong,
       config_of(issue({.uris = {id}}, &m3), long_chain)},
  };
}

TEST(Identity, BadClientsAreRefusedByNameAndAlert) {
  Rig rig;
  const auto server_side = make_context(spiffe_config(Role::kServer, config_of(workload("front"))));
  for (const Row& row : bad_peers()) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      SCOPED_TRACE(row.name);
      // OpenSSL's client does not look at what it sends.
      const ContextPtr theirs = client_context();
      SSL_CTX_set_max_proto_version(theirs.get(), version);
      BIO* bio = BIO_new_mem_buf(row.certificate.chain_pem.data(),
                                 static_cast<int>(row.certificate.chain_pem.size()));
      CertificatePtr leaf(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr));
      ASSERT_EQ(SSL_CTX_use_certificate(theirs.get(), leaf.get()), 1);
      while (X509* link = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr))
        SSL_CTX_add0_chain_cert(theirs.get(), link);
      BIO_free(bio);
      bio = BIO_new_mem_buf(row.certificate.key_pem.data(), -1);
      const KeyPtr key(PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr));
      BIO_free(bio);
      ASSERT_EQ(SSL_CTX_use_PrivateKey(theirs.get(), key.get()), 1);
      OpenSslPeer peer(theirs.get(), OpenSslPeer::End::kClient);
      OurEnd end(rig, *server_side, {rig.context->counters(), {}});
      shake(end, peer, 100'000, row.at);
      EXPECT_EQ(end.progress, HandshakeProgress::kRefused);
      EXPECT_EQ(name_of(end.refusal), name_of(row.refusal));
      EXPECT_FALSE(end.session);
      EXPECT_GE(rig.context->counters().value(row.refusal), 1u);
    }
  }
}

TEST(Identity, BadServersAreRefusedByOurClient) {
  Rig rig;
  for (const Row& row : bad_peers()) {
    SCOPED_TRACE(row.name);
    Config theirs{.name = "test", .certificates = {row.certificate}};
    const auto server_side = make_context(theirs);
    const auto client_side =
        make_context(spiffe_config(Role::kClient, config_of(workload("front"))));
    OurEnd server(rig, *server_side, {rig.context->counters(), {}});
    OurEnd client(rig, *client_side, {rig.context->counters(), {}});
    shake(client, server, 100'000, row.at);
    EXPECT_EQ(name_of(client.refusal), name_of(row.refusal));
    EXPECT_FALSE(client.session);
    EXPECT_FALSE(server.session);
    EXPECT_EQ(server.refusal, Refusal::kPeerAlert);
    EXPECT_EQ(server.peer_alert, alert_of(row.refusal));
  }
}

TEST(Identity, EachEndIsTheOthersIdentityAlsoWhenResumed) {
  Rig rig;
  const std::string chain = authorities().middle.pem();
  const Issued cart = workload("cart", authorities().middle);
  const auto server_side = make_context(spiffe_config(Role::kServer, config_of(workload("front"))));
  const TicketKeys keys = test_ticket_keys(1);
  server_side->set_ticket_keys(&keys);
  for (const Version version : {Version::kTls12, Version::kTls13}) {
    Config config = spiffe_config(Role::kClient, config_of(cart, chain));
    config.max_version = version;
    config.expected_ids = {"spiffe://mesh.test/ns/shop/sa/front"};
    const auto client_side = make_context(config);
    ResumptionTicket ticket;
    for (int round = 0; round < 2; ++round) {
      OurEnd server(rig, *server_side, {rig.context->counters(), {}});
      OurEnd client(rig, *client_side, {rig.context->counters(), {}, "", &ticket});
      shake(client, server);
      ASSERT_TRUE(client.session && server.session) << name_of(server.refusal);
      EXPECT_EQ(server.agreed.peer_identity, "spiffe://mesh.test/ns/shop/sa/cart");
      EXPECT_EQ(client.agreed.peer_identity, "spiffe://mesh.test/ns/shop/sa/front");
      EXPECT_EQ(server.agreed.resumed, round == 1 && version == Version::kTls12);
      ticket = std::move(client.ticket);
    }
    if (version == Version::kTls12) {
      // A ticket outlives its certificate, but not as an identity.
      OurEnd server(rig, *server_side, {rig.context->counters(), {}});
      OurEnd client(rig, *client_side, {rig.context->counters(), {}, "", &ticket});
      shake(client, server, 100'000, UnixTime{2'000'000'001});
      EXPECT_FALSE(server.session);
    }
    config.expected_ids = {"spiffe://mesh.test/ns/shop/sa/other"};
    const auto picky = make_context(config);
    OurEnd server(rig, *server_side, {rig.context->counters(), {}});
    OurEnd client(rig, *picky, {rig.context->counters(), {}});
    shake(client, server);
    EXPECT_EQ(client.refusal, Refusal::kNotExpectedPeer);
  }
}

TEST(Identity, AHandshakeMayWantOnePeerOfMany) {
  Rig rig;
  const auto server_side = make_context(spiffe_config(Role::kServer, config_of(workload("front"))));
  const auto client_side = make_context(spiffe_config(Role::kClient, config_of(workload("cart"))));
  for (const bool right : {true, false}) {
    OurEnd server(rig, *server_side, {rig.context->counters(), {}});
    Handshake::Options options{.counters = rig.context->counters(), .now = {}};
    options.expected_id =
        right ? "spiffe://mesh.test/ns/shop/sa/front" : "spiffe://mesh.test/ns/shop/sa/back";
    OurEnd client(rig, *client_side, options);
    shake(client, server);
    EXPECT_EQ(client.session.has_value(), right);
    EXPECT_EQ(name_of(client.refusal), name_of(right ? Refusal::kNone : Refusal::kNotExpectedPeer));
    EXPECT_EQ(server.session.has_value(), right);
  }
}

TEST(Identity, AConfigurationMayWantItsOwnIdentity) {
  Rig rig;
  Config config = spiffe_config(Role::kServer, config_of(workload("front")));
  config.own_id = "spiffe://mesh.test/ns/shop/sa/front";
  EXPECT_TRUE(Context::create(library(), config).has_value());
  config.own_id = "spiffe://mesh.test/ns/shop/sa/back";
  const auto refused = Context::create(library(), config);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().text.find("is not of spiffe://mesh.test/ns/shop/sa/back, but of "
                                      "spiffe://mesh.test/ns/shop/sa/front"),
            std::string::npos)
      << refused.error().text;
}

TEST(Identity, AClientWithoutCertificateIsRefused) {
  Rig rig;
  const auto server_side = make_context(spiffe_config(Role::kServer, config_of(workload("front"))));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const ContextPtr theirs = client_context();
    SSL_CTX_set_max_proto_version(theirs.get(), version);
    OpenSslPeer peer(theirs.get(), OpenSslPeer::End::kClient);
    OurEnd end(rig, *server_side, {rig.context->counters(), {}});
    shake(end, peer);
    EXPECT_EQ(end.refusal, Refusal::kNoCertificate);
  }
}

TEST(Identity, RevokedCertificatesAreRefused) {
  Rig rig;
  const Issued good = workload("good");
  const Issued bad = workload("bad");
  const Issued& by = authorities().mesh;
  const struct {
    const Issued& client;
    std::string crl;
    Refusal refusal;
  } rows[] = {
      {good, make_crl(by, {&bad}), Refusal::kNone},
      {bad, make_crl(by, {&bad}), Refusal::kRevoked},
      {good, make_crl(by, {&bad}, 1'700'000'000, 1'750'000'000), Refusal::kRevocationUnknown},
      {good, make_crl(authorities().other, {}), Refusal::kRevocationUnknown}};
  for (const auto& row : rows) {
    Config config = spiffe_config(Role::kServer, config_of(workload("front")));
    config.trust[0].crl_pem = row.crl;
    const auto server_side = make_context(config);
    const auto client_side = make_context(spiffe_config(Role::kClient, config_of(row.client)));
    OurEnd server(rig, *server_side, {rig.context->counters(), {}});
    OurEnd client(rig, *client_side, {rig.context->counters(), {}});
    shake(client, server);
    EXPECT_EQ(name_of(server.refusal), name_of(row.refusal));
  }
}

TEST(Identity, ConfigurationsThatCannotWorkAreNamed) {
  const Config good = spiffe_config(Role::kServer, config_of(workload("front")));
  const auto error = [&](auto&& change) {
    Config config = good;
    change(config);
    const auto made = Context::create(library(), config);
    return made ? std::string() : made.error().text;
  };
  EXPECT_EQ(error([](Config&) {}), "");
  EXPECT_NE(error([](Config& c) { c.certificates.clear(); }).find("needs a certificate"),
            std::string::npos);
  EXPECT_NE(error([](Config& c) {
              c.certificates[0].key_pem = workload("x").key_pem();
            }).find("does not belong"),
            std::string::npos);
  EXPECT_NE(error([](Config& c) { c.certificates[0].chain_pem = "x"; }).find("no certificate"),
            std::string::npos);
  EXPECT_NE(error([](Config& c) { c.trust.clear(); }).find("no trust bundle"), std::string::npos);
  EXPECT_NE(error([](Config& c) { c.trust.push_back(c.trust[0]); }).find("given twice"),
            std::string::npos);
  EXPECT_NE(error([](Config& c) { c.groups = {"X9999"}; }).find("groups"), std::string::npos);
  EXPECT_NE(error([](Config& c) {
              c.suites = {SuiteId::kEcdheRsaAes128Gcm};
              c.min_version = Version::kTls13;
            }).find("no cipher suite"),
            std::string::npos);
}

}  // namespace
}  // namespace heddle::tls
