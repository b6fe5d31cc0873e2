#include "tcp/time_wait.h"

namespace heddle::tcp {

TimeWaitAnswer judge(const TimeWait& entry, const Segment& s, Drop* drop) {
  *drop = Drop::kTimeWaitSegment;
  if (s.has(TcpFlag::kRst)) {  // RFC 1337: it would let old data into the next connection
    *drop = Drop::kTimeWaitReset;
    return TimeWaitAnswer::kIgnore;
  }
  const bool stamped = entry.timestamps && s.options.timestamps.has_value();
  const uint32_t stamp = stamped ? s.options.timestamps->value.host() : 0;
  if (s.has(TcpFlag::kSyn) && !s.has(TcpFlag::kAck)) {
    const bool newer = stamped ? stamp_before(entry.ts_recent, stamp) ||
                                     (stamp == entry.ts_recent && s.seq > entry.rcv_nxt)
                               : s.seq > entry.rcv_nxt;
    return newer ? TimeWaitAnswer::kReopen : TimeWaitAnswer::kAcknowledge;
  }
  if (stamped && stamp_before(stamp, entry.ts_recent)) return TimeWaitAnswer::kAcknowledge;
  if (s.has(TcpFlag::kFin) && s.seq + s.length() == entry.rcv_nxt) return TimeWaitAnswer::kRestart;
  // A bare ACK where it belongs is the last of the old connection; any other must be corrected.
  return s.length() == 0 && s.seq == entry.rcv_nxt ? TimeWaitAnswer::kIgnore
                                                   : TimeWaitAnswer::kAcknowledge;
}

uint32_t TimeWaitList::add(const TimeWait& entry) {
  const uint32_t at = pool_.emplace(entry);
  if (at == kNoSlot) return at;
  TimeWait& added = pool_[at];
  added.older = newest_;
  added.newer = kNoSlot;
  (newest_ == kNoSlot ? oldest_ : pool_[newest_].newer) = at;
  newest_ = at;
  return at;
}

void TimeWaitList::remove(uint32_t at) {
  const TimeWait& entry = pool_[at];
  (entry.older == kNoSlot ? oldest_ : pool_[entry.older].newer) = entry.newer;
  (entry.newer == kNoSlot ? newest_ : pool_[entry.newer].older) = entry.older;
  pool_.erase(at);
}

}  // namespace heddle::tcp
