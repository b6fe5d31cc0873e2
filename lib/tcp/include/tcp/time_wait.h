// TIME-WAIT in short: what is needed to answer the last segments of a connection that is over,
// and to tell them from those of a new one.
#pragma once

#include <cstdint>

#include "core/pool.h"
#include "core/time.h"
#include "tcp/segment.h"
#include "tcp/stats.h"

namespace heddle::tcp {

struct TimeWait {
  FourTuple tuple;
  Seq snd_nxt;
  Seq rcv_nxt;
  uint32_t ts_recent = 0;
  uint32_t ts_offset = 0;
  uint32_t hash = 0;
  uint32_t older = kNoSlot;  // by age, for making place
  uint32_t newer = kNoSlot;
  uint16_t window = 0;  // the field, scaled
  uint8_t profile = 0;
  bool timestamps = false;
  Instant until;
};

static_assert(sizeof(TimeWait) <= 80);

enum class TimeWaitAnswer : uint8_t {
  kIgnore,
  kAcknowledge,
  kRestart,  // the peer's FIN again: acknowledge, and 2 MSL from now (RFC 9293 3.10.7.4)
  kReopen,   // a SYN that cannot be an old one (RFC 6191, RFC 9293 3.6.1)
};

TimeWaitAnswer judge(const TimeWait& entry, const Segment& segment, Drop* drop);

class TimeWaitList {
 public:
  explicit TimeWaitList(uint32_t capacity) : pool_(capacity) {}
  TimeWait& operator[](uint32_t at) { return pool_[at]; }
  const TimeWait& operator[](uint32_t at) const { return pool_[at]; }
  uint32_t size() const { return pool_.size(); }
  bool full() const { return pool_.full(); }
  uint32_t oldest() const { return oldest_; }
  uint32_t add(const TimeWait& entry);
  void remove(uint32_t at);

 private:
  Pool<TimeWait> pool_;
  uint32_t oldest_ = kNoSlot;
  uint32_t newest_ = kNoSlot;
};

}  // namespace heddle::tcp
