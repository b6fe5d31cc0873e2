// Why a packet is refused, and why a flow is not made. Each has a name and a sentence; the
// caller's edges, counters and trace words come from this list.
#pragma once

#include <array>
#include <cstdint>

#include "core/counter.h"

namespace heddle::flow {

enum class Drop : uint8_t {
  kNone,
  // The packet itself.
  kTcpHeader,
  kTcpFlags,
  kTcpOptions,
  kUdpHeader,
  kIcmpHeader,
  kIcmpFamily,
  kExtensionHeaders,
  kTinyFragment,
  kLandAttack,
  // Packets without a flow that cannot begin one.
  kNoTcpFlow,
  kNoQueryFlow,
  kFragmentPorts,
  // Packets of a flow.
  kWrongWay,
  kTcpUnexpected,
  kTcpBeyondWindow,
  kTcpBeforeWindow,
  kTcpAckBeyond,
  kTcpAckBefore,
  kTcpBadSynAck,
  kRstOutside,
  kRstInexact,
  // Flows that are not made. Some of these packets may go on by hash: tracker.h.
  kTupleTaken,
  kTenantQuota,
  kHalfOpenLimit,
  kTableFull,
  kAddressesFull,
  kSourceRate,
  kLearnRate,
  kCannotTranslate,
  kPortsExhausted,
  // ICMP errors.
  kErrorChecksum,
  kErrorQuote,
  kErrorNoFlow,
  kErrorAddress,
  kErrorSequence,
};
inline constexpr size_t kDrops = 36;

struct DropText {
  const char* name;
  const char* means;
};
const DropText& text(Drop drop);

class DropCounters {
 public:
  void add(Drop drop) { counters_[static_cast<size_t>(drop)].add(); }
  uint64_t value(Drop drop) const { return counters_[static_cast<size_t>(drop)].value(); }

 private:
  std::array<Counter, kDrops> counters_;
};

}  // namespace heddle::flow
