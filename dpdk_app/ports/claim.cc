#include "ports/claim.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <string_view>

#include "ports/device.h"

namespace heddle::app {

namespace {

sockaddr_un unix_address(std::string_view name, size_t offset) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const size_t room = sizeof(address.sun_path) - offset - 1;
  std::memcpy(address.sun_path + offset, name.data(), std::min(name.size(), room));
  return address;
}

// The kernel gives an abstract name to one socket of the network namespace at a time.
Result<int> claim_interface(const PortConfig& port, const std::string& interface) {
  const std::string name = "heddle-interface-" + interface;
  const sockaddr_un address = unix_address(name, 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail("port {}: {}", port.name, std::strerror(errno));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0) return fd;
  close(fd);
  return fail("port {}: another heddled uses interface {}", port.name, interface);
}

// The name of the XDP program on the interface, empty when there is none.
std::string xdp_program(int index) {
  uint32_t id = 0;
  if (bpf_xdp_query_id(index, 0, &id) != 0 || id == 0) return {};
  const int fd = bpf_prog_get_fd_by_id(id);
  if (fd < 0) return "?";
  bpf_prog_info info{};
  uint32_t size = sizeof(info);
  const bool known = bpf_obj_get_info_by_fd(fd, &info, &size) == 0;
  close(fd);
  return known ? info.name : "?";
}

bool is_of_driver(std::string_view program) {
  return program == "xsk_def_prog" || program == "xdp_dispatcher";
}

Result<> clear_xdp(const PortConfig& port) {
  const auto index = static_cast<int>(if_nametoindex(port.device->target.c_str()));
  const std::string program = xdp_program(index);
  if (program.empty()) return {};
  if (!is_of_driver(program))
    return fail(
        "port {}: interface {} carries an XDP program of somebody else's (\"{}\"); "
        "'ip link set {} xdp off' removes it",
        port.name, port.device->target, program, port.device->target);
  bpf_xdp_detach(index, 0, nullptr);
  return {};
}

bool listens(const PortConfig& port) {
  const std::string& arguments = port.device->arguments;
  if (port.device->kind == DeviceKind::kMemif)
    return arguments.find("role=server") != std::string::npos;
  return port.device->kind == DeviceKind::kVhost && arguments.find("client=1") == std::string::npos;
}

// A socket file without a listener is what a killed process left behind.
Result<> clear_socket(const PortConfig& port) {
  const std::string& path = port.device->target;
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode))
    return fail("port {}: {} is there and is no socket", port.name, path);
  const sockaddr_un address = unix_address(path, 0);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail("port {}: {}", port.name, std::strerror(errno));
  const int result = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const bool dead = result != 0 && errno == ECONNREFUSED;
  close(fd);
  if (!dead) return fail("port {}: another process listens on {}", port.name, path);
  unlink(path.c_str());
  return {};
}

}  // namespace

Result<DeviceClaim> DeviceClaim::take(const PortConfig& port) {
  DeviceClaim claim;
  if (listens(port)) HEDDLE_TRY(clear_socket(port));
  const std::string interface = kernel_interface(*port.device);
  if (interface.empty()) return claim;
  auto fd = claim_interface(port, interface);
  if (!fd) return std::unexpected(fd.error());
  claim.fd_ = *fd;
  if (port.device->kind == DeviceKind::kAfXdp) HEDDLE_TRY(clear_xdp(port));
  return claim;
}

DeviceClaim::~DeviceClaim() {
  if (fd_ >= 0) close(fd_);
}

void remove_own_xdp(const PortConfig& port) {
  if (port.device->kind != DeviceKind::kAfXdp) return;
  const auto index = static_cast<int>(if_nametoindex(port.device->target.c_str()));
  if (index != 0 && is_of_driver(xdp_program(index))) bpf_xdp_detach(index, 0, nullptr);
}

}  // namespace heddle::app
