// Secrets and TrustBundles in the engine: what is refused, what is shown, what is on disk, and
// files that change.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "certificates.h"
#include "directory.h"
#include "pem.h"
#include "support.h"

namespace heddle::server {
namespace {

using test::Scratch;

std::string quoted(std::string pem) {
  for (size_t at = 0; (at = pem.find('\n', at)) != std::string::npos; at += 2)
    pem.replace(at, 1, "\\n");
  return "'" + pem + "'";
}

// A certificate for a name, with its key.
struct Pair {
  std::string chain, key;
};
Pair make_pair_of(const std::string& name) {
  const tls::Issued authority = tls::make_authority("root");
  const tls::Issued leaf = tls::issue({.common_name = name, .names = {name}}, &authority);
  return {leaf.pem(), leaf.key_pem()};
}

std::string inline_secret(const std::string& name, const Pair& pair) {
  return named(name, "secret { certificate_pem: " + quoted(pair.chain) +
                         " private_key_pem: " + quoted(pair.key) + " }");
}

std::string tls_service(const std::string& secret) {
  return named("web",
               "service { addresses: '10.96.0.20' forwarding: FORWARDING_PROXY "
               "ports { name: 'https' port: 443 protocol: PROTOCOL_TLS "
               "tls { mode: SERVER_TLS_MODE_TERMINATE certificates: '" +
                   secret + "' } } }");
}

class Secrets : public EngineTest {
 protected:
  Secrets() { open(scratch_.path("state")); }
  ~Secrets() override { engine_.reset(); }

  v1::ListSecretsResponse list() {
    v1::ListSecretsResponse response;
    on_engine([&] { engine_->list_secrets(response); });
    return response;
  }
  std::string problem(const std::vector<std::string>& resources) {
    const auto answer = apply(resources);
    if (answer.response.problems_size() == 0) return answer.status.error_message();
    const v1::Problem& first = answer.response.problems(0);
    return first.field() + ": " + first.message();
  }
  std::shared_ptr<const policy::TlsUse> tls_in() {
    std::shared_ptr<const policy::TlsUse> use;
    on_engine([&] { use = engine_->restored().snapshot->frontends[0]->tls_in; });
    return use;
  }
  // Whether any file of the state directory has the text.
  bool on_disk(const std::string& text) {
    for (const auto& file : std::filesystem::recursive_directory_iterator(scratch_.path("state"))) {
      std::ostringstream all;
      all << std::ifstream(file.path(), std::ios::binary).rdbuf();
      if (all.str().find(text) != std::string::npos) return true;
    }
    return false;
  }
  void reload() {
    on_engine([&] { engine_->reload_files(); });
  }

  Scratch scratch_;
};

// The middle of a key's PEM text, which nothing else has.
std::string part_of(const std::string& key) { return key.substr(60, 40); }

TEST_F(Secrets, PrivateKeysAreNowhere) {
  const Pair first = make_pair_of("web.example.org"), second = make_pair_of("web.example.org");
  ASSERT_EQ(problem({inline_secret("cert", first), tls_service("cert")}), "");
  EXPECT_EQ(tls_in()->config.certificates[0].key_pem, first.key);
  ASSERT_EQ(problem({inline_secret("cert", second)}), "");
  v1::HistoryRequest one;
  one.set_version(2);
  v1::ApplyRequest dry = request_of({inline_secret("cert", first)});
  dry.set_dry_run(true);
  std::string told = get().response.DebugString() + history().response.DebugString() +
                     history(one).response.DebugString() + apply(dry).response.DebugString() +
                     status().DebugString() + list().DebugString();
  v1::ExplainRequest question;
  question.set_from("10.9.0.1");
  question.set_protocol("tcp");
  question.set_destination("shop/web");
  question.set_port(443);
  told += explain(question).response.DebugString();
  EXPECT_EQ(told.find("heddle-sealed"), std::string::npos) << told;
  EXPECT_NE(told.find("(hidden)"), std::string::npos) << told;
  for (const Pair* pair : {&first, &second}) {
    EXPECT_FALSE(on_disk(part_of(pair->key)));
    EXPECT_EQ(told.find(part_of(pair->key)), std::string::npos);
  }
  EXPECT_TRUE(on_disk("heddle-sealed:1:1:"));
  EXPECT_TRUE(on_disk("heddle-sealed:1:2:"));
  // A log that nobody has checkpointed is no other.
  open(scratch_.path("state"));
  EXPECT_EQ(tls_in()->config.certificates[0].key_pem, second.key);
  EXPECT_FALSE(on_disk(part_of(first.key)));
  EXPECT_TRUE(log_.empty());
}

TEST_F(Secrets, TheSameKeyIsNoChange) {
  const Pair pair = make_pair_of("web.example.org");
  ASSERT_EQ(problem({inline_secret("cert", pair)}), "");
  EXPECT_EQ(apply({inline_secret("cert", pair)}).response.version(), 1u);
  // With another certificate file's text and the same key the key does not count as changed.
  const Pair longer{pair.chain + make_pair_of("extra").chain, pair.key};
  v1::ApplyRequest request = request_of({inline_secret("cert", longer)});
  request.set_dry_run(true);
  const auto answer = apply(request);
  ASSERT_EQ(answer.response.changes_size(), 1);
  EXPECT_EQ(answer.response.changes(0).fields_size(), 1) << answer.response.DebugString();
}

TEST_F(Secrets, WhatGetTellsCannotBeApplied) {
  ASSERT_EQ(problem({inline_secret("cert", make_pair_of("a.org"))}), "");
  v1::ApplyRequest request;
  *request.add_upserts() = get().response.resources(0);
  const auto answer = apply(request);
  ASSERT_EQ(answer.response.problems_size(), 1);
  EXPECT_EQ(answer.response.problems(0).field(), "spec.private_key_pem");
  EXPECT_NE(answer.response.problems(0).message().find("What get and describe tell has no keys"),
            std::string::npos);
}

TEST_F(Secrets, RollbackBringsTheKeyBack) {
  const Pair first = make_pair_of("web.example.org"), second = make_pair_of("web.example.org");
  ASSERT_EQ(problem({inline_secret("cert", first), tls_service("cert")}), "");
  ASSERT_EQ(problem({inline_secret("cert", second)}), "");
  const auto back = rollback(1);
  ASSERT_TRUE(back.status.ok()) << back.status.error_message();
  EXPECT_EQ(back.response.version(), 3u) << back.response.DebugString();
  EXPECT_EQ(tls_in()->config.certificates[0].key_pem, first.key);
}

TEST_F(Secrets, AMissingSecretKeyStopsTheStart) {
  ASSERT_EQ(problem({inline_secret("cert", make_pair_of("a.org"))}), "");
  engine_.reset();
  const std::string key = scratch_.path("state/secret.key");
  std::filesystem::rename(key, key + ".away");
  const std::string missing = reopen(scratch_.path("state"));
  EXPECT_NE(missing.find("Secret shop/cert: " + key + " is missing"), std::string::npos) << missing;
  EXPECT_NE(missing.find("--discard-policy"), std::string::npos);
  scratch_.write("state/secret.key", std::string(32, 'x'));
  const std::string wrong = reopen(scratch_.path("state"));
  EXPECT_NE(wrong.find("encrypted by another key"), std::string::npos) << wrong;
  std::filesystem::rename(key + ".away", key);
  EXPECT_EQ(reopen(scratch_.path("state")), "");
}

TEST_F(Secrets, RefusesWhatDoesNotFit) {
  const Pair pair = make_pair_of("a.org"), other = make_pair_of("b.org");
  const tls::Issued authority = tls::make_authority("root");
  const std::string cert = "certificate_pem: " + quoted(pair.chain);
  const std::string key = "private_key_pem: " + quoted(pair.key);
  const std::vector<std::pair<std::string, std::string>> rows = {
      {cert + " private_key_pem: " + quoted(other.key),
       "spec.private_key_pem: the key is not that of the certificate"},
      {cert + " private_key_pem: 'x'",
       "spec.private_key_pem: no PEM private key without pass phrase in it"},
      {"certificate_pem: 'x' " + key, "spec.certificate_pem: no PEM certificate in it"},
      {"certificate_pem: " + quoted(pair.chain + "-----BEGIN CERTIFICATE-----\nAAAA\n") + key,
       "spec.certificate_pem: certificate 2 of it cannot be read"},
      {"certificate_pem: " + quoted(authority.pem()) +
           " private_key_pem: " + quoted(authority.key_pem()),
       "spec.certificate_pem: the first certificate is an authority's (CA), which no service "
       "shows"},
      {cert + " certificate_file: '/x' " + key,
       "spec.certificate_pem: certificate_file is given too; leave one of the two out"},
      {"certificate_file: 'x' " + key,
       "spec.certificate_file: is no absolute path; heddled reads it on its own machine"},
      {"certificate_file: '/proc/self' " + key, "spec.certificate_file: /proc/self: not a regular"},
      {key, "spec.certificate_pem: missing; give it or certificate_file"},
      {cert + " private_key_pem: '" + std::string(16'385, 'k') + "'",
       "spec.private_key_pem: has 16385 bytes; at most 16384 are allowed"},
  };
  for (const auto& [spec, wanted] : rows) {
    const std::string got = problem({named("cert", "secret { " + spec + " }")});
    EXPECT_TRUE(got.starts_with(wanted)) << got;
    EXPECT_EQ(got.find("BEGIN"), std::string::npos);
  }
  const std::string roots = "certificates_pem: " + quoted(authority.pem());
  const auto bundle = [&](const std::string& spec) {
    return problem({named("roots", "trust_bundle { " + spec + " }")});
  };
  EXPECT_TRUE(bundle(roots).starts_with("spec.trust_domain: \"\" is no trust domain"));
  EXPECT_EQ(bundle("trust_domain: 'a.org' certificates_pem: " + quoted(pair.chain)),
            "spec.certificates_pem: certificate 1 of it is not an authority's (CA)");
  EXPECT_EQ(bundle("trust_domain: 'a.org' crl_pem: 'x' " + roots),
            "spec.crl_pem: no PEM CRL in it");
  EXPECT_EQ(bundle("trust_domain: 'a.org' " + roots +
                   " crl_pem: " + quoted(tls::make_crl(authority, {}))),
            "");
}

TEST_F(Secrets, ReadsFilesAgain) {
  const Pair first = make_pair_of("web.example.org"), second = make_pair_of("web.example.org");
  const std::string chain = scratch_.write("tls.crt", first.chain);
  const std::string key = scratch_.write("tls.key", first.key);
  ASSERT_EQ(problem({named("cert", "secret { certificate_file: '" + chain +
                                       "' private_key_file: '" + key + "' }"),
                     tls_service("cert")}),
            "");
  const auto before = tls_in();
  reload();
  EXPECT_EQ(tls_in(), before);
  // Half of a change does not fit; the whole does.
  scratch_.write("tls.crt", second.chain);
  reload();
  reload();
  EXPECT_EQ(tls_in(), before);
  v1::ListSecretsResponse told = list();
  EXPECT_NE(told.secrets(0).problem().find("the key is not that of the certificate"),
            std::string::npos);
  EXPECT_GE(told.failed_reloads(), 1u);
  scratch_.write("tls.key", second.key);
  reload();
  EXPECT_NE(tls_in(), before);
  EXPECT_EQ(tls_in()->config.certificates[0].key_pem, second.key);
  EXPECT_EQ(target_.version, 1u);
  told = list();
  EXPECT_EQ(told.secrets(0).problem(), "");
  EXPECT_EQ(told.reloads(), 1u);
  EXPECT_EQ(told.secrets(0).files_size(), 2);
  EXPECT_EQ(told.secrets(0).used_by(0), "shop/web");
  EXPECT_FALSE(on_disk(part_of(second.key)));
  // Everybody's key is nobody's.
  std::filesystem::permissions(key, std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  reload();
  EXPECT_NE(list().secrets(0).problem().find("everybody may read"), std::string::npos);
  engine_.reset();
  EXPECT_NE(reopen(scratch_.path("state")).find("put the file right"), std::string::npos);
}

TEST_F(Secrets, SeesFilesChange) {
  const Pair first = make_pair_of("web.example.org"), second = make_pair_of("web.example.org");
  const std::string chain = scratch_.write("tls.crt", first.chain + first.key);
  ASSERT_EQ(problem({named("cert", "secret { certificate_file: '" + chain +
                                       "' private_key_file: '" + chain + "' }"),
                     tls_service("cert")}),
            "");
  scratch_.write("tls.crt", second.chain + second.key);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (list().reloads() == 0 && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(tls_in()->config.certificates[0].chain_pem, second.chain + second.key);
}

TEST_F(Secrets, TellsOfCertificates) {
  const tls::Issued authority = tls::make_authority("root");
  const tls::Issued leaf = tls::issue({.common_name = "web",
                                       .uris = {"spiffe://example.org/ns/shop/sa/web"},
                                       .names = {"web.example.org"},
                                       .not_after = 1'700'086'400},
                                      &authority, tls::KeyKind::kRsa2048);
  ASSERT_EQ(
      problem({inline_secret("cert", {leaf.pem(), leaf.key_pem()}),
               named("roots", "trust_bundle { trust_domain: 'example.org' certificates_pem: " +
                                  quoted(authority.pem()) + " }"),
               named("other",
                     "gateway { addresses: '10.96.0.100' listeners { name: 'http' port: 80 "
                     "protocol: PROTOCOL_HTTP } }")}),
      "");
  const v1::ListSecretsResponse told = list();
  ASSERT_EQ(told.secrets_size(), 2) << "other kinds are none of these";
  const v1::SecretInfo& secret = told.secrets(0);
  EXPECT_EQ(secret.kind(), "Secret");
  EXPECT_EQ(secret.subject(), "CN=web");
  EXPECT_EQ(secret.issuer(), "CN=root");
  EXPECT_EQ(secret.dns_names(0), "web.example.org");
  EXPECT_EQ(secret.uris(0), "spiffe://example.org/ns/shop/sa/web");
  EXPECT_EQ(secret.key_type(), "RSA 2048");
  EXPECT_EQ(secret.not_before_ms(), 1'700'000'000'000);
  EXPECT_EQ(secret.not_after_ms(), 1'700'086'400'000);
  EXPECT_LT(secret.days_left(), 0);
  EXPECT_EQ(secret.fingerprint().size(), 16u);
  EXPECT_EQ(secret.certificates(), 1u);
  EXPECT_EQ(told.secrets(1).kind(), "TrustBundle");
  EXPECT_EQ(told.secrets(1).key_type(), "EC P-256");
  EXPECT_EQ(told.secrets(1).trust_domain(), "example.org");
}

TEST_F(Secrets, ExplainTellsOfTls) {
  ASSERT_EQ(
      problem({inline_secret("cert", make_pair_of("a.org")), tls_service("cert"), web_endpoints()}),
      "");
  v1::ExplainRequest question;
  question.set_from("10.9.0.1");
  question.set_protocol("tcp");
  question.set_destination("10.96.0.20");
  question.set_port(443);
  EXPECT_NE(explain(question).response.DebugString().find(
                "ended here, TLS 1.2 or 1.3; clients need no certificate"),
            std::string::npos)
      << explain(question).response.DebugString();
}

}  // namespace
}  // namespace heddle::server
