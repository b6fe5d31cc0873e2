// Repair of losses: RACK-TLP (RFC 8985), NewReno (RFC 6582) for peers without SACK, PRR (RFC
// 6937), F-RTO (RFC 5682), Eifel (RFC 3522, RFC 4015) and D-SACK undo.
#include <algorithm>

#include "connection_ack.h"

namespace heddle::tcp {

namespace {

constexpr uint32_t kDupThresh = 3;

}  // namespace

void Connection::repair(const Segment& s, AckWork& work) {
  rack_.on_ack(snd_una_);
  finish_probe(s, work);
  count_duplicates(work);
  const bool undone = try_undo(s, work);
  const uint32_t found = find_losses(work.now);
  const bool past = recovery_.phase != Phase::kOpen && snd_una_ >= recovery_.point;
  if (past) {
    leave_recovery();
  } else if (recovery_.phase == Phase::kLoss && !undone && recovery_.frto) {
    if (forward_rto(work)) return;
  }
  if (recovery_.phase == Phase::kOpen) {
    if (board_.lost() > 0) enter_recovery(work.now);
  }
  if (recovery_.phase == Phase::kRecovery) {
    if (!sack_ && work.advanced && board_.lost() == 0 && !board_.empty()) {
      // RFC 6582 3.2: a partial acknowledgment means that the next one is lost too.
      board_.mark_lost(env_->sent, board_.head());
    }
    uint32_t delivered = work.bytes;
    if (!sack_ && work.outstanding && !work.advanced) delivered = mss_;
    congestion_.set_cwnd(recovery_.prr.window({.delivered = delivered,
                                               .pipe = pipe(),
                                               .ssthresh = congestion_.ssthresh(),
                                               .mss = mss_,
                                               .safe = work.advanced && found == 0}));
  }
  if (board_.lost() > 0) wants_output_ = true;
}

uint32_t Connection::find_losses(Instant now) {
  reorder_at_ = kNever;
  if (!sack_) {
    if (recovery_.phase != Phase::kOpen || recovery_.duplicates < kDupThresh || board_.empty() ||
        board_.lost() > 0) {
      return 0;
    }
    // ACKs of what was repaired before do not start it again (RFC 6582 4.1).
    if (recovery_.had_point && snd_una_ <= recovery_.point) return 0;
    board_.mark_lost(env_->sent, board_.head());
    return 1;
  }
  Duration wait;
  const Duration window =
      rack_.reorder_window(rtt_, recovery_.phase != Phase::kOpen, board_.sacked_count());
  const uint32_t found = rack_.detect(board_, env_->sent, now, window, &wait);
  if (wait.ns() > 0) reorder_at_ = now + wait;
  return found;
}

// Without SACK each duplicate acknowledgment stands for a segment that has arrived.
void Connection::count_duplicates(const AckWork& work) {
  if (sack_) return;
  if (work.advanced) {
    const uint32_t segments = work.bytes / std::max<uint32_t>(mss_, 1);
    recovery_.duplicates -= std::min(recovery_.duplicates, std::max<uint32_t>(segments, 1) - 1);
    if (recovery_.phase == Phase::kOpen) recovery_.duplicates = 0;
    return;
  }
  if (!work.outstanding || work.has_payload || work.old_window != snd_wnd_) return;
  // No more than what is outstanding can have arrived, whatever a peer says.
  recovery_.duplicates = std::min(recovery_.duplicates + 1, board_.count());
  wants_output_ = true;  // limited transmit (RFC 3042): the pipe is one shorter
}

uint32_t Connection::flight() const { return std::max(span_of(snd_una_, snd_nxt_), round_pipe_); }

void Connection::remember_for_undo() {
  recovery_.before = congestion_;
  recovery_.can_undo = true;
  // What was sent again before and is on its way yet is not of this episode, but its answers look
  // as if they were.
  if (board_.repeated_count() == 0) recovery_.stamped = false;
  recovery_.outstanding = 0;
  recovery_.undo_from = snd_una_;
}

void Connection::enter_recovery(Instant now) {
  counters().add(Stat::kFastRecoveries);
  remember_for_undo();
  recovery_.by_timeout = false;
  recovery_.phase = Phase::kRecovery;
  recovery_.point = snd_nxt_;
  recovery_.had_point = true;
  recovery_.probing = false;
  recovery_.prr.begin(board_.pipe() + board_.lost());
  // Once a round trip, also when congestion was marked in it.
  if (!recovery_.reduced || snd_una_ >= recovery_.reduced_until) {
    congestion_.on_congestion(flight(), now);
    say_reduced_ = ecn_;
  }
}

void Connection::leave_recovery() {
  if (recovery_.phase == Phase::kRecovery) congestion_.set_cwnd(congestion_.ssthresh());
  recovery_.phase = Phase::kOpen;
  recovery_.frto = false;
  recovery_.duplicates = 0;
  rack_.on_recovery_end();
}

void Connection::undo() {
  counters().add(Stat::kUndos);
  if (!recovery_.by_timeout) rack_.saw_reordering();
  congestion_.undo(recovery_.before);
  if (recovery_.phase == Phase::kLoss) board_.unmark_lost(env_->sent);
  recovery_.phase = Phase::kOpen;
  recovery_.can_undo = false;
  recovery_.frto = false;
  recovery_.duplicates = 0;
  backoff_ = rto_backoff_ = 0;
}

bool Connection::try_undo(const Segment&, const AckWork& work) {
  if (!recovery_.can_undo) return false;
  // RFC 3522: the answer is to something sent before the first retransmission.
  const bool eifel = recovery_.phase != Phase::kOpen && work.advanced && recovery_.stamped &&
                     timestamps_ && work.echo != 0 && stamp_before(work.echo, recovery_.stamp);
  // Every retransmission was reported as a duplicate.
  const bool dsack = work.dsack && recovery_.outstanding == 0 && recovery_.stamped;
  if (!eifel && !dsack) return false;
  undo();
  return true;
}

// RFC 5682 2.1 and its SACK form. True: nothing more is to be done with this acknowledgment.
bool Connection::forward_rto(const AckWork& work) {
  if (work.original_arrived) {  // sent before the time-out, and arrived without being repeated
    undo();
    return true;
  }
  if (snd_nxt_ > recovery_.point) {
    // New data is out: this acknowledgment decides. Without progress the loss was real.
    if (!work.advanced || work.has_sack) recovery_.frto = false;
    return false;
  }
  if (!work.advanced || queue_.unsent() == 0 || window_blocks()) {
    recovery_.frto = false;
    return false;
  }
  recovery_.point = snd_nxt_;  // emit sends new data before it repairs more
  return false;
}

void Connection::mark_all_lost(Instant now) {
  const Duration window = rack_.reorder_window(rtt_, true, 0);
  const uint32_t head = board_.head();
  if (env_->sent[head].has(SentFlag::kSacked)) {
    // What is SACKed would have been acknowledged by now: the peer has dropped it.
    counters().add(Stat::kReneges);
    board_.forget_sacks(env_->sent);
  }
  uint32_t at = board_.oldest();
  while (at != kNoSlot) {
    const Sent& sent = env_->sent[at];
    const uint32_t later = sent.later;
    // RFC 8985 6.3: what was sent a moment ago may still come.
    if (at == head || !sack_ || sent.sent_at + rack_.rtt() + window <= now) {
      board_.mark_lost(env_->sent, at);
    }
    at = later;
  }
  board_.mark_lost(env_->sent, head);
}

void Connection::on_retransmission_timeout(Instant now) {
  if (given_up(now)) return;
  counters().add(Stat::kTimeouts);
  check_black_hole(now);
  const bool first = backoff_ == 0;
  const bool fresh = recovery_.phase != Phase::kLoss || snd_una_ > recovery_.undo_from;
  // RFC 5682 2.1: not while losses are being repaired, as originals arrive then anyway.
  recovery_.frto = sack_ && first && recovery_.phase == Phase::kOpen;
  if (fresh && first) remember_for_undo();
  congestion_.on_timeout(flight(), now, first && fresh);
  recovery_.by_timeout = true;
  recovery_.phase = Phase::kLoss;
  recovery_.point = snd_nxt_;
  recovery_.had_point = true;
  recovery_.probing = false;
  recovery_.duplicates = 0;
  recovery_.reduced = false;
  say_reduced_ = ecn_;
  if (backoff_ < UINT8_MAX) ++backoff_;
  if (rto_backoff_ < UINT8_MAX) ++rto_backoff_;
  mark_all_lost(now);
  force_retransmit_ = true;
  rto_base_ = now;
  wants_output_ = true;
}

// RFC 8985 7.4.2.
void Connection::finish_probe(const Segment&, AckWork& work) {
  if (!recovery_.probing || snd_una_ < recovery_.probe_end) return;
  if (!recovery_.probe_is_retransmission) {
    recovery_.probing = false;
  } else if (work.dsack && work.dsack_end == recovery_.probe_end) {
    recovery_.probing = false;  // both came
  } else if (snd_una_ > recovery_.probe_end) {
    // It repaired a loss which nobody else has seen.
    recovery_.probing = false;
    counters().add(Stat::kProbeLosses);
    if (recovery_.phase == Phase::kOpen) {
      congestion_.on_congestion(flight(), work.now);
      congestion_.set_cwnd(congestion_.ssthresh());
      say_reduced_ = ecn_;
    }
  } else if (!work.advanced && !work.has_sack) {
    recovery_.probing = false;  // a plain duplicate acknowledgment: both came
  }
}

}  // namespace heddle::tcp
