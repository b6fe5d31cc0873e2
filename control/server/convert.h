// From the data plane's plain values to messages. One direction is enough: clients read the
// messages themselves.
#pragma once

#include <vector>

#include "heddle/v1/admin.pb.h"
#include "server/node_view.h"

namespace heddle::server {

// Each appends to an empty response. Text that is not UTF-8 gets '?' for its wrong bytes, as
// protobuf's receivers refuse such a message as a whole.
void convert(const VersionInfo& from, v1::VersionResponse& to);
void convert(const std::vector<PortInfo>& from, v1::ListPortsResponse& to);
void convert(const std::vector<WorkerInfo>& from, v1::ListWorkersResponse& to);
void convert(const std::vector<GraphNodeInfo>& from, v1::GetGraphResponse& to);
void convert(const std::vector<DropInfo>& from, v1::ListDropsResponse& to);
void convert(const std::vector<NeighborInfo>& from, v1::ListNeighborsResponse& to);
void convert(const std::vector<RouteInfo>& from, v1::ListRoutesResponse& to);
void convert(const std::vector<TcpCounterInfo>& from, v1::ListTcpCountersResponse& to);
void convert(const std::vector<TcpCounterInfo>& from, v1::ListTlsCountersResponse& to);

}  // namespace heddle::server
