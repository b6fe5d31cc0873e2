#include "tcp/connection.h"

#include <algorithm>

namespace heddle::tcp {

Connection::Connection(Environment& environment, const FourTuple& tuple, uint8_t profile)
    : env_(&environment), tuple_(tuple), profile_(profile) {
  const Profile& p = this->profile();
  path_mtu_ = p.interface_mtu;
  our_mss_ = static_cast<uint16_t>(p.interface_mtu - header_bytes(tuple.is_ipv4()));
  peer_mss_ = default_mss(tuple.is_ipv4());
  mss_ = peer_mss_;
  nodelay_ = !p.nagle;
  keepalive_ = p.keepalive;
}

Connection::~Connection() { free_buffers(); }

void Connection::free_buffers() {
  board_.clear(env_->sent);
  queue_.clear(env_->pieces);
  reassembly_.clear(env_->pieces, env_->ranges);
}

bool Connection::advance(Event event) {
  const Step to = step(state_, event);
  if (!to.valid) {
    counters().add(Drop::kInvalidTransition);
    return false;
  }
  state_ = to.next;
  return true;
}

// The connection is over; what the peer sent may still be read unless it was reset.
void Connection::end(EndReason reason) {
  if (!is_synchronized(state_) && state_ != State::kClosed) counters().add(Stat::kFailedOpens);
  state_ = State::kClosed;
  ended_by_ = reason;
  timers_.stop_all();
  board_.clear(env_->sent);
  queue_.clear(env_->pieces);
  if (user_closed_) free_buffers();
  if (control_ != Control::kReset) wants_output_ = false;
  if (reason != EndReason::kFinished && reason != EndReason::kAborted) notify(Notice::kReset);
  notify(Notice::kClosed);
}

void Connection::set_peer_mss(uint16_t mss) {
  if (mss < profile().min_mss) counters().add(Stat::kTinyMss);
  peer_mss_ = std::max(mss, profile().min_mss);
}

void Connection::open(Seq iss, uint32_t ts_offset, Instant now) {
  advance(Event::kConnect);
  counters().add(Stat::kActiveOpens);
  const Profile& p = profile();
  iss_ = snd_una_ = iss;
  snd_nxt_ = iss + 1;
  ts_offset_ = ts_offset;
  timestamps_ = p.timestamps;
  sack_ = p.sack;
  window_scale_ = p.window_scale;
  ecn_ = p.ecn;
  window_.begin(Seq(), p.receive_initial, p.receive_max,
                p.window_scale ? ReceiveWindow::scale_for(p.receive_max) : uint8_t{0});
  control_ = Control::kSyn;
  wants_output_ = true;
  opened_at_ = stalled_since_ = last_heard_ = now;
  timers_.linger = now + p.connect_timeout;
}

void Connection::accept(const Handshake& h, Instant now) {
  advance(Event::kListen);
  advance(Event::kSyn);
  const Profile& p = profile();
  iss_ = h.iss;
  snd_una_ = iss_ + 1;
  snd_nxt_ = iss_ + 1;
  irs_ = h.irs;
  rcv_nxt_ = last_ack_sent_ = h.irs + 1;
  timestamps_ = h.timestamps;
  sack_ = h.sack;
  window_scale_ = h.window_scale;
  ecn_ = h.ecn;
  snd_scale_ = h.window_scale ? h.peer_scale : uint8_t{0};
  set_peer_mss(h.peer_mss);
  ts_recent_ = h.ts_recent;
  ts_recent_at_ = now;
  ts_offset_ = h.ts_offset;
  snd_wnd_ = max_snd_wnd_ = h.send_window;
  snd_wl1_ = h.irs;
  snd_wl2_ = h.iss;
  window_.begin(rcv_nxt_, p.receive_initial, p.receive_max,
                h.window_scale ? ReceiveWindow::scale_for(p.receive_max) : uint8_t{0});
  window_.advertise_in_syn(rcv_nxt_);
  opened_at_ = last_heard_ = now;
  syn_sent_count_ = h.repeated ? uint8_t{2} : uint8_t{1};
  syn_sent_at_ = h.syn_ack_sent;
  if (h.syn_ack_sent.ns() != 0 && !h.repeated) rtt_.sample(now - h.syn_ack_sent, now);
  advance(Event::kAckOfSyn);
  become_established(now);
}

uint8_t Connection::take_notices() {
  const uint8_t taken = notices_;
  notices_ = 0;
  return taken;
}

Chain Connection::receive(uint32_t most, Instant now) {
  Chain& ready = reassembly_.ready();
  Chain out = env_->pieces.split(ready, std::min(most, ready.bytes));
  if (out.bytes == 0) return out;
  window_.on_read(out.bytes, rtt_.srtt(), now);
  if (can_receive(state_) && window_.worth_telling(rcv_nxt_, charged(), our_mss_)) {
    acks_.at_once();
    wants_output_ = true;
  }
  return out;
}

// Twice the window may be queued: one that is in the network, one to follow it at once.
uint32_t Connection::writable() const {
  if (shutdown_ || user_closed_) return 0;
  // What is taken here may be what a peer has just sent: it is to stay where it is counted.
  if (env_->exhausted() && queue_.bytes() > 0) return 0;
  if (!can_send(state_) && state_ != State::kSynSent && state_ != State::kSynReceived) return 0;
  const uint64_t wanted = uint64_t{std::max<uint32_t>(congestion_.cwnd(), 64 << 10)} * 2;
  const auto limit = static_cast<uint32_t>(std::min<uint64_t>(wanted, profile().send_max));
  // Buffers that hold little data count for what they pin.
  const uint32_t held = std::max(queue_.bytes(), queue_.pinned() / 4);
  return held < limit ? limit - held : 0;
}

uint32_t Connection::send(Chain& chain, Instant now) {
  const uint32_t room = writable();
  if (room < chain.bytes) want_writable_ = true;
  if (room == 0) return 0;
  Chain part = env_->pieces.split(chain, std::min(room, chain.bytes));
  const uint32_t offered = part.bytes;
  queue_.append(env_->pieces, part);
  const uint32_t left = part.bytes;  // no buffer was left to join it
  HEDDLE_CHECK(left == 0, "a chain is joined without new pieces");
  if (offered > 0 && is_synchronized(state_)) wants_output_ = true;
  if (offered > 0 && board_.empty() && queue_.bytes() == offered) stalled_since_ = now;
  return offered;
}

uint32_t Connection::send_copy(std::span<const uint8_t> bytes, Instant now) {
  const uint32_t room = writable();
  if (room < bytes.size()) want_writable_ = true;
  const uint32_t n =
      queue_.append_copy(env_->pieces, bytes.first(std::min<size_t>(room, bytes.size())));
  if (n > 0 && is_synchronized(state_)) wants_output_ = true;
  if (n > 0 && board_.empty() && queue_.bytes() == n) stalled_since_ = now;
  return n;
}

void Connection::shutdown(Instant now) {
  if (shutdown_ || state_ == State::kClosed) return;
  shutdown_ = true;
  // Before the handshake is over it is remembered (RFC 9293 3.10.4).
  if (!can_send(state_)) return;
  advance(Event::kShutdown);
  wants_output_ = true;
  if (board_.empty() && queue_.bytes() == 0) stalled_since_ = now;
}

void Connection::close(Instant now) {
  if (user_closed_) return;
  user_closed_ = true;
  if (state_ == State::kClosed) return free_buffers();
  if (!is_synchronized(state_)) {
    if (state_ == State::kSynReceived) control_ = Control::kReset;
    return abort(now);
  }
  // RFC 2525 2.17: data that nobody read was not delivered, and the peer must learn of it.
  if (readable() > 0) return abort(now);
  shutdown(now);
  arm(now);
}

void Connection::fail() {
  control_ = Control::kReset;
  wants_output_ = true;
  end(EndReason::kNoMemory);
  free_buffers();
}

bool Connection::renege() {
  if (!reassembly_.has_holes()) return false;
  reassembly_.renege(env_->pieces, env_->ranges);
  has_fin_ = fin_received_;  // one behind a hole comes again as well
  return true;
}

void Connection::forget() {
  user_closed_ = true;
  if (state_ == State::kClosed) return free_buffers();
  control_ = Control::kNone;
  end(EndReason::kAborted);
}

void Connection::abort(Instant) {
  user_closed_ = true;
  if (state_ == State::kClosed) return free_buffers();
  if (state_ != State::kSynSent && state_ != State::kTimeWait) {
    control_ = Control::kReset;
    wants_output_ = true;
  } else {
    control_ = Control::kNone;
  }
  end(EndReason::kAborted);
}

void Connection::set_keepalive(bool on, Instant now) {
  keepalive_ = on;
  keepalive_sent_ = 0;
  if (is_synchronized(state_)) arm(now);
}

uint32_t Connection::pipe() const {
  const uint64_t arrived = uint64_t{recovery_.duplicates} * mss_;
  return arrived < board_.pipe() ? static_cast<uint32_t>(board_.pipe() - arrived) : 0;
}

// What data in hand costs. Behind a hole it lies inside of the window that was offered already,
// so there only the memory beyond its bytes counts.
uint32_t Connection::charged() const {
  if (env_->under_pressure()) return UINT32_MAX;
  const Chain& ready = reassembly_.ready();
  const uint32_t ooo_pinned = (reassembly_.pinned() - ready.pinned) / 2;
  const uint32_t extra = ooo_pinned > reassembly_.out_of_order_bytes()
                             ? ooo_pinned - reassembly_.out_of_order_bytes()
                             : 0;
  return std::max(ready.bytes, ready.pinned / 2) + extra;
}

}  // namespace heddle::tcp
