// DeviceClaim: the right to use a kernel interface or a socket path, so that two heddleds never
// take each other's devices. Held for the port's life; the kernel ends it with the process.
#pragma once

#include <string>
#include <utility>

#include "app/node_config.h"
#include "core/result.h"

namespace heddle::app {

class DeviceClaim {
 public:
  // Claims what the device stands on, if it is something that others could take too, and clears
  // away what a killed process left there: an XDP program of the af_xdp driver, the socket file
  // of a memif server or a vhost port. Things that somebody else uses are refused by name.
  static Result<DeviceClaim> take(const PortConfig& port);

  ~DeviceClaim();
  DeviceClaim() = default;
  DeviceClaim(DeviceClaim&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  DeviceClaim& operator=(DeviceClaim&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

 private:
  int fd_ = -1;  // a socket in the abstract namespace, named after the device
};

// Takes off the XDP program that the driver put on the interface. Only with the claim held.
void remove_own_xdp(const PortConfig& port);

}  // namespace heddle::app
