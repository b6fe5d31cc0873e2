#include "flow_top.h"

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace heddle::server {
namespace {

// So that who chooses addresses does not choose buckets.
uint64_t hash_key() {
  static const uint64_t key = std::random_device{}() | uint64_t{std::random_device{}()} << 32 | 1;
  return key;
}

uint64_t stir(uint64_t value) {
  value = (value ^ hash_key()) * 0x9e37'79b9'7f4a'7c15;
  return value ^ value >> 32;
}

// As in a URL where it is IPv6.
std::string end_text(const policy::IpAddress& address, uint32_t port) {
  if (port == 0) return address.text();
  return address.is_v4() ? fmt::format("{}:{}", address.text(), port)
                         : fmt::format("[{}]:{}", address.text(), port);
}

}  // namespace

std::optional<FlowTop::Key> FlowTop::key_of(std::string_view text) {
  if (text == "source") return Key::kSource;
  if (text == "destination") return Key::kDestination;
  if (text == "service") return Key::kService;
  if (text == "endpoint") return Key::kEndpoint;
  return {};
}

size_t FlowTop::Hash::operator()(const Id& id) const {
  const wire::Ipv6Address& address = id.address.v6();
  return stir(stir(stir(address.high()) + address.low()) + id.port);
}

FlowTop::Id FlowTop::id_of(const FlowInfo& flow) const {
  const bool ports =
      flow.protocol == wire::IpProtocol::kTcp || flow.protocol == wire::IpProtocol::kUdp;
  const auto end = [&](const FlowEnd& at) { return Id{at.address, ports ? at.port : 0u}; };
  switch (key_) {
    case Key::kSource:
      return {flow.client.address, 0};
    case Key::kDestination:
      return end(flow.destination);
    case Key::kService:
      return {{}, flow.frontend};
    case Key::kEndpoint:
      return end(flow.endpoint);
  }
  return {};
}

void FlowTop::count(const FlowInfo& flow) {
  const Id id = id_of(flow);
  const auto known = flows_.find(id);
  if (known != flows_.end())
    ++known->second;
  else if (flows_.size() < kMaxKeys)
    flows_.emplace(id, 1);
  else
    ++not_counted_;
}

std::string FlowTop::text(const Id& id, const FlowNames& names) const {
  if (key_ != Key::kService) return end_text(id.address, id.port);
  const std::string name = names.text(id.port);
  return name.empty() ? "(no service)" : name;
}

void FlowTop::tell(const FlowNames& names, v1::ListFlowsResponse& response) const {
  std::vector<std::pair<uint64_t, std::string>> all;
  if (key_ == Key::kService) {
    // A port of a service has a slot for each of its addresses.
    std::map<std::string, uint64_t> sums;
    for (const auto& [id, flows] : flows_) sums[text(id, names)] += flows;
    for (const auto& [name, flows] : sums) all.emplace_back(flows, name);
  } else {
    std::vector<std::pair<uint64_t, Id>> ids;
    ids.reserve(flows_.size());
    for (const auto& [id, flows] : flows_) ids.emplace_back(flows, id);
    const auto more = [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    };
    const size_t told = std::min(kTold, ids.size());
    std::partial_sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(told), ids.end(),
                      more);
    for (size_t i = 0; i < told; ++i) all.emplace_back(ids[i].first, text(ids[i].second, names));
  }
  std::ranges::stable_sort(all, std::greater(), [](const auto& each) { return each.first; });
  for (size_t i = 0; i < std::min(kTold, all.size()); ++i) {
    v1::FlowTop& to = *response.add_top();
    to.set_what(all[i].second);
    to.set_flows(all[i].first);
  }
  response.set_not_in_top(not_counted_);
}

}  // namespace heddle::server
