#include "trust.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <climits>

#include "tls/spiffe.h"

namespace heddle::tls {

namespace {

BioPtr reader(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// True when reading ended because there is no more.
bool at_end_of_pem() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

Result<bool> add_crls(X509_STORE* store, OSSL_LIB_CTX* library, const std::string& pem) {
  const BioPtr bio = reader(pem);
  size_t count = 0;
  while (true) {
    X509_CRL* fresh = X509_CRL_new_ex(library, nullptr);
    X509_CRL* crl = PEM_read_bio_X509_CRL(bio.get(), &fresh, nullptr, nullptr);
    const X509CrlPtr owner(fresh);
    if (crl == nullptr) break;
    X509_STORE_add_crl(store, crl);
    ++count;
  }
  if (!at_end_of_pem() || count == 0) return fail("the CRL is no PEM that can be read");
  return true;
}

Refusal refusal_of(int error) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return Refusal::kExpired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return Refusal::kNotYetValid;
    case X509_V_ERR_INVALID_PURPOSE:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
    case X509_V_ERR_INVALID_CA:
      return Refusal::kWrongUsage;
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
      return Refusal::kChainTooLong;
    case X509_V_ERR_CERT_REVOKED:
      return Refusal::kRevoked;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
      return Refusal::kRevocationUnknown;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
      return Refusal::kWeakKey;
    case X509_V_ERR_HOSTNAME_MISMATCH:
      return Refusal::kNotExpectedPeer;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return Refusal::kUnknownIssuer;
    default:
      return Refusal::kCertificateMalformed;
  }
}

// X.509-SVID 4.3: a leaf may sign in handshakes and nothing else.
Refusal check_usage(X509* certificate) {
  if (X509_check_ca(certificate) > 0) return Refusal::kIsAuthority;
  const uint32_t usage = X509_get_key_usage(certificate);
  if (usage == UINT32_MAX) return Refusal::kWrongUsage;
  if ((usage & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) != 0) return Refusal::kIsAuthority;
  return (usage & KU_DIGITAL_SIGNATURE) != 0 ? Refusal::kNone : Refusal::kWrongUsage;
}

Refusal check_validity(X509* certificate, UnixTime at) {
  time_t seconds = at.value();
  if (X509_cmp_time(X509_get0_notBefore(certificate), &seconds) > 0) return Refusal::kNotYetValid;
  if (X509_cmp_time(X509_get0_notAfter(certificate), &seconds) < 0) return Refusal::kExpired;
  return Refusal::kNone;
}

}  // namespace

Result<std::vector<X509Ptr>> parse_certificates(OSSL_LIB_CTX* library, const std::string& pem) {
  const BioPtr bio = reader(pem);
  std::vector<X509Ptr> all;
  while (true) {
    X509* fresh = X509_new_ex(library, nullptr);
    X509* certificate = PEM_read_bio_X509(bio.get(), &fresh, nullptr, nullptr);
    X509Ptr owner(fresh);
    if (certificate == nullptr) break;
    all.push_back(std::move(owner));
  }
  if (!at_end_of_pem()) return fail("a certificate is no PEM that can be read");
  if (all.empty()) return fail("there is no certificate in the PEM text");
  return all;
}

Result<Trust> Trust::create(OSSL_LIB_CTX* library, const Config& config) {
  Trust trust;
  trust.library_ = library;
  trust.check_ = config.peer;
  trust.own_role_ = config.role;
  trust.max_intermediates_ = config.max_intermediates;
  trust.expected_ids_ = config.expected_ids;
  for (const TrustConfig& each : config.trust) {
    if (config.peer == PeerCheck::kSpiffe && !is_trust_domain(each.trust_domain))
      return fail("trust domain '{}': not a valid name", each.trust_domain);
    auto roots = parse_certificates(library, each.roots_pem);
    if (!roots) return fail_in(roots.error(), "trust domain '{}'", each.trust_domain);
    Bundle bundle{X509StorePtr(X509_STORE_new()), !each.crl_pem.empty()};
    for (const X509Ptr& root : *roots) X509_STORE_add_cert(bundle.store.get(), root.get());
    if (bundle.has_crl) {
      const auto added = add_crls(bundle.store.get(), library, each.crl_pem);
      if (!added) return fail_in(added.error(), "trust domain '{}'", each.trust_domain);
    }
    const std::string key = config.peer == PeerCheck::kName ? "" : each.trust_domain;
    if (!trust.bundles_.emplace(key, std::move(bundle)).second)
      return fail("trust domain '{}': given twice", each.trust_domain);
  }
  if (config.peer != PeerCheck::kNone && trust.bundles_.empty())
    return fail("peers are to be verified, but there is no trust bundle");
  return trust;
}

const Trust::Bundle* Trust::find(std::string_view trust_domain) const {
  const auto found = bundles_.find(trust_domain);
  return found == bundles_.end() ? nullptr : &found->second;
}

Judged identity_of(X509* certificate) {
  int critical = 0;
  const NamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, nullptr)));
  // -1: there is none; -2: there are several.
  if (names == nullptr)
    return {critical == -1 ? Refusal::kNoUri : Refusal::kCertificateMalformed, {}};
  const ASN1_IA5STRING* uri = nullptr;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    if (uri != nullptr) return {Refusal::kManyUris, {}};
    uri = name->d.uniformResourceIdentifier;
  }
  if (uri == nullptr) return {Refusal::kNoUri, {}};
  const std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                         static_cast<size_t>(ASN1_STRING_length(uri)));
  if (!parse_spiffe_id(text)) return {Refusal::kNotSpiffe, {}};
  return {Refusal::kNone, text};
}

Judged Trust::identify(X509* certificate) const {
  Judged judged = identity_of(certificate);
  if (judged.refusal != Refusal::kNone) return judged;
  if (find(parse_spiffe_id(judged.identity)->trust_domain) == nullptr)
    return {Refusal::kUnknownTrustDomain, {}};
  return judged;
}

Refusal Trust::verify(const Bundle& bundle, const Presented& presented, UnixTime at) const {
  const X509StoreCtxPtr context(X509_STORE_CTX_new_ex(library_, nullptr));
  if (context == nullptr || X509_STORE_CTX_init(context.get(), bundle.store.get(),
                                                presented.certificate, presented.chain) != 1)
    return Refusal::kLibrary;
  X509_VERIFY_PARAM* how = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(how, at.value());
  X509_VERIFY_PARAM_set_depth(how, static_cast<int>(max_intermediates_));
  X509_VERIFY_PARAM_set_auth_level(how, 2);
  X509_VERIFY_PARAM_set_purpose(
      how, own_role_ == Role::kServer ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER);
  if (bundle.has_crl) X509_VERIFY_PARAM_set_flags(how, X509_V_FLAG_CRL_CHECK);
  if (check_ == PeerCheck::kName) {
    if (presented.name.empty()) return Refusal::kNotExpectedPeer;
    X509_VERIFY_PARAM_set_hostflags(how, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    X509_VERIFY_PARAM_set1_host(how, presented.name.data(), presented.name.size());
  }
  if (X509_verify_cert(context.get()) == 1) return Refusal::kNone;
  return refusal_of(X509_STORE_CTX_get_error(context.get()));
}

Judged Trust::judge(const Presented& presented, UnixTime at) const {
  if (check_ == PeerCheck::kNone) return {};
  if (check_ == PeerCheck::kName) {
    const Bundle* bundle = find("");
    return {bundle == nullptr ? Refusal::kUnknownIssuer : verify(*bundle, presented, at), {}};
  }
  Judged judged = identify(presented.certificate);
  if (judged.refusal == Refusal::kNone) judged.refusal = check_usage(presented.certificate);
  if (judged.refusal == Refusal::kNone) {
    const auto id = parse_spiffe_id(judged.identity);
    judged.refusal = verify(*find(id->trust_domain), presented, at);
  }
  if (judged.refusal == Refusal::kNone && !expected_ids_.empty() &&
      std::ranges::find(expected_ids_, judged.identity) == expected_ids_.end())
    judged.refusal = Refusal::kNotExpectedPeer;
  return judged;
}

Judged Trust::judge_again(X509* certificate, UnixTime at) const {
  if (check_ == PeerCheck::kNone) return {};
  Judged judged;
  if (check_ == PeerCheck::kSpiffe) judged = identify(certificate);
  if (judged.refusal == Refusal::kNone) judged.refusal = check_validity(certificate, at);
  if (judged.refusal == Refusal::kNone && !expected_ids_.empty() &&
      std::ranges::find(expected_ids_, judged.identity) == expected_ids_.end())
    judged.refusal = Refusal::kNotExpectedPeer;
  return judged;
}

}  // namespace heddle::tls
