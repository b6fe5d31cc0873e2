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

// A connection's user word: its pair, and which end of it. Listeners' words are below.
constexpr uint64_t kPaired = uint64_t{1} << 63;
constexpr uint64_t word_of(uint32_t slot, uint8_t side) {
  return kPaired | uint64_t{slot} << 1 | side;
}

}  // namespace

TcpRelay::TcpRelay(tcp::Transport& transport, RelayPolicy& policy, uint32_t capacity, Instant start)
    : transport_(transport),
      policy_(policy),
      pairs_(capacity),
      wheel_(std::max(capacity, 1u), kTick, start) {}

TcpRelay::~TcpRelay() = default;

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
  const auto refuse = [&](RelayStat why) {
    counters_.add(why);
    transport_.abort(note.id, now);
  };
  const auto frontend = static_cast<uint32_t>(note.user);
  if (pairs_.full()) return refuse(RelayStat::kPairsFull);
  const std::optional<Upstream> to = policy_.choose(frontend, client->tuple());
  if (!to) return refuse(RelayStat::kRefused);
  const uint32_t slot = pairs_.emplace();
  const ConnectionId server = transport_.connect(
      {.tuple = to->tuple, .profile = to->profile, .user = word_of(slot, kServer)}, now);
  if (!server) {
    pairs_.erase(slot);
    return refuse(RelayStat::kNoConnection);
  }
  // What is relayed has been put together by somebody else already.
  transport_.set_nodelay(note.id, true);
  transport_.set_nodelay(server, true);
  transport_.set_user(note.id, word_of(slot, kClient));
  Pair& pair = pairs_[slot];
  pair.ends[kClient] = note.id;
  pair.ends[kServer] = server;
  pair.frontend = frontend;
  pair.endpoint = to->endpoint;
  pair.generation = to->generation;
  pair.half_closed[kClient] = note.has(Notice::kHalfClosed);
  pair.last_moved = now;
  pair.timeout = to->connect_timeout;
  pair.idle_timeout = to->idle_timeout;
  counters_.add(RelayStat::kOpened);
  policy_.opened(pair.frontend, pair.endpoint);
  arm(slot);
}

void TcpRelay::on_end(uint32_t slot, Side side, const EventNote& note, Instant now) {
  HEDDLE_CHECK(pairs_.live(slot), "a connection that its user has closed has no notes");
  Pair& pair = pairs_[slot];
  if (note.has(Notice::kReset)) {
    if (pair.connected)
      counters_.add(side == kClient ? RelayStat::kClientReset : RelayStat::kServerReset);
    else if (side == kClient)
      counters_.add(RelayStat::kClientGone);
    else
      on_connect_failure(pair);
    transport_.close(pair.ends[side], now);
    transport_.abort(pair.ends[other(side)], now);
    return finish(slot);
  }
  if (note.has(Notice::kConnected) && side == kServer) {
    pair.connected = true;
    pair.last_moved = now;
    pair.timeout = pair.idle_timeout;
    counters_.add(RelayStat::kConnected);
    arm(slot);
  }
  pair.half_closed[side] |= note.has(Notice::kHalfClosed);
  pair.closed[side] |= note.has(Notice::kClosed);
  if (!pair.connected) return;
  // Readable, writable, connected or half-closed: each may let both directions go on.
  pump(pair, side, now);
  pump(pair, other(side), now);
  if (!pair.closed[kClient] || !pair.closed[kServer]) return;
  counters_.add(RelayStat::kFinished);
  transport_.close(pair.ends[kClient], now);
  transport_.close(pair.ends[kServer], now);
  finish(slot);
}

void TcpRelay::pump(Pair& pair, Side from, Instant now) {
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
    pair.last_moved = now;
    counters_.add(from == kClient ? RelayStat::kBytesToServer : RelayStat::kBytesToClient, bytes);
    policy_.moved(pair.frontend, pair.endpoint, from == kClient, bytes);
  }
  if (reader->readable() > 0) return transport_.want_writable(target);
  if (!pair.half_closed[from]) return;
  pair.passed_on[from] = true;
  transport_.shutdown(target, now);
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
  const Pair& pair = pairs_[slot];
  policy_.closed(pair.frontend, pair.endpoint);
  // They may linger, and are shown as what they were of.
  for (const ConnectionId end : pair.ends) transport_.set_user(end, pair.frontend);
  wheel_.disarm(slot);
  pairs_.erase(slot);
}

void TcpRelay::arm(uint32_t slot) {
  const Pair& pair = pairs_[slot];
  if (pair.timeout == Duration())
    wheel_.disarm(slot);
  else
    wheel_.arm(slot, pair.last_moved + pair.timeout);
}

void TcpRelay::on_timer(Instant now, uint32_t most) {
  wheel_.advance(now, most, [&](uint32_t slot) {
    const Pair& pair = pairs_[slot];
    if (pair.last_moved + pair.timeout > now) return arm(slot);
    if (pair.connected) {
      counters_.add(RelayStat::kIdle);
      transport_.close(pair.ends[kClient], now);
      transport_.close(pair.ends[kServer], now);
    } else {
      counters_.add(RelayStat::kConnectTimedOut);
      transport_.abort(pair.ends[kServer], now);
      transport_.abort(pair.ends[kClient], now);
    }
    finish(slot);
  });
}

uint32_t TcpRelay::frontend_of(uint64_t user) const {
  if ((user & kPaired) == 0) return static_cast<uint32_t>(user);
  const auto slot = static_cast<uint32_t>(user >> 1);
  return pairs_.live(slot) ? pairs_[slot].frontend : kNoSlot;
}

RelayPair TcpRelay::describe(const Pair& pair) const {
  return {.client = transport_.find(pair.ends[kClient])->tuple(),
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
