#include "tcp_io/proxy_user.h"

namespace heddle::app {

namespace {

// The words of listeners are frontends.
bool is_listeners(uint64_t user) { return user <= UINT32_MAX; }

}  // namespace

void ProxyUser::on_note(const tcp::EventNote& note, Instant now) {
  if (mesh::HttpProxy::is_mine(note.user)) return http_.proxy().on_note(note, now);
  if (is_listeners(note.user)) {
    const policy::Frontend* its = worker_.policy->frontends[static_cast<uint32_t>(note.user)].get();
    if (its != nullptr && its->is_http) return http_.proxy().on_note(note, now);
  }
  relay_.relay().on_note(note, now);
}

bool ProxyUser::on_turn(Instant now) {
  mesh::TlsWork& tls = worker_.tcp->tls;
  bool more = tls.start_turn(now);
  // The steps of handshakes that a turn has are for both; each may have them first.
  http_first_ = !http_first_;
  if (http_first_) more |= http_.on_turn(now);
  more |= relay_.on_turn(now);
  if (!http_first_) more |= http_.on_turn(now);
  tls.end_turn(now);
  const uint32_t a = relay_.relay().swept(), b = http_.proxy().swept();
  // The older of the two; generations wrap.
  worker_.tcp->swept.set(static_cast<int32_t>(a - b) < 0 ? a : b);
  return more;
}

}  // namespace heddle::app
