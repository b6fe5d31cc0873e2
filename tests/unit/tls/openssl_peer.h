// OpenSSL as the other end, over memory: a connection object that is told bytes and gives bytes.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "certificates.h"
#include "tls/key_schedule.h"

namespace heddle::tls {

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using ContextPtr = std::unique_ptr<SSL_CTX, FreeContext>;

class OpenSslPeer {
 public:
  enum class End { kClient, kServer };

  OpenSslPeer(SSL_CTX* context, End end);
  ~OpenSslPeer() { SSL_free(ssl_); }
  OpenSslPeer(const OpenSslPeer&) = delete;
  OpenSslPeer& operator=(const OpenSslPeer&) = delete;

  SSL* ssl() { return ssl_; }
  bool handshake();  // true when it is done
  void give(std::span<const uint8_t> bytes);
  std::vector<uint8_t> take();
  bool write(std::span<const uint8_t> bytes);
  // What it has decrypted so far.
  std::vector<uint8_t> read();
  int last_error() const { return error_; }

 private:
  SSL* ssl_;
  int error_ = 0;
};

ContextPtr server_context(const Issued& certificate);
ContextPtr client_context();
// Restricts a context to one suite.
void only_suite(SSL_CTX* context, const Suite& suite);
// Remembers the lines of the key log in the context.
void log_secrets(SSL_CTX* context, std::vector<std::string>& lines);
std::vector<uint8_t> secret_from(const std::vector<std::string>& lines, const std::string& label);

}  // namespace heddle::tls
