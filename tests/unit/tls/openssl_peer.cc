#include "openssl_peer.h"

#include <openssl/err.h>

#include "core/check.h"

namespace heddle::tls {

OpenSslPeer::OpenSslPeer(SSL_CTX* context, End end) : ssl_(SSL_new(context)) {
  SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  if (end == End::kClient) {
    SSL_set_connect_state(ssl_);
  } else {
    SSL_set_accept_state(ssl_);
  }
}

bool OpenSslPeer::handshake() {
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl_);
  error_ = done == 1 ? 0 : SSL_get_error(ssl_, done);
  return done == 1;
}

void OpenSslPeer::give(std::span<const uint8_t> bytes) {
  if (bytes.empty()) return;
  BIO_write(SSL_get_rbio(ssl_), bytes.data(), static_cast<int>(bytes.size()));
}

std::vector<uint8_t> OpenSslPeer::take() {
  BIO* bio = SSL_get_wbio(ssl_);
  std::vector<uint8_t> bytes(BIO_ctrl_pending(bio));
  if (!bytes.empty()) BIO_read(bio, bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

bool OpenSslPeer::write(std::span<const uint8_t> bytes) {
  ERR_clear_error();
  size_t written = 0;
  return bytes.empty() ||
         (SSL_write_ex(ssl_, bytes.data(), bytes.size(), &written) == 1 && written == bytes.size());
}

std::vector<uint8_t> OpenSslPeer::read() {
  std::vector<uint8_t> all;
  uint8_t bytes[16384];
  size_t n = 0;
  ERR_clear_error();
  int done = 0;
  while ((done = SSL_read_ex(ssl_, bytes, sizeof(bytes), &n)) == 1)
    all.insert(all.end(), bytes, bytes + n);
  error_ = SSL_get_error(ssl_, done);
  return all;
}

ContextPtr server_context(const Issued& certificate) {
  ContextPtr context(SSL_CTX_new(TLS_server_method()));
  HEDDLE_CHECK(SSL_CTX_use_certificate(context.get(), certificate.certificate.get()) == 1 &&
                   SSL_CTX_use_PrivateKey(context.get(), certificate.key.get()) == 1,
               "a test's certificate is not taken");
  return context;
}

ContextPtr client_context() { return ContextPtr(SSL_CTX_new(TLS_client_method())); }

void only_suite(SSL_CTX* context, const Suite& suite) {
  const std::string name(suite.openssl);
  const int version = suite.version == Version::kTls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
  SSL_CTX_set_min_proto_version(context, version);
  SSL_CTX_set_max_proto_version(context, version);
  const int done = version == TLS1_3_VERSION ? SSL_CTX_set_ciphersuites(context, name.c_str())
                                             : SSL_CTX_set_cipher_list(context, name.c_str());
  HEDDLE_CHECK(done == 1, "OpenSSL does not know a suite");
}

void log_secrets(SSL_CTX* context, std::vector<std::string>& lines) {
  SSL_CTX_set_app_data(context, &lines);
  SSL_CTX_set_keylog_callback(context, [](const SSL* ssl, const char* line) {
    static_cast<std::vector<std::string>*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))
        ->emplace_back(line);
  });
}

std::vector<uint8_t> secret_from(const std::vector<std::string>& lines, const std::string& label) {
  for (const std::string& line : lines) {
    if (!line.starts_with(label + " ")) continue;
    const std::string hex = line.substr(line.rfind(' ') + 1);
    std::vector<uint8_t> bytes;
    for (size_t i = 0; i + 1 < hex.size(); i += 2)
      bytes.push_back(static_cast<uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
    return bytes;
  }
  return {};
}

}  // namespace heddle::tls
