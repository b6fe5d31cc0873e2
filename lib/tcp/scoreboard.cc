#include "tcp/scoreboard.h"

#include <algorithm>

namespace heddle::tcp {

SentPool::SentPool(uint32_t capacity)
    : slots_(std::make_unique<Sent[]>(capacity)), capacity_(capacity) {
  for (uint32_t i = 0; i < capacity; ++i) slots_[i].next = i + 1 < capacity ? i + 1 : kNoSlot;
  free_ = capacity > 0 ? 0 : kNoSlot;
}

uint32_t SentPool::take() {
  const uint32_t at = free_;
  if (at == kNoSlot) return kNoSlot;
  free_ = slots_[at].next;
  ++in_use_;
  return at;
}

void SentPool::give_back(uint32_t at) {
  slots_[at].next = free_;
  free_ = at;
  --in_use_;
}

void Scoreboard::link_by_time(SentPool& pool, uint32_t at) {
  Sent& sent = pool[at];
  sent.later = kNoSlot;
  sent.earlier = newest_;
  (newest_ == kNoSlot ? oldest_ : pool[newest_].later) = at;
  newest_ = at;
}

void Scoreboard::unlink_by_time(SentPool& pool, uint32_t at) {
  Sent& sent = pool[at];
  (sent.earlier == kNoSlot ? oldest_ : pool[sent.earlier].later) = sent.later;
  (sent.later == kNoSlot ? newest_ : pool[sent.later].earlier) = sent.earlier;
  sent.earlier = sent.later = kNoSlot;
}

void Scoreboard::enter_pipe(SentPool& pool, uint32_t at) {
  pipe_ += pool[at].length();
  if (pool[at].has(SentFlag::kRetransmitted)) ++repeated_;
  link_by_time(pool, at);
}

void Scoreboard::leave_pipe(SentPool& pool, uint32_t at) {
  pipe_ -= pool[at].length();
  if (pool[at].has(SentFlag::kRetransmitted)) --repeated_;
  unlink_by_time(pool, at);
}

uint32_t Scoreboard::push(SentPool& pool, const Sent& sent) {
  const uint32_t at = pool.take();
  if (at == kNoSlot) return kNoSlot;
  Sent& record = pool[at];
  record = sent;
  record.next = kNoSlot;
  record.previous = tail_;
  (tail_ == kNoSlot ? head_ : pool[tail_].next) = at;
  tail_ = at;
  ++count_;
  enter_pipe(pool, at);
  return at;
}

uint32_t Scoreboard::restore(SentPool& pool, const Sent& sent) {
  const uint32_t at = push(pool, sent);
  if (at == kNoSlot) return at;
  Sent& record = pool[at];
  if (record.in_pipe()) return at;
  leave_pipe(pool, at);
  if (record.has(SentFlag::kSacked)) {
    sacked_ += record.length();
    ++sacked_count_;
    high_sacked_ = record.end();
  } else {
    lost_ += record.length();
    if (lost_hint_ == kNoSlot) lost_hint_ = at;
  }
  return at;
}

void Scoreboard::drop_hints(uint32_t at) {
  for (uint32_t& hint : sack_hints_)
    if (hint == at) hint = kNoSlot;
}

uint32_t Scoreboard::acknowledge(SentPool& pool, const Pieces& pieces, Seq una,
                                 DeliverySink& sink) {
  uint32_t freed = 0;
  while (head_ != kNoSlot && pool[head_].start < una) {
    const uint32_t at = head_;
    Sent& sent = pool[at];
    if (sent.end() > una) {
      // A part of a segment: the peer, or something before it, cuts them anew.
      sink.divided();
      const uint32_t n = span_of(sent.start, una);
      freed += n;
      if (sent.in_pipe()) pipe_ -= n;
      if (sent.has(SentFlag::kSacked)) sacked_ -= n;
      if (sent.has(SentFlag::kLost)) lost_ -= n;
      sent.start = una;
      sent.size -= n;
      sent.place = SendQueue::settled(pieces, SendQueue::moved(pieces, sent.place, n));
      break;
    }
    freed += sent.size;
    if (sent.has(SentFlag::kSacked)) {
      sacked_ -= sent.length();
      --sacked_count_;
    } else {
      if (sent.has(SentFlag::kLost)) {
        lost_ -= sent.length();
      } else {
        leave_pipe(pool, at);
      }
      sink.delivered(sent);
    }
    head_ = sent.next;
    (head_ == kNoSlot ? tail_ : pool[head_].previous) = kNoSlot;
    if (lost_hint_ == at) lost_hint_ = head_;
    drop_hints(at);
    --count_;
    pool.give_back(at);
  }
  return freed;
}

// From the nearest place that is known.
uint32_t Scoreboard::find(const SentPool& pool, Seq seq, uint32_t* steps) const {
  uint32_t best = head_;
  uint32_t distance = span_of(pool[head_].start, seq);
  const auto consider = [&](uint32_t at) {
    if (at == kNoSlot) return;
    const Seq start = pool[at].start;
    const uint32_t d = start < seq ? span_of(start, seq) : span_of(seq, start);
    if (d < distance) {
      best = at;
      distance = d;
    }
  };
  consider(sack_hints_[0]);
  consider(sack_hints_[1]);
  consider(tail_);
  uint32_t at = best;
  while (at != kNoSlot && pool[at].start < seq && *steps > 0) {
    at = pool[at].next;
    --*steps;
  }
  if (at == kNoSlot) return kNoSlot;
  while (pool[at].previous != kNoSlot && pool[pool[at].previous].start >= seq && *steps > 0) {
    at = pool[at].previous;
    --*steps;
  }
  return at;
}

bool Scoreboard::sack(SentPool& pool, Seq left, Seq right, uint32_t* steps, DeliverySink& sink) {
  if (head_ == kNoSlot) return true;
  uint32_t at = find(pool, left, steps);
  uint32_t last = kNoSlot;
  while (at != kNoSlot && *steps > 0) {
    Sent& sent = pool[at];
    if (sent.end() > right) break;
    --*steps;
    last = at;
    if (!sent.has(SentFlag::kSacked) && sent.start >= left) {
      if (sent.has(SentFlag::kLost)) {
        lost_ -= sent.length();
        sent.unset(SentFlag::kLost);
      } else {
        leave_pipe(pool, at);
      }
      sent.set(SentFlag::kSacked);
      sacked_ += sent.length();
      if (sacked_count_++ == 0 || sent.end() > high_sacked_) high_sacked_ = sent.end();
      sink.delivered(sent);
    }
    at = sent.next;
  }
  if (last != kNoSlot && last != sack_hints_[0]) {
    sack_hints_[1] = sack_hints_[0];
    sack_hints_[0] = last;
  }
  return *steps > 0;
}

void Scoreboard::mark_lost(SentPool& pool, uint32_t at) {
  Sent& sent = pool[at];
  if (!sent.in_pipe()) return;
  leave_pipe(pool, at);
  sent.set(SentFlag::kLost);
  lost_ += sent.length();
  if (lost_hint_ == kNoSlot || sent.start < pool[lost_hint_].start) lost_hint_ = at;
}

uint32_t Scoreboard::next_lost(const SentPool& pool) {
  if (lost_ == 0) {
    lost_hint_ = kNoSlot;
    return kNoSlot;
  }
  if (lost_hint_ == kNoSlot) lost_hint_ = head_;
  while (lost_hint_ != kNoSlot && !pool[lost_hint_].has(SentFlag::kLost)) {
    lost_hint_ = pool[lost_hint_].next;
  }
  return lost_hint_;
}

void Scoreboard::retransmitted(SentPool& pool, uint32_t at, Instant now) {
  Sent& sent = pool[at];
  if (sent.in_pipe()) leave_pipe(pool, at);  // a probe: of two on the way, one counts
  if (sent.has(SentFlag::kLost)) {
    lost_ -= sent.length();
    sent.unset(SentFlag::kLost);
  }
  sent.set(SentFlag::kRetransmitted);
  if (sent.in_pipe()) enter_pipe(pool, at);
  sent.sent_at = now;
  if (sent.transmissions < UINT8_MAX) ++sent.transmissions;
}

bool Scoreboard::split(SentPool& pool, const Pieces& pieces, uint32_t at, uint32_t size) {
  const uint32_t fresh = pool.take();
  if (fresh == kNoSlot) return false;
  Sent& first = pool[at];
  Sent& second = pool[fresh];
  second = first;
  second.start = first.start + size;
  second.size = first.size - size;
  second.place = SendQueue::settled(pieces, SendQueue::moved(pieces, first.place, size));
  first.size = size;
  first.unset(SentFlag::kFin);
  second.previous = at;
  (first.next == kNoSlot ? tail_ : pool[first.next].previous) = fresh;
  first.next = fresh;
  ++count_;
  if (second.has(SentFlag::kSacked)) ++sacked_count_;
  if (first.in_pipe()) {
    if (first.has(SentFlag::kRetransmitted)) ++repeated_;
    second.earlier = at;
    (first.later == kNoSlot ? newest_ : pool[first.later].earlier) = fresh;
    first.later = fresh;
  }
  return true;
}

void Scoreboard::forget_sacks(SentPool& pool) {
  for (uint32_t at = head_; at != kNoSlot; at = pool[at].next) {
    Sent& sent = pool[at];
    if (!sent.has(SentFlag::kSacked)) continue;
    sent.unset(SentFlag::kSacked);
    sent.set(SentFlag::kLost);
    lost_ += sent.length();
  }
  sacked_ = sacked_count_ = 0;
  lost_hint_ = head_;
}

void Scoreboard::unmark_lost(SentPool& pool) {
  for (uint32_t at = head_; at != kNoSlot; at = pool[at].next) {
    Sent& sent = pool[at];
    if (!sent.has(SentFlag::kLost)) continue;
    sent.unset(SentFlag::kLost);
    lost_ -= sent.length();
    enter_pipe(pool, at);
  }
  lost_hint_ = kNoSlot;
}

void Scoreboard::clear(SentPool& pool) {
  while (head_ != kNoSlot) {
    const uint32_t next = pool[head_].next;
    pool.give_back(head_);
    head_ = next;
  }
  *this = Scoreboard();
}

}  // namespace heddle::tcp
