#include "certificate.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include <array>
#include <ctime>

namespace heddle::ca {
namespace {

constexpr int kSerialBits = 128;

Result<> set_serial(X509* certificate) {
  const NumberPtr number(BN_new());
  if (number == nullptr || BN_rand(number.get(), kSerialBits, BN_RAND_TOP_ANY, 0) != 1 ||
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) == nullptr)
    return openssl_failed("draw a serial number");
  return {};
}

// The first and the last second are valid (RFC 5280 4.1.2.5).
Result<> set_validity(X509* certificate, const Validity& validity) {
  const auto from = make_time(validity.not_before), to = make_time(validity.not_after);
  if (!from) return std::unexpected(from.error());
  if (!to) return std::unexpected(to.error());
  if (X509_set1_notBefore(certificate, from->get()) != 1 ||
      X509_set1_notAfter(certificate, to->get()) != 1)
    return openssl_failed("set a certificate's time");
  return {};
}

Result<> add_name_part(X509* certificate, const char* kind, const std::string& text) {
  if (X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), kind, MBSTRING_ASC,
                                 reinterpret_cast<const unsigned char*>(text.data()),
                                 static_cast<int>(text.size()), -1, 0) != 1)
    return openssl_failed("set a certificate's name");
  return {};
}

Result<> add_extension(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  const int added = extension == nullptr ? 0 : X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  if (added != 1) return openssl_failed("add a certificate's extension");
  return {};
}

Result<> add_to(GENERAL_NAMES* names, int kind, const std::string& text) {
  NamePtr name(GENERAL_NAME_new());
  ASN1_IA5STRING* value = ASN1_IA5STRING_new();
  if (name == nullptr || value == nullptr ||
      ASN1_STRING_set(value, text.data(), static_cast<int>(text.size())) != 1) {
    ASN1_IA5STRING_free(value);
    return openssl_failed("set a certificate's names");
  }
  GENERAL_NAME_set0_value(name.get(), kind, value);
  if (sk_GENERAL_NAME_push(names, name.get()) <= 0)
    return openssl_failed("set a certificate's names");
  name.release();
  return {};
}

// As values, not as the text of a configuration: nothing in a name has a meaning there.
Result<> add_names(X509* certificate, const LeafNames& wanted) {
  const NamesPtr names(GENERAL_NAMES_new());
  if (names == nullptr) return openssl_failed("set a certificate's names");
  HEDDLE_TRY(add_to(names.get(), GEN_URI, wanted.spiffe_id));
  for (const std::string& each : wanted.dns_names) HEDDLE_TRY(add_to(names.get(), GEN_DNS, each));
  // Critical where there is no subject (RFC 5280 4.2.1.6).
  const int critical = X509_NAME_entry_count(X509_get_subject_name(certificate)) == 0 ? 1 : 0;
  if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), critical,
                        X509V3_ADD_DEFAULT) != 1)
    return openssl_failed("set a certificate's names");
  return {};
}

// All that certificates have in common. Without a key no extension of key identifiers is possible.
Result<CertificatePtr> begin(EVP_PKEY* key, const Validity& validity) {
  CertificatePtr made(X509_new());
  if (made == nullptr || X509_set_version(made.get(), X509_VERSION_3) != 1 ||
      X509_set_pubkey(made.get(), key) != 1)
    return openssl_failed("make a certificate");
  HEDDLE_TRY(set_serial(made.get()));
  HEDDLE_TRY(set_validity(made.get(), validity));
  return made;
}

Result<> sign(X509* certificate, const Signer& by) {
  if (X509_set_issuer_name(certificate, X509_get_subject_name(by.certificate)) != 1)
    return openssl_failed("set a certificate's issuer");
  if (by.certificate != certificate)
    HEDDLE_TRY(
        add_extension(certificate, by.certificate, NID_authority_key_identifier, "keyid:always"));
  if (X509_sign(certificate, by.key, digest_for(by.key)) <= 0)
    return openssl_failed("sign a certificate");
  return {};
}

}  // namespace

Result<KeyPtr> make_key(KeyKind kind) {
  KeyPtr key(kind == KeyKind::kP256   ? EVP_EC_gen("P-256")
             : kind == KeyKind::kP384 ? EVP_EC_gen("P-384")
                                      : EVP_RSA_gen(3072U));
  if (key == nullptr) return openssl_failed("make a key");
  return key;
}

Result<CertificatePtr> make_authority(std::string_view trust_domain, EVP_PKEY* key,
                                      const Validity& validity, const Signer& by) {
  constexpr size_t kShownDigits = 16, kMaxOrganization = 64;  // X.520's upper bound
  auto made = begin(key, validity);
  if (!made) return made;
  X509* x = made->get();
  const bool root = by.certificate == nullptr;
  // Where two authorities had one name, peers would try the wrong one's keys and lists first.
  if (trust_domain.size() <= kMaxOrganization)
    HEDDLE_TRY(add_name_part(x, "O", std::string(trust_domain)));
  HEDDLE_TRY(add_name_part(x, "CN",
                           fmt::format("Heddle {} {}", root ? "root" : "intermediate",
                                       serial_of(x).substr(0, kShownDigits))));
  X509* issuer = root ? x : by.certificate;
  HEDDLE_TRY(add_extension(x, issuer, NID_basic_constraints,
                           root ? "critical,CA:TRUE" : "critical,CA:TRUE,pathlen:0"));
  HEDDLE_TRY(add_extension(x, issuer, NID_key_usage, "critical,keyCertSign,cRLSign"));
  HEDDLE_TRY(add_extension(x, issuer, NID_subject_key_identifier, "hash"));
  HEDDLE_TRY(add_names(x, {.spiffe_id = "spiffe://" + std::string(trust_domain)}));
  HEDDLE_TRY(sign(x, root ? Signer{x, key} : by));
  return made;
}

Result<CertificatePtr> make_leaf(const LeafNames& names, EVP_PKEY* key, const Validity& validity,
                                 const Signer& by) {
  auto made = begin(key, validity);
  if (!made) return made;
  X509* x = made->get();
  HEDDLE_TRY(add_extension(x, by.certificate, NID_basic_constraints, "critical,CA:FALSE"));
  HEDDLE_TRY(add_extension(x, by.certificate, NID_key_usage, "critical,digitalSignature"));
  HEDDLE_TRY(add_extension(x, by.certificate, NID_ext_key_usage, "serverAuth,clientAuth"));
  HEDDLE_TRY(add_extension(x, by.certificate, NID_subject_key_identifier, "hash"));
  HEDDLE_TRY(add_names(x, names));
  HEDDLE_TRY(sign(x, by));
  return made;
}

std::string serial_of(const ASN1_INTEGER* serial) {
  constexpr size_t kDigits = kSerialBits / 4;
  const NumberPtr number(ASN1_INTEGER_to_BN(serial, nullptr));
  char* hex = number == nullptr ? nullptr : BN_bn2hex(number.get());
  std::string digits(hex == nullptr ? "" : hex);
  OPENSSL_free(hex);
  for (char& c : digits)
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  return digits.size() < kDigits ? std::string(kDigits - digits.size(), '0') + digits : digits;
}

std::string serial_of(const X509* certificate) {
  return serial_of(X509_get0_serialNumber(certificate));
}

UnixTime time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return UnixTime{0};
  return UnixTime{static_cast<int64_t>(::timegm(&parts))};
}

Validity validity_of(const X509* certificate) {
  return {time_of(X509_get0_notBefore(certificate)), time_of(X509_get0_notAfter(certificate))};
}

std::string subject_of(const X509* certificate) {
  constexpr unsigned long kFlags = (XN_FLAG_RFC2253 & ~XN_FLAG_SEP_MASK) | XN_FLAG_SEP_CPLUS_SPC;
  const BioPtr bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, kFlags);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return size > 0 ? std::string(data, static_cast<size_t>(size)) : std::string();
}

std::string key_type_of(X509* certificate) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr) return "unknown";
  if (EVP_PKEY_is_a(key, "RSA") == 1) return fmt::format("RSA {}", EVP_PKEY_get_bits(key));
  if (EVP_PKEY_is_a(key, "EC") == 1) return fmt::format("EC P-{}", EVP_PKEY_get_bits(key));
  return "unknown";
}

bool is_signed_by(X509* certificate, X509* issuer) {
  const bool fits = X509_check_issued(issuer, certificate) == X509_V_OK &&
                    X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;
  ERR_clear_error();
  return fits;
}

bool is_root(X509* certificate) { return is_signed_by(certificate, certificate); }

Result<TimePtr> make_time(UnixTime time) {
  TimePtr made(ASN1_TIME_set(nullptr, time.value()));
  if (made == nullptr) return openssl_failed("write a time");
  return made;
}

const EVP_MD* digest_for(const EVP_PKEY* key) {
  return EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_bits(key) > 256 ? EVP_sha384()
                                                                       : EVP_sha256();
}

}  // namespace heddle::ca
