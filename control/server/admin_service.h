// The gRPC service Admin: what the data plane tells about itself.
#pragma once

#include <grpcpp/impl/codegen/service_type.h>

#include <memory>

#include "engine.h"
#include "server/node_view.h"

namespace heddle::server {

// Both outlive the server that has the service; without an engine services have no names.
std::unique_ptr<grpc::Service> make_admin_service(NodeView& view, Engine* engine);

}  // namespace heddle::server
