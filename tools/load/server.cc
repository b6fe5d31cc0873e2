#include "server.h"

#include <algorithm>

namespace heddle::load {

namespace {

using tcp::ConnectionId;
using tcp::Notice;

constexpr uint32_t kMaxHalfOpen = 65'536;
constexpr uint32_t kMostAtOnce = 1 << 20;  // bytes of one connection in one turn

}  // namespace

bool Server::listen(const ServePlan& plan) {
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
  if (what == Serve::kEcho) {
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
