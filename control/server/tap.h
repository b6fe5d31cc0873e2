// Tap: requests as they end, for one caller of gRPC.
#pragma once

#include <grpcpp/support/server_callback.h>

#include "heddle/v1/policy.pb.h"
#include "request_names.h"
#include "telemetry.h"

namespace heddle::server {

// Whether a filter can be followed; what it names has to be there.
grpc::Status check_tap(const v1::TapRequest& request, const RequestNames& names);

// Runs until the caller goes away, or has got as many as it asked for; deletes itself.
// Null: there is nothing to tap.
grpc::ServerWriteReactor<v1::TappedRequest>* begin_tap(RunningTelemetry* telemetry,
                                                       const v1::TapRequest& request);

}  // namespace heddle::server
