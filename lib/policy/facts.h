// Facts: NodeFacts with indexes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "policy/limits.h"
#include "policy/model.h"

namespace heddle::policy {

struct Facts {
  explicit Facts(NodeFacts facts) : node(std::move(facts)) {
    for (uint32_t i = 0; i < node.ports.size(); ++i) {
      ports.emplace(node.ports[i].name, i);
      for (const IpAddress& address : node.ports[i].addresses) port_addresses.emplace(address, i);
    }
    for (const NodeFacts::Reserved& each : node.reserved) reserved.emplace(each.address, each.what);
    own.insert(node.own_addresses.begin(), node.own_addresses.end());
  }

  // A port that workloads may be behind.
  std::optional<uint32_t> workload_port(const std::string& name) const {
    const auto found = ports.find(name);
    if (found == ports.end() || !node.ports[found->second].is_workload) return std::nullopt;
    return found->second < kMaxPolicyPorts ? std::optional(found->second) : std::nullopt;
  }

  // What is wrong with a port that workload_port() does not know.
  std::string no_port(const std::string& wanted) const;

  NodeFacts node;
  std::map<std::string, uint32_t> ports;
  std::map<IpAddress, uint32_t> port_addresses;  // that heddled.yaml gives to workload ports
  std::set<IpAddress> own;
  std::map<IpAddress, std::string> reserved;
};

}  // namespace heddle::policy
