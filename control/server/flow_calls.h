// ListFlows and FlushFlows: from a request to a walk over the data plane's flows, and what it found
// in words. Pure but for the NodeView.
#pragma once

#include <grpcpp/support/status.h>

#include "engine.h"
#include "heddle/v1/admin.pb.h"
#include "server/node_view.h"

namespace heddle::server {

// `names`: of the policy in effect.
grpc::Status list_flows(NodeView& view, const FlowNames& names, const GoOn& go_on,
                        const v1::ListFlowsRequest& request, v1::ListFlowsResponse& response);
grpc::Status flush_flows(NodeView& view, const FlowNames& names, const GoOn& go_on,
                         const v1::FlushFlowsRequest& request, v1::FlushFlowsResponse& response);

}  // namespace heddle::server
