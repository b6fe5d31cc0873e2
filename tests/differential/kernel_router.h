// The kernel as a router between two TUN devices, in a network namespace of its own, with
// connection tracking and the translation that heddle_side.h does with lib/flow.
#pragma once

#include <string>

#include "core/result.h"
#include "packets.h"

namespace heddle::differential {

struct Output {
  Side side;
  Bytes bytes;
};

class KernelRouter {
 public:
  KernelRouter() = default;
  ~KernelRouter();
  KernelRouter(const KernelRouter&) = delete;
  KernelRouter& operator=(const KernelRouter&) = delete;

  // Moves this process into a new network namespace and sets the router up there.
  Result<> start();

  // Gives the packets to the router and returns all that it sends for them. Each call ends with a
  // marker through the router to either side: what comes back before them is the answer.
  Result<std::vector<Output>> forward(Side from, std::span<const Bytes> packets);

 private:
  Result<> write(Side side, const Bytes& packet);
  Result<> read_until_marker(Side side, uint64_t serial, std::vector<Output>& out);

  int tun_[2] = {-1, -1};
  uint64_t serial_ = 0;
};

}  // namespace heddle::differential
