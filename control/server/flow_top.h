// FlowTop: who has the most flows.
#pragma once

#include <optional>
#include <string_view>
#include <unordered_map>

#include "engine.h"
#include "heddle/v1/admin.pb.h"
#include "server/flow_view.h"

namespace heddle::server {

class FlowTop {
 public:
  enum class Key : uint8_t { kSource, kDestination, kService, kEndpoint };
  static std::optional<Key> key_of(std::string_view text);

  explicit FlowTop(Key key) : key_(key) {}

  void count(const FlowInfo& flow);
  // The ten with the most, most first.
  void tell(const FlowNames& names, v1::ListFlowsResponse& response) const;

 private:
  // More different ones are not told apart: about 100 MB.
  static constexpr size_t kMaxKeys = 1u << 20;
  static constexpr size_t kTold = 10;

  // Of services the port is the number of the frontend's slot.
  struct Id {
    policy::IpAddress address;
    uint32_t port = 0;
    friend auto operator<=>(const Id&, const Id&) = default;
  };
  struct Hash {
    size_t operator()(const Id& id) const;
  };

  Id id_of(const FlowInfo& flow) const;
  std::string text(const Id& id, const FlowNames& names) const;

  Key key_;
  std::unordered_map<Id, uint64_t, Hash> flows_;
  uint64_t not_counted_ = 0;
};

}  // namespace heddle::server
