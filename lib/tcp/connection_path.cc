// The path: its MTU (RFC 1191, RFC 8201), black holes (RFC 2923, RFC 4821), ICMP (RFC 5927).
#include <algorithm>

#include "tcp/connection.h"

namespace heddle::tcp {

namespace {

constexpr uint32_t kTimestampBytes = 12;
constexpr uint32_t kLeastPayload = 8;

}  // namespace

// RFC 6691: the peer's option does not count TCP options, our segments do.
void Connection::update_mss() {
  const uint32_t path = path_mtu_ - header_bytes(tuple_.is_ipv4());
  const uint32_t whole = std::min<uint32_t>(peer_mss_, path);
  const uint32_t options = timestamps_ ? kTimestampBytes : 0;
  mss_ = static_cast<uint16_t>(std::max(whole - std::min(whole, options), kLeastPayload));
  congestion_.set_mss(mss_);
}

void Connection::set_path_mtu(uint16_t mtu) {
  path_mtu_ = mtu;
  update_mss();
}

Drop Connection::on_icmp(const IcmpError& error, Instant now) {
  using enum IcmpError::Kind;
  if (state_ == State::kClosed || state_ == State::kTimeWait) return Drop::kIcmpNoConnection;
  // RFC 5927 4.1: who cannot see our segments cannot guess it.
  if (error.quoted < snd_una_ || error.quoted >= snd_nxt_) {
    counters().add(Drop::kIcmpSequence);
    return Drop::kIcmpSequence;
  }
  if (error.kind == kTooBig) {
    const uint16_t floor = floor_mtu(tuple_.is_ipv4());
    const uint16_t mtu = std::max(error.mtu, floor);
    if (mtu >= path_mtu_) {
      counters().add(Drop::kIcmpMtu);
      return Drop::kIcmpMtu;
    }
    counters().add(Stat::kPathMtuCuts);
    set_path_mtu(mtu);
    mtu_lowered_ = true;
    mtu_lowered_at_ = now;
    // What was too large is sent again in smaller pieces; congestion is not the reason, so the
    // window stays (RFC 1191 6.5).
    const uint16_t largest = mss_;
    for (uint32_t at = board_.oldest(); at != kNoSlot;) {
      const uint32_t later = env_->sent[at].later;
      if (env_->sent[at].size > largest) board_.mark_lost(env_->sent, at);
      at = later;
    }
    if (board_.lost() > 0) force_retransmit_ = wants_output_ = true;
    arm(now);
    return Drop::kNone;
  }
  const bool hard = error.kind == kPortUnreachable;
  if (hard && state_ == State::kSynSent) {
    end(EndReason::kRefused);
    return Drop::kNone;
  }
  if (error.kind == kUnreachable || hard) icmp_seen_ = true;
  counters().add(Drop::kIcmpIgnored);
  return Drop::kIcmpIgnored;
}

// Several time-outs of full segments in a row, and small ones may well pass.
void Connection::check_black_hole(Instant now) {
  const bool ipv4 = tuple_.is_ipv4();
  const uint16_t lower = path_mtu_ > 1280 ? uint16_t{1280} : floor_mtu(ipv4);
  if (path_mtu_ <= lower || board_.empty()) return;
  if (backoff_ < profile().black_hole_after || backoff_ % profile().black_hole_after != 0) return;
  if (env_->sent[board_.head()].size + header_bytes(ipv4) <= lower) return;
  counters().add(Stat::kBlackHoles);
  set_path_mtu(lower);
  mtu_lowered_ = true;
  mtu_lowered_at_ = now;
}

void Connection::forget_path_mtu(Instant now) {
  if (!mtu_lowered_ || now - mtu_lowered_at_ < profile().mtu_probe) return;
  mtu_lowered_ = false;
  set_path_mtu(profile().interface_mtu);
}

}  // namespace heddle::tcp
