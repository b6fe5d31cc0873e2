// The list of ports: each alone (ports.cc), then all together (cross_check.cc).
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "address.h"
#include "app/node_config.h"
#include "core/result.h"
#include "field.h"

namespace heddle::config {

// An address that the file mentions, with its place in it.
struct Placed {
  Subnet subnet;  // length 32 or 128 for an address without one
  size_t port;    // index
  Field field;
};

struct Ports {
  std::vector<app::PortConfig> ports;
  std::vector<Fields> fields;     // of each port
  std::vector<Placed> own;        // the uplinks' addresses
  std::vector<Placed> workloads;  // the workloads' addresses
  std::vector<Placed> gateways;
  std::vector<Placed> neighbors;
  // Who has an address: an index into `ports`. Filled by check_ports.
  std::map<app::IpAddress, size_t> owners;
};

// `list` is the value of the key "ports". Checks each port alone.
Result<> read_ports(const Field& list, Ports& out);

// Names, devices, VLANs and addresses of all ports together.
Result<> check_ports(Ports& ports);

}  // namespace heddle::config
