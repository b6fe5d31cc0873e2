// HandshakeQueue: whose TLS handshake is to make a step next. Those that have begun come first, as
// they make room for others; the rest waits for the gate. How many steps a turn has is for all
// queues of a worker together (TlsWork::take_step).
#pragma once

#include <cstdint>
#include <utility>

#include "mesh/slot_queue.h"
#include "mesh/tls_end.h"

namespace heddle::mesh {

class HandshakeQueue {
 public:
  // `work`: null where there is no TLS.
  HandshakeQueue(TlsWork* work, uint32_t capacity)
      : work_(work),
        begun_(work == nullptr ? 0 : capacity),
        waiting_(work == nullptr ? 0 : capacity) {}

  // `end`: the slot's, which is_dear().
  void push(uint32_t slot, const TlsEnd& end) {
    (end.phase() == TlsEnd::Phase::kBegin ? waiting_ : begun_).push(slot);
  }
  // Calls `step` with slots, which may be another's by now, or nobody's. True: there is more to do
  // at once.
  template <class Step>
  bool run(Step&& step) {
    if (work_ == nullptr) return false;
    while ((!begun_.empty() || may_begin()) && work_->take_step())
      step(begun_.empty() ? waiting_.pop() : begun_.pop());
    return !begun_.empty() || may_begin();
  }

 private:
  bool may_begin() const { return !waiting_.empty() && work_->gate.in_flight < work_->gate.limit; }

  TlsWork* work_;
  SlotQueue begun_;
  SlotQueue waiting_;
};

}  // namespace heddle::mesh
