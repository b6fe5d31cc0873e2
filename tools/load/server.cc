#include "server.h"

#include <algorithm>

namespace heddle::load {

namespace {

using tcp::ConnectionId;
using tcp::Notice;

constexpr uint32_t kMaxHalfOpen = 65'536;
constexpr uint32_t kMostAtOnce = 1 << 20;  // bytes of one connection in one turn
constexpr uint32_t kGoOnAtOnce = 32;
constexpr uint32_t kHeadRoom = 256;  // more than a response's head takes

}  // namespace

bool Server::listen(const ServePlan& plan) {
  if (plan.what == Serve::kHttp) asked_.resize(connections_);
  return transport_.listen({.local = {{}, Be16(plan.port)},
                            .max_half_open = kMaxHalfOpen,
                            .user = static_cast<uint64_t>(plan.what)}) != kNoSlot;
}

void Server::on_note(const tcp::EventNote& note, Instant now) {
  const ConnectionId id = note.id;
  if (note.has(Notice::kReset)) {
    tally_.fail(Failure::kReset);
    return transport_.close(id, now);
  }
  if (note.has(Notice::kConnected)) {
    ++tally_.opened;
    transport_.set_nodelay(id, true);
  }
  const auto what = static_cast<Serve>(note.user);
  if (what == Serve::kHttp) {
    if (note.has(Notice::kConnected)) asked_[id.slot] = Asked{.id = id};
    answer(id, now);
    if (asked_[id.slot].owed > 0 || asked_[id.slot].body_left > 0) return;
  } else if (what == Serve::kEcho) {
    if (echo(id, now) > 0) return;  // what is left goes first
  } else {
    swallow(id, now);
    if (what == Serve::kSource) fill(id, now);
  }
  const tcp::Connection* connection = transport_.find(id);
  const bool done = note.has(Notice::kHalfClosed) || note.has(Notice::kClosed) ||
                    (connection != nullptr && connection->state() == tcp::State::kCloseWait);
  if (done) transport_.close(id, now);
}

// Sends back what has come as far as the peer takes it; returns what is left, bytes.
uint32_t Server::echo(ConnectionId id, Instant now) {
  const tcp::Connection* connection = transport_.find(id);
  if (connection == nullptr) return 0;
  const uint32_t most = std::min({connection->readable(), connection->writable(), kMostAtOnce});
  if (most > 0) {
    tcp::Chain chain = transport_.receive(id, most, now);
    tally_.bytes_received += chain.bytes;
    tally_.bytes_sent += transport_.send(id, chain, now);
    transport_.pieces().free(chain);
  }
  if (connection->readable() > 0) transport_.want_writable(id);
  return connection->readable();
}

void Server::swallow(ConnectionId id, Instant now) {
  tcp::Chain chain = transport_.receive(id, UINT32_MAX, now);
  tally_.bytes_received += chain.bytes;
  transport_.pieces().free(chain);
}

// Requests come, and as much of the responses goes as the peer takes.
void Server::answer(ConnectionId id, Instant now) {
  const tcp::Connection* connection = transport_.find(id);
  if (connection == nullptr) return;
  Asked& asked = asked_[id.slot];
  tcp::Pieces& pieces = transport_.pieces();
  tcp::Chain in = transport_.receive(id, kMostAtOnce, now);
  tally_.bytes_received += in.bytes;
  for (uint32_t at = in.head; at != kNoSlot; at = pieces[at].next)
    asked.owed +=
        asked.ends.count({reinterpret_cast<const char*>(pieces[at].data), pieces[at].size});
  pieces.free(in);
  tcp::Chain out;
  const uint32_t room = std::min(connection->writable(), kMostAtOnce);
  bool starved = false;
  while (!starved && out.bytes < room && (asked.owed > 0 || asked.body_left > 0)) {
    if (asked.body_left == 0) {
      if (room - out.bytes < kHeadRoom) break;
      starved = !heads_.append_text(pieces, out);
      if (starved) break;
      --asked.owed;
      ++tally_.requests;
      asked.body_left = response_bytes_;
    }
    const uint32_t before = out.bytes;
    const auto most = static_cast<uint32_t>(std::min<uint64_t>(asked.body_left, room - before));
    payload_.append(pieces, out, most, connection->mss());
    asked.body_left -= out.bytes - before;
    starved = out.bytes - before < most;
  }
  tally_.bytes_sent += transport_.send(id, out, now);
  pieces.free(out);
  if (asked.owed > 0 || asked.body_left > 0) transport_.want_writable(id);
  if (starved) starved_.push(id.slot);
}

bool Server::go_on(Instant now) {
  for (uint32_t i = std::min(starved_.size(), kGoOnAtOnce); i > 0; --i)
    answer(asked_[starved_.pop()].id, now);
  return !starved_.empty();
}

void Server::fill(ConnectionId id, Instant now) {
  const tcp::Connection* connection = transport_.find(id);
  if (connection == nullptr) return;
  tcp::Chain chain;
  payload_.append(transport_.pieces(), chain, std::min(connection->writable(), kMostAtOnce),
                  connection->mss());
  tally_.bytes_sent += transport_.send(id, chain, now);
  transport_.pieces().free(chain);
  transport_.want_writable(id);
}

}  // namespace heddle::load
