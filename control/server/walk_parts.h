// What the calls that walk over flows and connections share: the fields of their filters, and how
// a walk's end is told.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/support/status.h>

#include <optional>
#include <string>
#include <vector>

#include "engine.h"
#include "server/flow_view.h"

namespace heddle::server {

inline constexpr uint32_t kDefaultRows = 100, kMostRows = 10'000;

grpc::Status wrong_argument(std::string text);

// What somebody asked for, as it may be told: bounded, and UTF-8.
std::string shown_argument(const std::string& text);

// What an older heddled does not know narrows the choice: without it too much would be meant.
grpc::Status refuse_newer(const google::protobuf::Message& request,
                          const google::protobuf::Message& filter);

// Each takes an empty field as not given, and says what is wrong with another.
grpc::Status read_prefix(const char* field, const std::string& text,
                         std::optional<policy::IpPrefix>& to);
grpc::Status read_port(uint32_t port, uint16_t& to);
// By frontend slot: those of the service "NAMESPACE/NAME".
grpc::Status read_service(const std::string& text, const FlowNames& names,
                          std::optional<std::vector<bool>>& to);
grpc::Status read_worker(uint32_t worker, std::optional<uint16_t>& to);

template <class Response>
void tell_end(const FlowWalk& walk, Response& response) {
  response.set_incomplete(!walk.complete || !walk.silent.empty());
  for (const uint16_t worker : walk.silent) response.add_silent_workers(worker);
}

template <class Message>
void convert_end(const FlowEnd& from, Message& to) {
  to.set_address(from.address.text());
  to.set_port(from.port);
}

}  // namespace heddle::server
