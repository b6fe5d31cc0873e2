// The certificates of the TLS listener, read and looked at before gRPC gets them: it says nothing
// of what is wrong with them.
#pragma once

#include <grpcpp/security/server_credentials.h>

#include <memory>

#include "core/result.h"
#include "server/server.h"

namespace heddle::server {

// Clients have to show a certificate that one of `clients` has signed.
Result<std::shared_ptr<grpc::ServerCredentials>> make_tls_credentials(const TlsListener& listener);

}  // namespace heddle::server
