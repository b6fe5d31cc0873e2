#include "crl.h"

#include <openssl/err.h>

namespace heddle::ca {
namespace {

Result<IntegerPtr> number_of(const std::string& serial) {
  BIGNUM* parsed = nullptr;
  BN_hex2bn(&parsed, serial.c_str());
  const NumberPtr number(parsed);
  IntegerPtr made(number == nullptr ? nullptr : BN_to_ASN1_INTEGER(number.get(), nullptr));
  if (made == nullptr) return openssl_failed("read a serial number");
  return made;
}

Result<> add_revoked(X509_CRL* crl, const RevokedSerial& revoked) {
  const auto serial = number_of(revoked.serial);
  if (!serial) return std::unexpected(serial.error());
  const auto at = make_time(revoked.at);
  if (!at) return std::unexpected(at.error());
  X509_REVOKED* entry = X509_REVOKED_new();
  if (entry != nullptr && X509_REVOKED_set_serialNumber(entry, serial->get()) == 1 &&
      X509_REVOKED_set_revocationDate(entry, at->get()) == 1 &&
      X509_CRL_add0_revoked(crl, entry) == 1)
    return {};
  X509_REVOKED_free(entry);
  return openssl_failed("add to a revocation list");
}

Result<> set_update(X509_CRL* crl, const Validity& update) {
  const auto from = make_time(update.not_before), to = make_time(update.not_after);
  if (!from) return std::unexpected(from.error());
  if (!to) return std::unexpected(to.error());
  if (X509_CRL_set1_lastUpdate(crl, from->get()) != 1 ||
      X509_CRL_set1_nextUpdate(crl, to->get()) != 1)
    return openssl_failed("set a revocation list's time");
  return {};
}

// The extensions that RFC 5280 5.2 asks for.
Result<> add_extensions(X509_CRL* crl, X509* issuer, uint64_t number) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, nullptr, nullptr, crl, 0);
  X509_EXTENSION* key =
      X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always");
  const bool added = key != nullptr && X509_CRL_add_ext(crl, key, -1) == 1;
  X509_EXTENSION_free(key);
  const IntegerPtr value(ASN1_INTEGER_new());
  if (!added || value == nullptr || ASN1_INTEGER_set_uint64(value.get(), number) != 1 ||
      X509_CRL_add1_ext_i2d(crl, NID_crl_number, value.get(), 0, X509V3_ADD_DEFAULT) != 1)
    return openssl_failed("add a revocation list's extension");
  return {};
}

}  // namespace

Result<CrlPtr> make_crl(const CrlWanted& wanted, const Signer& by) {
  CrlPtr crl(X509_CRL_new());
  if (crl == nullptr || X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2) != 1 ||
      X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(by.certificate)) != 1)
    return openssl_failed("make a revocation list");
  HEDDLE_TRY(set_update(crl.get(), wanted.update));
  HEDDLE_TRY(add_extensions(crl.get(), by.certificate, wanted.number));
  for (const RevokedSerial& each : wanted.revoked) HEDDLE_TRY(add_revoked(crl.get(), each));
  X509_CRL_sort(crl.get());
  if (X509_CRL_sign(crl.get(), by.key, digest_for(by.key)) <= 0)
    return openssl_failed("sign a revocation list");
  return crl;
}

bool lists(X509_CRL* crl, const std::string& serial) {
  const auto number = number_of(serial);
  X509_REVOKED* found = nullptr;
  return number && X509_CRL_get0_by_serial(crl, &found, number->get()) == 1;
}

bool is_crl_of(X509_CRL* crl, X509* issuer) {
  const bool fits = X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(issuer)) == 0 &&
                    X509_CRL_verify(crl, X509_get0_pubkey(issuer)) == 1;
  ERR_clear_error();
  return fits;
}

UnixTime next_update_of(const X509_CRL* crl) { return time_of(X509_CRL_get0_nextUpdate(crl)); }

}  // namespace heddle::ca
