#include "pem.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <memory>

#include "policy/limits.h"

namespace heddle::server {
namespace {

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* what) const {
    kFree(what);
  }
};
using BioPtr = std::unique_ptr<BIO, Free<BIO_free>>;
using CertificatePtr = std::unique_ptr<X509, Free<X509_free>>;
using CrlPtr = std::unique_ptr<X509_CRL, Free<X509_CRL_free>>;
// Whose certificates are others'.
inline void free_stack(STACK_OF(X509) * stack) { sk_X509_free(stack); }
using StackPtr = std::unique_ptr<STACK_OF(X509), Free<free_stack>>;
using StorePtr = std::unique_ptr<X509_STORE, Free<X509_STORE_free>>;
using VerifyPtr = std::unique_ptr<X509_STORE_CTX, Free<X509_STORE_CTX_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;

BioPtr reader(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// No pass phrase is asked for on a terminal that nobody watches.
int no_pass_phrase(char*, int, int, void*) { return -1; }

// Whether reading ended as there is no more, and not at something that is broken.
bool at_end_of_pem() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

Result<std::vector<CertificatePtr>> parse(const std::string& pem, size_t most) {
  const BioPtr bio = reader(pem);
  std::vector<CertificatePtr> all;
  while (CertificatePtr each{PEM_read_bio_X509(bio.get(), nullptr, no_pass_phrase, nullptr)}) {
    if (all.size() == most) return fail("more than {} certificates; that many are allowed", most);
    all.push_back(std::move(each));
  }
  if (!at_end_of_pem()) return fail("certificate {} of it cannot be read", all.size() + 1);
  if (all.empty()) return fail("no PEM certificate in it");
  return all;
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<size_t>(size)) : std::string();
}

std::string text_of(const X509_NAME* name) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  constexpr unsigned long kFlags = (XN_FLAG_RFC2253 & ~XN_FLAG_SEP_MASK) | XN_FLAG_SEP_CPLUS_SPC;
  X509_NAME_print_ex(bio.get(), name, 0, kFlags);
  return text_of(bio.get());
}

int64_t seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<int64_t>(::timegm(&parts)) : 0;
}

std::string key_type_of(X509* certificate) {
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr) return "unknown";
  std::array<char, 64> group{};
  if (EVP_PKEY_is_a(key, "EC") == 1 &&
      EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1) {
    const char* known = EC_curve_nid2nist(OBJ_sn2nid(group.data()));
    return std::string("EC ") + (known == nullptr ? group.data() : known);
  }
  const char* name = EVP_PKEY_get0_type_name(key);
  if (EVP_PKEY_is_a(key, "RSA") == 1) return fmt::format("RSA {}", EVP_PKEY_get_bits(key));
  return name == nullptr ? "unknown" : name;
}

void read_names(X509* certificate, CertificateFacts& facts) {
  const NamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* each = sk_GENERAL_NAME_value(names.get(), i);
    if (each->type != GEN_DNS && each->type != GEN_URI) continue;
    const ASN1_STRING* text =
        each->type == GEN_DNS ? each->d.dNSName : each->d.uniformResourceIdentifier;
    (each->type == GEN_DNS ? facts.dns_names : facts.uris)
        .emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                      static_cast<size_t>(ASN1_STRING_length(text)));
  }
}

CertificateFacts describe(X509* certificate) {
  constexpr size_t kShownBytes = 8;
  CertificateFacts facts{.subject = text_of(X509_get_subject_name(certificate)),
                         .issuer = text_of(X509_get_issuer_name(certificate)),
                         .key_type = key_type_of(certificate),
                         .not_before = seconds_of(X509_get0_notBefore(certificate)),
                         .not_after = seconds_of(X509_get0_notAfter(certificate))};
  read_names(certificate, facts);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) == 1)
    for (size_t i = 0; i < kShownBytes; ++i) facts.fingerprint += fmt::format("{:02x}", digest[i]);
  return facts;
}

}  // namespace

Result<> check_chain(const std::string& chain_pem) {
  const auto chain = parse(chain_pem, policy::kMaxChain);
  if (!chain) return std::unexpected(chain.error());
  if (X509_check_ca(chain->front().get()) > 0)
    return fail("the first certificate is an authority's (CA), which no service shows");
  return {};
}

Result<> check_key(const std::string& chain_pem, const std::string& key_pem) {
  const CertificatePtr certificate(
      PEM_read_bio_X509(reader(chain_pem).get(), nullptr, no_pass_phrase, nullptr));
  const KeyPtr key(
      PEM_read_bio_PrivateKey(reader(key_pem).get(), nullptr, no_pass_phrase, nullptr));
  const bool fits = certificate != nullptr && key != nullptr &&
                    X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (key == nullptr) return fail("no PEM private key without pass phrase in it");
  if (!fits) return fail("the key is not that of the certificate");
  return {};
}

Result<> verify_chain(const std::string& chain_pem, const std::string& roots_pem, int64_t at) {
  const auto chain = parse(chain_pem, policy::kMaxChain);
  if (!chain) return std::unexpected(chain.error());
  const auto roots = parse(roots_pem, policy::kMaxRoots);
  if (!roots) return std::unexpected(roots.error());
  const StorePtr store(X509_STORE_new());
  for (const CertificatePtr& root : *roots) X509_STORE_add_cert(store.get(), root.get());
  const StackPtr between(sk_X509_new_null());
  for (size_t i = 1; i < chain->size(); ++i) sk_X509_push(between.get(), (*chain)[i].get());
  const VerifyPtr verify(X509_STORE_CTX_new());
  X509_STORE_CTX_init(verify.get(), store.get(), chain->front().get(), between.get());
  X509_STORE_CTX_set_time(verify.get(), 0, static_cast<std::time_t>(at));
  const bool good = X509_verify_cert(verify.get()) == 1;
  ERR_clear_error();
  if (good) return {};
  return fail("{}", X509_verify_cert_error_string(X509_STORE_CTX_get_error(verify.get())));
}

Result<> check_roots(const std::string& roots_pem) {
  const auto roots = parse(roots_pem, policy::kMaxRoots);
  if (!roots) return std::unexpected(roots.error());
  for (size_t i = 0; i < roots->size(); ++i)
    if (X509_check_ca((*roots)[i].get()) <= 0)
      return fail("certificate {} of it is not an authority's (CA)", i + 1);
  return {};
}

Result<> check_crl(const std::string& crl_pem) {
  const BioPtr bio = reader(crl_pem);
  size_t count = 0;
  while (CrlPtr{PEM_read_bio_X509_CRL(bio.get(), nullptr, no_pass_phrase, nullptr)}) ++count;
  if (!at_end_of_pem()) return fail("CRL {} of it cannot be read", count + 1);
  if (count == 0) return fail("no PEM CRL in it");
  return {};
}

std::vector<CertificateFacts> describe_certificates(const std::string& pem) {
  std::vector<CertificateFacts> facts;
  const auto all = parse(pem, policy::kMaxRoots);
  if (!all) return facts;
  for (const CertificatePtr& each : *all) facts.push_back(describe(each.get()));
  return facts;
}

}  // namespace heddle::server
