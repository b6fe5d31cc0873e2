#include "mesh/tls_end.h"

#include <algorithm>

namespace heddle::mesh {

namespace {

// Handshakes that a turn takes back from each helper. What is left for the worker to do is copying,
// and a connection to the endpoint.
constexpr uint32_t kBackPerTurn = 4;
// With helpers: handshakes that a turn hands to them.
constexpr uint32_t kHandedPerTurn = 4;
// How soon an idle worker looks whether one has come back: a fraction of what a step takes.
constexpr Duration kLookAgain = microseconds(20);

}  // namespace

bool TlsWork::start_turn(Instant now) {
  steps_left_ = helpers.empty() ? steps_per_turn : kHandedPerTurn;
  return take_back(now);
}

void TlsWork::end_turn(Instant now) {
  for (const auto& helper : helpers) helper->wake();
  back_at_ = any_away() ? now + kLookAgain : kNever;
}

bool TlsWork::take_back(Instant now) {
  bool more = false;
  for (const auto& helper : helpers) {
    uint32_t taken = 0;
    for (; taken < kBackPerTurn; ++taken) {
      const tls::Handshake* back = helper->take();
      if (back == nullptr) break;
      Shaker* shaker = (back->user & Shaker::kHttpWord) != 0 ? http : relay;
      HEDDLE_CHECK(shaker != nullptr, "a handshake comes back to nobody");
      shaker->on_back(back->user, now);
    }
    more |= taken == kBackPerTurn;
  }
  return more;
}

bool TlsWork::any_away() const {
  return std::ranges::any_of(helpers, [](const auto& helper) { return helper->away() > 0; });
}

uint32_t TlsWork::least_busy_lane() {
  const auto lanes = static_cast<uint32_t>(helpers.size());
  if (lanes == 0) return 0;
  uint32_t best = (last_lane_ + 1) % lanes;  // in turn, where all have as much to do
  for (uint32_t lane = 0; lane < lanes; ++lane)
    if (helpers[lane]->away() < helpers[best]->away()) best = lane;
  return last_lane_ = best;
}

TlsEnd::Progress TlsEnd::look(tcp::Pieces& pieces) {
  return phase_ == Phase::kSniff ? look_for_tls(pieces) : look_for_name(pieces);
}

void TlsEnd::become_plain() {
  phase_ = Phase::kPlain;
  context_.reset();
  plain = std::move(in);
}

TlsEnd::Progress TlsEnd::look_for_tls(tcp::Pieces& pieces) {
  switch (tls::classify(pieces, in)) {
    case tls::FirstBytes::kNeedMore:
      return Progress::kMore;
    case tls::FirstBytes::kTls:
      break;
    case tls::FirstBytes::kPlaintext:
      become_plain();
      return Progress::kDone;
  }
  if (only_alpn_.empty()) {
    phase_ = Phase::kBegin;
    return Progress::kDone;
  }
  if (in.bytes < needed_) return Progress::kMore;
  const tls::ClientHello hello = tls::parse_client_hello(pieces, in);
  if (hello.status == tls::HelloStatus::kNeedMore) {
    needed_ = hello.needed;
    return Progress::kMore;
  }
  if (hello.status == tls::HelloStatus::kComplete && hello.offers(only_alpn_))
    phase_ = Phase::kBegin;
  else
    become_plain();
  return Progress::kDone;
}

TlsEnd::Progress TlsEnd::look_for_name(tcp::Pieces& pieces) {
  if (in.bytes < needed_) return Progress::kMore;
  const tls::ClientHello hello = tls::parse_client_hello(pieces, in);
  if (hello.status == tls::HelloStatus::kNeedMore) {
    needed_ = hello.needed;
    return Progress::kMore;
  }
  if (hello.status != tls::HelloStatus::kComplete) {
    phase_ = Phase::kBroken;
    return Progress::kRefused;
  }
  agreed_ = std::make_unique<tls::Agreed>();
  agreed_->server_name = hello.server_name();
  become_plain();
  return Progress::kDone;
}

bool TlsEnd::begin(TlsWork& work, Instant now) {
  if (work.gate.in_flight >= work.gate.limit) return false;
  // A server's tickets; the context is this worker's alone, so they may be set at any time.
  context_->set_ticket_keys(work.tickets);
  auto begun = tls::Handshake::start(*context_, work.gate,
                                     {.counters = work.records->counters(),
                                      .now = now,
                                      .server_name = server_name_,
                                      .expected_id = expected_id_});
  phase_ = begun ? Phase::kShake : Phase::kBroken;
  if (begun) handshake_ = std::move(*begun);
  return true;
}

TlsEnd::Progress TlsEnd::shake(TlsWork& work, uint64_t word) {
  tcp::Pieces& pieces = work.records->pieces();
  if (work.helpers.empty())
    return settle(work, handshake_->advance(pieces, {in, out}, work.wall()));
  tls::HandshakeHelper& helper = *work.helpers[handshake_->lane()];
  if (!helper.has_room()) return Progress::kLater;
  if (!handshake_->give(pieces, in, work.wall())) return Progress::kMore;
  handshake_->user = word;
  helper.give(*handshake_);
  return Progress::kMore;
}

TlsEnd::Progress TlsEnd::take_back(TlsWork& work) {
  return settle(work, handshake_->take(work.records->pieces(), {in, out}));
}

TlsEnd::Progress TlsEnd::settle(TlsWork& work, tls::HandshakeProgress progress) {
  switch (progress) {
    case tls::HandshakeProgress::kMore:
      return Progress::kMore;
    case tls::HandshakeProgress::kRefused:
      phase_ = Phase::kBroken;
      return Progress::kRefused;
    case tls::HandshakeProgress::kDone:
      break;
  }
  session_.emplace(handshake_->take_session(*work.records));
  agreed_ = std::make_unique<tls::Agreed>(handshake_->agreed());
  handshake_.reset();
  context_.reset();
  phase_ = Phase::kOpen;
  return Progress::kDone;
}

void TlsEnd::abandon(TlsWork& work, tls::Refusal refusal) {
  if (handshake_ != nullptr) {
    handshake_->abandon(refusal);
  } else {
    work.records->counters().add(refusal);
  }
  phase_ = Phase::kBroken;
}

tls::Progress TlsEnd::open(TlsWork& work, Instant now) {
  const tls::Progress progress = session_->open(*work.records, {in, plain, out}, now);
  if (progress == tls::Progress::kClosed) ended = true;
  if (progress == tls::Progress::kRefused) phase_ = Phase::kBroken;
  return progress;
}

uint32_t TlsEnd::seal(TlsWork& work, uint32_t room, Instant now) {
  return session_->seal(*work.records, text, out, {.room = room, .ownership = text_is}, now);
}

void TlsEnd::release(TlsWork& work) {
  for (tcp::Chain* each : {&in, &plain, &text, &out}) work.records->pieces().free(*each);
  if (session_) session_->release(*work.records);
  if (handshake_ != nullptr && !work.helpers.empty()) {
    tls::HandshakeHelper& helper = *work.helpers[handshake_->lane()];
    helper.drop(std::move(handshake_), std::move(context_));
  }
  handshake_.reset();
  context_.reset();
}

ClientFacts TlsEnd::facts() const {
  if (agreed_ == nullptr) return {};
  return {agreed_->server_name, agreed_->peer_identity, agreed_->alpn};
}

}  // namespace heddle::mesh
