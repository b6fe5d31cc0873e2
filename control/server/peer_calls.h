// ListPeers: who has shown an identity on live connections, from a walk over all of these.
#pragma once

#include <grpcpp/support/status.h>

#include "engine.h"
#include "heddle/v1/admin.pb.h"
#include "server/node_view.h"

namespace heddle::server {

// `names`: of the policy in effect.
grpc::Status list_peers(NodeView& view, const FlowNames& names, const GoOn& go_on,
                        const v1::ListPeersRequest& request, v1::ListPeersResponse& response);

}  // namespace heddle::server
