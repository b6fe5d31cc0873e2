// Connections begin: listeners, the SYN cache, cookies, and our own.
#include <algorithm>

#include "tcp/transport.h"

namespace heddle::tcp {

namespace {

constexpr uint8_t kSynAckRetries = 5;
constexpr uint8_t kHalfOpenChallenges = 8;

bool can_be_peer(const Endpoint& remote) {
  if (remote.port.host() == 0) return false;
  const IpAddress& address = remote.address;
  if (!address.is_v4_mapped()) return !address.is_unspecified() && !address.is_multicast();
  const wire::Ipv4Address v4 = to_ipv4(address);
  return !v4.is_this_network() && !v4.is_multicast() && !v4.is_limited_broadcast();
}

}  // namespace

ListenerId Transport::listen(const ListenRequest& request) { return listeners_.add(request); }

void Transport::unlisten(ListenerId id) {
  if (!listeners_.live(id)) return;
  for (uint32_t slot = 0; listeners_[id].half_open > 0; ++slot) {
    if (half_open_.live(slot) && half_open_[slot].listener == id) erase_half_open(slot);
  }
  listeners_.remove(id);
}

Drop Transport::on_unknown(const FourTuple& tuple, Segment& segment, Instant now) {
  if (!can_be_peer(tuple.remote)) return Drop::kBadAddress;  // RFC 9293 3.10.7.2, MUST-57
  if (segment.has(TcpFlag::kRst)) return Drop::kResetWithoutConnection;
  const ListenerId listener = listeners_.find(tuple.local);
  if (listener == kNoSlot) {
    reply_reset(tuple, segment);
    return Drop::kNoConnection;
  }
  if (segment.has(TcpFlag::kAck)) return on_cookie_ack(listener, tuple, segment, now);
  if (!segment.has(TcpFlag::kSyn)) return Drop::kNoAck;
  return on_syn(listener, tuple, segment, now);
}

Drop Transport::on_syn(ListenerId id, const FourTuple& tuple, const Segment& segment, Instant now) {
  Listener& listener = listeners_[id];
  counters_.add(Stat::kPassiveOpens);
  if (segment.malformed_options) counters_.add(Drop::kMalformedOptions);
  const uint8_t profile = listener.request.profile;
  Handshake handshake = agree(tuple, segment, wiring_.profiles[profile], profile);
  handshake.iss = initial_sequence(*wiring_.secrets, tuple, now);
  handshake.ts_offset = timestamp_offset(*wiring_.secrets, tuple);
  const bool pressed = half_open_.full() || listener.half_open >= listener.request.max_half_open;
  if (listener.request.cookies == CookieMode::kAlways) return send_cookie(id, handshake, now);
  if (!pressed) return begin_half_open(id, handshake, now);
  if (listener.request.cookies == CookieMode::kNever) {
    ++listener.refused;
    return Drop::kHalfOpenFull;
  }
  return send_cookie(id, handshake, now);
}

Drop Transport::begin_half_open(ListenerId id, Handshake& handshake, Instant now) {
  const uint32_t slot = half_open_.emplace();
  HalfOpen& entry = half_open_[slot];
  entry.handshake = handshake;
  entry.listener = id;
  entry.hash = hash_of(handshake.tuple);
  table_.insert(entry.hash, {RefKind::kHalfOpen, slot});
  ++listeners_[id].half_open;
  send_syn_ack(entry, now);
  entry.deadline = now + wiring_.profiles[handshake.profile].rtt.initial_rto;
  wheel_.arm(half_open_timer(slot), entry.deadline);
  return Drop::kNone;
}

void Transport::send_syn_ack(HalfOpen& entry, Instant now) {
  Handshake& h = entry.handshake;
  const uint32_t stamp = timestamp_at(now, h.ts_offset);
  if (!reply(h.tuple, make_syn_ack(h, wiring_.profiles[h.profile], stamp))) return;
  h.repeated = entry.sent > 0;
  h.syn_ack_sent = now;
  ++entry.sent;
}

void Transport::on_half_open_timer(uint32_t slot, Instant now) {
  HalfOpen& entry = half_open_[slot];
  if (entry.deadline > now) {
    wheel_.arm(half_open_timer(slot), entry.deadline);
    return;
  }
  if (entry.sent > kSynAckRetries) {
    counters_.add(Stat::kFailedOpens);
    return erase_half_open(slot);
  }
  // RFC 3168 6.1.1.1: the answer may have been dropped for its flags.
  if (entry.handshake.ecn) {
    entry.handshake.ecn = false;
    counters_.add(Stat::kEcnFallbacks);
  }
  counters_.add(Stat::kRetransmits);
  const Duration first = wiring_.profiles[entry.handshake.profile].rtt.initial_rto;
  entry.deadline = now + first * (int64_t{1} << std::min<uint8_t>(entry.sent, 6));
  send_syn_ack(entry, now);
  wheel_.arm(half_open_timer(slot), entry.deadline);
}

void Transport::erase_half_open(uint32_t slot) {
  const HalfOpen& entry = half_open_[slot];
  if (listeners_.live(entry.listener)) --listeners_[entry.listener].half_open;
  table_.erase(entry.hash, {RefKind::kHalfOpen, slot});
  wheel_.disarm(half_open_timer(slot));
  half_open_.erase(slot);
}

// An ACK that says where the handshake stands; so many for one handshake, and no more.
void Transport::challenge(HalfOpen& entry, Instant now) {
  if (entry.challenges >= kHalfOpenChallenges) {
    counters_.add(Drop::kChallengeLimited);
    return;
  }
  ++entry.challenges;
  const Handshake& h = entry.handshake;
  const Profile& profile = wiring_.profiles[h.profile];
  const uint8_t scale = h.window_scale ? ReceiveWindow::scale_for(profile.receive_max) : uint8_t{0};
  wire::Tcp tcp;
  tcp.source_port = h.tuple.local.port;
  tcp.destination_port = h.tuple.remote.port;
  tcp.sequence = (h.iss + 1).wire();
  tcp.acknowledgment = (h.irs + 1).wire();
  tcp.flags = TcpFlag::kAck;
  // No more than the SYN-ACK offered.
  tcp.window =
      static_cast<uint16_t>(std::min<uint32_t>(profile.receive_initial, UINT16_MAX) >> scale);
  if (h.timestamps) {
    tcp.options.timestamps =
        wire::TcpTimestamps{Be32(timestamp_at(now, h.ts_offset)), Be32(h.ts_recent)};
  }
  if (reply(h.tuple, tcp)) counters_.add(Stat::kChallengeAcks);
}

Drop Transport::on_half_open(uint32_t slot, Segment& s, Instant now) {
  HalfOpen& entry = half_open_[slot];
  const Handshake& h = entry.handshake;
  const Seq rcv_nxt = h.irs + 1;
  const bool in_window = s.seq >= rcv_nxt && s.seq < rcv_nxt + UINT16_MAX;
  if (s.has(TcpFlag::kRst)) {
    if (s.seq != rcv_nxt) {
      if (!in_window) return Drop::kResetOutOfWindow;
      challenge(entry, now);  // RFC 9293 3.10.7.4, RFC 5961 3.2
      return Drop::kResetChallenged;
    }
    counters_.add(Stat::kResetsIn);
    erase_half_open(slot);  // back to LISTEN, and nobody is told (RFC 9293 3.10.7.4)
    return Drop::kNone;
  }
  if (s.has(TcpFlag::kSyn)) {
    // Our answer was lost; or it is another SYN, which the same answer corrects (RFC 5961 4.2).
    if (entry.challenges >= kHalfOpenChallenges) return Drop::kChallengeLimited;
    ++entry.challenges;
    send_syn_ack(entry, now);
    return s.seq == h.irs ? Drop::kNone : Drop::kSynChallenged;
  }
  if (!s.has(TcpFlag::kAck)) return Drop::kNoAck;
  if (h.timestamps) {
    if (!s.options.timestamps) return Drop::kMissingTimestamp;
    if (stamp_before(s.options.timestamps->value.host(), h.ts_recent)) return Drop::kPaws;
  }
  if (s.ack != h.iss + 1) {
    reply_reset(h.tuple, s);
    return Drop::kBadAckInHandshake;
  }
  if (!in_window) {
    challenge(entry, now);
    return Drop::kOutOfWindow;
  }
  Handshake done = h;
  const ListenerId listener = entry.listener;
  if (connections_.full()) {  // the peer tries again
    if (listeners_.live(entry.listener)) ++listeners_[entry.listener].refused;
    return Drop::kConnectionsFull;
  }
  erase_half_open(slot);
  return complete(listener, done, s, now);
}

Drop Transport::complete(ListenerId listener, const Handshake& handshake, Segment& s, Instant now) {
  Handshake h = handshake;
  h.send_window = uint32_t{s.window} << (h.window_scale ? h.peer_scale : 0);
  const uint32_t slot = add_connection(h.tuple, h.profile, hash_of(h.tuple));
  if (slot == kNoSlot) return Drop::kNone;  // counted there
  Held& it = connections_[slot];
  it.listener = listener;
  it.user = listeners_[listener].request.user;
  it.connection.accept(h, now);
  counters_.add(Stat::kAccepted);
  ++listeners_[listener].accepted;
  // The ACK may bring data, and a FIN.
  const Drop drop = it.connection.on_segment(s, now);
  settle(slot, now);
  static_cast<void>(drop);  // counted by the connection
  return Drop::kNone;
}

Drop Transport::send_cookie(ListenerId listener, Handshake& h, Instant now) {
  h.iss = make_cookie(*wiring_.secrets, h.tuple, h.irs, h.peer_mss, now);
  uint32_t stamp = timestamp_at(now, h.ts_offset);
  if (h.timestamps) {
    CookieOptions options{.sack = h.sack, .ecn = h.ecn};
    if (h.window_scale) options.window_scale = h.peer_scale;
    stamp = stamp_options(stamp, options);
  } else {
    h.window_scale = h.sack = h.ecn = false;  // there is nowhere to keep them
  }
  if (!reply(h.tuple, make_syn_ack(h, wiring_.profiles[h.profile], stamp))) {
    return Drop::kNone;  // counted there
  }
  counters_.add(Stat::kCookiesSent);
  ++listeners_[listener].cookies_sent;
  last_cookie_ = now;
  cookies_out_ = true;
  return Drop::kNone;
}

Drop Transport::on_cookie_ack(ListenerId id, const FourTuple& tuple, Segment& s, Instant now) {
  const bool expected = cookies_out_ && now - last_cookie_ < kCookiePeriod * 2;
  if (s.has(TcpFlag::kSyn) || !expected) {
    reply_reset(tuple, s);
    return s.has(TcpFlag::kSyn) ? Drop::kUnexpectedSynAck : Drop::kStaleCookie;
  }
  const Seq irs = s.seq - 1;
  const Seq iss = s.ack - 1;
  const auto mss = check_cookie(*wiring_.secrets, tuple, irs, iss, now);
  if (!mss) {
    reply_reset(tuple, s);
    return Drop::kBadCookie;
  }
  if (connections_.full()) {
    ++listeners_[id].refused;
    return Drop::kConnectionsFull;
  }
  Handshake h;
  h.tuple = tuple;
  h.profile = listeners_[id].request.profile;
  h.irs = irs;
  h.iss = iss;
  h.peer_mss = *mss;
  h.ts_offset = timestamp_offset(*wiring_.secrets, tuple);
  if (s.options.timestamps && wiring_.profiles[h.profile].timestamps) {
    h.timestamps = true;
    h.ts_recent = s.options.timestamps->value.host();
    const CookieOptions options = options_of_stamp(s.options.timestamps->echo_reply.host());
    h.window_scale = options.window_scale.has_value();
    h.peer_scale = std::min<uint8_t>(options.window_scale.value_or(0), 14);
    h.sack = options.sack;
    h.ecn = options.ecn;
  }
  counters_.add(Stat::kCookiesTaken);
  return complete(id, h, s, now);
}

std::optional<Be16> Transport::pick_port(const FourTuple& tuple, Instant now) {
  std::optional<Be16> reusable;
  uint32_t looked = 0;
  const auto port = ports_.pick(wiring_.secrets->sequence, tuple, [&](const FourTuple& candidate) {
    if (wiring_.owner != nullptr && !wiring_.owner->is_ours(candidate)) return false;
    const Ref ref = lookup(candidate, hash_of(candidate));
    if (ref.kind == RefKind::kNone) {
      reusable.reset();
      return true;
    }
    if (ref.kind == RefKind::kTimeWait && !reusable && may_reuse(time_wait_[ref.slot], now))
      reusable = candidate.local.port;
    // Where most ports to a busy peer are in TIME-WAIT, a search for a free one would cost more
    // than the connection.
    return ++looked >= kFreshTries && reusable.has_value();
  });
  return reusable ? reusable : port;
}

// RFC 6191 from the other side: timestamps tell old from new once they have moved on. A second is
// what Linux asks for too.
bool Transport::may_reuse(const TimeWait& entry, Instant now) const {
  const Duration lasts = wiring_.profiles[entry.profile].msl * 2;
  return entry.timestamps && entry.until - now <= lasts - seconds(1);
}

// A tuple that is in TIME-WAIT may be used again where timestamps tell its segments apart.
bool Transport::take_over_time_wait(const FourTuple& tuple, uint32_t hash, Seq* iss) {
  const Ref ref = lookup(tuple, hash);
  if (ref.kind == RefKind::kNone) return true;
  if (ref.kind != RefKind::kTimeWait || !time_wait_[ref.slot].timestamps) return false;
  const Seq least = time_wait_[ref.slot].snd_nxt + (UINT16_MAX + 2u);
  *iss = max(*iss, least);
  erase_time_wait(ref.slot);
  counters_.add(Stat::kTimeWaitReused);
  return true;
}

ConnectionId Transport::connect(const ConnectRequest& request, Instant now) {
  FourTuple tuple = request.tuple;
  if (!can_be_peer(tuple.remote)) return {};
  if (connections_.full()) {
    counters_.add(Drop::kConnectionsFull);
    return {};
  }
  if (tuple.local.port == Be16(0)) {
    const auto port = pick_port(tuple, now);
    if (!port) return {};
    tuple.local.port = *port;
  }
  const uint32_t hash = hash_of(tuple);
  Seq iss = initial_sequence(*wiring_.secrets, tuple, now);
  if (!take_over_time_wait(tuple, hash, &iss)) return {};
  const uint32_t slot = add_connection(tuple, request.profile, hash);
  if (slot == kNoSlot) return {};
  Held& it = connections_[slot];
  it.user = request.user;
  it.connection.open(iss, timestamp_offset(*wiring_.secrets, tuple), now);
  settle(slot, now);
  return {slot, generations_[slot]};
}

}  // namespace heddle::tcp
