// A small good heddled.yaml of which a row of a table replaces one part.
#pragma once

#include <string>
#include <vector>

#include "config/load.h"

namespace heddle::config {

inline const std::string kWan =
    "{ name: wan, role: uplink, device: 'af_xdp:veth0', "
    "addresses: [192.0.2.10/24, '2001:db8::10/64'], gateway: 192.0.2.1 }";
inline const std::string kCart =
    "{ name: cart, role: workload, device: 'af_xdp:veth-cart', "
    "workload_addresses: [10.8.0.11, 'fd00:8::11'] }";

// Line 1 is the node, 2 the workers, 3 the memory, 4 "ports:"; ports start on line 5.
struct Yaml {
  std::string node = "node: edge-1";
  std::string workers = "workers: { cores: [0] }";
  std::string memory = "memory: { no_huge: 512M }";
  std::vector<std::string> ports = {kWan, kCart};
  std::string rest;

  std::string text() const {
    std::string all = node + "\n" + workers + "\n" + memory + "\nports:\n";
    for (const std::string& port : ports) all += "  - " + port + "\n";
    return all + rest;
  }
};

inline std::string with_node(const std::string& node) { return Yaml{.node = node}.text(); }
inline std::string with_workers(const std::string& line) { return Yaml{.workers = line}.text(); }
inline std::string with_memory(const std::string& line) { return Yaml{.memory = line}.text(); }
// On line 7 and after.
inline std::string with_rest(const std::string& rest) { return Yaml{.rest = rest}.text(); }
inline std::string with_ports(std::vector<std::string> ports) {
  return Yaml{.ports = std::move(ports)}.text();
}
// One route, on line 8.
inline std::string with_route(const std::string& route) {
  return with_rest("routes:\n  - " + route + "\n");
}

inline std::string error_of(const std::string& text) {
  const auto config = load_text(text, "f.yaml");
  return config ? "accepted" : config.error().text;
}

}  // namespace heddle::config
