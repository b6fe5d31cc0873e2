// What the kernel's connection tracking knows of a flow, asked by ctnetlink.
#pragma once

#include <cstdint>

#include "core/result.h"
#include "packets.h"

namespace heddle::differential {

// As the kernel numbers them.
enum class KernelTcp : uint8_t {
  kNone,  // or no flow
  kSynSent,
  kSynReceived,
  kEstablished,
  kFinWait,
  kCloseWait,
  kLastAck,
  kTimeWait,
  kClose,
  kSynSent2,
};
const char* name(KernelTcp state);

struct KernelFlow {
  bool known = false;
  KernelTcp tcp = KernelTcp::kNone;
};

class Conntrack {
 public:
  Conntrack() = default;
  ~Conntrack();
  Conntrack(const Conntrack&) = delete;
  Conntrack& operator=(const Conntrack&) = delete;

  // In the network namespace that the process is in.
  Result<> start();
  // By what the initiator sends. TCP and UDP.
  Result<KernelFlow> find(const Ends& ends);

 private:
  int socket_ = -1;
  uint32_t sequence_ = 0;
};

}  // namespace heddle::differential
