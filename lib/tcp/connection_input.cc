// What arrives, in the order of RFC 9293 3.10.7 with RFC 7323's and RFC 5961's additions.
#include <algorithm>

#include "tcp/connection.h"

namespace heddle::tcp {

namespace {

constexpr Duration kTimestampLife = seconds(24 * 24 * 3600);  // RFC 7323 5.5
constexpr uint8_t kChallengesPerSecond = 10;
constexpr uint32_t kTinySegment = 16;  // bytes; counted

}  // namespace

Drop Connection::on_segment(Segment& segment, Instant now) {
  Drop drop = Drop::kNoConnection;
  if (state_ == State::kSynSent) {
    drop = on_syn_sent(segment, now);
  } else if (state_ != State::kClosed) {
    drop = on_synchronized(segment, now);
  }
  env_->pieces.free(segment.payload);
  if (segment.malformed_options) counters().add(Drop::kMalformedOptions);
  if (drop != Drop::kNone) counters().add(drop);
  if (acks_.wanted()) wants_output_ = true;
  arm(now);
  return drop;
}

Drop Connection::on_syn_sent(Segment& s, Instant now) {
  const bool acks_syn = s.has(TcpFlag::kAck) && s.ack == snd_nxt_;
  if (s.has(TcpFlag::kAck) && !acks_syn) {
    if (s.has(TcpFlag::kRst)) return Drop::kResetOutOfWindow;
    return Drop::kBadAckInHandshake;  // the owner answers with a reset
  }
  if (s.has(TcpFlag::kRst)) {
    if (!acks_syn) return Drop::kResetOutOfWindow;
    counters().add(Stat::kResetsIn);
    end(EndReason::kRefused);
    return Drop::kNone;
  }
  if (!s.has(TcpFlag::kSyn)) return Drop::kNoAck;
  irs_ = s.seq;
  rcv_nxt_ = last_ack_sent_ = s.seq + 1;
  negotiate(s);
  const uint8_t scale = window_scale_ ? window_.scale() : uint8_t{0};
  window_.begin(rcv_nxt_, profile().receive_initial, profile().receive_max, scale);
  window_.advertise_in_syn(rcv_nxt_);
  snd_wnd_ = max_snd_wnd_ = s.window;  // never scaled in a SYN (RFC 7323 2.2)
  snd_wl1_ = s.seq;
  snd_wl2_ = s.ack;
  last_heard_ = now;
  if (!acks_syn) {
    advance(Event::kSyn);
    control_ = Control::kSyn;  // now with an ACK
    syn_sent_count_ = 0;
    wants_output_ = true;
    return Drop::kNone;
  }
  snd_una_ = s.ack;
  if (syn_sent_count_ == 1) rtt_.sample(now - syn_sent_at_, now);
  advance(Event::kSynAck);
  become_established(now);
  acks_.at_once();
  // Data may come with the SYN-ACK; it is taken as if it came behind it.
  s.seq += 1;
  return on_payload(s, now);
}

// What the peer's SYN says about the options that we offered.
void Connection::negotiate(const Segment& syn) {
  const wire::TcpOptionValues& o = syn.options;
  timestamps_ = timestamps_ && o.timestamps.has_value();
  sack_ = sack_ && o.sack_permitted;
  window_scale_ = window_scale_ && o.window_scale.has_value();
  snd_scale_ = window_scale_ ? std::min<uint8_t>(*o.window_scale, 14) : uint8_t{0};
  if (timestamps_) {
    ts_recent_ = o.timestamps->value.host();
    ts_recent_at_ = last_heard_;
  }
  if (o.mss) set_peer_mss(*o.mss);
  // ECE alone answers a SYN; both flags mean that the peer only mirrors them (RFC 3168 6.1.1).
  // A SYN of its own, in a simultaneous open, has both.
  const bool ece = syn.has(TcpFlag::kEce);
  const bool cwr = syn.has(TcpFlag::kCwr);
  ecn_ = ecn_ && !ecn_refused_ && ece && cwr != syn.has(TcpFlag::kAck);
}

void Connection::become_established(Instant now) {
  const Profile& p = profile();
  control_ = Control::kNone;
  timers_.linger = kNever;
  update_mss();
  congestion_.begin(p.congestion, mss_, p.initial_segments);
  if (syn_sent_count_ > 1) {
    // RFC 5681 3.1 and RFC 6298 5.7: what lost the SYN will lose more.
    congestion_.set_cwnd(mss_);
    rtt_.forget();
  }
  round_end_ = snd_nxt_;
  acks_.begin(p.quick_acks);
  backoff_ = 0;
  stalled_since_ = now;
  notify(Notice::kConnected);
  notify(Notice::kWritable);
  if (queue_.bytes() > 0) wants_output_ = true;
  if (shutdown_) {
    advance(Event::kShutdown);
    wants_output_ = true;
  }
}

Drop Connection::on_synchronized(Segment& s, Instant now) {
  // RFC 7323 5.3: before the sequence check, and not for resets.
  if (timestamps_ && !s.has(TcpFlag::kRst)) {
    if (const Drop drop = check_timestamp(s, now); drop != Drop::kNone) return drop;
  }
  const bool at_edge = s.seq == rcv_nxt_ && window_.size(rcv_nxt_) == 0;
  if (at_edge && s.length() > 0 && !s.has(TcpFlag::kSyn)) {
    // A closed window takes no data, but everything else (RFC 9293 3.10.7.4).
    env_->pieces.free(s.payload);
    s.flags = TcpFlags(s.flags.bits() & static_cast<uint8_t>(~static_cast<uint8_t>(TcpFlag::kFin)));
    acks_.at_once();
  }
  if (s.has(TcpFlag::kSyn) && !s.has(TcpFlag::kRst) && state_ != State::kSynReceived) {
    challenge(now);  // RFC 5961 4.2, whatever its sequence number
    return Drop::kSynChallenged;
  }
  if (!is_acceptable(s)) return answer_unacceptable(s, now);
  if (s.has(TcpFlag::kRst)) return on_reset(s, now);
  if (!s.has(TcpFlag::kAck)) return Drop::kNoAck;
  if (const Drop drop = check_ack(s, now); drop != Drop::kNone) return drop;
  last_heard_ = now;
  keepalive_sent_ = 0;
  if (timestamps_ && s.seq <= last_ack_sent_) {
    ts_recent_ = s.options.timestamps->value.host();
    ts_recent_at_ = now;
  }
  note_congestion_marks(s);
  if (const Drop drop = on_ack(s, now); drop != Drop::kNone) return drop;
  return on_payload(s, now);
}

Drop Connection::check_timestamp(const Segment& s, Instant now) {
  if (!s.options.timestamps) {
    if (s.has(TcpFlag::kSyn)) return Drop::kNone;  // gets its challenge further down
    return Drop::kMissingTimestamp;
  }
  const bool old = stamp_before(s.options.timestamps->value.host(), ts_recent_);
  if (!old || now - ts_recent_at_ > kTimestampLife) return Drop::kNone;
  // Only what is surely here may be reported: the rest is dropped unread.
  if (s.payload.bytes > 0 && s.seq < rcv_nxt_) {
    note_duplicate(s.seq, min(s.seq + s.payload.bytes, rcv_nxt_));
  }
  challenge(now);
  return Drop::kPaws;
}

bool Connection::is_acceptable(const Segment& s) const {
  const Seq right = window_.right();
  if (s.length() == 0) return s.seq >= rcv_nxt_ && s.seq <= right;
  return s.seq < right && s.seq + s.length() > rcv_nxt_;
}

Drop Connection::answer_unacceptable(const Segment& s, Instant now) {
  if (s.has(TcpFlag::kRst)) return Drop::kResetOutOfWindow;
  if (s.payload.bytes > 0 && s.seq < rcv_nxt_ && rcv_nxt_ - s.seq < (1 << 30)) {
    // Our ACK was lost, or the peer was hasty: it needs an answer now, and learns why.
    note_duplicate(s.seq, min(s.seq + s.payload.bytes, rcv_nxt_));
    counters().add(Drop::kDuplicateData);
    acks_.at_once();
  } else if (s.has(TcpFlag::kFin) && s.seq + s.length() == rcv_nxt_) {
    acks_.at_once();
    if (state_ == State::kTimeWait) timers_.linger = now + profile().msl * 2;
  } else {
    challenge(now);
  }
  return Drop::kOutOfWindow;
}

// An ACK that says where we stand. At most so many a second: two peers that disagree must not
// answer each other for ever, and the count is per connection (CVE-2016-5696).
bool Connection::challenge(Instant now) {
  if (challenge_since_.ns() == 0 || now - challenge_since_ >= seconds(1)) {
    challenge_since_ = now;
    challenges_ = 0;
  }
  if (challenges_ >= kChallengesPerSecond) {
    counters().add(Drop::kChallengeLimited);
    return false;
  }
  ++challenges_;
  counters().add(Stat::kChallengeAcks);
  acks_.at_once();
  return true;
}

Drop Connection::on_reset(const Segment& s, Instant now) {
  if (s.seq != rcv_nxt_) {  // RFC 5961 3.2
    challenge(now);
    return Drop::kResetChallenged;
  }
  if (state_ == State::kTimeWait) return Drop::kTimeWaitReset;  // RFC 1337
  counters().add(Stat::kResetsIn);
  control_ = Control::kNone;
  const bool refused = state_ == State::kSynReceived;
  reassembly_.clear(env_->pieces, env_->ranges);
  end(refused ? EndReason::kRefused : EndReason::kPeerReset);
  return Drop::kNone;
}

void Connection::note_congestion_marks(const Segment& s) {
  if (!ecn_) return;
  if (s.has(TcpFlag::kCwr)) echo_congestion_ = false;
  if (s.ecn == Ecn::kCe) {
    if (!echo_congestion_) acks_.at_once();
    echo_congestion_ = true;
  }
}

void Connection::note_duplicate(Seq left, Seq right) {
  if (!sack_) return;
  dsack_left_ = left;
  dsack_right_ = right;
  has_dsack_ = true;
  counters().add(Stat::kDsacksOut);
}

// Leaves of the segment what is new and in the window. False: nothing.
bool Connection::trim(Segment& s) {
  if (s.seq < rcv_nxt_) {
    const uint32_t n = std::min(span_of(s.seq, rcv_nxt_), s.payload.bytes);
    if (n > 0) note_duplicate(s.seq, s.seq + n);
    env_->pieces.drop_front(s.payload, n);
    s.seq = s.seq + n;
    acks_.at_once();
  }
  const Seq right = window_.right();
  const bool fin = s.has(TcpFlag::kFin);
  if (s.seq + s.payload.bytes > right) {
    env_->pieces.drop_back(s.payload,
                           std::min(s.payload.bytes, span_of(right, s.seq + s.payload.bytes)));
    s.flags = TcpFlags(s.flags.bits() & static_cast<uint8_t>(~static_cast<uint8_t>(TcpFlag::kFin)));
    acks_.at_once();
  } else if (fin && s.seq + s.payload.bytes == right && s.payload.bytes > 0) {
    // Its number lies just behind the window; a FIN needs no buffer.
  }
  return s.payload.bytes > 0 || s.has(TcpFlag::kFin);
}

Drop Connection::on_payload(Segment& s, Instant now) {
  if (s.payload.bytes == 0 && !s.has(TcpFlag::kFin)) return Drop::kNone;
  if (fin_received_) {
    acks_.at_once();
    return s.payload.bytes > 0 ? Drop::kDataAfterFin : Drop::kNone;
  }
  largest_segment_ = std::max(largest_segment_, std::min<uint32_t>(s.payload.bytes, our_mss_));
  if (!trim(s)) return Drop::kDuplicateData;
  if (user_closed_ && s.payload.bytes > 0) {
    // RFC 9293 3.6.1: nobody will read it, so the peer must not believe that it was delivered.
    abort(now);
    return Drop::kDataAfterClose;
  }
  Drop drop = Drop::kNone;
  if (has_fin_ && s.seq + s.payload.bytes > fin_at_) {
    env_->pieces.drop_back(s.payload,
                           std::min(s.payload.bytes, span_of(fin_at_, s.seq + s.payload.bytes)));
    drop = Drop::kDataAfterFin;
  }
  const Seq end = s.seq + s.payload.bytes;
  if (s.has(TcpFlag::kFin) && !has_fin_) {
    has_fin_ = true;
    fin_at_ = end;
  }
  if (s.payload.bytes > 0 && env_->exhausted() && reassembly_.bytes() > 0) {
    env_->pieces.free(s.payload);
    has_fin_ = fin_received_;
    acks_.at_once();
    return Drop::kReceiveMemory;
  }
  if (s.payload.bytes > 0) {
    const uint32_t bytes = s.payload.bytes;
    if (bytes < kTinySegment) counters().add(Stat::kTinySegments);
    const bool had_holes = reassembly_.has_holes();
    const uint32_t most = std::max(window_.capacity(), profile().receive_initial);
    const ReassemblyLimits limits{profile().out_of_order_ranges,
                                  env_->under_pressure() ? 0 : most * 2};
    const auto outcome =
        reassembly_.insert(env_->pieces, env_->ranges, s.payload, s.seq, rcv_nxt_, limits);
    rcv_nxt_ += outcome.in_order;
    if (outcome.duplicate) note_duplicate(outcome.dup_left, outcome.dup_right);
    if (outcome.drop != Drop::kNone) drop = outcome.drop;
    if (outcome.in_order > 0) {
      counters().add(Stat::kBytesIn, outcome.in_order);
      acks_.on_data(bytes, std::max<uint32_t>(largest_segment_, 1), now, profile().ack_delay);
      notify(Notice::kReadable);
    }
    // RFC 5681 4.2: out of order and into holes at once.
    if (had_holes || reassembly_.has_holes() || outcome.duplicate) acks_.at_once();
  }
  if (has_fin_ && rcv_nxt_ == fin_at_) on_fin(now);
  return drop;
}

void Connection::on_fin(Instant now) {
  fin_received_ = true;
  rcv_nxt_ += 1;
  acks_.at_once();
  if (!advance(Event::kFin)) return;
  notify(Notice::kHalfClosed);
  if (state_ == State::kTimeWait) {
    timers_.stop_all();
    timers_.linger = now + profile().msl * 2;
    notify(Notice::kClosed);
    ended_by_ = EndReason::kFinished;
  }
}

}  // namespace heddle::tcp
