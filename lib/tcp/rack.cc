#include "tcp/rack.h"

#include <algorithm>

namespace heddle::tcp {

namespace {

constexpr uint32_t kDupThresh = 3;
constexpr uint8_t kPersistRounds = 16;
constexpr uint8_t kMaxMultiplier = 64;

bool sent_after(Instant a, Seq a_end, Instant b, Seq b_end) {
  return a > b || (a == b && a_end > b_end);
}

}  // namespace

void Rack::delivered(const Sent& sent, Instant now, Duration min_rtt, bool suspicious) {
  const bool again = sent.has(SentFlag::kRetransmitted);
  if (!has_fack_ || sent.end() > fack_) {
    fack_ = sent.end();
    has_fack_ = true;
  } else if (sent.end() < fack_ && !again) {
    reordering_ = true;
  }
  const Duration rtt = now - sent.sent_at;
  if (again && (suspicious || rtt < min_rtt)) return;
  if (!has_sample() || sent_after(sent.sent_at, sent.end(), xmit_, end_)) {
    xmit_ = sent.sent_at;
    end_ = sent.end();
    rtt_ = rtt;
  }
}

void Rack::on_dsack(Seq snd_nxt) {
  if (has_dsack_round_) return;
  has_dsack_round_ = true;
  dsack_round_ = snd_nxt;
  multiplier_ = std::min<uint8_t>(kMaxMultiplier, static_cast<uint8_t>(multiplier_ + 1));
  persist_ = kPersistRounds;
}

void Rack::on_recovery_end() {
  if (persist_ > 0 && --persist_ == 0) multiplier_ = 1;
}

Duration Rack::reorder_window(const Rtt& rtt, bool recovering, uint32_t sacked_count) const {
  if (!reordering_ && (recovering || sacked_count >= kDupThresh)) return Duration();
  return std::min(rtt.min_rtt() * multiplier_ / 4, rtt.srtt());
}

uint32_t Rack::detect(Scoreboard& board, SentPool& pool, Instant now, Duration reorder_window,
                      Duration* wait) const {
  *wait = Duration();
  if (!has_sample()) return 0;
  uint32_t found = 0;
  uint32_t at = board.oldest();
  while (at != kNoSlot) {
    const Sent& sent = pool[at];
    if (!sent_after(xmit_, end_, sent.sent_at, sent.end())) break;
    const uint32_t later = sent.later;
    const Duration left = sent.sent_at + rtt_ + reorder_window - now;
    if (left.ns() <= 0) {
      board.mark_lost(pool, at);
      ++found;
    } else {
      *wait = std::max(*wait, left);
    }
    at = later;
  }
  return found;
}

}  // namespace heddle::tcp
