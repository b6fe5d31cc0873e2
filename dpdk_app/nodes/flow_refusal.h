// Why a packet is refused for its flow or its fragments, on its way to flow_refused, which counts
// by it.
#pragma once

#include <cstdint>

#include "flow/drops.h"
#include "flow/fragments.h"
#include "flow/tracker.h"
#include "packet/packet.h"

namespace heddle::app {

inline constexpr uint8_t kFirstFragmentRefusal = flow::kDrops;
inline constexpr uint8_t kFlowRefusals = kFirstFragmentRefusal + flow::kFragmentAnswers -
                                         static_cast<uint8_t>(flow::FragmentAnswer::kHoldFull);

// Why open() made no flow. What has no name of its own: the tuple is another flow's.
inline flow::Drop why_not(const flow::Tracked& opened) {
  return opened.drop == flow::Drop::kNone ? flow::Drop::kTupleTaken : opened.drop;
}

inline void set_refusal(packet::Packet packet, flow::Drop why) {
  packet.meta().refusal.code = static_cast<uint8_t>(why);
}
inline void set_refusal(packet::Packet packet, flow::FragmentAnswer why) {
  packet.meta().refusal.code =
      static_cast<uint8_t>(kFirstFragmentRefusal + static_cast<uint8_t>(why) -
                           static_cast<uint8_t>(flow::FragmentAnswer::kHoldFull));
}

}  // namespace heddle::app
