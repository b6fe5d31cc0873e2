#include "tcp/transport.h"

#include <algorithm>
#include <utility>

namespace heddle::tcp {

static_assert(Transport::idle_bytes() <= 1024, "an idle connection's budget");

Transport::Transport(const Limits& limits, Wiring wiring, Instant start)
    : limits_(limits),
      wiring_(std::move(wiring)),
      table_key_(wiring_.secrets->table),
      pieces_(limits.pieces, *wiring_.buffers),
      sent_(limits.sent_segments),
      ranges_(limits.ranges),
      environment_{pieces_, sent_, ranges_, counters_, wiring_.profiles, limits.memory},
      connections_(limits.connections),
      generations_(std::make_unique<uint32_t[]>(limits.connections)),
      half_open_(limits.half_open),
      time_wait_(limits.time_wait),
      listeners_(limits.listeners, wiring_.secrets->table),
      table_(limits.connections + limits.half_open + limits.time_wait),
      wheel_(limits.connections + limits.half_open + limits.time_wait, limits.tick, start),
      ready_(limits.connections),
      noisy_(limits.connections),
      replies_(std::make_unique<Reply[]>(limits.replies)),
      ports_(limits.ports) {
  HEDDLE_CHECK(!wiring_.profiles.empty(), "a transport has at least one profile");
}

Transport::~Transport() = default;

Drop Transport::count(Drop drop) {
  if (drop != Drop::kNone) counters_.add(drop);
  return drop;
}

Ref Transport::lookup(const FourTuple& tuple, uint32_t hash) const {
  return table_.find(hash, [&](Ref ref) {
    switch (ref.kind) {
      case RefKind::kConnection:
        return connections_[ref.slot].connection.tuple() == tuple;
      case RefKind::kHalfOpen:
        return half_open_[ref.slot].handshake.tuple == tuple;
      case RefKind::kTimeWait:
        return time_wait_[ref.slot].tuple == tuple;
      case RefKind::kNone:
        break;
    }
    return false;
  });
}

Drop Transport::on_segment(const Known& known, const FourTuple& tuple, Segment& segment,
                           Instant now) {
  counters_.add(Stat::kSegmentsIn);
  const Ref ref = known.ref;
  Drop drop = Drop::kNone;
  switch (ref.kind) {
    case RefKind::kConnection: {
      Connection& connection = connections_[ref.slot].connection;
      if (connection.state() == State::kClosed) {  // its user has not closed it yet
        drop =
            count(segment.has(TcpFlag::kRst) ? Drop::kResetWithoutConnection : Drop::kNoConnection);
        if (!segment.has(TcpFlag::kRst)) reply_reset(tuple, segment);
        break;
      }
      const Seq ack = segment.ack;
      drop = connection.on_segment(segment, now);
      if (drop == Drop::kBadAckInHandshake && !segment.has(TcpFlag::kRst)) {
        segment.ack = ack;
        reply_reset(tuple, segment);
      }
      settle(ref.slot, now);
      break;
    }
    case RefKind::kHalfOpen:
      drop = count(on_half_open(ref.slot, segment, now));
      break;
    case RefKind::kTimeWait:
      drop = count(on_time_wait(ref.slot, tuple, segment, now));
      break;
    case RefKind::kNone:
      drop = count(on_unknown(tuple, segment, now));
      break;
  }
  pieces_.free(segment.payload);
  return drop;
}

Drop Transport::on_icmp(const FourTuple& tuple, const IcmpError& error, Instant now) {
  const Ref ref = lookup(tuple, hash_of(tuple));
  if (error.kind == IcmpError::Kind::kSourceQuench) return count(Drop::kIcmpIgnored);  // RFC 6633
  if (ref.kind != RefKind::kConnection) return count(Drop::kIcmpNoConnection);
  const Drop drop = connections_[ref.slot].connection.on_icmp(error, now);
  settle(ref.slot, now);
  return drop;
}

void Transport::on_timer(Instant now, uint32_t most) {
  if (environment_.under_pressure() || pressed_since_ != kNever) [[unlikely]]
    relieve(now);
  wheel_.advance(now, most, [&](uint32_t timer) {
    if (timer < limits_.connections) {
      Held& it = connections_[timer];
      it.armed = kNever;
      // The deadline may have moved on since it was armed.
      if (it.connection.next_deadline() <= now) it.connection.on_timer(now);
      settle(timer, now);
    } else if (timer < time_wait_timer(0)) {
      on_half_open_timer(timer - limits_.connections, now);
    } else {
      const uint32_t slot = timer - time_wait_timer(0);
      if (time_wait_[slot].until <= now) {
        erase_time_wait(slot);
      } else {
        wheel_.arm(timer, time_wait_[slot].until);
      }
    }
  });
}

Instant Transport::next_deadline() const { return wheel_.next_deadline(); }

void Transport::emit(Instant now, Output& out) {
  if (!send_replies(out)) return;
  for (uint32_t left = ready_.count(); left > 0; --left) {
    const uint32_t slot = ready_.pop();
    Held& it = connections_[slot];
    it.in_ready = false;
    const bool room = it.connection.emit(now, out);
    settle(slot, now);
    if (!room && out.is_full()) return;
  }
}

// After anything has happened to a connection: its place in the lists and its timer.
void Transport::settle(uint32_t slot, Instant now) {
  Held& it = connections_[slot];
  Connection& connection = it.connection;
  if (connection.wants_output() && !it.in_ready) {
    it.in_ready = true;
    ready_.push(slot);
  }
  if (connection.notices() != 0 && !it.in_noisy && !connection.user_closed()) {
    it.in_noisy = true;
    noisy_.push(slot);
  }
  if (!it.in_ready && connection.user_closed()) {
    if (connection.state() == State::kTimeWait) return to_time_wait(slot, now);
    if (connection.is_finished()) return release(slot);
  }
  const Instant deadline = connection.next_deadline();
  if (deadline < it.armed) {
    it.armed = deadline;
    wheel_.arm(slot, deadline);
  }
}

uint32_t Transport::add_connection(const FourTuple& tuple, uint8_t profile, uint32_t hash) {
  const uint32_t slot = connections_.emplace(environment_, tuple, profile);
  if (slot == kNoSlot) {
    counters_.add(Drop::kConnectionsFull);
    return slot;
  }
  connections_[slot].hash = hash;
  table_.insert(hash, {RefKind::kConnection, slot});
  return slot;
}

void Transport::release(uint32_t slot) {
  Held& it = connections_[slot];
  if (it.in_noisy) return;  // take_note() meets the slot again and lets it go
  wheel_.disarm(slot);
  table_.erase(it.hash, {RefKind::kConnection, slot});
  connections_.erase(slot);
  ++generations_[slot];
}

EventNote Transport::take_note(Instant now) {
  const uint32_t slot = noisy_.pop();
  Held& it = connections_[slot];
  it.in_noisy = false;
  Connection& connection = it.connection;
  const EventNote note{{slot, generations_[slot]}, connection.take_notices(), it.user, it.listener};
  if (!connection.user_closed()) return note;
  settle(slot, now);
  return {};
}

Transport::Held* Transport::held(ConnectionId id) {
  if (id.slot >= limits_.connections || generations_[id.slot] != id.generation ||
      !connections_.live(id.slot)) {
    return nullptr;
  }
  return &connections_[id.slot];
}

const Connection* Transport::find(ConnectionId id) const {
  const Held* it = const_cast<Transport*>(this)->held(id);
  return it == nullptr ? nullptr : &it->connection;
}

Chain Transport::receive(ConnectionId id, uint32_t most, Instant now) {
  Held* it = held(id);
  if (it == nullptr) return {};
  Chain chain = it->connection.receive(most, now);
  settle(id.slot, now);
  return chain;
}

uint32_t Transport::send(ConnectionId id, Chain& chain, Instant now) {
  Held* it = held(id);
  if (it == nullptr) return 0;
  const uint32_t n = it->connection.send(chain, now);
  settle(id.slot, now);
  return n;
}

uint32_t Transport::send_copy(ConnectionId id, std::span<const uint8_t> bytes, Instant now) {
  Held* it = held(id);
  if (it == nullptr) return 0;
  const uint32_t n = it->connection.send_copy(bytes, now);
  settle(id.slot, now);
  return n;
}

void Transport::shutdown(ConnectionId id, Instant now) {
  if (Held* it = held(id)) {
    it->connection.shutdown(now);
    settle(id.slot, now);
  }
}

void Transport::close(ConnectionId id, Instant now) {
  if (Held* it = held(id)) {
    it->connection.close(now);
    settle(id.slot, now);
  }
}

void Transport::abort(ConnectionId id, Instant now) {
  if (Held* it = held(id)) {
    it->connection.abort(now);
    settle(id.slot, now);
  }
}

void Transport::forget(ConnectionId id, Instant now) {
  if (Held* it = held(id)) {
    it->connection.forget();
    settle(id.slot, now);
  }
}

void Transport::want_writable(ConnectionId id) {
  if (Held* it = held(id)) it->connection.want_writable();
}

void Transport::set_nodelay(ConnectionId id, bool on) {
  if (Held* it = held(id)) it->connection.set_nodelay(on);
}

void Transport::set_keepalive(ConnectionId id, bool on, Instant now) {
  if (Held* it = held(id)) {
    it->connection.set_keepalive(on, now);
    settle(id.slot, now);
  }
}

void Transport::use_profile(ConnectionId id, uint8_t index) {
  HEDDLE_CHECK(index < wiring_.profiles.size(), "a profile that there is");
  if (Held* it = held(id)) it->connection.use_profile(index);
}

void Transport::set_user(ConnectionId id, uint64_t user) {
  if (Held* it = held(id)) it->user = user;
}

}  // namespace heddle::tcp
