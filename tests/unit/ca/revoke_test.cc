// Revocation, as OpenSSL's CRL check and lib/tls see it.
#include "authority_rig.h"
#include "ends.h"

namespace heddle::ca::test {
namespace {

using tls::Refusal;

size_t lists_in(const std::string& pem) {
  size_t count = 0;
  for (size_t at = 0; (at = pem.find("BEGIN X509 CRL", at)) != std::string::npos; ++at) ++count;
  return count;
}

TEST(Revoke, OnlyWhatWasRevokedIsRefused) {
  const Rig rig;
  const Issued good = rig.issue("good"), bad = rig.issue("bad");
  EXPECT_TRUE(rig.bundle().crl_pem.empty());
  const auto revoked = rig.open().revoke(bad.serial, 7, kNow);
  ASSERT_TRUE(revoked) << revoked.error().text;
  EXPECT_EQ(revoked->spiffe_id, bad.spiffe_id);
  EXPECT_FALSE(revoked->before);
  EXPECT_EQ(revoked->next_update, after(7 * kDay));
  EXPECT_EQ(judge(rig.bundle(), good.chain_pem), X509_V_OK);
  EXPECT_EQ(judge(rig.bundle(), bad.chain_pem), X509_V_ERR_CERT_REVOKED);
  // Clocks that are behind take the list as well.
  EXPECT_EQ(judge(rig.bundle(), good.chain_pem, after(-299)), X509_V_OK);
  // Again, it is known; the days are those of before.
  const auto again = rig.open().revoke(bad.serial, {}, after(60));
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->before);
  EXPECT_EQ(again->next_update, after(60 + 7 * kDay));
  const Report report = rig.report();
  EXPECT_FALSE(report.leaves[0].revoked);
  EXPECT_EQ(report.leaves[1].revoked, kNow);
}

TEST(Revoke, EveryIssuerOfLiveCertificatesHasAList) {
  const Rig rig;
  const Issued old = rig.issue("old"), bad = rig.issue("bad");
  ASSERT_TRUE(rig.open().revoke(bad.serial, {}, kNow));
  ASSERT_TRUE(rig.open().rotate_intermediate(kNow));
  const Issued fresh = rig.issue("fresh");
  EXPECT_EQ(lists_in(rig.bundle().crl_pem), 2U);
  for (const Issued* each : {&old, &fresh})
    EXPECT_EQ(judge(rig.bundle(), each->chain_pem), X509_V_OK);
  EXPECT_EQ(judge(rig.bundle(), bad.chain_pem), X509_V_ERR_CERT_REVOKED);
  // What the old one signed can be revoked still.
  ASSERT_TRUE(rig.open().revoke(old.serial, {}, kNow));
  EXPECT_EQ(judge(rig.bundle(), old.chain_pem), X509_V_ERR_CERT_REVOKED);
  // And over the change of the root.
  ASSERT_TRUE(rig.open().prepare_root(kNow));
  ASSERT_TRUE(rig.open().switch_root(kNow));
  EXPECT_EQ(lists_in(rig.bundle().crl_pem), 3U);
  EXPECT_EQ(judge(rig.bundle(), old.chain_pem), X509_V_ERR_CERT_REVOKED);
  EXPECT_EQ(judge(rig.bundle(), fresh.chain_pem), X509_V_OK);
  EXPECT_EQ(judge(rig.bundle(), rig.issue("last").chain_pem), X509_V_OK);
  // When all of them have ended, nobody needs the lists of the old ones.
  ASSERT_TRUE(rig.open().sign_crls({}, after(2 * kDay)));
  EXPECT_EQ(lists_in(rig.bundle(after(2 * kDay)).crl_pem), 1U);
}

TEST(Revoke, AListIsRenewedBeforeItEnds) {
  const Rig rig;
  const Issued good = rig.issue({.name_space = "shop", .service_account = "a", .hours = 1'000});
  const Issued bad = rig.issue({.name_space = "shop", .service_account = "b", .hours = 1'000});
  ASSERT_TRUE(rig.open().revoke(bad.serial, 10, kNow));
  EXPECT_TRUE(rig.report(after(8 * kDay)).warnings.empty());
  const auto soon = rig.report(after(9 * kDay + 1)).warnings;
  ASSERT_EQ(soon.size(), 1U);
  EXPECT_NE(soon[0].find("revocation lists end at"), std::string::npos) << soon[0];
  const auto late = rig.open(Access::kRead).bundle(after(10 * kDay));
  ASSERT_FALSE(late);
  EXPECT_NE(late.error().text.find("peers would be refused"), std::string::npos);
  ASSERT_TRUE(rig.open().sign_crls({}, after(10 * kDay)));
  EXPECT_EQ(judge(rig.bundle(after(10 * kDay)), good.chain_pem, after(11 * kDay)), X509_V_OK);
  EXPECT_EQ(judge(rig.bundle(after(10 * kDay)), bad.chain_pem, after(11 * kDay)),
            X509_V_ERR_CERT_REVOKED);
}

TEST(Revoke, WhatCannotBeRevokedIsSaid) {
  const Rig rig;
  const Issued ended = rig.issue("ended");
  const auto refusal = [&](const std::string& serial, UnixTime now) {
    const auto revoked = rig.open().revoke(serial, {}, now);
    return revoked ? "" : revoked.error().text;
  };
  EXPECT_NE(refusal(std::string(32, '1'), kNow).find("was issued here"), std::string::npos);
  EXPECT_NE(refusal(ended.serial, after(kDay)).find("has ended"), std::string::npos);
  const std::string middle = serial_of_pem(read(rig.path("intermediate.crt"))).value();
  EXPECT_NE(refusal(middle, kNow).find("replace the root"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(rig.path("crl.pem")));
}

TEST(Revoke, ABundleThatLacksARevocationIsNotMade) {
  const Rig rig;
  const Issued good = rig.issue("good"), bad = rig.issue("bad");
  ASSERT_TRUE(rig.open().revoke(good.serial, {}, kNow));
  const std::string before = read(rig.path("crl.pem"));
  ASSERT_TRUE(rig.open().revoke(bad.serial, {}, kNow));
  // As one that was killed between its two writes leaves it.
  std::ofstream(rig.path("crl.pem")) << before;
  const auto refused = rig.open(Access::kRead).bundle(kNow);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("lack " + bad.serial), std::string::npos);
  EXPECT_EQ(rig.report().warnings.size(), 1U);
  ASSERT_TRUE(rig.open().sign_crls({}, kNow));
  EXPECT_EQ(judge(rig.bundle(), bad.chain_pem), X509_V_ERR_CERT_REVOKED);
}

// Both ends are lib/tls with what the authority made.
class Peers {
 public:
  explicit Peers(const Bundle& bundle)
      : trust_{{.trust_domain = bundle.trust_domain,
                .roots_pem = bundle.roots_pem,
                .crl_pem = bundle.crl_pem}} {}

  Refusal refusal_of(const Issued& client, const Issued& server) {
    const auto server_side = context(tls::Role::kServer, server);
    const auto client_side = context(tls::Role::kClient, client);
    tls::OurEnd there(rig_, *server_side, {rig_.context->counters(), {}});
    tls::OurEnd here(rig_, *client_side, {rig_.context->counters(), {}});
    tls::shake(here, there, 100'000, kNow);
    if (there.session && here.session) {
      EXPECT_EQ(there.agreed.peer_identity, client.spiffe_id);
      EXPECT_EQ(here.agreed.peer_identity, server.spiffe_id);
      return Refusal::kNone;
    }
    return there.refusal != Refusal::kPeerAlert ? there.refusal : here.refusal;
  }

 private:
  std::unique_ptr<tls::Context> context(tls::Role role, const Issued& issued) const {
    return tls::make_context({.name = "test",
                              .role = role,
                              .certificates = {{"test", issued.chain_pem, issued.key_pem.text()}},
                              .peer = tls::PeerCheck::kSpiffe,
                              .trust = trust_});
  }

  tls::Rig rig_;
  std::vector<tls::TrustConfig> trust_;
};

TEST(Trust, EachEndKnowsTheOtherByItsSvid) {
  for (const KeyKind kind : {KeyKind::kP256, KeyKind::kP384, KeyKind::kRsa3072}) {
    SCOPED_TRACE(name_of(kind));
    const Rig rig({.trust_domain = "mesh.test", .key = kind});
    const Rig other({.trust_domain = "mesh.test", .key = kind});
    const Issued cart = rig.issue("cart"), front = rig.issue("front");
    EXPECT_EQ(Peers(rig.bundle()).refusal_of(cart, front), Refusal::kNone);
    EXPECT_EQ(Peers(rig.bundle()).refusal_of(other.issue("cart"), front), Refusal::kUnknownIssuer);
  }
}

TEST(Trust, ARevokedPeerIsRefusedByName) {
  const Rig rig;
  const Issued cart = rig.issue("cart"), front = rig.issue("front"), bad = rig.issue("bad");
  ASSERT_TRUE(rig.open().revoke(bad.serial, {}, kNow));
  ASSERT_TRUE(rig.open().rotate_intermediate(kNow));
  const Issued fresh = rig.issue("fresh");
  Peers peers(rig.bundle());
  EXPECT_EQ(peers.refusal_of(cart, front), Refusal::kNone);
  EXPECT_EQ(peers.refusal_of(fresh, front), Refusal::kNone);
  EXPECT_EQ(peers.refusal_of(bad, front), Refusal::kRevoked);
}

TEST(Trust, TheRootsRotationIsNoticedByNobody) {
  const Rig rig;
  const Issued old = rig.issue("old");
  ASSERT_TRUE(rig.open().prepare_root(kNow));
  ASSERT_TRUE(rig.open().switch_root(kNow));
  const Issued fresh = rig.issue("fresh");
  Peers peers(rig.bundle());
  EXPECT_EQ(peers.refusal_of(old, fresh), Refusal::kNone);
  EXPECT_EQ(peers.refusal_of(fresh, old), Refusal::kNone);
}

}  // namespace
}  // namespace heddle::ca::test
