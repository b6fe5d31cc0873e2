#include "tcp_io/walk.h"

#include "worker/tcp.h"

namespace heddle::app {

namespace {

using server::ConnectionInfo;

static_assert(static_cast<size_t>(tcp::State::kTimeWait) + 1 == server::kConnectionStates);

server::FlowEnd end_of(const tcp::Endpoint& endpoint) {
  const auto& address = endpoint.address;
  return {address.is_v4_mapped() ? policy::IpAddress(tcp::to_ipv4(address))
                                 : policy::IpAddress(address),
          endpoint.port.host()};
}

uint32_t us(Duration duration) { return static_cast<uint32_t>(duration.ns() / 1000); }
uint64_t ms(Duration duration) {
  return duration < Duration() ? 0 : static_cast<uint64_t>(duration.ns() / 1'000'000);
}

// Literals of lib/tls; what is cut is for people alone.
void describe_tls(const mesh::TlsEnd& end, server::ConnectionTls& info) {
  using State = server::ConnectionTls::State;
  if (const tls::Agreed* agreed = end.agreed(); agreed != nullptr) {
    info.server_name.set(agreed->server_name);
    info.alpn.set(agreed->alpn);
    info.peer_identity.set(agreed->peer_identity);
    info.resumed = agreed->resumed;
  }
  if (end.is_dear()) info.state = State::kHandshake;
  if (end.session() == nullptr) return;
  const tls::Suite& suite = end.session()->suite();
  info.state = State::kEstablished;
  info.version = suite.version == tls::Version::kTls13 ? "TLSv1.3" : "TLSv1.2";
  info.suite = suite.name;
}

ConnectionInfo describe(const Worker& worker, const tcp::Connection& c, uint64_t user,
                        tcp::ListenerId listener) {
  ConnectionInfo info;
  info.local = end_of(c.tuple().local);
  info.remote = end_of(c.tuple().remote);
  info.state = static_cast<server::ConnectionState>(c.state());
  info.accepted = listener != kNoSlot;
  info.worker = worker.id.value();
  if (worker.tcp->user != nullptr) info.frontend = worker.tcp->user->frontend_of(user);
  if (const mesh::TlsEnd* end =
          worker.tcp->user == nullptr ? nullptr : worker.tcp->user->tls_of(user))
    describe_tls(*end, info.tls);
  info.cwnd = c.cwnd();
  info.ssthresh = c.ssthresh();
  info.send_window = c.send_window();
  info.mss = c.mss();
  info.bytes_in_flight = c.pipe();
  info.receive_queue = c.readable();
  info.send_queue = c.unacknowledged();
  info.out_of_order = c.reassembly().out_of_order_bytes();
  info.pinned = c.pinned();
  info.srtt_us = us(c.rtt().srtt());
  info.rttvar_us = us(c.rtt().rttvar());
  info.rto_us = us(c.rto());
  info.retransmits = c.retransmits();
  info.age_ms = ms(worker.now - c.opened_at());
  info.idle_ms = ms(worker.now - c.last_moved());
  return info;
}

}  // namespace

void copy_connections(const Worker& worker, const server::ConnectionFilter& filter,
                      ConnectionPiece& piece) {
  piece.count = 0;
  if (worker.tcp == nullptr) {
    piece.next = kNoSlot;
    return;
  }
  const auto take = [&](const tcp::Connection& c, uint64_t user, tcp::ListenerId listener) {
    ConnectionInfo& info = piece.connections[piece.count];
    info = describe(worker, c, user, listener);
    if (filter.takes(info)) ++piece.count;
  };
  // Free slots cost a cache line each.
  for (uint32_t slots = 0; slots < 512 && piece.next != kNoSlot; slots += 16) {
    if (piece.count + 16 > ConnectionPiece::kMost) return;
    piece.next = worker.tcp->transport.for_each(piece.next, 16, take);
  }
}

void sum_connections(const Worker& worker, SumPiece& piece) {
  if (worker.tcp == nullptr) {
    piece.next = kNoSlot;
    return;
  }
  server::ConnectionSums& sums = piece.sums;
  const tcp::Transport& transport = worker.tcp->transport;
  if (piece.next == 0) {
    sums.retransmits += transport.counters().value(tcp::Stat::kRetransmits);
    sums.half_open += transport.half_open_count();
    sums.time_wait += transport.time_wait_count();
    sums.pieces += transport.pieces().in_use();
    sums.piece_capacity += transport.pieces().capacity();
    sums.pinned += transport.pieces().pinned();
    sums.pinned_limit += worker.tcp->limits.memory;
    sums.connections += transport.connection_count();
    sums.connection_capacity += worker.tcp->limits.connections;
  }
  piece.next =
      transport.for_each(piece.next, 256, [&](const tcp::Connection& c, uint64_t, tcp::ListenerId) {
        ++sums.by_state[static_cast<size_t>(c.state())];
        sums.receive_queue += c.readable();
        sums.send_queue += c.unacknowledged();
        sums.out_of_order += c.reassembly().out_of_order_bytes();
      });
}

bool count_listener(const Worker& worker, uint32_t frontend, server::ListenerInfo& info) {
  if (worker.tcp == nullptr) return false;
  const tcp::ListenerId id = worker.tcp->listeners.listener_of(frontend);
  const tcp::Listener* listener = id == kNoSlot ? nullptr : worker.tcp->transport.listener(id);
  if (listener == nullptr) return false;
  info.half_open += listener->half_open;
  info.max_half_open += listener->request.max_half_open;
  info.accepted += listener->accepted;
  info.cookies_sent += listener->cookies_sent;
  info.refused += listener->refused;
  return true;
}

}  // namespace heddle::app
