#include "http_client.h"

#include "tls_parts.h"
#include "worker/tcp.h"

namespace heddle::load {

namespace {

using tcp::ConnectionId;
using tcp::EventNote;
using tcp::Notice;

constexpr uint32_t kLeaveAtOnce = 256;  // in one turn
constexpr std::string_view kHttp2Alpn = "h2";

}  // namespace

HttpClient::HttpClient(app::Worker& worker, const HttpAsking& asking, Outcome& outcome)
    : HttpSide(worker, Role::kClient, asking.bodies, asking.connections, asking.plan.tls),
      plan_(asking.plan),
      requests_(asking.requests),
      tls_(asking.tls),
      outcome_(outcome),
      dialer_(worker.tcp->transport, plan_.to, asking.connections, outcome),
      calls_(asking.connections),
      idle_(asking.connections),
      interval_(asking.rate > 0 ? nanoseconds(static_cast<int64_t>(1e9 / asking.rate))
                                : Duration()) {
  if (!plan_.http2) return;
  make_message2();
  allow_streams(plan_.streams);
  limits_.message.head = kMostHead;
  limits_.message.trailers = kMostHead / 4;
  limits_.message.spare = 0;
  make_store(asking.connections * plan_.streams, asking.connections);
}

void HttpClient::on_note(const EventNote& note, Instant now) {
  const auto slot = static_cast<uint32_t>(note.user);
  mesh::Wire& wire = lines_[slot].wire;
  if (wire.id != note.id) return;  // one that was closed before
  wire.half_closed |= note.has(Notice::kHalfClosed);
  wire.closed |= note.has(Notice::kClosed);
  if (note.has(Notice::kReset)) {
    wire.reset = true;
    return fail(slot, reason_of(work_.transport, note.id), now);
  }
  if (note.has(Notice::kConnected)) return on_connected(slot, now);
  if (calls_[slot].stands) serve(slot, now);
}

void HttpClient::on_connected(uint32_t slot, Instant now) {
  Line& line = lines_[slot];
  dialer_.stood();
  calls_[slot].stands = true;
  work_.transport.set_nodelay(line.wire.id, true);
  if (measuring_) ++outcome_.client.opened;
  if (plan_.tls) {
    secure(slot, context_for(*tls_, worker_), plan_.server_name);
    return go_on_shaking(slot, now);
  }
  line.open = true;
  on_open(slot, now);
}

void HttpClient::on_open(uint32_t slot, Instant now) {
  Line& line = lines_[slot];
  if (plan_.tls && plan_.http2 != (line.wire.tls->agreed()->alpn == kHttp2Alpn))
    return fail(slot, Failure::kProtocol, now);
  if (plan_.http2 && !start_session(slot, now)) return fail(slot, Failure::kNoRoom, now);
  if (interval_ != Duration()) {
    if (due_ == kNever) due_ = now;
    idle_.push(slot);
  } else if (!plan_.http2) {
    // An exchange with its handshake is told as one.
    ask1(slot, plan_.what == Do::kGetClose ? calls_[slot].since : now, now);
  }
  if (line.wire.id) serve(slot, now);
}

void HttpClient::serve(uint32_t slot, Instant now) {
  const Line& line = lines_[slot];
  if (!line.open) return go_on_shaking(slot, now);
  line.session != nullptr ? serve2(slot, now) : serve1(slot, now);
}

bool HttpClient::on_turn(Instant now) {
  if (interval_ != Duration()) ask_due(now);
  return run(now);
}

void HttpClient::ask_due(Instant now) {
  while (due_ <= now && !idle_.empty()) {
    const uint32_t slot = idle_.pop();
    if (!calls_[slot].stands || !lines_[slot].open) continue;
    const Instant due = due_;
    if (!plan_.http2) {
      due_ = due_ + interval_;
      ask1(slot, due, now);
      continue;
    }
    if (!has_room2(slot) || !ask2(slot, due)) continue;
    due_ = due_ + interval_;
    again(slot);
    if (has_room2(slot)) idle_.push(slot);
  }
}

void HttpClient::count_late(Instant now) {
  if (interval_ == Duration()) return;
  for (; due_ <= now; due_ = due_ + interval_) outcome_.client.fail(Failure::kLate);
}

void HttpClient::answered(Instant since, Instant now) {
  if (!measuring_) return;
  ++outcome_.client.requests;
  outcome_.latency.add(now - since);
}

void HttpClient::on_end(uint32_t slot, Instant now) {
  fail(slot, lines_[slot].wire.broken ? Failure::kTls : Failure::kClosedByPeer, now);
}

void HttpClient::fail(uint32_t slot, Failure why, Instant now) {
  dialer_.fail(why, now);
  give_up(slot, now);
}

// The connection is closed, and another one may take its place.
void HttpClient::give_up(uint32_t slot, Instant now) {
  gone_bytes_ += acknowledged(lines_[slot]);
  close(slot, now);
  dialer_.gone(slot, calls_[slot].stands);
  calls_[slot] = Call{};
}

bool HttpClient::open(const tcp::IpAddress& source, Instant now) {
  return dialer_.open(source, now, [&](uint32_t slot, ConnectionId id) {
    lines_[slot].wire = mesh::Wire(id);
    calls_[slot].since = now;
  });
}

bool HttpClient::leave(Instant now) {
  const auto end =
      static_cast<uint32_t>(std::min<size_t>(lines_.size(), size_t{leave_next_} + kLeaveAtOnce));
  for (; leave_next_ < end; ++leave_next_) {
    Line& line = lines_[leave_next_];
    if (!line.wire.id) continue;
    line.session.reset();
    line.wire.abort(work_, now);
    line.wire = mesh::Wire(ConnectionId());
  }
  return leave_next_ < lines_.size();
}

uint64_t HttpClient::acknowledged(const Line& line) const {
  const tcp::Connection* connection =
      line.wire.sent > 0 ? work_.transport.find(line.wire.id) : nullptr;
  return line.wire.sent - (connection == nullptr ? 0 : connection->unacknowledged());
}

uint64_t HttpClient::acknowledged() const {
  uint64_t bytes = gone_bytes_;
  for (const Line& line : lines_) bytes += acknowledged(line);
  return bytes;
}

}  // namespace heddle::load
