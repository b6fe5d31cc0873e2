// The gRPC server of heddled. No gRPC or protobuf type leaves this folder.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/result.h"
#include "server/node_view.h"
#include "server/policy_engine.h"
#include "server/socket_file.h"
#include "server/telemetry.h"

namespace heddle::server {

// gRPC over TCP: always with TLS, always with certificates on both sides. Paths of PEM files.
struct TlsListener {
  std::string address;  // "127.0.0.1:9443"
  std::string certificate, key, clients;
};

// Whether the files can be used; they are read again when the server starts.
Result<> check_tls(const TlsListener& listener);

// What there is besides the Unix socket and the NodeView.
struct ServerOptions {
  PolicyEngine* engine = nullptr;  // outlives the server; without it there is no service Policy
  std::optional<TlsListener> tls;
  Telemetry* telemetry = nullptr;  // outlives the server; without it nobody can tap
};

class Server {
 public:
  // Listens on the claimed Unix socket, mode 0600. `view` must outlive the server. gRPC's
  // threads inherit the caller's CPU affinity: start it off the worker cores.
  static Result<std::unique_ptr<Server>> start(SocketFile socket, NodeView& view,
                                               const ServerOptions& options = {});

  // Claims `path` and starts on it. A socket left behind by a dead process is replaced; one
  // that a living process holds is an error.
  static Result<std::unique_ptr<Server>> start(const std::string& path, NodeView& view);

  virtual ~Server() = default;  // stops: running calls get a short while, the socket is removed
};

}  // namespace heddle::server
