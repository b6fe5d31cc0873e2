// What the worker hangs on a flow: where its packets are counted, and who opened it. Enough to
// decide it anew when policy has changed.
#pragma once

#include <cstdint>

#include "core/ids.h"
#include "policy/snapshot.h"

namespace heddle::app {

// The record's word, in the cache line that each packet touches: the slots that count.
class FlowNote {
 public:
  FlowNote() = default;
  explicit FlowNote(uint32_t word) : word_(word) {}
  FlowNote(uint32_t frontend, uint32_t endpoint)
      : word_(frontend << kEndpointBits | (endpoint & kEndpointMask)) {}

  uint32_t word() const { return word_; }
  bool to_service() const { return frontend() != kNoFrontend; }
  uint32_t frontend() const { return word_ >> kEndpointBits; }
  uint32_t endpoint() const { return word_ & kEndpointMask; }

 private:
  static constexpr unsigned kEndpointBits = 18;
  static constexpr uint32_t kEndpointMask = (1u << kEndpointBits) - 1;
  static constexpr uint32_t kNoFrontend = UINT32_MAX >> kEndpointBits;
  static_assert(policy::Limits().endpoint_slots() <= 1u << kEndpointBits);
  static_assert(policy::Limits().frontend_slots() <= kNoFrontend);

  uint32_t word_ = UINT32_MAX;  // a flow to no service
};

// The 16 bits beside the record, read when the flow is decided anew: who opened it.
class FlowOrigin {
 public:
  explicit FlowOrigin(uint16_t word) : word_(word) {}
  FlowOrigin(InterfaceId in, bool identified)
      : word_(static_cast<uint16_t>(in.value() & kInterface)) {
    if (identified && in.value() <= kInterface) word_ |= kIdentified;
  }

  uint16_t word() const { return word_; }
  InterfaceId in() const { return InterfaceId(word_ & kInterface); }
  // Picked up from the side that answers: policy has let the other open it.
  bool reversed() const { return (word_ & kReversed) != 0; }
  FlowOrigin reverse() const { return FlowOrigin(static_cast<uint16_t>(word_ | kReversed)); }
  bool identified() const { return (word_ & kIdentified) != 0; }

 private:
  static constexpr uint16_t kInterface = 0x3fff;
  static constexpr uint16_t kReversed = 0x4000;
  static constexpr uint16_t kIdentified = 0x8000;
  uint16_t word_;
};

}  // namespace heddle::app
