// A filter over flows, as it was asked for, to the values that flows are compared with.
#pragma once

#include <grpcpp/support/status.h>

#include "engine.h"
#include "heddle/v1/admin.pb.h"
#include "server/flow_view.h"

namespace heddle::server {

// Not OK: one sentence on the field that is wrong.
grpc::Status read_filter(const v1::FlowFilter& from, const FlowNames& names, FlowFilter& to);

}  // namespace heddle::server
