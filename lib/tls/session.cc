#include "tls/session.h"

#include <type_traits>
#include <utility>

namespace heddle::tls {

static_assert(std::is_trivially_copyable_v<SessionState>);
static_assert(sizeof(Session) >= 256 && sizeof(Session) <= 384, "what an idle connection costs");

Session::Session(RecordContext& context, SuiteId suite, Role role, const TrafficKeys& read,
                 const TrafficKeys& write) {
  const RecordLimits& limits = context.limits();
  state_.suite = suite;
  state_.role = role;
  state_.read = read;
  state_.write = write;
  state_.key_updates = TokenBucket(limits.key_updates_per_second, limits.key_updates_burst);
}

Session::~Session() {
  wipe({reinterpret_cast<uint8_t*>(&state_.read), sizeof(TrafficKeys)});
  wipe({reinterpret_cast<uint8_t*>(&state_.write), sizeof(TrafficKeys)});
}

Session::Session(Session&& other) noexcept
    : state_(other.state_),
      read_ticket_(std::exchange(other.read_ticket_, {})),
      write_ticket_(std::exchange(other.write_ticket_, {})) {
  other.state_ = {};
}

Session& Session::operator=(Session&& other) noexcept {
  state_ = other.state_;
  read_ticket_ = std::exchange(other.read_ticket_, {});
  write_ticket_ = std::exchange(other.write_ticket_, {});
  if (this != &other) other.state_ = {};
  return *this;
}

void Session::release(RecordContext& context) {
  context.keys().forget(read_ticket_);
  context.keys().forget(write_ticket_);
}

bool Session::close(RecordContext& context, tcp::Chain& out) {
  if (state_.write_closed) return true;
  constexpr uint8_t kCloseNotify[] = {static_cast<uint8_t>(AlertLevel::kWarning),
                                      static_cast<uint8_t>(Alert::kCloseNotify)};
  if (!seal_control(context, ContentType::kAlert, kCloseNotify, out)) return false;
  context.counters().add(Stat::kAlertsOut);
  state_.write_closed = true;
  return true;
}

void Session::refuse(RecordContext& context, Refusal refusal, tcp::Chain& out) {
  if (state_.refusal != Refusal::kNone) return;
  state_.refusal = refusal;
  context.counters().add(refusal);
  if (state_.write_closed) return;
  // A peer that has ended the connection reads no more (RFC 8446 6.2).
  if (refusal != Refusal::kPeerAlert && refusal != Refusal::kTruncated) {
    const Alert alert = alert_of(refusal);
    // RFC 5246 7.2.2: no_renegotiation is a warning always.
    const AlertLevel level =
        alert == Alert::kNoRenegotiation ? AlertLevel::kWarning : AlertLevel::kFatal;
    const uint8_t bytes[] = {static_cast<uint8_t>(level), static_cast<uint8_t>(alert)};
    if (seal_control(context, ContentType::kAlert, bytes, out))
      context.counters().add(Stat::kAlertsOut);
    if (level == AlertLevel::kWarning) close(context, out);
  }
  state_.write_closed = true;
}

Refusal Session::end_of_stream(RecordContext& context) {
  if (!state_.read_closed && state_.refusal == Refusal::kNone) {
    state_.refusal = Refusal::kTruncated;
    context.counters().add(Refusal::kTruncated);
  }
  return state_.refusal;
}

bool Session::update_keys(RecordContext& context, tcp::Chain& out) {
  if (suite().version != Version::kTls13 || state_.write_closed) return false;
  constexpr uint8_t kMessage[] = {24, 0, 0, 1, 0};  // update_not_requested (RFC 8446 4.6.3)
  if (!seal_control(context, ContentType::kHandshake, kMessage, out)) return false;
  context.keys().forget(write_ticket_);
  update(context.crypto(), suite(), state_.write);
  state_.key_update_due = false;
  context.counters().add(Stat::kKeyUpdatesOut);
  return true;
}

void Session::save(tcp::StateWriter& writer) const { writer.put(state_); }

bool Session::restore(tcp::StateReader& reader, Session& session) {
  session.read_ticket_ = session.write_ticket_ = {};
  SessionState state;
  const uint8_t* bytes = reader.take(sizeof(SessionState));
  if (bytes == nullptr) return false;
  // Enums and bools are judged as bytes: a wrong one must never be read as its type.
  const auto byte_at = [&](size_t offset) { return bytes[offset]; };
  if (byte_at(offsetof(SessionState, suite)) >= static_cast<uint8_t>(SuiteId::kCount) ||
      byte_at(offsetof(SessionState, role)) > static_cast<uint8_t>(Role::kServer) ||
      byte_at(offsetof(SessionState, read_closed)) > 1 ||
      byte_at(offsetof(SessionState, write_closed)) > 1 ||
      byte_at(offsetof(SessionState, key_update_due)) > 1 ||
      byte_at(offsetof(SessionState, refusal)) >= static_cast<uint8_t>(Refusal::kCount) ||
      byte_at(offsetof(SessionState, message_head)) > 4)
    return false;
  std::memcpy(static_cast<void*>(&state), bytes, sizeof(state));
  if (state.max_text == 0 || state.max_text > kMaxPlaintext) return false;
  // What was told by the clock of whoever has saved it begins anew.
  state.key_updates = session.state_.key_updates;
  state.sizer = {};
  session.state_ = state;
  wipe({reinterpret_cast<uint8_t*>(&state), sizeof(state)});
  return true;
}

}  // namespace heddle::tls
