// Writing a connection out, and reading it back.
#include <algorithm>

#include "tcp/saved_state.h"
#include "tcp/transport.h"

namespace heddle::tcp {

namespace {

// Another build may lay its state out in another way; the sizes tell most of that.
constexpr uint32_t kStateVersion = 0x48540002;

struct SavedSent {
  Instant sent_at;
  Seq start;
  uint32_t size;
  uint8_t flags;
  uint8_t transmissions;
};

void put_view(StateWriter& writer, const PayloadView& view) {
  writer.put(view.bytes);
  if (uint8_t* at = writer.take(view.bytes)) view.copy_to(at);
}

bool get_chain(StateReader& reader, Pieces& pieces, Chain& chain) {
  uint32_t n = 0;
  if (!reader.get(n)) return false;
  const uint8_t* at = reader.take(n);
  return at != nullptr && pieces.append_copy(chain, {at, n}) == n;
}

}  // namespace

// All that is plain; f is called for each member in a fixed order.
template <class Self, class F>
void Connection::each_member(Self& c, F&& f) {
  const auto all = [&](auto&... members) { (f(members), ...); };
  all(c.state_, c.ended_by_, c.notices_, c.control_, c.timestamps_, c.sack_, c.window_scale_,
      c.ecn_, c.snd_scale_, c.nodelay_, c.keepalive_, c.user_closed_, c.shutdown_, c.fin_sent_,
      c.fin_received_, c.has_fin_, c.want_writable_, c.wants_output_, c.echo_congestion_,
      c.say_reduced_, c.probe_now_, c.persist_now_, c.override_, c.keepalive_now_,
      c.force_retransmit_, c.has_dsack_, c.cwnd_limited_, c.ecn_refused_, c.icmp_seen_,
      c.mtu_lowered_);
  all(c.backoff_, c.rto_backoff_, c.persist_backoff_, c.keepalive_sent_, c.challenges_,
      c.syn_sent_count_, c.peer_mss_, c.path_mtu_, c.mss_, c.our_mss_, c.iss_, c.snd_una_,
      c.snd_nxt_, c.snd_wnd_, c.max_snd_wnd_, c.snd_wl1_, c.snd_wl2_, c.round_end_, c.round_pipe_,
      c.ts_recent_, c.ts_offset_, c.irs_, c.rcv_nxt_, c.last_ack_sent_, c.fin_at_, c.dsack_left_,
      c.dsack_right_, c.retransmits_, c.largest_segment_);
  all(c.opened_at_, c.ts_recent_at_, c.last_heard_, c.last_sent_, c.rto_base_, c.probe_base_,
      c.stalled_since_, c.syn_sent_at_, c.reorder_at_, c.challenge_since_, c.mtu_lowered_at_,
      c.rtt_, c.rack_, c.recovery_, c.congestion_, c.pacer_, c.window_, c.acks_, c.timers_);
}

bool Connection::save(StateWriter& writer) const {
  if (!is_synchronized(state_)) return false;
  each_member(*this, [&](const auto& member) { writer.put(member); });
  put_view(writer, queue_.all(env_->pieces));
  writer.put(queue_.unsent());
  writer.put(board_.count());
  for (uint32_t at = board_.head(); at != kNoSlot; at = env_->sent[at].next) {
    const Sent& s = env_->sent[at];
    writer.put(SavedSent{s.sent_at, s.start, s.size, s.flags, s.transmissions});
  }
  const Chain& ready = reassembly_.ready();
  put_view(writer, {&env_->pieces, ready.head, 0, ready.bytes});
  uint32_t ranges = 0;
  for (uint32_t at = reassembly_.first_range(); at != kNoSlot; at = env_->ranges[at].next) ++ranges;
  writer.put(ranges);
  for (uint32_t at = reassembly_.first_range(); at != kNoSlot; at = env_->ranges[at].next) {
    const Range& range = env_->ranges[at];
    writer.put(range.start);
    put_view(writer, {&env_->pieces, range.chain.head, 0, range.chain.bytes});
  }
  return writer.complete();
}

// On failure the connection is no good, and its destructor frees what it has.
bool Connection::restore(StateReader& reader) {
  each_member(*this, [&](auto& member) { reader.get(member); });
  Chain queued;
  uint32_t unsent = 0;
  uint32_t records = 0;
  if (!get_chain(reader, env_->pieces, queued)) {
    env_->pieces.free(queued);
    return false;
  }
  queue_.append(env_->pieces, queued);
  if (!reader.get(unsent) || !reader.get(records) || unsent > queue_.bytes()) return false;
  queue_.advance(env_->pieces, queue_.bytes() - unsent);
  const uint32_t outstanding = queue_.bytes() - unsent;
  for (uint32_t i = 0; i < records; ++i) {
    SavedSent saved;
    if (!reader.get(saved)) return false;
    const uint32_t offset = span_of(snd_una_, saved.start);
    if (offset > outstanding || saved.size > outstanding - offset) return false;
    Sent sent{.sent_at = saved.sent_at, .start = saved.start, .size = saved.size};
    sent.flags = saved.flags;
    sent.transmissions = saved.transmissions;
    sent.place =
        SendQueue::settled(env_->pieces, SendQueue::moved(env_->pieces, queue_.first(), offset));
    if (board_.restore(env_->sent, sent) == kNoSlot) return false;
  }
  if (!get_chain(reader, env_->pieces, reassembly_.ready())) return false;
  uint32_t ranges = 0;
  if (!reader.get(ranges)) return false;
  for (uint32_t i = 0; i < ranges; ++i) {
    Seq start;
    Chain chain;
    if (reader.get(start) && get_chain(reader, env_->pieces, chain) && start > rcv_nxt_) {
      // What does not fit is not missed: the peer sends it again.
      reassembly_.insert(env_->pieces, env_->ranges, chain, start, rcv_nxt_,
                         {profile().out_of_order_ranges, UINT32_MAX});
    }
    env_->pieces.free(chain);
  }
  wants_output_ = true;
  return reader.complete();
}

bool Transport::save(ConnectionId id, StateWriter& writer) const {
  const Connection* connection = find(id);
  if (connection == nullptr) return false;
  writer.put(kStateVersion);
  writer.put(static_cast<uint32_t>(sizeof(Connection)));
  writer.put(connection->tuple());
  writer.put(connection->profile_index());
  return connection->save(writer);
}

ConnectionId Transport::restore(StateReader& reader, uint64_t user, Instant now) {
  uint32_t version = 0;
  uint32_t size = 0;
  FourTuple tuple;
  uint8_t profile = 0;
  if (!reader.get(version) || !reader.get(size) || !reader.get(tuple) || !reader.get(profile)) {
    return {};
  }
  if (version != kStateVersion || size != sizeof(Connection) ||
      profile >= wiring_.profiles.size()) {
    return {};
  }
  const uint32_t hash = hash_of(tuple);
  if (lookup(tuple, hash).kind != RefKind::kNone) return {};
  const uint32_t slot = add_connection(tuple, profile, hash);
  if (slot == kNoSlot) return {};
  connections_[slot].user = user;
  if (!connections_[slot].connection.restore(reader)) {
    release(slot);
    return {};
  }
  const ConnectionId id{slot, generations_[slot]};
  settle(slot, now);
  return id;
}

}  // namespace heddle::tcp
