// What leaves, and when: repairs, probes, new data, FIN, and acknowledgments.
#include <algorithm>

#include "tcp/connection.h"

namespace heddle::tcp {

namespace {

constexpr uint32_t kTimestampBytes = 12;
constexpr uint32_t kLeastPayload = 8;

}  // namespace

bool Connection::emit(Instant now, Output& out) {
  bool sent_all = true;
  if (control_ != Control::kNone) {
    sent_all = send_control(now, out);
  } else if (is_synchronized(state_) && state_ != State::kTimeWait) {
    if (force_retransmit_ && !board_.empty()) {
      uint32_t at = board_.next_lost(env_->sent);
      if (at == kNoSlot) at = board_.head();
      sent_all = retransmit(at, now, out);
      if (sent_all) force_retransmit_ = false;
    }
    sent_all = sent_all && send_losses(now, out) && send_probe(now, out) && send_new(now, out) &&
               send_fin(now, out);
  }
  if (sent_all && (persist_now_ || keepalive_now_)) {
    // A segment that must be answered: its number was acknowledged before.
    sent_all = send_ack(now, out, snd_una_ - 1);
    if (sent_all) persist_now_ = keepalive_now_ = false;
  }
  const bool may_ack = is_synchronized(state_) || state_ == State::kSynReceived;
  if (sent_all && may_ack && acks_.wanted()) sent_all = send_ack(now, out, snd_nxt_);
  wants_output_ = !sent_all;
  arm(now);
  return sent_all;
}

OutSegment Connection::make_segment(Seq seq, TcpFlags flags, Instant now) {
  OutSegment segment;
  segment.tuple = &tuple_;
  segment.header.source_port = tuple_.local.port;
  segment.header.destination_port = tuple_.remote.port;
  segment.header.sequence = seq.wire();
  segment.header.flags = flags;
  segment.segment_size = UINT16_MAX;
  if (flags.has(TcpFlag::kAck)) segment.header.acknowledgment = rcv_nxt_.wire();
  if (timestamps_) {
    const bool echo = flags.has(TcpFlag::kAck);
    segment.header.options.timestamps =
        wire::TcpTimestamps{Be32(timestamp_at(now, ts_offset_)), Be32(echo ? ts_recent_ : 0)};
  }
  if (flags.has(TcpFlag::kSyn) || flags.has(TcpFlag::kRst)) return segment;
  add_sack(segment.header.options);
  segment.header.window = window_.advertise(rcv_nxt_, charged(), our_mss_);
  if (echo_congestion_) segment.header.flags = segment.header.flags | TcpFlag::kEce;
  return segment;
}

void Connection::add_sack(wire::TcpOptionValues& options) {
  if (!sack_ || (!has_dsack_ && !reassembly_.has_holes())) return;
  const uint8_t room = timestamps_ ? 3 : 4;
  uint8_t count = 0;
  if (has_dsack_) options.sack[count++] = {dsack_left_.wire(), dsack_right_.wire()};
  count = static_cast<uint8_t>(count + reassembly_.sack_blocks(env_->ranges,
                                                               options.sack.data() + count,
                                                               static_cast<uint8_t>(room - count)));
  options.sack_count = count;
}

uint32_t Connection::option_bytes() const {
  uint32_t bytes = 0;
  if (sack_ && (has_dsack_ || reassembly_.has_holes())) {
    wire::TcpOptionValues options;
    if (timestamps_) options.timestamps.emplace();
    options.sack_count = static_cast<uint8_t>((has_dsack_ ? 1 : 0) + (timestamps_ ? 3 : 4));
    bytes = static_cast<uint32_t>(options.size()) - (timestamps_ ? kTimestampBytes : 0);
  }
  return bytes;
}

bool Connection::transmit(Output& out, OutSegment& segment, Instant now) {
  if (!out.send(segment)) return false;
  counters().add(Stat::kSegmentsOut);
  if (segment.header.flags.has(TcpFlag::kAck)) {
    acks_.sent();
    has_dsack_ = false;
    last_ack_sent_ = rcv_nxt_;
  }
  static_cast<void>(now);
  return true;
}

bool Connection::send_control(Instant now, Output& out) {
  if (control_ == Control::kReset) {
    // With an ACK, so that the peer can tell it from a blind one.
    const bool known = state_ != State::kSynSent;
    OutSegment reset = make_segment(
        snd_nxt_, known ? TcpFlag::kRst | TcpFlag::kAck : TcpFlags(TcpFlag::kRst), now);
    if (!transmit(out, reset, now)) return false;
    counters().add(Stat::kResetsOut);
    control_ = Control::kNone;
    return true;
  }
  OutSegment syn = make_segment(
      iss_, state_ == State::kSynReceived ? TcpFlag::kSyn | TcpFlag::kAck : TcpFlags(TcpFlag::kSyn),
      now);
  make_syn(syn, now);
  if (!transmit(out, syn, now)) return false;
  if (syn_sent_count_ > 0) count_retransmission();
  if (syn_sent_count_ < UINT8_MAX) ++syn_sent_count_;
  syn_sent_at_ = now;
  control_ = Control::kNone;
  return true;
}

void Connection::make_syn(OutSegment& syn, Instant) {
  wire::TcpOptionValues& options = syn.header.options;
  options.mss = our_mss_;
  options.sack_permitted = sack_;
  if (window_scale_) options.window_scale = window_.scale();
  const Profile& p = profile();
  syn.header.window = static_cast<uint16_t>(std::min<uint32_t>(p.receive_initial, UINT16_MAX));
  if (!ecn_) return;
  syn.header.flags = syn.header.flags | TcpFlag::kEce;
  if (state_ == State::kSynSent) syn.header.flags = syn.header.flags | TcpFlag::kCwr;
}

bool Connection::retransmit(uint32_t at, Instant now, Output& out) {
  Sent& sent = env_->sent[at];
  const uint32_t fits = std::max(mss_ - std::min<uint32_t>(option_bytes(), mss_), kLeastPayload);
  if (sent.size > fits && !board_.split(env_->sent, env_->pieces, at, fits)) {
    counters().add(Stat::kSendMemory);
    return true;  // a record will be free when something is acknowledged
  }
  TcpFlags flags = TcpFlag::kAck;
  if (sent.has(SentFlag::kFin)) flags = flags | TcpFlag::kFin;
  if (sent.size > 0) flags = flags | TcpFlag::kPsh;
  OutSegment segment = make_segment(sent.start, flags, now);
  segment.payload = {&env_->pieces, sent.place.piece, sent.place.offset, sent.size};
  if (!transmit(out, segment, now)) return false;
  count_retransmission();
  if (!recovery_.stamped) {
    recovery_.stamped = true;
    recovery_.stamp = timestamp_at(now, ts_offset_);
  }
  ++recovery_.outstanding;
  board_.retransmitted(env_->sent, at, now);
  recovery_.prr.sent(sent.length());
  pacer_.sent(sent.length(), burst(), now);
  if (rto_base_ < now && backoff_ == 0 && at == board_.head()) rto_base_ = now;
  probe_base_ = now;
  return true;
}

uint32_t Connection::burst() const {
  // What may go out at once: ten segments, or what the rate is in a millisecond.
  return static_cast<uint32_t>(
      std::max<uint64_t>(10ull * mss_, std::min<uint64_t>(pacer_.rate() / 1000, 1u << 20)));
}

// Proportional rate reduction is paced by the acknowledgments; a second brake would take its
// allowance away before it is used.
bool Connection::may_send(Instant now) const {
  return recovery_.phase == Phase::kRecovery || pacer_.may_send(now);
}

bool Connection::send_losses(Instant now, Output& out) {
  if (recovery_.phase == Phase::kLoss && recovery_.frto) return true;
  while (board_.lost() > 0) {
    const uint32_t at = board_.next_lost(env_->sent);
    if (at == kNoSlot) return true;
    const uint32_t size = std::min(env_->sent[at].length(), mss_ + 1u);
    const bool first = at == board_.head();
    if (pipe() + size > congestion_.cwnd() && pipe() > 0) return true;
    // What was sent may be repeated inside of the window only (RFC 9293 3.8.6); its first segment
    // serves as the probe of a closed one.
    if (!first && env_->sent[at].end() > snd_una_ + snd_wnd_) return true;
    if (!may_send(now)) {
      timers_.pace = pacer_.next();
      return true;
    }
    if (!retransmit(at, now, out)) return false;
  }
  return true;
}

// RFC 8985 7.3: new data if there is some, else the last segment again.
bool Connection::send_probe(Instant now, Output& out) {
  if (!probe_now_) return true;
  probe_now_ = false;
  if (board_.empty()) return true;
  const Seq before = snd_nxt_;
  const uint32_t room = span_of(snd_nxt_, snd_una_ + snd_wnd_);
  bool again = true;
  if (queue_.unsent() > 0 && room > 0) {
    const uint32_t fits = mss_ - std::min<uint32_t>(option_bytes(), mss_ - kLeastPayload);
    const uint32_t size = std::min({queue_.unsent(), room, fits});
    const Place at = queue_.next(env_->pieces);
    OutSegment segment = make_segment(snd_nxt_, TcpFlag::kAck | TcpFlag::kPsh, now);
    segment.payload = {&env_->pieces, at.piece, at.offset, size};
    if (ecn_) segment.ecn = Ecn::kEct0;
    const uint32_t record =
        board_.push(env_->sent, {.sent_at = now, .start = snd_nxt_, .size = size, .place = at});
    if (record != kNoSlot) {
      // The record is there before the segment leaves, so a refusal is found by the timer.
      transmit(out, segment, now);
      queue_.advance(env_->pieces, size);
      note_new_data(size, now);
      again = false;
    }
  }
  if (again && !retransmit(board_.tail(), now, out)) return false;
  counters().add(Stat::kProbes);
  recovery_.probing = true;
  recovery_.probe_is_retransmission = snd_nxt_ == before;
  recovery_.probe_end = snd_nxt_;
  rto_base_ = now;
  return true;
}

// How much new data may leave in the next segment or burst; 0: none, and why is noted.
uint32_t Connection::sendable(Instant now) {
  const uint32_t unsent = queue_.unsent();
  if (unsent == 0) return 0;
  const uint32_t full = mss_ - std::min<uint32_t>(option_bytes(), mss_ - kLeastPayload);
  const uint32_t room = span_of(snd_nxt_, snd_una_ + snd_wnd_);
  const uint32_t in_pipe = pipe();
  const uint32_t cwnd = congestion_.cwnd();
  if (room == 0) return 0;
  const uint32_t least = std::min({unsent, room, full});
  if (in_pipe + least > cwnd && in_pipe > 0) {
    cwnd_limited_ = true;
    return 0;
  }
  if (least < full) {
    // A small segment (RFC 9293 3.7.4, 3.8.6.2.1): the last one, unless Nagle waits for what is
    // outstanding; or a window that was never larger.
    const bool last = least == unsent;
    const bool idle = snd_una_ == snd_nxt_;
    const bool may = last ? nodelay_ || idle || shutdown_ : least >= max_snd_wnd_ / 2;
    if (!may && !override_) {
      if (!last) counters().add(Stat::kSillyWindows);
      return 0;
    }
  }
  if (!may_send(now)) {
    timers_.pace = pacer_.next();
    cwnd_limited_ = true;
    return 0;
  }
  const uint32_t allowed = cwnd > in_pipe ? std::max(cwnd - in_pipe, least) : least;
  const uint32_t most = std::min({unsent, room, allowed, std::max(profile().max_burst, full)});
  return most < full ? most : most / full * full;
}

void Connection::note_new_data(uint32_t bytes, Instant now) {
  if (snd_una_ == snd_nxt_) {
    stalled_since_ = rto_base_ = now;
    backoff_ = 0;
  }
  snd_nxt_ += bytes;
  last_sent_ = probe_base_ = now;
  round_pipe_ = std::max(round_pipe_, pipe());
  counters().add(Stat::kBytesOut, bytes);
  pacer_.sent(bytes, burst(), now);
  recovery_.prr.sent(bytes);
}

bool Connection::send_new(Instant now, Output& out) {
  if (queue_.unsent() == 0) {
    cwnd_limited_ = false;
    override_ = false;
    return true;
  }
  forget_path_mtu(now);
  if (board_.empty() && last_sent_.ns() != 0 && profile().restart_after_idle) {
    const Duration rto = rtt_.rto(profile().rtt);
    if (now - last_sent_ > rto) congestion_.on_idle(now - last_sent_, rto);
  }
  cwnd_limited_ = false;
  while (const uint32_t bytes = sendable(now)) {
    const uint32_t full = mss_ - std::min<uint32_t>(option_bytes(), mss_ - kLeastPayload);
    const bool last = bytes == queue_.unsent();
    const bool fin =
        last && shutdown_ && !fin_sent_ && span_of(snd_nxt_ + bytes, snd_una_ + snd_wnd_) > 0;
    TcpFlags flags = TcpFlag::kAck;
    if (last) flags = flags | TcpFlag::kPsh;
    if (fin) flags = flags | TcpFlag::kFin;
    if (say_reduced_) flags = flags | TcpFlag::kCwr;
    Place at = queue_.next(env_->pieces);
    if (env_->sent.free_count() < bytes / full + 1) {
      counters().add(Stat::kSendMemory);
      return true;
    }
    OutSegment segment = make_segment(snd_nxt_, flags, now);
    segment.payload = {&env_->pieces, at.piece, at.offset, bytes};
    segment.segment_size = static_cast<uint16_t>(full);
    if (ecn_) segment.ecn = Ecn::kEct0;
    if (!transmit(out, segment, now)) return false;
    say_reduced_ = override_ = false;
    for (uint32_t done = 0; done < bytes; done += full) {
      const uint32_t size = std::min(full, bytes - done);
      Sent record{.sent_at = now, .start = snd_nxt_ + done, .size = size, .place = at};
      if (fin && done + size == bytes) record.set(SentFlag::kFin);
      board_.push(env_->sent, record);
      at = SendQueue::settled(env_->pieces, SendQueue::moved(env_->pieces, at, size));
    }
    queue_.advance(env_->pieces, bytes);
    note_new_data(bytes, now);
    if (fin) {
      fin_sent_ = true;
      snd_nxt_ += 1;
    }
  }
  return true;
}

bool Connection::send_fin(Instant now, Output& out) {
  if (!shutdown_ || fin_sent_ || queue_.unsent() > 0) return true;
  // A FIN takes a place in the window too; a closed one is probed first.
  if (span_of(snd_nxt_, snd_una_ + snd_wnd_) == 0) return true;
  if (env_->sent.free_count() == 0) {
    counters().add(Stat::kSendMemory);
    return true;
  }
  OutSegment segment = make_segment(snd_nxt_, TcpFlag::kFin | TcpFlag::kAck, now);
  if (!transmit(out, segment, now)) return false;
  Sent record{.sent_at = now, .start = snd_nxt_};
  record.set(SentFlag::kFin);
  board_.push(env_->sent, record);
  note_new_data(0, now);
  snd_nxt_ += 1;
  fin_sent_ = true;
  return true;
}

bool Connection::send_ack(Instant now, Output& out, Seq seq) {
  OutSegment segment = make_segment(seq, TcpFlag::kAck, now);
  return transmit(out, segment, now);
}

bool Connection::window_blocks() const { return span_of(snd_nxt_, snd_una_ + snd_wnd_) == 0; }

}  // namespace heddle::tcp
