#include "flow_calls.h"

#include <optional>

#include "flow_filter.h"
#include "flow_top.h"
#include "walk_parts.h"

namespace heddle::server {
namespace {

std::string protocol_text(wire::IpProtocol protocol) {
  switch (protocol) {
    case wire::IpProtocol::kTcp:
      return "tcp";
    case wire::IpProtocol::kUdp:
      return "udp";
    case wire::IpProtocol::kIcmp:
      return "icmp";
    case wire::IpProtocol::kIcmpv6:
      return "icmpv6";
    default:
      return std::to_string(static_cast<unsigned>(protocol));
  }
}

void convert(const FlowInfo& from, const FlowNames& names, v1::Flow& to) {
  to.set_protocol(protocol_text(from.protocol));
  to.set_state(flow::name(from.state));
  convert_end(from.client, *to.mutable_client());
  convert_end(from.destination, *to.mutable_destination());
  convert_end(from.endpoint, *to.mutable_endpoint());
  convert_end(from.source, *to.mutable_source());
  to.set_source_translated(from.source_translated);
  to.set_service(names.text(from.frontend));
  to.set_idle_ms(from.idle_ms);
  to.set_age_ms(from.age_ms);
  to.set_expires_ms(from.expires_ms);
  to.set_worker(from.worker);
}

template <class Request>
grpc::Status read(const Request& request, const FlowNames& names, FlowFilter& filter) {
  if (auto status = refuse_newer(request, request.filter()); !status.ok()) return status;
  return read_filter(request.filter(), names, filter);
}

}  // namespace

grpc::Status list_flows(NodeView& view, const FlowNames& names, const GoOn& go_on,
                        const v1::ListFlowsRequest& request, v1::ListFlowsResponse& response) {
  FlowFilter filter;
  if (const auto status = read(request, names, filter); !status.ok()) return status;
  if (request.limit() > kMostRows)
    return wrong_argument(fmt::format("limit: at most {}, not {}", kMostRows, request.limit()));
  std::optional<FlowTop> top;
  if (!request.top().empty()) {
    const auto key = FlowTop::key_of(request.top());
    if (!key)
      return wrong_argument(fmt::format(
          "top: expected source, destination, service or endpoint, not \"{}\"", request.top()));
    if (request.count_only() || request.limit() != 0)
      return wrong_argument("top has neither a limit nor a count");
    top.emplace(*key);
  }
  const bool rows = !request.count_only() && !top;
  const uint32_t limit = !rows ? 0 : request.limit() == 0 ? kDefaultRows : request.limit();
  uint64_t matched = 0;
  const FlowWalk walk = view.walk_flows(filter, go_on, [&](const FlowInfo& flow) {
    if (matched++ < limit) convert(flow, names, *response.add_flows());
    if (top) top->count(flow);
  });
  response.set_matched(matched);
  if (top) top->tell(names, response);
  tell_end(walk, response);
  return grpc::Status::OK;
}

grpc::Status flush_flows(NodeView& view, const FlowNames& names, const GoOn& go_on,
                         const v1::FlushFlowsRequest& request, v1::FlushFlowsResponse& response) {
  FlowFilter filter;
  if (const auto status = read(request, names, filter); !status.ok()) return status;
  const bool narrow = request.filter().ByteSizeLong() != 0;
  if (!narrow && !request.all()) return wrong_argument("without a filter all must be set");
  if (narrow && request.all()) return wrong_argument("all is every flow, a filter some of them");
  const FlowWalk walk = view.flush_flows(filter, go_on, request.reset());
  response.set_flushed(walk.flushed);
  tell_end(walk, response);
  return grpc::Status::OK;
}

}  // namespace heddle::server
