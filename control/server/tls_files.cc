#include "tls_files.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "pem_file.h"

namespace heddle::server {
namespace {

constexpr size_t kMaxBytes = 1 << 20;

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Bio memory(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

// No pass phrase is asked for on a terminal that nobody watches.
int no_pass_phrase(char*, int, int, void*) { return -1; }

Certificate first_certificate(const std::string& text) {
  return {PEM_read_bio_X509(memory(text).get(), nullptr, no_pass_phrase, nullptr), X509_free};
}

}  // namespace

Result<std::shared_ptr<grpc::ServerCredentials>> make_tls_credentials(const TlsListener& listener) {
  const auto certificate = read_pem_file(listener.certificate, FileKind::kPublic, kMaxBytes);
  if (!certificate) return std::unexpected(certificate.error());
  const auto key = read_pem_file(listener.key, FileKind::kPrivateKey, kMaxBytes);
  if (!key) return std::unexpected(key.error());
  const auto clients = read_pem_file(listener.clients, FileKind::kPublic, kMaxBytes);
  if (!clients) return std::unexpected(clients.error());

  const Certificate own = first_certificate(*certificate);
  if (own == nullptr) return fail("{}: no PEM certificate in it", listener.certificate);
  if (first_certificate(*clients) == nullptr)
    return fail("{}: no PEM certificate in it", listener.clients);
  const Key private_key(
      PEM_read_bio_PrivateKey(memory(*key).get(), nullptr, no_pass_phrase, nullptr), EVP_PKEY_free);
  if (private_key == nullptr)
    return fail("{}: no PEM private key without pass phrase in it", listener.key);
  if (X509_check_private_key(own.get(), private_key.get()) != 1)
    return fail("{} is not the key of {}", listener.key, listener.certificate);

  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = *clients;
  options.pem_key_cert_pairs.push_back({*key, *certificate});
  return grpc::SslServerCredentials(options);
}

Result<> check_tls(const TlsListener& listener) {
  const auto credentials = make_tls_credentials(listener);
  if (!credentials) return std::unexpected(credentials.error());
  return {};
}

}  // namespace heddle::server
