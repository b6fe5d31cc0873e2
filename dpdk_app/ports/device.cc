#include "ports/device.h"

#include <bpf/libbpf.h>
#include <net/if.h>
#include <rte_bus_pci.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "wire/address.h"

namespace heddle::app {

namespace {

namespace fs = std::filesystem;

std::string interface_path(const std::string& interface) { return "/sys/class/net/" + interface; }

uint16_t count_queues(const std::string& interface, const std::string& prefix) {
  std::error_code error;
  uint16_t count = 0;
  for (const auto& entry : fs::directory_iterator(interface_path(interface) + "/queues", error))
    if (entry.path().filename().string().starts_with(prefix)) ++count;
  return count;
}

uint16_t kernel_queues(const std::string& interface) {
  return std::min(count_queues(interface, "rx-"), count_queues(interface, "tx-"));
}

std::string join(std::initializer_list<std::string> parts) {
  std::string all;
  for (const std::string& part : parts) {
    if (part.empty()) continue;
    if (!all.empty()) all += ',';
    all += part;
  }
  return all;
}

std::string mac_argument(const PortConfig& port) {
  return port.mac ? fmt::format("mac={}", *port.mac) : std::string();
}

// The driver's name for a kind; a device's name is this and the port's name.
const char* driver_of(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::kAfXdp: return "net_af_xdp";
    case DeviceKind::kMemif: return "net_memif";
    case DeviceKind::kVhost: return "net_vhost";
    case DeviceKind::kVirtioUser: return "net_virtio_user";
    case DeviceKind::kTap: return "net_tap";
    case DeviceKind::kAfPacket: return "net_af_packet";
    case DeviceKind::kRing: return "net_ring";
    case DeviceKind::kPcap: return "net_pcap";
    case DeviceKind::kNull: return "net_null";
    case DeviceKind::kPci: break;
  }
  return "";
}

std::string device_name(const PortConfig& port) {
  if (port.device->kind == DeviceKind::kPci) return port.device->target;
  return std::string(driver_of(port.device->kind)) + "_" + port.name;
}

// af_xdp: busy polling makes each receive a system call that waits for the softirq; with it the
// same load ran at a third of the speed.
std::string device_arguments(const PortConfig& port, uint16_t queues) {
  const DeviceConfig& device = *port.device;
  const std::string& more = device.arguments;
  const std::string& target = device.target;
  const std::string n = std::to_string(queues);
  switch (device.kind) {
    case DeviceKind::kAfXdp:
      return join({"iface=" + target, "queue_count=" + n, "busy_budget=0", more});
    case DeviceKind::kMemif:
      return join({"socket=" + target, "socket-abstract=no", mac_argument(port), more});
    case DeviceKind::kVhost: return join({"iface=" + target, "queues=" + n, more});
    case DeviceKind::kVirtioUser:
      return join({"path=" + target, "queues=" + n, mac_argument(port), more});
    case DeviceKind::kTap: return join({"iface=" + target, more});
    case DeviceKind::kAfPacket: return join({"iface=" + target, "qpairs=" + n, more});
    default: return more;
  }
}

Result<> check_interface(const PortConfig& port) {
  const std::string interface = kernel_interface(*port.device);
  if (!interface.empty() && !fs::exists(interface_path(interface)))
    return fail("port {}: there is no network interface {} here", port.name, interface);
  if (port.device->kind != DeviceKind::kAfXdp) return {};
  const uint16_t there = kernel_queues(interface);
  if (port.queues > there)
    return fail("port {}: queues: {} wanted, interface {} has {}", port.name, port.queues,
                interface, there);
  return {};
}

Result<> check_pci(const PortConfig& port) {
  const std::string path = "/sys/bus/pci/devices/" + port.device->target;
  if (!fs::exists(path))
    return fail("port {}: there is no PCI device {}; lspci -D lists them", port.name,
                port.device->target);
  std::error_code error;
  const std::string driver = fs::read_symlink(path + "/driver", error).filename().string();
  const bool bifurcated = driver.starts_with("mlx");  // works beside its kernel driver
  if (bifurcated || driver == "vfio-pci" || driver == "igb_uio" || driver == "uio_pci_generic")
    return {};
  return fail("port {}: PCI device {} is bound to {}; bind it with: dpdk-devbind.py -b vfio-pci {}",
              port.name, port.device->target, driver.empty() ? "no driver" : driver,
              port.device->target);
}

}  // namespace

std::string kernel_interface(const DeviceConfig& device) {
  const bool stands_on_one =
      device.kind == DeviceKind::kAfXdp || device.kind == DeviceKind::kAfPacket;
  return stands_on_one ? device.target : std::string();
}

uint16_t kernel_mtu(const DeviceConfig& device) {
  const std::string interface = kernel_interface(device);
  if (interface.empty()) return 0;
  std::ifstream file(interface_path(interface) + "/mtu");
  unsigned mtu = 0;
  file >> mtu;
  return static_cast<uint16_t>(std::min(mtu, 9216u));
}

uint16_t queues_for(const PortConfig& port, uint16_t workers) {
  if (port.queues != 0) return port.queues;
  const DeviceConfig& device = *port.device;
  switch (device.kind) {
    case DeviceKind::kPci: return workers;  // cut to the device's own limit when it is set up
    case DeviceKind::kAfXdp:
      return std::clamp<uint16_t>(kernel_queues(device.target), 1, workers);
    default: return 1;
  }
}

Result<> check_device(const PortConfig& port) {
  if (port.device->kind == DeviceKind::kPci) return check_pci(port);
  return check_interface(port);
}

Result<uint16_t> attach_device(const PortConfig& port, uint16_t queues) {
  const std::string name = device_name(port);
  if (port.device->kind != DeviceKind::kPci) {
    const std::string arguments = device_arguments(port, queues);
    const int result = rte_eal_hotplug_add("vdev", name.c_str(), arguments.c_str());
    if (result != 0)
      return fail("port {}: DPDK cannot open {} ({}); heddled --verbose shows the driver's words",
                  port.name, port.device->text,
                  result == -1 ? "the driver gives no reason" : rte_strerror(-result));
  }
  uint16_t id = 0;
  if (rte_eth_dev_get_port_by_name(name.c_str(), &id) != 0)
    return fail("port {}: no DPDK driver took {}", port.name, port.device->text);
  return id;
}

void remove_xdp(const PortConfig& port) {
  if (!port.device || port.device->kind != DeviceKind::kAfXdp) return;
  const unsigned index = if_nametoindex(port.device->target.c_str());
  if (index == 0) return;
  uint32_t program = 0;
  const auto id = static_cast<int>(index);
  if (bpf_xdp_query_id(id, 0, &program) == 0 && program != 0) bpf_xdp_detach(id, 0, nullptr);
}

}  // namespace heddle::app
