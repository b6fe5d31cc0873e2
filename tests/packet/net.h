// Net: the configuration and the ports of a node under test, in a few lines.
//
//   Net().uplink("wan").address("192.0.2.10/24").gateway("192.0.2.1")
//        .workload("cart", {"10.8.0.11"}).host("host")
//
// Modifiers change the port named last. Port i has the MAC own_mac(i); its neighbours have
// peer_mac(i).
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "app/node_config.h"
#include "node/topology_builder.h"

namespace heddle::rig {

wire::MacAddress own_mac(uint16_t port);
wire::MacAddress peer_mac(uint16_t port, uint8_t station = 1);

class Net {
 public:
  // Few flows, so that a rig is made quickly.
  Net() {
    config_.flows.flows = 4'096;
    config_.tcp.connections = 64;
    config_.tcp.memory_bytes = 2 << 20;
  }

  Net& uplink(std::string name) { return add(std::move(name), app::Role::kUplink); }
  Net& host(std::string name) { return add(std::move(name), app::Role::kHost); }
  Net& workload(std::string name, std::initializer_list<std::string_view> addresses);
  // A VLAN of an earlier port.
  Net& vlan(std::string name, std::string_view parent, uint16_t id);

  Net& address(std::string_view prefix);
  Net& gateway(std::string_view address);
  Net& mtu(uint16_t bytes);
  Net& down();

  // Of the node: what sources are translated to.
  Net& nat(std::string_view address);
  app::FlowSettings& flows() { return config_.flows; }
  app::TcpSettings& tcp() { return config_.tcp; }
  // Workloads' queries are answered, or passed on to these.
  Net& dns(std::initializer_list<std::string_view> resolvers, bool intercept = false);

  Net& route(std::string_view prefix, std::initializer_list<std::string_view> via);

  const app::NodeConfig& config() const { return config_; }
  const std::vector<app::PortFacts>& facts() const { return facts_; }
  size_t index(std::string_view name) const;
  uint16_t devices() const { return devices_; }
  void set_up(std::string_view name, bool up) { facts_[index(name)].up = up; }
  void set_mtu(std::string_view name, uint16_t mtu) { config_.ports[index(name)].mtu = mtu; }

 private:
  Net& add(std::string name, app::Role role);

  app::NodeConfig config_;
  std::vector<app::PortFacts> facts_;
  uint16_t devices_ = 0;
};

// What most rows use:
//   wan   port 0  uplink    192.0.2.10/24     2001:db8::10/64    gateways .1 and ::1
//   lan   port 1  uplink    198.51.100.10/24  2001:db8:1::10/64
//   cart  port 2  workload  10.8.0.11         2001:db8:8::11
//   v100  port 0  VLAN 100  203.0.113.10/24   2001:db8:64::10/64
Net standard();
// The same with port 3, "host".
Net standard_with_host();

}  // namespace heddle::rig
