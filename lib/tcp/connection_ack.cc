// Acknowledgments: what they free, what they say of the path, and what they do to the window.
#include "connection_ack.h"

#include <algorithm>

#include "tcp/connection.h"

namespace heddle::tcp {

namespace {

// SACK blocks are advice: what would take longer to look up is left (CVE-2019-11478).
constexpr uint32_t kSackSteps = 2048;

}  // namespace

void Connection::AckWork::delivered(const Sent& sent) {
  bytes += sent.length();
  const bool again = sent.has(SentFlag::kRetransmitted);
  bool suspicious = false;
  if (!again) {
    if (first_sent == kNever || sent.sent_at < first_sent) first_sent = sent.sent_at;
    last_sent = std::max(last_sent, sent.sent_at);
    if (sent.end() <= connection.recovery_.point) original_arrived = true;
  } else if (connection.timestamps_ && echo != 0) {
    suspicious = stamp_before(echo, timestamp_at(sent.sent_at, connection.ts_offset_));
  }
  connection.rack_.delivered(sent, now, connection.rtt_.min_rtt(), suspicious);
}

Drop Connection::check_ack(const Segment& s, Instant now) {
  if (state_ == State::kSynReceived) {
    if (s.ack > snd_una_ && s.ack <= snd_nxt_) return Drop::kNone;
    return Drop::kBadAckInHandshake;  // the owner answers with a reset
  }
  if (s.ack > snd_nxt_) {
    challenge(now);
    return Drop::kAckOfUnsent;
  }
  if (s.ack < snd_una_ - std::max<uint32_t>(max_snd_wnd_, UINT16_MAX)) {  // RFC 5961 5.2
    challenge(now);
    return Drop::kAckTooOld;
  }
  return Drop::kNone;
}

Drop Connection::on_ack(const Segment& s, Instant now) {
  if (state_ == State::kSynReceived) {
    // A SYN-ACK here is the other half of a simultaneous open; it was answered as out of window.
    snd_una_ = iss_ + 1;
    if (syn_sent_count_ == 1) rtt_.sample(now - syn_sent_at_, now);
    advance(Event::kAckOfSyn);
    snd_wnd_ = max_snd_wnd_ = uint32_t{s.window} << snd_scale_;
    snd_wl1_ = s.seq;
    snd_wl2_ = s.ack;
    become_established(now);
  }
  if (s.ack >= snd_una_) process_ack(s, now);
  return Drop::kNone;
}

void Connection::update_send_window(const Segment& s) {
  if (!(snd_wl1_ < s.seq || (snd_wl1_ == s.seq && snd_wl2_ <= s.ack))) return;
  const uint32_t window = uint32_t{s.window} << snd_scale_;
  // A receiver should not, but we must live with it (RFC 9293 3.8.6).
  if (s.ack + window < snd_wl2_ + snd_wnd_) counters().add(Stat::kWindowShrunk);
  if (window > snd_wnd_ || snd_wnd_ == 0) wants_output_ = true;
  if (snd_wnd_ == 0 && window > 0) {
    persist_backoff_ = 0;
    // What was sent into the closed window was refused there and then.
    if (!board_.empty()) rto_base_ = probe_base_ = last_heard_;
  }
  snd_wnd_ = window;
  max_snd_wnd_ = std::max(max_snd_wnd_, window);
  snd_wl1_ = s.seq;
  snd_wl2_ = s.ack;
}

void Connection::process_ack(const Segment& s, Instant now) {
  AckWork work(*this, now);
  work.echo = timestamps_ ? s.options.timestamps->echo_reply.host() : 0;
  work.old_window = snd_wnd_;
  work.outstanding = !board_.empty();
  update_send_window(s);
  if (sack_ && s.options.sack_count > 0) read_sack(s, work);
  work.advanced_by = span_of(snd_una_, s.ack);
  work.advanced = work.advanced_by > 0;
  work.has_payload = s.length() > 0;
  if (s.ack >= round_end_ && work.advanced) {
    work.round = true;
    round_end_ = snd_nxt_;
  }
  const bool acks_fin = fin_sent_ && work.advanced && s.ack == snd_nxt_;
  queue_.release(env_->pieces, board_.acknowledge(env_->sent, env_->pieces, s.ack, work));
  snd_una_ = s.ack;
  sample_rtt(s, work);
  if (work.advanced) {
    backoff_ = 0;
    stalled_since_ = rto_base_ = probe_base_ = now;
    wants_output_ = true;
  } else if (work.bytes > 0) {
    wants_output_ = true;
  }
  const Phase before = recovery_.phase;
  repair(s, work);
  if (ecn_ && s.has(TcpFlag::kEce)) on_explicit_congestion(s, now);
  // While a time-out is repaired only what has newly arrived counts: SND.UNA jumps over what was
  // SACKed long ago.
  if (before == Phase::kLoss) work.advanced_by = std::min(work.advanced_by, work.bytes);
  if (before != Phase::kRecovery && recovery_.phase != Phase::kRecovery) grow_window(work);
  if (work.round) round_pipe_ = pipe();
  pacer_.set_rate(profile().pacing
                      ? Pacer::rate_of(congestion_.cwnd(), rtt_.srtt(), congestion_.slow_start())
                      : 0);
  if (want_writable_ && writable() >= 2u * mss_) {
    want_writable_ = false;
    notify(Notice::kWritable);
  }
  if (acks_fin) on_ack_of_fin(now);
}

void Connection::read_sack(const Segment& s, AckWork& work) {
  const auto block = [&](size_t i) {
    return std::pair(Seq(s.options.sack[i].left), Seq(s.options.sack[i].right));
  };
  size_t first = 0;
  const auto [left, right] = block(0);
  // RFC 2883 4: the first block may report a duplicate, below the ACK or inside of the second.
  bool duplicate = right <= s.ack;
  if (!duplicate && s.options.sack_count > 1) {
    const auto [outer_left, outer_right] = block(1);
    duplicate = left >= outer_left && right <= outer_right;
  }
  if (duplicate) {
    read_dsack(left, right, work);
    first = 1;
  }
  uint32_t steps = kSackSteps;
  for (size_t i = first; i < s.options.sack_count; ++i) {
    const auto [l, r] = block(i);
    if (l >= r || r > snd_nxt_ || l < snd_una_) {
      if (r > s.ack) counters().add(Drop::kSackOutOfRange);
      continue;
    }
    work.has_sack = true;
    if (!board_.sack(env_->sent, l, r, &steps, work)) {
      counters().add(Drop::kSackWork);
      break;
    }
  }
}

void Connection::read_dsack(Seq left, Seq right, AckWork& work) {
  // Only of what was sent not long ago.
  if (left >= right || right > snd_nxt_ || span_of(left, snd_nxt_) > (1u << 30)) {
    counters().add(Drop::kSackOutOfRange);
    return;
  }
  counters().add(Stat::kDsacksIn);
  work.dsack = true;
  work.dsack_end = right;
  rack_.on_dsack(snd_nxt_);
  if (recovery_.can_undo && left >= recovery_.undo_from && recovery_.outstanding > 0) {
    --recovery_.outstanding;
  }
}

void Connection::sample_rtt(const Segment&, AckWork& work) {
  if (work.first_sent != kNever) {  // Karn: only what was sent once
    rtt_.sample(work.now - work.first_sent, work.now);
    rto_backoff_ = 0;
    work.rtt = work.now - work.last_sent;
    return;
  }
  if (!work.advanced || !timestamps_ || work.echo == 0) return;
  const uint32_t ticks = timestamp_at(work.now, ts_offset_) - work.echo;
  if (ticks > 1'000'000) return;
  rtt_.sample(std::max(milliseconds(ticks), milliseconds(1)), work.now);
  rto_backoff_ = 0;
}

void Connection::on_explicit_congestion(const Segment&, Instant now) {
  if (recovery_.reduced && snd_una_ < recovery_.reduced_until) return;
  recovery_.reduced = true;
  recovery_.reduced_until = snd_nxt_;
  say_reduced_ = true;
  if (recovery_.phase != Phase::kOpen) return;  // reduced already in this round trip
  counters().add(Stat::kEcnCuts);
  congestion_.on_congestion(flight(), now);
  congestion_.set_cwnd(congestion_.ssthresh());
}

void Connection::grow_window(const AckWork& work) {
  if (!work.advanced) {
    // RFC 5681 3.2: not for duplicates. Where the path reorders, though, most segments arrive
    // behind a hole, and what fills it is late: slow start would never see the queue grow if the
    // SACKed ones' round trips were left out (RFC 9406 4.2 takes each acknowledgment's).
    congestion_.on_round_trip(work.rtt);
    return;
  }
  if (recovery_.reduced && snd_una_ < recovery_.reduced_until) return;
  const bool limited = congestion_.slow_start()
                           ? cwnd_limited_ || congestion_.cwnd() < 2 * round_pipe_
                           : cwnd_limited_;
  congestion_.on_ack({.acked = work.advanced_by,
                      .limited = limited,
                      .round = work.round,
                      .paced = profile().pacing,
                      .rtt = work.rtt,
                      .srtt = rtt_.srtt(),
                      .now = work.now});
}

void Connection::on_ack_of_fin(Instant now) {
  if (!advance(Event::kAckOfFin)) return;
  if (state_ == State::kClosed) {
    end(EndReason::kFinished);
  } else if (state_ == State::kTimeWait) {
    timers_.stop_all();
    timers_.linger = now + profile().msl * 2;
    ended_by_ = EndReason::kFinished;
    notify(Notice::kClosed);
  }
}

}  // namespace heddle::tcp
