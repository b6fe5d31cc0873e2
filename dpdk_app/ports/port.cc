#include "ports/port.h"

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "ports/device.h"
#include "wire/steering.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

constexpr uint16_t kRingSize = 1024;
constexpr uint16_t kDefaultMtu = 1500;
constexpr uint32_t kXdpHeadroom = 256;
constexpr uint16_t kLinkLayer = 22;  // Ethernet header, one tag, frame check sequence
constexpr auto kAnySocket = static_cast<unsigned>(SOCKET_ID_ANY);
constexpr uint64_t kRssTypes = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP |
                               RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_IPV6 |
                               RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;

bool can_rss(const rte_eth_dev_info& info) {
  const bool key = info.hash_key_size == 40 || info.hash_key_size == 52;
  const bool table = info.reta_size >= kSteeringSlots && info.reta_size % kSteeringSlots == 0 &&
                     info.reta_size <= RTE_ETH_RSS_RETA_SIZE_512;
  return key && table && (info.flow_type_rss_offloads & kRssTypes) == kRssTypes;
}

// Owner of each slot, as the workers' own table has it: so both come to the same worker.
bool set_reta(uint16_t port, uint16_t entries, uint16_t queues) {
  std::array<rte_eth_rss_reta_entry64, RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE> reta{};
  for (uint16_t i = 0; i < entries; ++i) {
    auto& group = reta[i / RTE_ETH_RETA_GROUP_SIZE];
    group.mask |= 1ull << (i % RTE_ETH_RETA_GROUP_SIZE);
    group.reta[i % RTE_ETH_RETA_GROUP_SIZE] = static_cast<uint16_t>(i % kSteeringSlots % queues);
  }
  return rte_eth_dev_rss_reta_update(port, reta.data(), entries) == 0;
}

}  // namespace

uint32_t Port::buffers_for(const PortConfig& config, uint16_t workers) {
  if (!config.device) return 0;
  // af_xdp keeps a whole fill ring and completion ring in the kernel's hands.
  const uint32_t per_queue = config.device->kind == DeviceKind::kAfXdp ? 8192 : 4 * kRingSize;
  return per_queue * queues_for(config, workers);
}

Result<std::unique_ptr<Port>> Port::open(const NodeConfig& node, const PortConfig& config,
                                         const packet::PacketPool& pool) {
  HEDDLE_TRY(check_device(config));
  if (config.device->kind == DeviceKind::kAfXdp && !pool.is_one_piece())
    return fail(
        "port {}: memory comes in pieces, and af_xdp needs packet buffers in one; give "
        "memory: more, or memory.buffers less",
        config.name);
  auto claim = DeviceClaim::take(config);
  if (!claim) return std::unexpected(claim.error());
  const auto workers = static_cast<uint16_t>(node.cores.size());
  const uint16_t queues = queues_for(config, workers);
  auto id = attach_device(config, queues, config.mac.value_or(stable_mac(node.node, config.name)));
  if (!id) return std::unexpected(id.error());
  std::unique_ptr<Port> port(new Port(node, config, std::move(*claim)));
  port->id_ = *id;
  port->queues_ = queues;
  if (auto ok = port->set_up(pool); !ok)
    return fail_in(ok.error(), "port {} ({})", config.name, config.device->text);
  return port;
}

Result<> Port::set_up(const packet::PacketPool& pool) {
  HEDDLE_TRY(configure());
  HEDDLE_TRY(set_up_queues(pool));
  HEDDLE_TRY(set_up_address());
  HEDDLE_TRY(set_mtu());
  if (const int result = rte_eth_dev_start(id_); result != 0)
    return fail("the device does not start: {}", rte_strerror(-result));
  started_ = true;
  receive_groups();
  set_up_steering();
  return {};
}

Result<> Port::configure() {
  rte_eth_dev_info info{};
  if (rte_eth_dev_info_get(id_, &info) != 0) return fail("the driver does not describe the device");
  driver_ = info.driver_name != nullptr ? info.driver_name : "";
  queues_ = std::min({queues_, info.max_rx_queues, info.max_tx_queues});
  if (queues_ == 0) return fail("the device has no queues");
  if (config_.queues > queues_)
    return fail("queues: {} wanted, the device has {}", config_.queues, queues_);
  const uint16_t kernel = kernel_mtu(*config_.device);
  mtu_ = config_.mtu.value_or(kernel != 0 ? kernel : kDefaultMtu);
  if (info.max_mtu != 0 && mtu_ > info.max_mtu)
    return fail("mtu: {} is more than the device's {}", mtu_, info.max_mtu);

  rte_eth_conf conf{};
  has_rss_ = queues_ > 1 && queues_ == node_.cores.size() && can_rss(info);
  if (has_rss_) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_key = const_cast<uint8_t*>(wire::kSteeringKey.data());
    conf.rx_adv_conf.rss_conf.rss_key_len = info.hash_key_size;
    conf.rx_adv_conf.rss_conf.rss_hf = kRssTypes;
  }
  conf.rxmode.mtu = mtu_;
  conf.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM;
  if (mtu_ > largest_mtu()) {
    // memif announces chains and, in this DPDK, breaks them.
    const bool can = (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) != 0 &&
                     config_.device->kind != DeviceKind::kMemif;
    if (!can)
      return fail(
          "mtu: {} is more than one buffer of this device holds ({}), and it cannot "
          "spread a frame over several",
          mtu_, largest_mtu());
    conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
  }
  sends_chains_ = (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0;
  conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
  if (const int result = rte_eth_dev_configure(id_, queues_, queues_, &conf); result != 0)
    return fail("the driver refuses {} queues and an MTU of {}: {}", queues_, mtu_,
                rte_strerror(-result));
  return {};
}

// What fits into one buffer: for af_xdp the kernel keeps a headroom of its own in it, for memif
// the buffers are those of the shared region.
uint32_t Port::largest_mtu() const {
  uint32_t room = packet::PacketPool::kBufferBytes;
  if (config_.device->kind == DeviceKind::kAfXdp) room -= kXdpHeadroom;
  const std::string& arguments = config_.device->arguments;
  const size_t at = arguments.find("bsize=");
  if (config_.device->kind == DeviceKind::kMemif && at != std::string::npos)
    room = std::min(room,
                    static_cast<uint32_t>(std::strtoul(arguments.c_str() + at + 6, nullptr, 10)));
  return room > kLinkLayer ? room - kLinkLayer : 0;
}

Result<> Port::set_mtu() {
  if (!config_.mtu) return {};
  const uint16_t before = kernel_mtu(*config_.device);
  const int result = rte_eth_dev_set_mtu(id_, *config_.mtu);
  // Devices that know no MTU take frames of any size that fits.
  if (result != 0 && result != -ENOTSUP)
    return fail("mtu: the device does not take {}: {}", *config_.mtu, rte_strerror(-result));
  if (result == 0 && before != *config_.mtu) kernel_mtu_ = before;
  return {};
}

// Multicast is how IPv6 neighbours find us. Devices that cannot be asked for it alone are asked
// for everything, where a NIC below them may filter.
void Port::receive_groups() {
  if (rte_eth_allmulticast_enable(id_) == 0) return;
  if (!kernel_interface(*config_.device).empty())
    promiscuous_ = rte_eth_promiscuous_enable(id_) == 0;
}

Result<> Port::set_up_queues(const packet::PacketPool& pool) {
  uint16_t rx = kRingSize;
  uint16_t tx = kRingSize;
  rte_eth_dev_adjust_nb_rx_tx_desc(id_, &rx, &tx);
  for (uint16_t queue = 0; queue < queues_; ++queue) {
    int result = rte_eth_rx_queue_setup(id_, queue, rx, kAnySocket, nullptr, pool.mempool());
    if (result != 0) return fail("receive queue {}: {}", queue, rte_strerror(-result));
    result = rte_eth_tx_queue_setup(id_, queue, tx, kAnySocket, nullptr);
    if (result != 0) return fail("transmit queue {}: {}", queue, rte_strerror(-result));
  }
  return {};
}

// Most devices have the address that we use. A tap's belongs to the kernel's side of it, and a
// ring has none: there frames carry what we choose.
Result<> Port::set_up_address() {
  rte_ether_addr address{};
  if (rte_eth_macaddr_get(id_, &address) != 0) return fail("the device tells no MAC address");
  const auto device = wire::MacAddress::from(address.addr_bytes);
  const bool free_choice = config_.device->kind == DeviceKind::kTap || device.is_zero();
  if (free_choice) {
    mac_ = config_.mac.value_or(stable_mac(node_.node, config_.name));
    if (mac_ == device) return fail("mac: {} is the kernel's side of the tap", mac_);
    return {};
  }
  mac_ = config_.mac.value_or(device);
  if (mac_ == device) return {};
  std::copy_n(mac_.bytes().data(), 6, address.addr_bytes);
  if (rte_eth_dev_default_mac_addr_set(id_, &address) != 0)
    return fail("mac: the device cannot take {}", mac_);
  if (!kernel_interface(*config_.device).empty()) kernel_mac_ = device;
  return {};
}

void Port::set_up_steering() {
  if (!has_rss_) return;
  rte_eth_dev_info info{};
  has_rss_ = rte_eth_dev_info_get(id_, &info) == 0 && set_reta(id_, info.reta_size, queues_);
}

Port::~Port() {
  if (promiscuous_) rte_eth_promiscuous_disable(id_);
  if (kernel_mtu_ != 0) rte_eth_dev_set_mtu(id_, kernel_mtu_);
  if (kernel_mac_) {
    rte_ether_addr address{};
    std::copy_n(kernel_mac_->bytes().data(), 6, address.addr_bytes);
    rte_eth_dev_default_mac_addr_set(id_, &address);
  }
  if (started_) rte_eth_dev_stop(id_);
  rte_eth_dev_info info{};
  rte_device* device = rte_eth_dev_info_get(id_, &info) == 0 ? info.device : nullptr;
  rte_eth_dev_close(id_);
  if (device != nullptr && config_.device->kind != DeviceKind::kPci) rte_dev_remove(device);
  remove_own_xdp(config_);
}

bool Port::link_up() const {
  const std::string interface = kernel_interface(*config_.device);
  if (!interface.empty()) return kernel_link_up(interface);
  rte_eth_link link{};
  return rte_eth_link_get_nowait(id_, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

uint32_t Port::speed_mbps() const {
  rte_eth_link link{};
  if (rte_eth_link_get_nowait(id_, &link) != 0 || link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN)
    return 0;
  return link.link_speed;
}

PortStats Port::stats() const {
  rte_eth_stats raw{};
  if (rte_eth_stats_get(id_, &raw) != 0) return {};
  return {.rx_packets = raw.ipackets,
          .rx_bytes = raw.ibytes,
          .rx_missed = raw.imissed,
          .rx_errors = raw.ierrors,
          .rx_no_buffer = raw.rx_nombuf,
          .tx_packets = raw.opackets,
          .tx_bytes = raw.obytes,
          .tx_errors = raw.oerrors};
}

}  // namespace heddle::app
