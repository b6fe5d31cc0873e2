#include "tls/handshake.h"

#include "exchange.h"
#include "record_crypto.h"

namespace heddle::tls {

namespace {

// Of the peer's bytes, for a step: any record of a handshake, and not much of what follows.
constexpr uint32_t kMostGiven = 18 * 1024;

}  // namespace

void ResumptionTicket::Free::operator()(ssl_session_st* session) const {
  SSL_SESSION_free(session);
}

std::expected<std::unique_ptr<Handshake>, Refusal> Handshake::start(Context& context,
                                                                    HandshakeGate& gate,
                                                                    const Options& options) {
  if (gate.in_flight >= gate.limit) {
    options.counters.add(Refusal::kHandshakesInFlight);
    return std::unexpected(Refusal::kHandshakesInFlight);
  }
  options.counters.add(Stat::kHandshakesStarted);
  return std::unique_ptr<Handshake>(new Handshake(context, gate, options));
}

Handshake::Handshake(Context& context, HandshakeGate& gate, const Options& options)
    : context_(context),
      gate_(gate),
      counters_(options.counters),
      deadline_(options.now + context.config().timeout),
      exchange_(std::make_unique<Exchange>(context, options)) {
  ++gate_.in_flight;
  ++context_.handshakes_;
}

Handshake::~Handshake() {
  --gate_.in_flight;
  --context_.handshakes_;
}

HandshakeProgress Handshake::advance(tcp::Pieces& pieces, HandshakeChains chains, UnixTime wall) {
  while (give(pieces, chains.in, wall)) {
    step();
    const HandshakeProgress progress = take(pieces, chains);
    if (progress != HandshakeProgress::kMore) return progress;
  }
  if (refusal_ != Refusal::kNone) return HandshakeProgress::kRefused;
  return done_ ? HandshakeProgress::kDone : HandshakeProgress::kMore;
}

bool Handshake::give(const tcp::Pieces& pieces, const tcp::Chain& in, UnixTime wall) {
  if (refusal_ != Refusal::kNone || done_) return false;
  Exchange& exchange = *exchange_;
  const uint32_t size = whole_records(pieces, in);
  const bool speaks_first = !exchange.begun && context_.config().role == Role::kClient;
  if (size == 0 && !speaks_first) return false;
  Exchange::Given& given = exchange.given;
  given.bytes.clear();
  for_each_part(pieces, in, 0, size, [&](const uint8_t* part, uint32_t n) {
    given.bytes.insert(given.bytes.end(), part, part + n);
  });
  given.wall = wall;
  // The worker may replace its keys while the step is made.
  const TicketKeys* keys = context_.ticket_keys();
  given.ticket_keys = keys == nullptr ? TicketKeys() : *keys;
  return true;
}

// Bytes in front that are records as a whole; where the first header is wrong already, what there
// is of it, for the step to refuse.
uint32_t Handshake::whole_records(const tcp::Pieces& pieces, const tcp::Chain& in) const {
  uint32_t size = 0;
  for (uint32_t count = 0; size < in.bytes; ++count) {
    std::array<uint8_t, kHeaderSize> header;
    const uint32_t have = std::min(in.bytes - size, kHeaderSize);
    uint8_t* to = header.data();
    for_each_part(pieces, in, size, have,
                  [&](const uint8_t* part, uint32_t n) { to = std::copy_n(part, n, to); });
    if (exchange_->check_header(header.data(), have, exchange_->records + count) != Refusal::kNone)
      return size == 0 ? have : size;
    if (have < kHeaderSize) break;
    const uint32_t record = kHeaderSize + RecordHeader::parse(header.data()).length;
    if (in.bytes - size < record || (size > 0 && size + record > kMostGiven)) break;
    size += record;
  }
  return size;
}

void Handshake::step() {
  if (!is_dropped()) exchange_->step();
  if (is_dropped()) exchange_->ssl.reset();
}

HandshakeProgress Handshake::take(tcp::Pieces& pieces, HandshakeChains chains) {
  const Exchange::Told& told = exchange_->told;
  pieces.drop_front(chains.in, told.used);
  if (told.tickets_out > 0) counters_.add(Stat::kTicketsOut, told.tickets_out);
  if (told.tickets_unknown > 0) counters_.add(Stat::kTicketsUnknown, told.tickets_unknown);
  const uint32_t copied = pieces.append_copy(chains.out, told.bytes);
  if (told.refusal != Refusal::kNone) return refuse(told.refusal);
  if (copied != told.bytes.size()) return refuse(Refusal::kNoMemory);
  if (told.progress == HandshakeProgress::kMore) return HandshakeProgress::kMore;
  done_ = true;
  counters_.add(Stat::kHandshakesDone);
  if (agreed().resumed) counters_.add(Stat::kHandshakesResumed);
  return HandshakeProgress::kDone;
}

HandshakeProgress Handshake::refuse(Refusal refusal) {
  if (refusal_ != Refusal::kNone) return HandshakeProgress::kRefused;
  refusal_ = refusal;
  counters_.add(refusal);
  counters_.add(Stat::kHandshakesRefused);
  return HandshakeProgress::kRefused;
}

void Handshake::drop(std::shared_ptr<Context> context) {
  keeps_ = std::move(context);
  dropped_.store(true, std::memory_order_release);
}

bool Handshake::holds_openssl() const { return exchange_->ssl != nullptr; }
const Agreed& Handshake::agreed() const { return exchange_->agreed; }
Alert Handshake::peer_alert() const { return exchange_->peer_alert; }
ResumptionTicket Handshake::take_ticket() { return std::move(exchange_->ticket); }

Session Handshake::take_session(RecordContext& records) {
  HEDDLE_CHECK(done_, "a session is taken of no finished handshake");
  const Exchange& its = *exchange_;
  const Suite& with = suite(its.agreed.suite);
  const Role role = context_.config().role;
  KeyPair keys;
  if (with.version == Version::kTls13) {
    keys.client = keys_of(records.crypto(), with, its.client_secret.span());
    keys.server = keys_of(records.crypto(), with, its.server_secret.span());
    // A server's last flight, which answers the client's Finished, is nothing but its tickets:
    // they have used as many sequence numbers. A client's is still under the handshake's keys.
    if (role == Role::kServer) keys.server.sequence = its.protected_records;
  } else {
    keys = keys_of_master(records.crypto(), with, its.master.span(), its.client_random,
                          its.server_random);
  }
  Session session = role == Role::kServer
                        ? Session(records, with.id, role, keys.client, keys.server)
                        : Session(records, with.id, role, keys.server, keys.client);
  wipe({reinterpret_cast<uint8_t*>(&keys), sizeof(keys)});
  // RFC 6066 4: 2^9 to 2^12.
  if (its.fragment >= 1 && its.fragment <= 4)
    session.limit_text(static_cast<uint16_t>(1u << (8 + its.fragment)));
  return session;
}

}  // namespace heddle::tls
