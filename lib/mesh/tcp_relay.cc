#include "mesh/tcp_relay.h"

#include <algorithm>

namespace heddle::mesh {

namespace {

using tcp::ConnectionId;
using tcp::EventNote;
using tcp::Notice;

constexpr Duration kTick = milliseconds(1);
// One turn for a connection: what a full window of the largest kind brings, and no more, so that
// others come to their turn.
constexpr uint32_t kMostAtOnce = 1 << 20;
constexpr Duration kPreludeTime = seconds(5);

// A connection's user word: its pair, and which end of it. Listeners' words are below.
constexpr uint64_t kPaired = uint64_t{1} << 63;
constexpr uint64_t word_of(uint32_t slot, uint8_t side) {
  return kPaired | uint64_t{slot} << 1 | side;
}

}  // namespace

TcpRelay::TcpRelay(tcp::Transport& transport, RelayPolicy& policy, uint32_t capacity, Instant start,
                   TlsWork* tls)
    : transport_(transport),
      policy_(policy),
      work_(tls),
      pairs_(capacity),
      wheel_(std::max(capacity, 1u), kTick, start),
      handshakes_(tls, capacity) {
  if (tls != nullptr) tls->relay = this;
}

TcpRelay::~TcpRelay() {
  for (uint32_t slot = 0; slot < pairs_.capacity(); ++slot) {
    if (!pairs_.live(slot)) continue;
    for (const Side side : {kClient, kServer}) drop_tls(pairs_[slot], side);
  }
}

void TcpRelay::on_note(const EventNote& note, Instant now) {
  if ((note.user & kPaired) == 0) return accept(note, now);
  const auto slot = static_cast<uint32_t>(note.user >> 1);
  on_end(slot, static_cast<Side>(note.user & 1), note, now);
}

void TcpRelay::accept(const EventNote& note, Instant now) {
  const tcp::Connection* client = transport_.find(note.id);
  if (client == nullptr) return;
  // Gone again before anybody was asked; else it may have sent, and even said all that it will.
  if (note.has(Notice::kReset) || note.has(Notice::kClosed)) {
    counters_.add(RelayStat::kClientGone);
    return transport_.close(note.id, now);
  }
  if (pairs_.full()) {
    counters_.add(RelayStat::kPairsFull);
    return transport_.abort(note.id, now);
  }
  const uint32_t slot = pairs_.emplace();
  // What is relayed has been put together by somebody else already.
  transport_.set_nodelay(note.id, true);
  transport_.set_user(note.id, word_of(slot, kClient));
  Pair& pair = pairs_[slot];
  pair.ends[kClient] = note.id;
  pair.frontend = static_cast<uint32_t>(note.user);
  pair.half_closed[kClient] = note.has(Notice::kHalfClosed);
  if (!policy_.wants_proxy_header(pair.frontend)) return greet(slot, now);
  pair.stage = Stage::kPrelude;
  pair.last_moved = now;
  pair.timeout = kPreludeTime;
  arm(slot);
  read_prelude(slot, now);
}

void TcpRelay::take_over(HandedOver&& from, Instant now) {
  HEDDLE_CHECK(transport_.find(from.id) != nullptr, "a connection that is handed over is there");
  if (pairs_.full()) {
    counters_.add(RelayStat::kPairsFull);
    transport_.set_user(from.id, from.frontend);
    release(*from.tls);
    return transport_.abort(from.id, now);
  }
  const uint32_t slot = pairs_.emplace();
  transport_.set_user(from.id, word_of(slot, kClient));
  Pair& pair = pairs_[slot];
  pair.ends[kClient] = from.id;
  pair.frontend = from.frontend;
  pair.half_closed[kClient] = from.half_closed;
  pair.tls[kClient] = std::move(from.tls);
  pair.told = std::move(from.told);
  connect(slot, now);
}

void TcpRelay::refuse(uint32_t slot, RelayStat why, Instant now) {
  counters_.add(why);
  transport_.abort(pairs_[slot].ends[kClient], now);
  finish(slot);
}

// Who the client is comes first, and nothing is believed before it.
void TcpRelay::read_prelude(uint32_t slot, Instant now) {
  Pair& pair = pairs_[slot];
  const ProxyHeader header = take_proxy_header(transport_, pair.ends[kClient], now);
  switch (header.state) {
    case ProxyHeader::State::kMore:
      if (pair.half_closed[kClient]) refuse(slot, RelayStat::kProxyHeader, now);
      return;
    case ProxyHeader::State::kRefused:
      return refuse(slot, RelayStat::kProxyHeader, now);
    case ProxyHeader::State::kWhole:
      break;
  }
  if (header.told) pair.told = std::make_unique<tcp::Endpoint>(header.client.remote);
  greet(slot, now);
}

// Asks policy what is spoken with the client.
void TcpRelay::greet(uint32_t slot, Instant now) {
  std::optional<ClientTerms> terms = policy_.terms(pairs_[slot].frontend, client_of(pairs_[slot]));
  if (!terms) return refuse(slot, RelayStat::kRefused, now);
  if (terms->side == ClientSide::kPlain) return connect(slot, now);
  open_client(slot, *terms, now);
}

// The client has said all that the endpoint is chosen by.
void TcpRelay::connect(uint32_t slot, Instant now) {
  Pair& pair = pairs_[slot];
  const ClientFacts facts = pair.tls[kClient] ? pair.tls[kClient]->facts() : ClientFacts{};
  pair.secure = pair.tls[kClient] != nullptr && pair.tls[kClient]->is_open();
  pair.identity = PeerIdentity::of(pair.tls[kClient].get());
  const Client client = client_of(pair);
  std::optional<Upstream> to = policy_.choose(pair.frontend, client, facts);
  if (!to) return refuse(slot, RelayStat::kRefused, now);
  if (!pair.hold.take(to->bounds)) {
    if (to->bounds.endpoint != nullptr) to->bounds.endpoint->give_try_back();
    return refuse(slot, RelayStat::kBreaker, now);
  }
  const ConnectionId server = transport_.connect(
      {.tuple = to->tuple, .profile = to->profile, .user = word_of(slot, kServer)}, now);
  if (!server) return refuse(slot, RelayStat::kNoConnection, now);
  if (to->proxy_header != ProxyHeaderVersion::kNone &&
      !send_proxy_header(transport_, server, to->proxy_header, client.tuple, now)) {
    transport_.abort(server, now);
    return refuse(slot, RelayStat::kNoConnection, now);
  }
  transport_.set_nodelay(server, true);
  pair.ends[kServer] = server;
  pair.endpoint = to->endpoint;
  pair.generation = to->generation;
  pair.stage = Stage::kConnecting;
  pair.last_moved = now;
  pair.timeout = to->connect_timeout;
  pair.idle_timeout = to->idle_timeout;
  if (to->tls != nullptr)
    pair.tls[kServer] = std::make_unique<TlsEnd>(TlsEnd::Phase::kBegin, std::move(to->tls),
                                                 std::move(to->server_name),
                                                 to->expected_id ? *to->expected_id : "");
  counters_.add(RelayStat::kOpened);
  policy_.opened(pair.frontend, pair.endpoint);
  arm(slot);
}

void TcpRelay::on_end(uint32_t slot, Side side, const EventNote& note, Instant now) {
  HEDDLE_CHECK(pairs_.live(slot), "a connection that its user has closed has no notes");
  Pair& pair = pairs_[slot];
  if (note.has(Notice::kReset)) return on_reset(slot, side, now);
  pair.half_closed[side] |= note.has(Notice::kHalfClosed);
  pair.closed[side] |= note.has(Notice::kClosed);
  if (note.has(Notice::kConnected) && side == kServer) return on_connected(slot, now);
  switch (pair.stage) {
    case Stage::kPrelude:
      return read_prelude(slot, now);
    case Stage::kOpening:
      if (side == kClient) step(slot, now);
      return;
    case Stage::kConnecting:
      return;
    case Stage::kShaking:
      if (side == kServer) step(slot, now);
      return;
    case Stage::kRelaying:
      return relay(slot, now);
  }
}

void TcpRelay::on_reset(uint32_t slot, Side side, Instant now) {
  const Pair& pair = pairs_[slot];
  if (pair.stage == Stage::kRelaying)
    counters_.add(side == kClient ? RelayStat::kClientReset : RelayStat::kServerReset);
  else if (side == kClient)
    counters_.add(RelayStat::kClientGone);
  else if (pair.stage == Stage::kShaking)
    counters_.add(RelayStat::kTlsServer);
  else
    on_connect_failure(pair);
  if (side == kServer && pair.stage != Stage::kRelaying)
    pair.hold.note(resilience::Outcome::kLocalError);
  transport_.close(pair.ends[side], now);
  transport_.abort(pair.ends[other(side)], now);
  finish(slot);
}

void TcpRelay::on_connected(uint32_t slot, Instant now) {
  Pair& pair = pairs_[slot];
  if (pair.tls[kServer] != nullptr) {
    pair.stage = Stage::kShaking;  // within the time-out to connect
    return handshakes_.push(slot, *pair.tls[kServer]);
  }
  on_joined(slot, now);
}

// The endpoint listens: bytes may move.
void TcpRelay::on_joined(uint32_t slot, Instant now) {
  Pair& pair = pairs_[slot];
  pair.stage = Stage::kRelaying;
  pair.last_moved = now;
  pair.hold.note(resilience::Outcome::kSuccess);
  pair.timeout = pair.idle_timeout;
  counters_.add(RelayStat::kConnected);
  arm(slot);
  relay(slot, now);
}

// Readable, writable, connected or half-closed: each may let both directions go on.
void TcpRelay::relay(uint32_t slot, Instant now) {
  Pair& pair = pairs_[slot];
  for (const Side from : {kClient, kServer}) {
    if (pair.tls[kClient] == nullptr && pair.tls[kServer] == nullptr)
      pump_plain(pair, from, now);
    else if (!pump(slot, from, now))
      return;
  }
  if (!pair.closed[kClient] || !pair.closed[kServer]) return;
  counters_.add(RelayStat::kFinished);
  transport_.close(pair.ends[kClient], now);
  transport_.close(pair.ends[kServer], now);
  finish(slot);
}

void TcpRelay::pump_plain(Pair& pair, Side from, Instant now) {
  if (pair.passed_on[from]) return;
  const ConnectionId source = pair.ends[from], target = pair.ends[other(from)];
  const tcp::Connection* reader = transport_.find(source);
  const tcp::Connection* writer = transport_.find(target);
  HEDDLE_CHECK(reader != nullptr && writer != nullptr, "a pair's connections live as long as it");
  const uint32_t readable = reader->readable();
  const uint32_t most = std::min({readable, writer->writable(), kMostAtOnce});
  if (most > 0) {
    tcp::Chain chain = transport_.receive(source, most, now);
    const uint32_t bytes = chain.bytes;
    const uint32_t sent = transport_.send(target, chain, now);
    HEDDLE_CHECK(sent == bytes, "what is writable is taken");
    count_moved(pair, from, bytes, now);
  }
  if (reader->readable() > 0) return transport_.want_writable(target);
  if (!pair.half_closed[from]) return;
  pair.passed_on[from] = true;
  transport_.shutdown(target, now);
}

void TcpRelay::count_moved(Pair& pair, Side from, uint32_t bytes, Instant now) {
  pair.last_moved = now;
  counters_.add(from == kClient ? RelayStat::kBytesToServer : RelayStat::kBytesToClient, bytes);
  policy_.moved(pair.frontend, pair.endpoint, from == kClient, bytes);
}

void TcpRelay::on_connect_failure(const Pair& pair) {
  const tcp::Connection* server = transport_.find(pair.ends[kServer]);
  switch (server == nullptr ? tcp::EndReason::kNone : server->ended_by()) {
    case tcp::EndReason::kTimedOut:
      return counters_.add(RelayStat::kConnectTimedOut);
    case tcp::EndReason::kUnreachable:
      return counters_.add(RelayStat::kConnectUnreachable);
    default:
      return counters_.add(RelayStat::kConnectRefused);
  }
}

// Ends both connections, whatever they still have to say.
void TcpRelay::cut(uint32_t slot, Standing how, Instant now) {
  Pair& pair = pairs_[slot];
  for (const Side side : {kClient, kServer}) {
    // A drop is silent towards who is refused; the endpoint has done nothing and is told.
    if (how == Standing::kSilent && side == kClient)
      transport_.forget(pair.ends[side], now);
    else
      transport_.abort(pair.ends[side], now);
  }
  finish(slot);
}

void TcpRelay::finish(uint32_t slot) {
  Pair& pair = pairs_[slot];
  if (pair.stage != Stage::kRelaying) pair.hold.give_try_back();  // where it has not ended
  if (pair.endpoint != kNoSlot) policy_.closed(pair.frontend, pair.endpoint);
  for (const Side side : {kClient, kServer}) {
    // They may linger, and are shown as what they were of.
    transport_.set_user(pair.ends[side], pair.frontend);
    drop_tls(pair, side);
  }
  wheel_.disarm(slot);
  pairs_.erase(slot);
}

void TcpRelay::arm(uint32_t slot) {
  const Pair& pair = pairs_[slot];
  if (pair.starved) return;  // goes on sooner
  if (pair.timeout == Duration())
    wheel_.disarm(slot);
  else
    wheel_.arm(slot, pair.last_moved + pair.timeout);
}

void TcpRelay::on_timer(Instant now, uint32_t most) {
  wheel_.advance(now, most, [&](uint32_t slot) {
    Pair& pair = pairs_[slot];
    if (pair.starved) return on_starved(slot, now);
    if (pair.timeout == Duration()) return;
    if (pair.last_moved + pair.timeout > now) return arm(slot);
    on_timeout(slot, now);
  });
}

void TcpRelay::on_timeout(uint32_t slot, Instant now) {
  Pair& pair = pairs_[slot];
  switch (pair.stage) {
    case Stage::kPrelude:
      return refuse(slot, RelayStat::kProxyHeader, now);
    case Stage::kOpening:
      counters_.add(RelayStat::kTooSlow);
      return refuse_tls(slot, kClient, tls::Refusal::kHandshakeTimeout, now);
    case Stage::kConnecting:
      counters_.add(RelayStat::kConnectTimedOut);
      pair.hold.note(resilience::Outcome::kLocalError);
      transport_.abort(pair.ends[kServer], now);
      transport_.abort(pair.ends[kClient], now);
      return finish(slot);
    case Stage::kShaking:
      return refuse_tls(slot, kServer, tls::Refusal::kHandshakeTimeout, now);
    case Stage::kRelaying:
      counters_.add(RelayStat::kIdle);
      end_in_order(pair, now);
      return finish(slot);
  }
}

uint32_t TcpRelay::frontend_of(uint64_t user) const {
  if ((user & kPaired) == 0) return static_cast<uint32_t>(user);
  const auto slot = static_cast<uint32_t>(user >> 1);
  return pairs_.live(slot) ? pairs_[slot].frontend : kNoSlot;
}

const TlsEnd* TcpRelay::tls_of(uint64_t user) const {
  if ((user & kPaired) == 0) return nullptr;
  const auto slot = static_cast<uint32_t>(user >> 1);
  return pairs_.live(slot) ? pairs_[slot].tls[user & 1].get() : nullptr;
}

Client TcpRelay::client_of(const Pair& pair) const {
  Client client{.tuple = transport_.find(pair.ends[kClient])->tuple(),
                .told = pair.told != nullptr,
                .secure = pair.secure,
                .identity = pair.identity.get()};
  if (client.told) client.tuple.remote = *pair.told;
  return client;
}

RelayPair TcpRelay::describe(const Pair& pair) const {
  return {.client = client_of(pair),
          .endpoint = transport_.find(pair.ends[kServer])->tuple().remote,
          .frontend = pair.frontend,
          .endpoint_slot = pair.endpoint};
}

bool TcpRelay::sweep(uint32_t generation, uint32_t most, Instant now) {
  // A change in the middle of a pass does not start it again, else changes that follow each other
  // fast would keep it from the last slots: when it is through, the next one does.
  if (sweep_next_ == kNoSlot) {
    if (swept_ == generation) return false;
    sweep_generation_ = generation;
    sweep_next_ = 0;
  }
  if (pairs_.size() == 0) sweep_next_ = pairs_.capacity();
  uint32_t judged = 0;
  // Free slots cost little, and a bound all the same.
  for (uint32_t seen = 0; seen < most * 64 && judged < most; ++seen) {
    if (sweep_next_ >= pairs_.capacity()) {
      sweep_next_ = kNoSlot;
      swept_ = sweep_generation_;
      return swept_ != generation;
    }
    const uint32_t slot = sweep_next_++;
    if (!pairs_.live(slot) || pairs_[slot].generation == generation) continue;
    if (pairs_[slot].endpoint == kNoSlot) continue;  // policy will be asked
    ++judged;
    const Standing standing = policy_.judge(describe(pairs_[slot]));
    if (standing == Standing::kStays) {
      pairs_[slot].generation = generation;
      continue;
    }
    counters_.add(RelayStat::kCut);
    cut(slot, standing, now);
  }
  return true;
}

}  // namespace heddle::mesh
