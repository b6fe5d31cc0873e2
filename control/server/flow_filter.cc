#include "flow_filter.h"

#include "walk_parts.h"

namespace heddle::server {
namespace {

std::optional<FlowProtocol> protocol_of(const std::string& text) {
  if (text == "tcp") return FlowProtocol::kTcp;
  if (text == "udp") return FlowProtocol::kUdp;
  if (text == "icmp") return FlowProtocol::kIcmp;
  return {};
}

std::optional<flow::State> state_of(const std::string& text) {
  for (size_t i = 1; i < flow::kStates; ++i)
    if (text == flow::name(static_cast<flow::State>(i))) return static_cast<flow::State>(i);
  return {};
}

std::string all_states() {
  std::string all;
  for (size_t i = 1; i < flow::kStates; ++i)
    all += (i == 1 ? "" : ", ") + std::string(flow::name(static_cast<flow::State>(i)));
  return all;
}

}  // namespace

grpc::Status read_filter(const v1::FlowFilter& from, const FlowNames& names, FlowFilter& to) {
  if (auto status = read_prefix("source", from.source(), to.source); !status.ok()) return status;
  if (auto status = read_prefix("destination", from.destination(), to.destination); !status.ok())
    return status;
  if (!from.protocol().empty()) {
    to.protocol = protocol_of(from.protocol());
    if (!to.protocol)
      return wrong_argument(fmt::format("protocol: expected tcp, udp or icmp, not \"{}\"",
                                        shown_argument(from.protocol())));
  }
  if (auto status = read_port(from.port(), to.port); !status.ok()) return status;
  if (from.port() != 0 && to.protocol == FlowProtocol::kIcmp)
    return wrong_argument("port: ICMP has none");
  if (!from.state().empty()) {
    to.state = state_of(from.state());
    if (!to.state)
      return wrong_argument(fmt::format("state: expected one of {}, not \"{}\"", all_states(),
                                        shown_argument(from.state())));
  }
  if (!from.endpoint().empty()) {
    const auto address = policy::IpAddress::parse(from.endpoint());
    if (!address)
      return wrong_argument(fmt::format("endpoint: {}", shown_argument(address.error().text)));
    to.endpoint = *address;
  }
  if (from.has_worker())
    if (auto status = read_worker(from.worker(), to.worker); !status.ok()) return status;
  return read_service(from.service(), names, to.frontends);
}

}  // namespace heddle::server
