// Timers: one for losses, one each for delayed ACKs, keepalive, the end, and pacing.
#include <algorithm>

#include "tcp/connection.h"

namespace heddle::tcp {

void Connection::on_timer(Instant now) {
  if (timers_.delayed_ack <= now && acks_.due() <= now) {
    acks_.at_once();
    wants_output_ = true;
  }
  if (timers_.pace <= now) {
    timers_.pace = kNever;
    wants_output_ = true;
  }
  if (timers_.linger <= now) on_linger();
  if (state_ != State::kClosed && timers_.loss <= now) on_loss_timer(now);
  if (state_ != State::kClosed && timers_.keepalive <= now) on_keepalive(now);
  arm(now);
}

void Connection::arm(Instant now) {
  if (state_ == State::kClosed) {
    timers_.stop_all();
    return;
  }
  // What is due already waits for the output, not for the timer.
  timers_.delayed_ack = acks_.wanted() ? kNever : acks_.due();
  arm_loss(now);
  timers_.keepalive = kNever;
  if (keepalive_ && is_synchronized(state_) && board_.empty() && state_ != State::kTimeWait) {
    timers_.keepalive =
        last_heard_ + profile().keepalive_idle + profile().keepalive_interval * keepalive_sent_;
  }
  // RFC 9293 3.6.1: who has closed does not wait for ever.
  if (state_ == State::kFinWait2 && user_closed_) {
    if (timers_.linger == kNever) timers_.linger = now + profile().fin_wait2;
  } else if (is_synchronized(state_) && state_ != State::kTimeWait) {
    timers_.linger = kNever;
  }
}

// RFC 8985 7.2.
Duration Connection::probe_timeout() const {
  if (!rtt_.has_sample()) return seconds(1);
  Duration pto = rtt_.srtt() * 2;
  if (board_.count() == 1) pto = pto + std::min(milliseconds(200), profile().rtt.min_rto);
  return std::max(pto, milliseconds(1));
}

// RFC 6298 5.7: where the handshake needed the timer and there is no sample, the first data waits
// for 3 seconds in the place of 1.
Duration Connection::retransmission_timeout() const {
  const Duration rto = rtt_.rto(profile().rtt, rto_backoff_);
  if (rtt_.has_sample() || syn_sent_count_ < 2) return rto;
  return std::min(rto * 3, profile().rtt.max_rto);
}

void Connection::arm_loss(Instant now) {
  timers_.loss = kNever;
  timers_.loss_kind = LossTimer::kNone;
  if (state_ == State::kTimeWait || probe_now_) return;
  const auto set = [this](LossTimer kind, Instant when) {
    timers_.loss_kind = kind;
    timers_.loss = when;
  };
  if (!is_synchronized(state_)) {
    if (syn_sent_count_ == 0) return;
    return set(LossTimer::kRetransmit, syn_sent_at_ + rtt_.rto(profile().rtt, backoff_));
  }
  if (board_.empty()) {
    const bool pending = queue_.unsent() > 0 || (shutdown_ && !fin_sent_);
    if (!pending || timers_.pace != kNever) return;
    const Instant base = std::max({last_sent_, stalled_since_, rto_base_});
    const Duration wait =
        std::min(rtt_.rto(profile().rtt, persist_backoff_), profile().max_persist);
    return set(LossTimer::kPersist, base + wait);
  }
  const Instant rto_at = rto_base_ + retransmission_timeout();
  if (reorder_at_ != kNever) return set(LossTimer::kReorder, std::min(reorder_at_, rto_at));
  const bool may_probe = sack_ && recovery_.phase == Phase::kOpen && board_.sacked_count() == 0 &&
                         !recovery_.probing && backoff_ == 0;
  if (may_probe) {
    // Also where the time-out would come first: it waits for the probe's answer.
    return set(LossTimer::kProbe, std::min(probe_base_ + probe_timeout(), rto_at));
  }
  static_cast<void>(now);
  set(LossTimer::kRetransmit, rto_at);
}

void Connection::on_loss_timer(Instant now) {
  switch (timers_.loss_kind) {
    case LossTimer::kNone:
      return;
    case LossTimer::kReorder:
      if (reorder_at_ <= now) {
        find_losses(now);
        if (board_.lost() > 0) {
          if (recovery_.phase == Phase::kOpen) {
            enter_recovery(now);
            congestion_.set_cwnd(recovery_.prr.window(
                {.pipe = pipe(), .ssthresh = congestion_.ssthresh(), .mss = mss_}));
          }
          wants_output_ = true;
        }
        return;
      }
      return on_retransmission_timeout(now);
    case LossTimer::kProbe:
      probe_now_ = true;
      wants_output_ = true;
      return;
    case LossTimer::kRetransmit:
      if (!is_synchronized(state_)) return on_syn_timeout(now);
      return on_retransmission_timeout(now);
    case LossTimer::kPersist:
      return on_persist(now);
  }
}

void Connection::on_syn_timeout(Instant now) {
  if (backoff_ >= profile().syn_retries) {
    return end(icmp_seen_ ? EndReason::kUnreachable : EndReason::kTimedOut);
  }
  ++backoff_;
  syn_sent_at_ = now;
  if (ecn_ && state_ == State::kSynSent) {
    // RFC 3168 6.1.1.1: perhaps somebody drops such SYNs.
    counters().add(Stat::kEcnFallbacks);
    ecn_ = false;
    ecn_refused_ = true;
  }
  control_ = Control::kSyn;
  wants_output_ = true;
}

// A receiver whose window is closed may keep it closed as long as it answers (RFC 9293 3.8.6.1),
// unless the profile sets an end (RFC 6429). Once the user has closed, nobody is left to do so, and
// the memory is ours to look after.
bool Connection::persisted_enough(Instant now) const {
  const Duration most = user_closed_ ? profile().user_timeout : profile().persist_timeout;
  return snd_wnd_ == 0 && most.ns() > 0 && now - stalled_since_ >= most;
}

// R2 (RFC 9293 3.8.3) as a time.
bool Connection::given_up(Instant now) {
  if (persisted_enough(now)) {
    counters().add(Stat::kPersistTimeouts);
    control_ = Control::kReset;  // the peer is there, and shall forget it too
    wants_output_ = true;
  } else {
    const Instant since = snd_wnd_ == 0 ? std::max(last_heard_, stalled_since_) : stalled_since_;
    if (now - since < profile().user_timeout) return false;
    counters().add(Stat::kUserTimeouts);
  }
  if (user_closed_) reassembly_.clear(env_->pieces, env_->ranges);
  end(icmp_seen_ ? EndReason::kUnreachable : EndReason::kTimedOut);
  return true;
}

void Connection::on_persist(Instant now) {
  if (given_up(now)) return;
  rto_base_ = now;
  if (persist_backoff_ < 16) ++persist_backoff_;
  wants_output_ = true;
  if (window_blocks()) {
    counters().add(Stat::kZeroWindowProbes);
    persist_now_ = true;
  } else {
    override_ = true;  // RFC 1122 4.2.3.4: a small segment does not wait for ever
  }
}

void Connection::on_keepalive(Instant now) {
  if (keepalive_sent_ >= profile().keepalive_probes) {
    control_ = Control::kReset;
    end(EndReason::kTimedOut);
    wants_output_ = true;
    return;
  }
  static_cast<void>(now);
  ++keepalive_sent_;
  counters().add(Stat::kKeepalives);
  keepalive_now_ = true;
  wants_output_ = true;
}

void Connection::on_linger() {
  timers_.linger = kNever;
  if (state_ == State::kTimeWait) {
    advance(Event::kTimeout);
    timers_.stop_all();
    return;
  }
  if (state_ == State::kFinWait2) counters().add(Stat::kFinWait2Timeouts);
  end(state_ == State::kFinWait2 ? EndReason::kFinished
      : icmp_seen_               ? EndReason::kUnreachable
                                 : EndReason::kTimedOut);
}

}  // namespace heddle::tcp
