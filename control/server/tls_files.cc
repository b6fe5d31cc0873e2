#include "tls_files.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace heddle::server {
namespace {

constexpr off_t kMaxBytes = 1 << 20;

Result<std::string> read_file(const std::string& path, bool secret) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return fail("{}: cannot open: {}", path, std::strerror(errno));
  struct stat info{};
  std::string text;
  std::string wrong;
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
    wrong = "not a regular file";
  else if (info.st_size > kMaxBytes)
    wrong = "larger than 1 MiB, which no certificate is";
  else if (secret && (info.st_mode & 0007) != 0)
    wrong = "a private key that everybody may read or write; chmod 600 it";
  if (wrong.empty()) {
    text.resize(static_cast<size_t>(info.st_size));
    const ssize_t got = ::read(fd, text.data(), text.size());
    if (got != static_cast<ssize_t>(text.size())) wrong = "cannot be read whole";
  }
  ::close(fd);
  if (!wrong.empty()) return fail("{}: {}", path, wrong);
  return text;
}

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
  const auto certificate = read_file(listener.certificate, false);
  if (!certificate) return std::unexpected(certificate.error());
  const auto key = read_file(listener.key, true);
  if (!key) return std::unexpected(key.error());
  const auto clients = read_file(listener.clients, false);
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
