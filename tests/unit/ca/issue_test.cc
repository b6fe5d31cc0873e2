// What is issued, read back by OpenSSL: X509-SVID.md 2 to 5, RFC 5280 4.
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <set>

#include "authority_rig.h"

namespace heddle::ca::test {
namespace {

std::vector<std::string> names_of(X509* certificate, int kind, int* critical = nullptr) {
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, critical, nullptr));
  std::vector<std::string> found;
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type != kind) continue;
    const ASN1_STRING* text = name->d.ia5;
    found.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                       static_cast<size_t>(ASN1_STRING_length(text)));
  }
  GENERAL_NAMES_free(names);
  return found;
}

bool is_critical(X509* certificate, int kind) {
  const int at = X509_get_ext_by_NID(certificate, kind, -1);
  return at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(certificate, at)) == 1;
}

int64_t seconds_until(const ASN1_TIME* time) {
  int days = 0, seconds = 0;
  ASN1_TIME* now = ASN1_TIME_set(nullptr, kNow.value());
  EXPECT_EQ(ASN1_TIME_diff(&days, &seconds, now, time), 1);
  ASN1_TIME_free(now);
  return days * kDay + seconds;
}

int group_of(X509* certificate) {
  char name[64] = {};
  EVP_PKEY_get_group_name(X509_get0_pubkey(certificate), name, sizeof(name), nullptr);
  return OBJ_txt2nid(name);
}

TEST(Issue, ALeafIsAnSvidAndNothingElse) {
  const Rig rig;
  const Issued issued = rig.issue("cart");
  EXPECT_EQ(issued.spiffe_id, "spiffe://mesh.test/ns/shop/sa/cart");
  const auto chain = certificates_of(issued.chain_pem);
  ASSERT_EQ(chain.size(), 2U);
  X509* leaf = chain.front().get();
  int critical = 0;
  EXPECT_EQ(names_of(leaf, GEN_URI, &critical),
            std::vector<std::string>{"spiffe://mesh.test/ns/shop/sa/cart"});
  // RFC 5280 4.2.1.6: without a subject.
  EXPECT_EQ(critical, 1);
  EXPECT_EQ(X509_NAME_entry_count(X509_get_subject_name(leaf)), 0);
  EXPECT_TRUE(names_of(leaf, GEN_DNS).empty());
  EXPECT_EQ(X509_check_ca(leaf), 0);
  EXPECT_EQ(X509_get_key_usage(leaf), static_cast<uint32_t>(KU_DIGITAL_SIGNATURE));
  EXPECT_TRUE(is_critical(leaf, NID_key_usage));
  EXPECT_EQ(X509_get_extended_key_usage(leaf),
            static_cast<uint32_t>(XKU_SSL_SERVER | XKU_SSL_CLIENT));
  EXPECT_EQ(group_of(leaf), NID_X9_62_prime256v1);
  EXPECT_EQ(seconds_until(X509_get0_notBefore(leaf)), -300);
  EXPECT_EQ(seconds_until(X509_get0_notAfter(leaf)), kDay);
  EXPECT_EQ(issued.not_after, after(kDay));
  BIO* bio = BIO_new_mem_buf(issued.key_pem.text().data(), -1);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  EXPECT_EQ(X509_check_private_key(leaf, key), 1);
  EVP_PKEY_free(key);
  BIO_free(bio);
  EXPECT_EQ(judge(rig.bundle(), issued.chain_pem), X509_V_OK);
  EXPECT_EQ(judge(rig.bundle(), issued.chain_pem, kNow, X509_PURPOSE_SSL_SERVER), X509_V_OK);
  EXPECT_EQ(judge(rig.bundle(), issued.chain_pem, after(kDay + 1)), X509_V_ERR_CERT_HAS_EXPIRED);
  EXPECT_EQ(judge(rig.bundle(), issued.chain_pem, after(-301)), X509_V_ERR_CERT_NOT_YET_VALID);
}

TEST(Issue, HostNamesStandBesideTheOneUri) {
  const Rig rig;
  const Issued issued = rig.issue({.name_space = "edge",
                                   .service_account = "web",
                                   .dns_names = {"shop.example", "*.shop.example"},
                                   .hours = 1});
  X509* leaf = certificates_of(issued.chain_pem).front().release();
  EXPECT_EQ(names_of(leaf, GEN_URI), std::vector<std::string>{"spiffe://mesh.test/ns/edge/sa/web"});
  EXPECT_EQ(names_of(leaf, GEN_DNS), (std::vector<std::string>{"shop.example", "*.shop.example"}));
  EXPECT_EQ(X509_check_host(leaf, "a.shop.example", 0, 0, nullptr), 1);
  X509_free(leaf);
}

TEST(Issue, AuthoritiesAreForSigningAndHaveTheTrustDomainsId) {
  for (const KeyKind kind : {KeyKind::kP256, KeyKind::kP384, KeyKind::kRsa3072}) {
    SCOPED_TRACE(name_of(kind));
    const Rig rig({.trust_domain = "mesh.test", .key = kind, .days = 100});
    const Issued issued = rig.issue("cart");
    auto chain = certificates_of(issued.chain_pem);
    chain.push_back(std::move(certificates_of(rig.bundle().roots_pem).front()));
    for (size_t i = 1; i < chain.size(); ++i) {
      X509* x = chain[i].get();
      EXPECT_EQ(X509_check_ca(x), 1);
      EXPECT_EQ(X509_get_key_usage(x), static_cast<uint32_t>(KU_KEY_CERT_SIGN | KU_CRL_SIGN));
      EXPECT_TRUE(is_critical(x, NID_key_usage) && is_critical(x, NID_basic_constraints));
      EXPECT_EQ(names_of(x, GEN_URI), std::vector<std::string>{"spiffe://mesh.test"});
      EXPECT_EQ(EVP_PKEY_is_a(X509_get0_pubkey(x), kind == KeyKind::kRsa3072 ? "RSA" : "EC"), 1);
      EXPECT_EQ(EVP_PKEY_get_bits(X509_get0_pubkey(x)), kind == KeyKind::kP256   ? 256
                                                        : kind == KeyKind::kP384 ? 384
                                                                                 : 3072);
      // The intermediate ends with its root.
      EXPECT_EQ(seconds_until(X509_get0_notAfter(x)), 100 * kDay);
    }
    EXPECT_EQ(X509_get_pathlen(chain[1].get()), 0);
    EXPECT_EQ(judge(rig.bundle(), issued.chain_pem), X509_V_OK);
  }
}

TEST(Issue, SerialsAndKeysAreNeverTwice) {
  const Rig rig;
  std::set<std::string> serials, keys;
  for (int i = 0; i < 20; ++i) {
    const Issued issued = rig.issue("cart");
    EXPECT_EQ(issued.serial.size(), 32U);
    EXPECT_EQ(serial_of_pem(issued.chain_pem).value(), issued.serial);
    serials.insert(issued.serial);
    keys.insert(issued.key_pem.text());
  }
  EXPECT_EQ(serials.size(), 20U);
  EXPECT_EQ(keys.size(), 20U);
  const Report report = rig.report();
  ASSERT_EQ(report.leaves.size(), 20U);
  for (const LeafFacts& leaf : report.leaves) EXPECT_TRUE(serials.contains(leaf.serial));
}

TEST(Issue, NothingOutlivesItsIssuer) {
  const Rig rig({.trust_domain = "mesh.test", .days = 20, .intermediate_days = 10});
  rig.issue({.name_space = "shop", .service_account = "cart", .hours = 240});
  for (const auto& [hours, now] :
       {std::pair{241U, kNow}, {24U, after(9 * kDay + kHour)}, {1U, after(11 * kDay)}}) {
    const auto refused =
        rig.open().issue({.name_space = "shop", .service_account = "cart", .hours = hours}, now);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text.find("may not outlive it"), std::string::npos)
        << refused.error().text;
  }
  EXPECT_EQ(rig.report().leaves.size(), 1U);
  // A new one by a root that ends before it would: it ends with the root.
  ASSERT_TRUE(rig.open().rotate_intermediate(after(15 * kDay)));
  const Issued last =
      rig.issue({.name_space = "shop", .service_account = "cart", .hours = 120}, after(15 * kDay));
  EXPECT_EQ(last.not_after, after(20 * kDay));
  const auto ended = rig.open().rotate_intermediate(after(20 * kDay));
  ASSERT_FALSE(ended);
  EXPECT_NE(ended.error().text.find("the root has ended"), std::string::npos);
}

TEST(Issue, TimesBeyond2050AreWritten) {
  const Rig rig({.trust_domain = "mesh.test", .days = 36'500, .intermediate_days = 36'500});
  const Issued issued =
      rig.issue({.name_space = "shop", .service_account = "cart", .hours = 36'499 * 24});
  EXPECT_EQ(judge(rig.bundle(), issued.chain_pem, after(36'498 * kDay)), X509_V_OK);
  EXPECT_EQ(rig.report().leaves.front().not_after, after(36'499 * kDay));
}

TEST(Issue, WithoutTheRootsKeyAllButRotationGoesOn) {
  const Rig rig;
  const std::string away = rig.path() + "-root.key";
  std::filesystem::rename(rig.path("root.key"), away);
  const Issued issued = rig.issue("cart");
  ASSERT_TRUE(rig.open().revoke(issued.serial, {}, kNow));
  EXPECT_EQ(judge(rig.bundle(), issued.chain_pem), X509_V_ERR_CERT_REVOKED);
  EXPECT_FALSE(rig.report().authorities.front().has_key);
  const auto refused = rig.open().rotate_intermediate(kNow);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("root.key, which signs intermediates"), std::string::npos)
      << refused.error().text;
  // A link to where it is kept does as well.
  std::filesystem::create_symlink(away, rig.path("root.key"));
  ASSERT_TRUE(rig.open().rotate_intermediate(kNow));
}

TEST(Issue, WhatEndsSoonIsTold) {
  const Rig rig({.trust_domain = "mesh.test", .days = 100, .intermediate_days = 50});
  rig.issue("cart");
  rig.issue("old");
  rig.issue("old", after(12 * kHour));
  EXPECT_TRUE(rig.report(after(21 * kHour)).warnings.empty());
  const auto warnings = rig.report(after(22 * kHour)).warnings;
  ASSERT_EQ(warnings.size(), 1U) << "what was issued again is not told";
  EXPECT_NE(warnings[0].find("spiffe://mesh.test/ns/shop/sa/cart ends at 2027-01-16"),
            std::string::npos)
      << warnings[0];
  EXPECT_NE(rig.report(after(46 * kDay)).warnings.at(0).find("the intermediate ends"),
            std::string::npos);
  const auto late = rig.report(after(91 * kDay)).warnings;
  EXPECT_TRUE(std::ranges::any_of(late, [](const std::string& warning) {
    return warning.find("the root ends") != std::string::npos;
  }));
}

}  // namespace
}  // namespace heddle::ca::test
