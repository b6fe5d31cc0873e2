#include "client.h"

#include <algorithm>

namespace heddle::load {

namespace {

using tcp::ConnectionId;
using tcp::EventNote;
using tcp::Notice;

// In one turn, so that packets do not wait.
constexpr uint32_t kOpenAtOnce = 64;
constexpr uint32_t kLeaveAtOnce = 256;
constexpr uint32_t kRefillAtOnce = 32;
constexpr uint32_t kMostAtOnce = 1 << 20;  // bytes of one connection
// Handshakes at a time, as servers' queues for them are short.
constexpr uint32_t kMostOpening = 512;
constexpr Duration kAfterFailure = milliseconds(10);

}  // namespace

Client::Client(tcp::Transport& transport, Payload& payload, const CallPlan& plan,
               uint32_t connections, double rate, Outcome& outcome)
    : transport_(transport),
      payload_(payload),
      plan_(plan),
      outcome_(outcome),
      calls_(connections),
      heads_(plan.is_http() ? connections : 0),
      idle_(connections),
      interval_(rate > 0 ? nanoseconds(static_cast<int64_t>(1e9 / rate)) : Duration()) {
  missing_.reserve(connections);
  for (uint32_t slot = connections; slot > 0; --slot) missing_.push_back(slot - 1);
}

void Client::on_note(const EventNote& note, Instant now) {
  const auto slot = static_cast<uint32_t>(note.user);
  Call& call = calls_[slot];
  if (call.id != note.id) return;  // one that was closed before
  if (note.has(Notice::kReset)) return fail(slot, reason(call), now);
  if (note.has(Notice::kConnected)) {
    --opening_;
    ++stand_;
    call.stands = true;
    outcome_.begun.store(true, std::memory_order_relaxed);
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
  if (call.unsent == 0) return;
  if (!plan_.is_http()) return send(call, call.unsent, now);
  starved_ |= !ask_text(call, now);
}

// A connection stands.
void Client::start(uint32_t slot, Instant now) {
  switch (plan_.what) {
    case Do::kRr:
      return ask(slot, now, now);
    case Do::kCrr:
    case Do::kGetClose:  // An exchange with its handshake is told as one.
      return ask(slot, calls_[slot].since, now);
    case Do::kGet:
      if (interval_ == Duration()) return ask(slot, now, now);
      if (due_ == kNever) due_ = now;
      return idle_.push(slot);
    case Do::kBulk:
    case Do::kHold:
      return;
  }
}

void Client::ask(uint32_t slot, Instant since, Instant now) {
  Call& call = calls_[slot];
  call.since = since;
  if (plan_.is_http()) {
    call.in_head = true;
    heads_[slot].clear();
    call.unsent = 1;  // until the text is sent, which goes as one
    starved_ |= !ask_text(call, now);
    return;
  }
  call.unsent = plan_.request_bytes;
  call.unanswered = plan_.request_bytes;
  send(call, call.unsent, now);
}

// False: there was no piece for it. There is always room for a request where none is on its way.
bool Client::ask_text(Call& call, Instant now) {
  tcp::Chain chain;
  const bool whole = payload_.append_text(transport_.pieces(), chain);
  if (whole) {
    call.taken += transport_.send(call.id, chain, now);
    call.unsent = 0;
  }
  transport_.pieces().free(chain);
  return whole;
}

void Client::ask_due(Instant now) {
  while (due_ <= now && !idle_.empty()) {
    const uint32_t slot = idle_.pop();
    if (!calls_[slot].stands) continue;
    const Instant due = due_;
    due_ = due_ + interval_;
    ask(slot, due, now);
  }
}

void Client::count_late(Instant now) {
  for (; due_ <= now; due_ = due_ + interval_) outcome_.client.fail(Failure::kLate);
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
  if (plan_.is_http()) {
    const tcp::Pieces& pieces = transport_.pieces();
    Failure why = Failure::kWrongAnswer;
    bool good = true;
    for (uint32_t at = chain.head; good && at != kNoSlot; at = pieces[at].next)
      good = take(slot, {reinterpret_cast<const char*>(pieces[at].data), pieces[at].size}, why);
    transport_.pieces().free(chain);
    if (!good) return fail(slot, why, now);
    if (measuring_) outcome_.client.bytes_received += bytes;
    if (bytes > 0 && !call.in_head && call.unanswered == 0) answered(slot, now);
    return;
  }
  transport_.pieces().free(chain);
  if (measuring_) outcome_.client.bytes_received += bytes;
  if (plan_.what != Do::kRr && plan_.what != Do::kCrr) return;
  if (bytes > call.unanswered) return fail(slot, Failure::kWrongAnswer, now);
  call.unanswered -= bytes;
  if (bytes > 0 && call.unanswered == 0) answered(slot, now);
}

// Of a response. False: it is none, or not the one that was asked for.
bool Client::take(uint32_t slot, std::string_view bytes, Failure& why) {
  Call& call = calls_[slot];
  if (call.in_head) {
    size_t used = 0;
    const ResponseHead::State state = heads_[slot].read(bytes, used);
    if (state == ResponseHead::State::kWrong) return false;
    if (state == ResponseHead::State::kMore) return true;
    bytes.remove_prefix(used);
    call.in_head = false;
    call.unanswered = heads_[slot].length();
    why = Failure::kStatus;
    if (heads_[slot].status() != 200) return false;
    why = Failure::kWrongAnswer;
  }
  if (bytes.size() > call.unanswered) return false;
  call.unanswered -= bytes.size();
  return true;
}

void Client::answered(uint32_t slot, Instant now) {
  Call& call = calls_[slot];
  if (measuring_) {
    ++outcome_.client.requests;
    outcome_.latency.add(now - call.since);
  }
  const bool again = plan_.what == Do::kRr || plan_.what == Do::kGet;
  if (!again) return give_up(slot, now);
  if (plan_.is_http() && heads_[slot].closes()) return give_up(slot, now);
  if (interval_ == Duration()) return ask(slot, now, now);
  idle_.push(slot);
}

Failure Client::reason(const Call& call) const {
  const tcp::Connection* connection = transport_.find(call.id);
  switch (connection == nullptr ? tcp::EndReason::kNone : connection->ended_by()) {
    case tcp::EndReason::kRefused:
      return Failure::kRefused;
    case tcp::EndReason::kTimedOut:
      return Failure::kTimedOut;
    case tcp::EndReason::kUnreachable:
      return Failure::kUnreachable;
    default:
      return Failure::kReset;
  }
}

void Client::fail(uint32_t slot, Failure why, Instant now) {
  outcome_.client.fail(why);
  open_at_ = now + kAfterFailure;
  give_up(slot, now);
}

// The connection is closed, and another one may take its place.
void Client::give_up(uint32_t slot, Instant now) {
  Call& call = calls_[slot];
  const tcp::Connection* connection = transport_.find(call.id);
  gone_bytes_ += call.taken - (connection == nullptr ? 0 : connection->unacknowledged());
  transport_.close(call.id, now);
  call.stands ? --stand_ : --opening_;
  call = Call{};
  missing_.push_back(slot);
}

bool Client::open(const tcp::IpAddress& source, Instant now) {
  if (starved_) refill_some(now);
  if (open_at_ != kNever && open_at_ > now) return starved_;
  open_at_ = kNever;
  for (uint32_t i = 0; i < kOpenAtOnce && !missing_.empty() && opening_ < kMostOpening; ++i) {
    const uint32_t slot = missing_.back();
    const ConnectionId id =
        transport_.connect({.tuple = {{source, Be16(0)}, plan_.to}, .user = kOurs | slot}, now);
    if (!id) {
      outcome_.client.fail(Failure::kNoRoom);
      open_at_ = now + kAfterFailure;
      return starved_;
    }
    missing_.pop_back();
    calls_[slot] = {.id = id, .since = now};
    ++opening_;
  }
  return starved_ || (!missing_.empty() && opening_ < kMostOpening);
}

// Whoever got no piece may have nothing on the way either, and so hears of nothing.
void Client::refill_some(Instant now) {
  starved_ = false;
  for (uint32_t i = 0; i < kRefillAtOnce && !calls_.empty(); ++i) {
    Call& call = calls_[refill_next_];
    refill_next_ = refill_next_ + 1 == calls_.size() ? 0 : refill_next_ + 1;
    if (!call.stands) continue;
    go_on(call, now);
  }
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
