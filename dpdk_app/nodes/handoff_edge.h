// Where a packet from another worker continues: the edges of the handoff node.
#pragma once

#include <cstdint>

namespace heddle::app {

enum class HandoffEdge : uint8_t {
  kEthernetInput,
  kArpInput,
  kNdInput,
  kPortTx,
  kIp4Conntrack,
  kIp6Conntrack
};

}  // namespace heddle::app
