// The gRPC server of heddled. No gRPC or protobuf type leaves this folder.
#pragma once

#include <memory>
#include <string>

#include "core/result.h"
#include "server/node_view.h"
#include "server/socket_file.h"

namespace heddle::server {

class Server {
 public:
  // Listens on the claimed Unix socket, mode 0600. `view` must outlive the server. gRPC's
  // threads inherit the caller's CPU affinity: start it off the worker cores.
  static Result<std::unique_ptr<Server>> start(SocketFile socket, NodeView& view);

  // Claims `path` and starts on it. A socket left behind by a dead process is replaced; one
  // that a living process holds is an error.
  static Result<std::unique_ptr<Server>> start(const std::string& path, NodeView& view);

  virtual ~Server() = default;  // stops: running calls get a short while, the socket is removed
};

}  // namespace heddle::server
