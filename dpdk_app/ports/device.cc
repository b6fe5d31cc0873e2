#include "ports/device.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <rte_bus_pci.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "wire/address.h"

namespace heddle::app {

namespace {

namespace fs = std::filesystem;

std::string interface_path(const std::string& interface) { return "/sys/class/net/" + interface; }

uint16_t receive_queues(const std::string& interface) {
  std::error_code error;
  uint16_t count = 0;
  for (const auto& entry : fs::directory_iterator(interface_path(interface) + "/queues", error))
    if (entry.path().filename().string().starts_with("rx-")) ++count;
  return count;
}

bool ask_kernel(const std::string& interface, unsigned long what, ifreq& request) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  const bool known = ioctl(fd, what, &request) == 0;
  close(fd);
  return known;
}

// As the af_xdp driver counts them: the combined channels, or one where there are none (veth).
uint16_t xdp_queues(const std::string& interface) {
  ethtool_channels channels{};
  channels.cmd = ETHTOOL_GCHANNELS;
  ifreq request{};
  request.ifr_data = reinterpret_cast<char*>(&channels);
  if (!ask_kernel(interface, SIOCETHTOOL, request) || channels.max_combined == 0) return 1;
  return static_cast<uint16_t>(std::clamp<uint32_t>(channels.combined_count, 1, 1024));
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

// The driver's name for a kind; a device's name is this and the port's name.
const char* driver_of(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::kAfXdp:
      return "net_af_xdp";
    case DeviceKind::kMemif:
      return "net_memif";
    case DeviceKind::kVhost:
      return "net_vhost";
    case DeviceKind::kVirtioUser:
      return "net_virtio_user";
    case DeviceKind::kTap:
      return "net_tap";
    case DeviceKind::kAfPacket:
      return "net_af_packet";
    case DeviceKind::kRing:
      return "net_ring";
    case DeviceKind::kPcap:
      return "net_pcap";
    case DeviceKind::kNull:
      return "net_null";
    case DeviceKind::kPci:
      break;
  }
  return "";
}

std::string device_name(const PortConfig& port) {
  if (port.device->kind == DeviceKind::kPci) return port.device->target;
  return std::string(driver_of(port.device->kind)) + "_" + port.name;
}

// af_xdp: busy polling makes each receive a system call that waits for the softirq; with it the
// same load ran at a third of the speed.
std::string device_arguments(const PortConfig& port, uint16_t queues, const wire::MacAddress& mac) {
  const DeviceConfig& device = *port.device;
  const std::string& more = device.arguments;
  const std::string& target = device.target;
  const std::string n = std::to_string(queues);
  const std::string address = fmt::format("mac={}", mac);
  switch (device.kind) {
    case DeviceKind::kAfXdp:
      return join({"iface=" + target, "queue_count=" + n, "busy_budget=0", more});
    case DeviceKind::kMemif:
      return join({"socket=" + target, "socket-abstract=no", address, more});
    case DeviceKind::kVhost:
      return join({"iface=" + target, "queues=" + n, more});
    case DeviceKind::kVirtioUser:
      return join({"path=" + target, "queues=" + n, address, more});
    case DeviceKind::kTap:
      return join({"iface=" + target, more});
    case DeviceKind::kAfPacket:
      return join({"iface=" + target, "qpairs=" + n, more});
    default:
      return more;
  }
}

Result<> check_interface(const PortConfig& port) {
  const std::string interface = kernel_interface(*port.device);
  if (!interface.empty() && !fs::exists(interface_path(interface)))
    return fail("port {}: there is no network interface {} here", port.name, interface);
  if (port.device->kind != DeviceKind::kAfXdp) return {};
  const uint16_t there = xdp_queues(interface);
  if (port.queues > there)
    return fail("port {}: queues: {} wanted, interface {} has {}", port.name, port.queues,
                interface, there);
  const uint16_t opened = queues_for(port, 1);
  if (receive_queues(interface) > opened)
    return fail(
        "port {}: interface {} receives on {} queues and af_xdp would read {}: packets on "
        "the others would go to the kernel; give it fewer queues ('ethtool -L {} combined "
        "{}', or a veth with one)",
        port.name, interface, receive_queues(interface), opened, interface, opened);
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

bool kernel_link_up(const std::string& interface) {
  ifreq request{};
  constexpr int kUp = IFF_UP | IFF_RUNNING;
  return ask_kernel(interface, SIOCGIFFLAGS, request) && (request.ifr_flags & kUp) == kUp;
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
    case DeviceKind::kPci:
      return workers;  // cut to the device's own limit when it is set up
    case DeviceKind::kAfXdp:
      return xdp_queues(device.target);
    default:
      return 1;
  }
}

Result<> check_device(const PortConfig& port) {
  if (port.device->kind == DeviceKind::kPci) return check_pci(port);
  return check_interface(port);
}

Result<uint16_t> attach_device(const PortConfig& port, uint16_t queues,
                               const wire::MacAddress& mac) {
  const std::string name = device_name(port);
  if (port.device->kind != DeviceKind::kPci) {
    const std::string arguments = device_arguments(port, queues, mac);
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

wire::MacAddress stable_mac(const std::string& node, const std::string& port) {
  uint64_t hash = 14695981039346656037ull;  // FNV-1a
  for (const char c : node + '/' + port) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211ull;
  wire::MacAddress::Bytes bytes{0x02};
  for (size_t i = 1; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(hash >> (8 * i));
  return wire::MacAddress(bytes);
}

}  // namespace heddle::app
