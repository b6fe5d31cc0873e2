#include "client.h"

#include <algorithm>

namespace heddle::load {

namespace {

using tcp::ConnectionId;
using tcp::EventNote;
using tcp::Notice;

// In one turn, so that packets do not wait.
constexpr uint32_t kLeaveAtOnce = 256;
constexpr uint32_t kRefillAtOnce = 32;
constexpr uint32_t kMostAtOnce = 1 << 20;  // bytes of one connection

}  // namespace

Client::Client(tcp::Transport& transport, Payload& payload, const CallPlan& plan,
               uint32_t connections, Outcome& outcome)
    : transport_(transport),
      payload_(payload),
      plan_(plan),
      outcome_(outcome),
      dialer_(transport, plan.to, connections, outcome),
      calls_(connections) {}

void Client::on_note(const EventNote& note, Instant now) {
  const auto slot = static_cast<uint32_t>(note.user);
  Call& call = calls_[slot];
  if (call.id != note.id) return;  // one that was closed before
  if (note.has(Notice::kReset)) return fail(slot, reason_of(transport_, call.id), now);
  if (note.has(Notice::kConnected)) {
    dialer_.stood();
    call.stands = true;
    transport_.set_nodelay(note.id, true);
    if (measuring_) {
      ++outcome_.client.opened;
      if (plan_.what == Do::kHold) outcome_.latency.add(now - call.since);
    }
    start(slot, now);
  }
  if (note.has(Notice::kReadable)) read(slot, now);
  if (call.id != note.id || !call.stands) return;
  if (note.has(Notice::kHalfClosed) || note.has(Notice::kClosed))
    return fail(slot, Failure::kClosedByPeer, now);
  go_on(call, now);
}

// What is left to be sent.
void Client::go_on(Call& call, Instant now) {
  if (plan_.what == Do::kBulk) return send(call, kMostAtOnce, now);
  if (call.unsent > 0) send(call, call.unsent, now);
}

// A connection stands. An exchange with its handshake is told as one.
void Client::start(uint32_t slot, Instant now) {
  if (plan_.what == Do::kRr) return ask(slot, now, now);
  if (plan_.what == Do::kCrr) return ask(slot, calls_[slot].since, now);
}

void Client::ask(uint32_t slot, Instant since, Instant now) {
  Call& call = calls_[slot];
  call.since = since;
  call.unsent = plan_.request_bytes;
  call.unanswered = plan_.request_bytes;
  send(call, call.unsent, now);
}

void Client::send(Call& call, uint32_t bytes, Instant now) {
  const tcp::Connection* connection = transport_.find(call.id);
  if (connection == nullptr) return;
  const uint32_t wanted = std::min(bytes, connection->writable());
  tcp::Chain chain;
  payload_.append(transport_.pieces(), chain, wanted, connection->mss());
  starved_ |= chain.bytes < wanted;
  const uint32_t taken = transport_.send(call.id, chain, now);
  transport_.pieces().free(chain);
  call.taken += taken;
  if (call.unsent > 0) call.unsent -= taken;
  if (plan_.what == Do::kBulk || call.unsent > 0) transport_.want_writable(call.id);
}

void Client::read(uint32_t slot, Instant now) {
  Call& call = calls_[slot];
  tcp::Chain chain = transport_.receive(call.id, UINT32_MAX, now);
  const uint32_t bytes = chain.bytes;
  transport_.pieces().free(chain);
  if (measuring_) outcome_.client.bytes_received += bytes;
  if (plan_.what != Do::kRr && plan_.what != Do::kCrr) return;
  if (bytes > call.unanswered) return fail(slot, Failure::kWrongAnswer, now);
  call.unanswered -= bytes;
  if (bytes > 0 && call.unanswered == 0) answered(slot, now);
}

void Client::answered(uint32_t slot, Instant now) {
  if (measuring_) {
    ++outcome_.client.requests;
    outcome_.latency.add(now - calls_[slot].since);
  }
  plan_.what == Do::kRr ? ask(slot, now, now) : give_up(slot, now);
}

void Client::fail(uint32_t slot, Failure why, Instant now) {
  dialer_.fail(why, now);
  give_up(slot, now);
}

// The connection is closed, and another one may take its place.
void Client::give_up(uint32_t slot, Instant now) {
  Call& call = calls_[slot];
  const tcp::Connection* connection = transport_.find(call.id);
  gone_bytes_ += call.taken - (connection == nullptr ? 0 : connection->unacknowledged());
  transport_.close(call.id, now);
  dialer_.gone(slot, call.stands);
  call = Call{};
}

bool Client::open(const tcp::IpAddress& source, Instant now) {
  return dialer_.open(source, now, [&](uint32_t slot, ConnectionId id) {
    calls_[slot] = {.id = id, .since = now};
  });
}

// Whoever got no piece may have nothing on the way either, and so hears of nothing.
bool Client::on_turn(Instant now) {
  if (!starved_) return false;
  starved_ = false;
  for (uint32_t i = 0; i < kRefillAtOnce && !calls_.empty(); ++i) {
    Call& call = calls_[refill_next_];
    refill_next_ = refill_next_ + 1 == calls_.size() ? 0 : refill_next_ + 1;
    if (call.stands) go_on(call, now);
  }
  return starved_;
}

bool Client::leave(Instant now) {
  const auto end =
      static_cast<uint32_t>(std::min<size_t>(calls_.size(), size_t{leave_next_} + kLeaveAtOnce));
  for (; leave_next_ < end; ++leave_next_)
    if (calls_[leave_next_].id) transport_.abort(calls_[leave_next_].id, now);
  return leave_next_ < calls_.size();
}

uint64_t Client::acknowledged() const {
  uint64_t bytes = gone_bytes_;
  for (const Call& call : calls_) {
    const tcp::Connection* connection = call.stands ? transport_.find(call.id) : nullptr;
    if (connection != nullptr) bytes += call.taken - connection->unacknowledged();
  }
  return bytes;
}

}  // namespace heddle::load
