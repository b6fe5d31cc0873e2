// Answers that need no connection: resets, SYN-ACKs, and what TIME-WAIT says.
#include <algorithm>

#include "tcp/transport.h"

namespace heddle::tcp {

bool Transport::reply(const FourTuple& tuple, const wire::Tcp& header) {
  if (reply_count_ == limits_.replies) {
    counters_.add(Drop::kReplyQueueFull);
    return false;
  }
  Reply& at = replies_[(reply_first_ + reply_count_++) % limits_.replies];
  at = {tuple, header};
  return true;
}

// RFC 9293 3.10.7.1.
void Transport::reply_reset(const FourTuple& tuple, const Segment& segment) {
  wire::Tcp tcp;
  tcp.source_port = tuple.local.port;
  tcp.destination_port = tuple.remote.port;
  if (segment.has(TcpFlag::kAck)) {
    tcp.sequence = segment.ack.wire();
    tcp.flags = TcpFlag::kRst;
  } else {
    tcp.acknowledgment = (segment.seq + segment.length()).wire();
    tcp.flags = TcpFlag::kRst | TcpFlag::kAck;
  }
  if (reply(tuple, tcp)) counters_.add(Stat::kResetsOut);
}

void Transport::reply_ack(const TimeWait& entry, Instant now) {
  wire::Tcp tcp;
  tcp.source_port = entry.tuple.local.port;
  tcp.destination_port = entry.tuple.remote.port;
  tcp.sequence = entry.snd_nxt.wire();
  tcp.acknowledgment = entry.rcv_nxt.wire();
  tcp.flags = TcpFlag::kAck;
  tcp.window = entry.window;
  if (entry.timestamps) {
    tcp.options.timestamps =
        wire::TcpTimestamps{Be32(timestamp_at(now, entry.ts_offset)), Be32(entry.ts_recent)};
  }
  reply(entry.tuple, tcp);
}

bool Transport::send_replies(Output& out) {
  while (reply_count_ > 0) {
    const Reply& at = replies_[reply_first_];
    OutSegment segment;
    segment.tuple = &at.tuple;
    segment.header = at.header;
    segment.segment_size = UINT16_MAX;
    if (out.send(segment)) {
      counters_.add(Stat::kSegmentsOut);
    } else if (out.is_full()) {
      return false;
    } else {
      counters_.add(Drop::kReplyNoWay);  // one that waited would hold up all behind it
    }
    reply_first_ = (reply_first_ + 1) % limits_.replies;
    --reply_count_;
  }
  return true;
}

Drop Transport::on_time_wait(uint32_t slot, const FourTuple& tuple, Segment& segment, Instant now) {
  TimeWait& entry = time_wait_[slot];
  Drop drop = Drop::kNone;
  switch (judge(entry, segment, &drop)) {
    case TimeWaitAnswer::kIgnore:
      return drop;
    case TimeWaitAnswer::kRestart:
      entry.until = now + wiring_.profiles[entry.profile].msl * 2;
      reply_ack(entry, now);
      return drop;
    case TimeWaitAnswer::kAcknowledge:
      reply_ack(entry, now);
      return drop;
    case TimeWaitAnswer::kReopen:
      break;
  }
  const ListenerId listener = listeners_.find(tuple.local);
  if (listener == kNoSlot) {
    reply_reset(tuple, segment);
    return Drop::kNoConnection;
  }
  // Its sequence numbers begin behind those of the old connection: the clock has moved on by
  // more than the old one sent, or the next lines see to it.
  const Seq least = entry.snd_nxt + (UINT16_MAX + 2u);
  erase_time_wait(slot);
  counters_.add(Stat::kTimeWaitReused);
  const uint8_t profile = listeners_[listener].request.profile;
  if (half_open_.full()) return on_syn(listener, tuple, segment, now);
  Handshake handshake = agree(tuple, segment, wiring_.profiles[profile], profile);
  handshake.iss = max(initial_sequence(*wiring_.secrets, tuple, now), least);
  handshake.ts_offset = timestamp_offset(*wiring_.secrets, tuple);
  counters_.add(Stat::kPassiveOpens);
  return begin_half_open(listener, handshake, now);
}

void Transport::to_time_wait(uint32_t slot, Instant now) {
  Held& it = connections_[slot];
  const Connection& connection = it.connection;
  TimeWait entry;
  entry.tuple = connection.tuple();
  entry.snd_nxt = connection.snd_nxt();
  entry.rcv_nxt = connection.rcv_nxt();
  entry.ts_recent = connection.ts_recent();
  entry.ts_offset = connection.ts_offset();
  entry.timestamps = connection.uses_timestamps();
  entry.profile = connection.profile_index();
  entry.hash = it.hash;
  const uint32_t window = connection.receive_window().size(connection.rcv_nxt());
  entry.window = static_cast<uint16_t>(
      std::min<uint32_t>(window >> connection.receive_window().scale(), UINT16_MAX));
  const Instant deadline = connection.next_deadline();
  entry.until = deadline == kNever ? now + wiring_.profiles[entry.profile].msl * 2 : deadline;
  if (it.in_noisy) return;  // the note that is waiting comes first, and calls again
  const uint32_t hash = it.hash;
  release(slot);
  if (limits_.time_wait == 0) return;
  if (time_wait_.full()) {
    counters_.add(Drop::kTimeWaitFull);
    erase_time_wait(time_wait_.oldest());
  }
  const uint32_t at = time_wait_.add(entry);
  table_.insert(hash, {RefKind::kTimeWait, at});
  wheel_.arm(time_wait_timer(at), entry.until);
}

void Transport::erase_time_wait(uint32_t slot) {
  table_.erase(time_wait_[slot].hash, {RefKind::kTimeWait, slot});
  wheel_.disarm(time_wait_timer(slot));
  time_wait_.remove(slot);
}

}  // namespace heddle::tcp
