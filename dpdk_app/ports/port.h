// Port: a device that is set up and running, and what was found out about it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "app/node_config.h"
#include "core/result.h"
#include "packet/pool.h"

namespace heddle::app {

struct PortStats {
  uint64_t rx_packets = 0, rx_bytes = 0, rx_missed = 0, rx_errors = 0, rx_no_buffer = 0;
  uint64_t tx_packets = 0, tx_bytes = 0, tx_errors = 0;
};

class Port {
 public:
  // Attaches, configures and starts the device. `config` must outlive the port.
  static Result<std::unique_ptr<Port>> open(const PortConfig& config, uint16_t workers,
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

  bool link_up() const;
  uint32_t speed_mbps() const;
  PortStats stats() const;

  // Packet buffers that the device's rings can hold at once.
  static uint32_t buffers_for(const PortConfig& config, uint16_t workers);

 private:
  Port(const PortConfig& config, uint16_t id, uint16_t queues)
      : config_(config), id_(id), queues_(queues) {}
  Result<> set_up(uint16_t workers, const packet::PacketPool& pool);
  Result<> set_up_queues(const packet::PacketPool& pool);
  Result<> set_up_address();
  void set_up_steering(uint16_t workers);

  const PortConfig& config_;
  uint16_t id_;
  uint16_t queues_;
  uint16_t mtu_ = 1500;
  bool has_rss_ = false;
  bool started_ = false;
  wire::MacAddress mac_;
  std::string driver_;
};

}  // namespace heddle::app
