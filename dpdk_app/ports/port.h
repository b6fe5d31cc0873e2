// Port: a device that is set up and running, and what was found out about it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "app/node_config.h"
#include "core/result.h"
#include "packet/pool.h"
#include "ports/claim.h"

namespace heddle::app {

struct PortStats {
  uint64_t rx_packets = 0, rx_bytes = 0, rx_missed = 0, rx_errors = 0, rx_no_buffer = 0;
  uint64_t tx_packets = 0, tx_bytes = 0, tx_errors = 0;
};

class Port {
 public:
  // Attaches, configures and starts the device. `config`, the node's and the port's part in it,
  // must outlive the port.
  static Result<std::unique_ptr<Port>> open(const NodeConfig& node, const PortConfig& config,
                                            const packet::PacketPool& pool);
  ~Port();  // stops and closes it; nothing of it stays behind
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  const PortConfig& config() const { return config_; }
  PortId id() const { return PortId(id_); }
  const wire::MacAddress& mac() const { return mac_; }
  uint16_t mtu() const { return mtu_; }
  const std::string& driver() const { return driver_; }
  uint16_t rx_queues() const { return queues_; }
  uint16_t tx_queues() const { return queues_; }
  // The device itself brings each flow to its owner's queue.
  bool has_rss() const { return has_rss_; }
  // It can send a packet that is spread over several buffers.
  bool sends_chains() const { return sends_chains_; }

  bool link_up() const;
  uint32_t speed_mbps() const;
  PortStats stats() const;

  // Packet buffers that the device's rings can hold at once.
  static uint32_t buffers_for(const PortConfig& config, uint16_t workers);

 private:
  Port(const NodeConfig& node, const PortConfig& config, DeviceClaim claim)
      : node_(node), config_(config), claim_(std::move(claim)) {}
  Result<> set_up(const packet::PacketPool& pool);
  Result<> configure();
  Result<> set_mtu();
  uint32_t largest_mtu() const;
  Result<> set_up_queues(const packet::PacketPool& pool);
  Result<> set_up_address();
  void receive_groups();
  void set_up_steering();

  const NodeConfig& node_;
  const PortConfig& config_;
  DeviceClaim claim_;
  uint16_t id_ = 0;
  uint16_t queues_ = 0;
  uint16_t mtu_ = 1500;
  // What the kernel's interface had before, to be given back.
  uint16_t kernel_mtu_ = 0;
  std::optional<wire::MacAddress> kernel_mac_;
  bool has_rss_ = false;
  bool sends_chains_ = false;
  bool promiscuous_ = false;
  bool started_ = false;
  wire::MacAddress mac_;
  std::string driver_;
};

}  // namespace heddle::app
