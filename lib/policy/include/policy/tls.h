// TLS as policy asks for it on the connections of a proxied service. Policy holds the plain
// configuration; the data plane makes it ready for its workers and alone knows what that is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/result.h"
#include "tls/config.h"

namespace heddle::policy {

// A configuration made ready for all workers. Shared by every snapshot and connection under it.
class TlsReady {
 public:
  virtual ~TlsReady() = default;
};

class TlsMaker {
 public:
  // Reads the certificates, keys and bundles. Called by the control side alone. An error is one
  // sentence about the configuration.
  virtual Result<std::shared_ptr<const TlsReady>> make(const tls::Config& config) = 0;

 protected:
  ~TlsMaker() = default;
};

// What a client of a port speaks.
enum class ClientTls : uint8_t {
  kOff,          // what it likes: bytes are bytes
  kTerminate,    // TLS, which ends here
  kOptional,     // either: told by the first bytes
  kPassthrough,  // TLS, which the endpoint ends; the server name alone is read
};

struct TlsUse {
  tls::Config config;
  std::shared_ptr<const TlsReady> ready;
  std::string server_name;  // of a client: the SNI, and what kName looks for; or empty
};

}  // namespace heddle::policy
