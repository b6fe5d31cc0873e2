// The gRPC service Policy: hands what comes to the engine, and what it says back.
#pragma once

#include <memory>

#include "engine.h"
#include "heddle/v1/policy.grpc.pb.h"
#include "telemetry.h"

namespace heddle::server {

// The engine outlives the server that has the service.
std::unique_ptr<grpc::Service> make_policy_service(Engine& engine, NodeView& view,
                                                   RunningTelemetry* telemetry);

}  // namespace heddle::server
