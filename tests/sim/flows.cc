#include "flows.h"

#include <algorithm>
#include <cstring>

namespace heddle::sim {

namespace {

constexpr size_t kPeriod = 65521;  // a prime, so that no segment size divides it

const std::array<uint8_t, kPeriod + 65536>& pattern() {
  static const auto made = [] {
    std::array<uint8_t, kPeriod + 65536> bytes{};
    Random random(7);
    for (size_t i = 0; i < kPeriod; ++i) bytes[i] = static_cast<uint8_t>(random.next());
    for (size_t i = kPeriod; i < bytes.size(); ++i) bytes[i] = bytes[i - kPeriod];
    return bytes;
  }();
  return made;
}

}  // namespace

uint8_t stream_byte(uint64_t at) { return pattern()[at % kPeriod]; }

std::span<const uint8_t> stream(uint64_t at, size_t size) {
  return std::span<const uint8_t>(pattern()).subspan(at % kPeriod, size);
}

StreamState& StreamApp::open(Host& host, const tcp::FourTuple& tuple, uint64_t bytes, Instant now) {
  streams_.push_back(std::make_unique<StreamState>());
  StreamState& state = *streams_.back();
  state.to_send = bytes;
  const auto user = reinterpret_cast<uint64_t>(&state);
  state.id = host.transport().connect({.tuple = tuple, .user = user}, now);
  HEDDLE_CHECK(static_cast<bool>(state.id), "the simulated host takes no more connections");
  host.wake(now);
  return state;
}

void StreamApp::listen(Host& host, const tcp::Endpoint& local, uint64_t reply_bytes) {
  reply_bytes_ = reply_bytes;
  host.transport().listen({.local = local});
}

StreamState& StreamApp::of(const tcp::EventNote& note) {
  if (note.user != 0) return *reinterpret_cast<StreamState*>(note.user);
  for (auto& state : streams_)
    if (state->id == note.id) return *state;
  streams_.push_back(std::make_unique<StreamState>());
  streams_.back()->read_limit = read_limit_;
  streams_.back()->id = note.id;
  streams_.back()->to_send = reply_bytes_;
  return *streams_.back();
}

void StreamApp::on_event(tcp::Transport& transport, const tcp::EventNote& note, Instant now) {
  StreamState& state = of(note);
  if (note.user == 0) transport.set_user(note.id, reinterpret_cast<uint64_t>(&state));
  if (note.has(tcp::Notice::kConnected)) state.connected = true;
  if (note.has(tcp::Notice::kHalfClosed)) state.peer_done = true;
  pump(transport, state, now);
  if (note.has(tcp::Notice::kClosed)) {
    state.finished = true;
    if (const auto* connection = transport.find(note.id)) state.ended = connection->ended_by();
    close_if_read(transport, state, now);
  }
}

void StreamApp::close_if_read(tcp::Transport& transport, StreamState& state, Instant now) {
  const auto* connection = transport.find(state.id);
  if (connection != nullptr && connection->readable() > 0) return;
  state.closed = true;
  transport.close(state.id, now);
}

void StreamApp::on_turn(tcp::Transport& transport, Instant now) {
  bool waiting = false;
  for (auto& state : streams_) {
    if (state->read_limit == UINT32_MAX || state->closed) continue;
    if (now >= state->read_again) {
      pump(transport, *state, now);
      state->read_again = now + milliseconds(1);
      if (state->finished) close_if_read(transport, *state, now);
    }
    const auto* connection = transport.find(state->id);
    waiting = waiting || (connection != nullptr && connection->readable() > 0);
  }
  if (waiting && host_ != nullptr) host_->wake_later(now + milliseconds(1));
}

void StreamApp::pump(tcp::Transport& transport, StreamState& state, Instant now) {
  uint32_t budget = state.read_limit;
  while (budget > 0) {
    tcp::Chain chain = transport.receive(state.id, std::min(budget, 65536u), now);
    if (chain.empty()) break;
    budget -= chain.bytes;
    if (state.received == 0) state.first_byte = now;
    state.last_byte = now;
    tcp::PayloadView view{&transport.pieces(), chain.head, 0, chain.bytes};
    view.each([&](const tcp::Piece&, std::span<const uint8_t> part) {
      const auto want = stream(state.received, part.size());
      if (!std::equal(part.begin(), part.end(), want.begin())) state.right = false;
      state.received += part.size();
    });
    transport.pieces().free(chain);
  }
  while (state.connected && state.sent < state.to_send) {
    const size_t want = std::min<uint64_t>(32768, state.to_send - state.sent);
    const uint32_t n = transport.send_copy(state.id, stream(state.sent, want), now);
    state.sent += n;
    if (n < want) break;
  }
  if (state.connected && state.sent == state.to_send && state.close_when_sent) {
    state.close_when_sent = false;
    transport.shutdown(state.id, now);
  }
}

bool StreamApp::all_closed() const {
  return std::all_of(streams_.begin(), streams_.end(), [](auto& s) { return s->closed; });
}

bool StreamApp::all_right() const {
  return std::all_of(streams_.begin(), streams_.end(), [](auto& s) { return s->right; });
}

uint64_t StreamApp::received() const {
  uint64_t sum = 0;
  for (const auto& state : streams_) sum += state->received;
  return sum;
}

Pair::Pair(const tcp::Profile& profile, const LinkSpec& to_server, const LinkSpec& to_client,
           uint64_t seed)
    : client(profile, seed * 4 + 1),
      server(profile, seed * 4 + 2),
      there(to_server, server, seed * 4 + 3),
      back(to_client, client, seed * 4 + 4) {
  client.connect_to(there);
  server.connect_to(back);
  client.set_app(client_app);
  server.set_app(server_app);
  client_app.attach(client);
  server_app.attach(server);
  for (Element* element : {static_cast<Element*>(&client), static_cast<Element*>(&server),
                           static_cast<Element*>(&there), static_cast<Element*>(&back)})
    network.add(*element);
}

bool Pair::is_clean() {
  for (Host* host : {&client, &server}) {
    tcp::Transport& t = host->transport();
    if (t.pieces().in_use() != 0 || host->buffers().in_use() != 0 || t.sent_pool().in_use() != 0 ||
        t.range_pool().size() != 0 || t.connection_count() != 0)
      return false;
  }
  return true;
}

}  // namespace heddle::sim
