// The shape of TLS: what a port, an upstream and a rule by server names say, and the PEM texts.
#include <fmt/format.h>

#include <set>

#include "names.h"
#include "policy/limits.h"
#include "shape.h"
#include "tls_use.h"

namespace heddle::policy {

void ShapeChecker::text(const std::string& field, const std::string& text, size_t least,
                        size_t most) {
  if (text.size() < least) return fail(field, "is missing");
  if (text.size() > most)
    fail(field, fmt::format("has {} bytes; at most {} are allowed", text.size(), most));
}

void ShapeChecker::names(const std::string& field, const std::vector<std::string>& names,
                         size_t most) {
  if (!count(field, names.size(), 0, most, "names")) return;
  std::set<std::string_view> seen;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string at = fmt::format("{}[{}]", field, i);
    label(at, names[i]);
    if (!seen.insert(names[i]).second) fail(at, quote(names[i]) + " is there twice");
  }
}

void ShapeChecker::peer_ids(const std::string& field, const std::vector<std::string>& ids) {
  if (!count(field, ids.size(), 0, kMaxPeerIds, "SPIFFE IDs")) return;
  for (size_t i = 0; i < ids.size(); ++i)
    if (trust_domain_of(ids[i]).empty())
      fail(fmt::format("{}[{}]", field, i),
           fmt::format("{} is no SPIFFE ID; expected spiffe://TRUST-DOMAIN/PATH", quote(ids[i])));
}

void ShapeChecker::tls_choice(const std::string& field, const TlsChoice& choice) {
  if (choice.min_version > choice.max_version) fail(field + ".min_version", "is above max_version");
  count(field + ".suites", choice.suites.size(), 0, tls::kSuites.size(), "suites");
  for (const tls::SuiteId id : choice.suites)
    if (id >= tls::SuiteId::kCount) return fail(field + ".suites", "has one that is not known");
  count(field + ".groups", choice.groups.size(), 0, kMaxGroups, "groups");
  if (!count(field + ".alpn", choice.alpn.size(), 0, kMaxAlpn, "protocols")) return;
  for (size_t i = 0; i < choice.alpn.size(); ++i)
    text(fmt::format("{}.alpn[{}]", field, i), choice.alpn[i], 1, kMaxAlpnName);
}

void ShapeChecker::port_tls(const std::string& field, const ServicePort& port,
                            const Service& spec) {
  const ServerTls& tls = *port.tls;
  if (forwarding_of(spec, port) != Forwarding::kProxy)
    fail(field, fmt::format("needs forwarding: proxy, and this is {}: without it packets pass as "
                            "they are",
                            name_of(spec.forwarding)));
  if (tls.mode == ClientTls::kPassthrough) {
    if (port.http)
      fail(field + ".mode",
           "is PASSTHROUGH, where the endpoint ends TLS, and the port is one of HTTP, which ends "
           "here");
    return passthrough(field, tls);
  }
  if (tls.mode != ClientTls::kTerminate && tls.mode != ClientTls::kOptional)
    return fail(field + ".mode", "is none that is known");
  names(field + ".certificates", tls.certificates, kMaxCertificates);
  if (tls.certificates.empty())
    fail(field + ".certificates", "is missing: who ends TLS needs a Secret at least");
  names(field + ".trust", tls.trust, kMaxTrust);
  peer_ids(field + ".client_ids", tls.client_ids);
  if (!tls.client_ids.empty() && tls.trust.empty())
    fail(field + ".client_ids", "needs trust: without it no client is asked for a certificate");
  tls_choice(field, tls.choice);
}

void ShapeChecker::passthrough(const std::string& field, const ServerTls& tls) {
  const ServerTls nothing{.mode = tls.mode};
  if (tls != nothing)
    fail(field, "has mode: PASSTHROUGH, where the endpoint ends TLS: only mode may be given");
}

void ShapeChecker::upstream_tls(const std::string& field, const UpstreamTls& tls) {
  if (!tls.server_name.empty())
    if (const auto why = why_no_server_name(tls.server_name, Wildcard::kRefused); !why.empty())
      fail(field + ".server_name", fmt::format("{} {}", quote(tls.server_name), why));
  names(field + ".trust", tls.trust, kMaxTrust);
  if (tls.trust.empty())
    fail(field + ".trust",
         "is missing: there is no TLS without checking who answers; name a TrustBundle");
  if (!tls.certificate.empty()) label(field + ".certificate", tls.certificate);
  peer_ids(field + ".server_ids", tls.server_ids);
  if (tls.verify == tls::PeerCheck::kName) {
    if (tls.server_name.empty())
      fail(field + ".server_name", "is missing: verify: NAME compares it with the certificate");
    if (!tls.server_ids.empty())
      fail(field + ".server_ids", "are for verify: SPIFFE, and this is NAME");
  } else if (tls.verify != tls::PeerCheck::kSpiffe) {
    fail(field + ".verify", "expected NAME or SPIFFE");
  }
  tls_choice(field, tls.choice);
}

void ShapeChecker::tls_rule(const std::string& field, const TlsRule& rule) {
  backends(field + ".backends", rule.backends);
  const std::string at = field + ".server_names";
  if (!count(at, rule.server_names.size(), 1, kMaxServerNames, "server names")) return;
  for (size_t i = 0; i < rule.server_names.size(); ++i)
    if (const auto why = why_no_server_name(rule.server_names[i], Wildcard::kTaken); !why.empty())
      fail(fmt::format("{}[{}]", at, i), fmt::format("{} {}", quote(rule.server_names[i]), why));
}

void ShapeChecker::check(const Secret& spec) {
  text("spec.certificate_pem", spec.chain_pem, 1, kMaxChainPem);
  text("spec.private_key_pem", spec.key_pem, 1, kMaxKeyPem);
}

void ShapeChecker::check(const TrustBundle& spec) {
  text("spec.trust_domain", spec.trust_domain, 1, 255);
  text("spec.certificates_pem", spec.roots_pem, 1, kMaxBundlePem);
  text("spec.crl_pem", spec.crl_pem, 0, kMaxCrlPem);
}

}  // namespace heddle::policy
