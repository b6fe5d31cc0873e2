#include "tcp/reassembly.h"

#include <algorithm>
#include <utility>

namespace heddle::tcp {

Reassembly::Outcome Reassembly::insert(Pieces& pieces, RangePool& pool, Chain& payload, Seq start,
                                       Seq rcv_nxt, const ReassemblyLimits& limits) {
  Outcome outcome;
  if (start == rcv_nxt) {
    take_in_order(pieces, pool, payload, outcome, rcv_nxt);
  } else {
    insert_behind_hole(pieces, pool, payload, start, limits, outcome);
  }
  return outcome;
}

void Reassembly::take_in_order(Pieces& pieces, RangePool& pool, Chain& payload, Outcome& outcome,
                               Seq rcv_nxt) {
  Seq at = rcv_nxt;
  // Runs that the new bytes reach or cover. Of bytes that come twice the first ones stay here too.
  while (first_ != kNoSlot && pool[first_].start <= at + payload.bytes) {
    Range& range = pool[first_];
    const uint32_t gap = span_of(at, range.start);
    Chain part = pieces.split(payload, gap);
    at += append(pieces, part, outcome);
    if (outcome.drop != Drop::kNone || at != range.start) break;
    const uint32_t overlap = std::min(range.chain.bytes, payload.bytes);
    if (overlap > 0 && !outcome.duplicate) {
      outcome.duplicate = true;
      outcome.dup_left = at;
      outcome.dup_right = at + overlap;
    }
    pieces.drop_front(payload, overlap);
    ooo_bytes_ -= range.chain.bytes;
    ooo_pinned_ -= range.chain.pinned;
    outcome.filled_hole = true;
    at += append(pieces, range.chain, outcome);
    erase(pool, first_);
    if (outcome.drop != Drop::kNone) break;
  }
  if (outcome.drop == Drop::kNone) at += append(pieces, payload, outcome);
  pieces.free(payload);
  outcome.in_order = span_of(rcv_nxt, at);
}

// For the reader. What finds no place comes again.
uint32_t Reassembly::append(Pieces& pieces, Chain& part, Outcome& outcome) {
  const uint32_t offered = part.bytes;
  pieces.join(ready_, part);
  const uint32_t taken = offered - part.bytes;
  if (taken < offered) outcome.drop = Drop::kReceiveMemory;
  pieces.free(part);
  return taken;
}

// Keeps the parts that are not there yet; of bytes that come twice the first ones stay, so that
// nobody can change what was acknowledged.
void Reassembly::insert_behind_hole(Pieces& pieces, RangePool& pool, Chain& payload, Seq start,
                                    const ReassemblyLimits& limits, Outcome& outcome) {
  const Seq end = start + payload.bytes;
  uint32_t previous = find(pool, start);  // the last run that begins at or before `at`
  uint32_t next = previous == kNoSlot ? first_ : pool[previous].next;
  Seq at = start;
  while (!payload.empty()) {
    while (next != kNoSlot && pool[next].start <= at) {
      previous = next;
      next = pool[next].next;
    }
    if (previous != kNoSlot && pool[previous].end > at) {  // these are here
      const uint32_t n = span_of(at, min(pool[previous].end, end));
      if (!outcome.duplicate) {
        outcome.duplicate = true;
        outcome.dup_left = at;
        outcome.dup_right = at + n;
      }
      touch(previous);
      pieces.drop_front(payload, n);
      at += n;
      continue;
    }
    const Seq until = next == kNoSlot ? end : min(pool[next].start, end);
    const uint32_t n = span_of(at, until);
    Chain part = pieces.split(payload, n);
    const uint32_t got = part.bytes;
    if (got == 0 || !add(pieces, pool, part, at, previous, limits, outcome)) {
      if (got == 0) outcome.drop = Drop::kReceiveMemory;
      pieces.free(part);
      pieces.free(payload);
      return;
    }
    at += got;
    next = previous == kNoSlot ? first_ : previous;
  }
}

bool Reassembly::add(Pieces& pieces, RangePool& pool, Chain& part, Seq start, uint32_t previous,
                     const ReassemblyLimits& limits, Outcome& outcome) {
  if (ooo_pinned_ + part.pinned > limits.pinned) {
    outcome.drop = Drop::kOutOfOrderMemory;
    return false;
  }
  outcome.out_of_order = true;
  const Seq end = start + part.bytes;
  uint32_t at = previous;
  if (previous != kNoSlot && pool[previous].end == start) {
    Range& range = pool[previous];
    ooo_pinned_ -= range.chain.pinned;
    ooo_bytes_ -= range.chain.bytes;
    pieces.join(range.chain, part);
    pieces.free(part);
    ooo_pinned_ += range.chain.pinned;
    ooo_bytes_ += range.chain.bytes;
    range.end = range.start + range.chain.bytes;
  } else {
    at = ranges_ < limits.ranges ? pool.emplace() : kNoSlot;
    if (at == kNoSlot) {
      outcome.drop = Drop::kOutOfOrderFull;
      return false;
    }
    ++ranges_;
    Range& range = pool[at];
    range.start = start;
    range.end = end;
    ooo_bytes_ += part.bytes;
    ooo_pinned_ += part.pinned;
    range.chain = std::move(part);
    range.next = previous == kNoSlot ? first_ : pool[previous].next;
    range.previous = previous;
    (previous == kNoSlot ? first_ : pool[previous].next) = at;
    (range.next == kNoSlot ? last_ : pool[range.next].previous) = at;
  }
  touch(at);
  Range& range = pool[at];
  const uint32_t after = range.next;
  if (after != kNoSlot && pool[after].start == range.end) {
    ooo_pinned_ -= range.chain.pinned + pool[after].chain.pinned;
    ooo_bytes_ -= range.chain.bytes + pool[after].chain.bytes;
    pieces.join(range.chain, pool[after].chain);
    pieces.free(pool[after].chain);
    ooo_pinned_ += range.chain.pinned;
    ooo_bytes_ += range.chain.bytes;
    range.end = range.start + range.chain.bytes;
    erase(pool, after);
  }
  return true;
}

void Reassembly::touch(uint32_t at) {
  size_t i = 0;
  while (i + 1 < recent_.size() && recent_[i] != at && recent_[i] != kNoSlot) ++i;
  for (; i > 0; --i) recent_[i] = recent_[i - 1];
  recent_[0] = at;
}

void Reassembly::forget(uint32_t at) {
  size_t to = 0;
  for (const uint32_t slot : recent_)
    if (slot != at) recent_[to++] = slot;
  while (to < recent_.size()) recent_[to++] = kNoSlot;
}

void Reassembly::erase(RangePool& pool, uint32_t at) {
  const Range& range = pool[at];
  (range.previous == kNoSlot ? first_ : pool[range.previous].next) = range.next;
  (range.next == kNoSlot ? last_ : pool[range.next].previous) = range.previous;
  forget(at);
  pool.erase(at);
  --ranges_;
}

// The last run that begins at or before `seq`, looked for from the nearest that is known.
uint32_t Reassembly::find(const RangePool& pool, Seq seq) const {
  if (first_ == kNoSlot || pool[first_].start > seq) return kNoSlot;
  uint32_t at = first_;
  const auto distance = [&](uint32_t slot) {
    const Seq start = pool[slot].start;
    return start < seq ? span_of(start, seq) : span_of(seq, start);
  };
  if (distance(last_) < distance(at)) at = last_;
  for (const uint32_t slot : recent_)
    if (slot != kNoSlot && distance(slot) < distance(at)) at = slot;
  while (pool[at].start > seq) at = pool[at].previous;
  while (pool[at].next != kNoSlot && pool[pool[at].next].start <= seq) at = pool[at].next;
  return at;
}

uint8_t Reassembly::sack_blocks(const RangePool& pool, wire::TcpSackBlock* to, uint8_t max) const {
  uint8_t count = 0;
  for (const uint32_t slot : recent_) {
    if (slot == kNoSlot || count == max) break;
    to[count++] = {pool[slot].start.wire(), pool[slot].end.wire()};
  }
  return count;
}

void Reassembly::renege(Pieces& pieces, RangePool& pool) {
  while (first_ != kNoSlot) {
    pieces.free(pool[first_].chain);
    erase(pool, first_);
  }
  ooo_bytes_ = ooo_pinned_ = 0;
}

void Reassembly::clear(Pieces& pieces, RangePool& pool) {
  renege(pieces, pool);
  pieces.free(ready_);
}

}  // namespace heddle::tcp
