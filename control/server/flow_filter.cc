#include "flow_filter.h"

#include "utf8.h"
#include "yaml/utf8.h"

namespace heddle::server {
namespace {

constexpr size_t kMaxShown = 100;

std::string shown(const std::string& text) { return yaml::shorten(valid_utf8(text), kMaxShown); }

grpc::Status wrong(std::string text) {
  return {grpc::StatusCode::INVALID_ARGUMENT, std::move(text)};
}

// A prefix, or an address alone.
Result<policy::IpPrefix> parse_prefix(const std::string& text) {
  if (text.find('/') != std::string::npos) return policy::IpPrefix::parse(text);
  const auto address = policy::IpAddress::parse(text);
  if (!address) return std::unexpected(address.error());
  return policy::IpPrefix{*address, 128};
}

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

grpc::Status read_prefix(const char* field, const std::string& text,
                         std::optional<policy::IpPrefix>& to) {
  if (text.empty()) return grpc::Status::OK;
  const auto prefix = parse_prefix(text);
  if (!prefix) return wrong(fmt::format("{}: {}", field, shown(prefix.error().text)));
  to = *prefix;
  return grpc::Status::OK;
}

grpc::Status read_service(const std::string& text, const FlowNames& names, FlowFilter& to) {
  std::vector<bool> slots(names.by_slot.size());
  bool found = false;
  for (size_t slot = 0; slot < slots.size(); ++slot)
    if (names.by_slot[slot].service == text) slots[slot] = found = true;
  if (!found)
    return {
        grpc::StatusCode::NOT_FOUND,
        fmt::format("service: there is no Service \"{}\" (expected NAMESPACE/NAME)", shown(text))};
  to.frontends = std::move(slots);
  return grpc::Status::OK;
}

grpc::Status read_port(const v1::FlowFilter& from, FlowFilter& to) {
  if (from.port() > UINT16_MAX)
    return wrong(fmt::format("port: expected 1 to 65535, not {}", from.port()));
  if (from.port() != 0 && to.protocol == FlowProtocol::kIcmp) return wrong("port: ICMP has none");
  to.port = static_cast<uint16_t>(from.port());
  return grpc::Status::OK;
}

}  // namespace

grpc::Status read_filter(const v1::FlowFilter& from, const FlowNames& names, FlowFilter& to) {
  if (auto status = read_prefix("source", from.source(), to.source); !status.ok()) return status;
  if (auto status = read_prefix("destination", from.destination(), to.destination); !status.ok())
    return status;
  if (!from.protocol().empty()) {
    to.protocol = protocol_of(from.protocol());
    if (!to.protocol)
      return wrong(
          fmt::format("protocol: expected tcp, udp or icmp, not \"{}\"", shown(from.protocol())));
  }
  if (auto status = read_port(from, to); !status.ok()) return status;
  if (!from.state().empty()) {
    to.state = state_of(from.state());
    if (!to.state)
      return wrong(
          fmt::format("state: expected one of {}, not \"{}\"", all_states(), shown(from.state())));
  }
  if (!from.endpoint().empty()) {
    const auto address = policy::IpAddress::parse(from.endpoint());
    if (!address) return wrong(fmt::format("endpoint: {}", shown(address.error().text)));
    to.endpoint = *address;
  }
  if (from.has_worker()) {
    if (from.worker() > UINT16_MAX)
      return wrong(fmt::format("worker: there is no worker {}", from.worker()));
    to.worker = static_cast<uint16_t>(from.worker());
  }
  return from.service().empty() ? grpc::Status::OK : read_service(from.service(), names, to);
}

}  // namespace heddle::server
