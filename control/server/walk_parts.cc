#include "walk_parts.h"

#include "utf8.h"
#include "yaml/utf8.h"

namespace heddle::server {
namespace {

constexpr size_t kMaxShown = 100;

// A prefix, or an address alone.
Result<policy::IpPrefix> parse_prefix(const std::string& text) {
  if (text.find('/') != std::string::npos) return policy::IpPrefix::parse(text);
  const auto address = policy::IpAddress::parse(text);
  if (!address) return std::unexpected(address.error());
  return policy::IpPrefix{*address, 128};
}

}  // namespace

grpc::Status wrong_argument(std::string text) {
  return {grpc::StatusCode::INVALID_ARGUMENT, std::move(text)};
}

std::string shown_argument(const std::string& text) {
  return yaml::shorten(valid_utf8(text), kMaxShown);
}

grpc::Status refuse_newer(const google::protobuf::Message& request,
                          const google::protobuf::Message& filter) {
  const auto unknown = [](const google::protobuf::Message& message) {
    return !message.GetReflection()->GetUnknownFields(message).empty();
  };
  if (!unknown(request) && !unknown(filter)) return grpc::Status::OK;
  return wrong_argument(
      "the request has a field that this heddled does not know: heddlectl is of a newer version");
}

grpc::Status read_prefix(const char* field, const std::string& text,
                         std::optional<policy::IpPrefix>& to) {
  if (text.empty()) return grpc::Status::OK;
  const auto prefix = parse_prefix(text);
  if (!prefix)
    return wrong_argument(fmt::format("{}: {}", field, shown_argument(prefix.error().text)));
  to = *prefix;
  return grpc::Status::OK;
}

grpc::Status read_port(uint32_t port, uint16_t& to) {
  if (port > UINT16_MAX)
    return wrong_argument(fmt::format("port: expected 1 to 65535, not {}", port));
  to = static_cast<uint16_t>(port);
  return grpc::Status::OK;
}

grpc::Status read_service(const std::string& text, const FlowNames& names,
                          std::optional<std::vector<bool>>& to) {
  if (text.empty()) return grpc::Status::OK;
  std::vector<bool> slots(names.by_slot.size());
  bool found = false;
  for (size_t slot = 0; slot < slots.size(); ++slot)
    if (names.by_slot[slot].service == text) slots[slot] = found = true;
  if (!found)
    return {
        grpc::StatusCode::NOT_FOUND,
        fmt::format("service: there is no Service \"{}\", nor a Gateway (expected NAMESPACE/NAME)",
                    shown_argument(text))};
  to = std::move(slots);
  return grpc::Status::OK;
}

grpc::Status read_worker(uint32_t worker, std::optional<uint16_t>& to) {
  if (worker > UINT16_MAX)
    return wrong_argument(fmt::format("worker: there is no worker {}", worker));
  to = static_cast<uint16_t>(worker);
  return grpc::Status::OK;
}

}  // namespace heddle::server
