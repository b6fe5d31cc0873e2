// ListConnections and ListListeners: from a request to what the data plane has, and that in words.
// Pure but for the NodeView.
#pragma once

#include <grpcpp/support/status.h>

#include "engine.h"
#include "heddle/v1/admin.pb.h"
#include "server/node_view.h"

namespace heddle::server {

// `names`: of the policy in effect.
grpc::Status list_connections(NodeView& view, const FlowNames& names, const GoOn& go_on,
                              const v1::ListConnectionsRequest& request,
                              v1::ListConnectionsResponse& response);
grpc::Status list_listeners(NodeView& view, const FlowNames& names, const GoOn& go_on,
                            const v1::ListListenersRequest& request,
                            v1::ListListenersResponse& response);

}  // namespace heddle::server
