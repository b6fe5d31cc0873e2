// Copies of requests. A shadow is an exchange without a client: it sends what its original was
// asked, as the original gets it, and throws the response away. It never holds the original up: one
// that is too slow is cut off.
#include <algorithm>

#include "engine.h"

namespace heddle::mesh {

namespace {

// Of a request's body, that waits for a mirror to take it, and of TCP's memory for all of them.
constexpr uint32_t kMostWaiting = 256 * 1024;
constexpr uint32_t kShareOfMemory = 8;
constexpr uint32_t kMostAtOnce = 256 * 1024;
// Without a byte either way, and for a response in all. A mirror that says nothing, or without end,
// must not keep its place for as long as an endpoint may that somebody waits for.
constexpr Duration kMostSilence = seconds(30), kMostResponse = seconds(30);
// Of exchanges, that may be copies, and that are left for requests.
constexpr uint32_t kQuarter = 4;

}  // namespace

void HttpEngine::start_mirror(Exchange& x) {
  if (x.route.target == nullptr || !x.route.target->mirror || !x.request->protocol().empty())
    return;
  const std::expected<HttpDestination, HttpFault> to =
      policy_.mirror(x.frontend, client_of(x), x.route, *x.request);
  if (!to && to.error() == HttpFault::kNone) return;
  if (!to || !begin_mirror(x, *to)) counters.add(HttpStat::kMirrorsLeftOut);
}

bool HttpEngine::begin_mirror(Exchange& x, const HttpDestination& to) {
  const uint32_t quarter = exchanges.capacity() / kQuarter;
  if (shadows_ >= quarter || exchanges.size() + quarter >= exchanges.capacity()) return false;
  const uint32_t slot = exchanges.emplace();
  if (slot == kNoSlot) return false;
  Exchange& shadow = exchanges[slot];
  shadow.slot = slot;
  shadow.is_shadow = true;
  shadow.frontend = x.frontend;
  shadow.begun = shadow.moved = now_;
  shadow.deadline = x.deadline;
  shadow.request_block = arenas_.take();
  HEDDLE_CHECK(shadow.request_block != kNoSlot, "fewer arenas than exchanges");
  shadow.own_request.attach(arenas_[shadow.request_block]);
  shadow.request = &shadow.own_request;
  const bool copied = shadow.own_request.copy_head(*x.request);
  shadow.own_request.expects_continue = false;
  if (!copied || take_upstream(shadow, to, client_of(x), false) != Took::kTaken) {
    arenas_.give_back(shadow.request_block);
    exchanges.erase(slot);
    return false;
  }
  counters.add(HttpStat::kMirrored);
  ++shadows_;
  shadow.idle = shadow.idle == Duration() ? kMostSilence : std::min(shadow.idle, kMostSilence);
  shadow.other = x.slot;
  x.other = slot;
  shadow.flow = run_shadow(shadow);
  if (x[kClient].read_ended) let_shadow_go(x, true);
  wake(slot);
  return true;
}

Flow HttpEngine::run_shadow(Exchange& x) {
  while (waits_for_endpoint(x)) co_await Change{};
  if (begin_try(x)) {
    while (!is_shadow_done(x)) {
      pump_shadow(x);
      if (!is_shadow_done(x)) co_await Change{};
    }
  }
}

void HttpEngine::pump_shadow(Exchange& x) {
  Half& server = x[kServer];
  while (!x.answer.empty() && !server.write_ended && !server.lost && !server.closed) {
    uint32_t free = room(x, kServer);
    if (free == 0 && server.stream == http2::kNoStream) {
      peer_of(x, kServer).wire.push(work_, now_);
      free = room(x, kServer);
    }
    if (free == 0) {
      stuck(server.peer);
      break;
    }
    const uint32_t pinned = x.answer.pinned;
    tcp::Chain part = work_.pieces().split(x.answer, std::min(free, x.answer.bytes));
    shadow_bytes_ -= pinned - x.answer.pinned;
    if (part.empty()) return wake(x.slot);  // no piece is left for the cut
    x.moved = now_;
    put(x, kServer, part);
    if (x.fault != HttpFault::kNone) return;
  }
  if (x.answer.empty() && x.source_ended && !server.write_ended)
    finish(x, kServer, x.request->trailers);
  if (x.fault != HttpFault::kNone || (x.response == nullptr && !read_response(x))) return;
  if (x.fault != HttpFault::kNone || server.read_ended) return;
  tcp::Chain unwanted = take(x, kServer, kMostAtOnce);
  if (!unwanted.empty()) x.moved = now_;
  if (unwanted.bytes >= kMostAtOnce) wake(x.slot);
  work_.pieces().free(unwanted);
}

bool HttpEngine::is_shadow_done(const Exchange& x) const {
  const Half& server = x.halves[kServer];
  if (x.fault != HttpFault::kNone || server.lost || server.refusal != http::Refusal::kNone)
    return true;
  return server.read_ended && (server.write_ended || server.closed);
}

// By a copy: TLS seals what is in the original's buffers where it lies.
void HttpEngine::mirror_body(Exchange& x, const tcp::Chain& data) {
  Exchange& shadow = exchanges[x.other];
  tcp::Chain copied;
  const bool fits = shadow.answer.bytes + data.bytes <= kMostWaiting &&
                    shadow_bytes_ + data.bytes <= work_.transport.memory_limit() / kShareOfMemory;
  if (!fits || !copy(data, copied)) return let_shadow_go(x, false);
  shadow_bytes_ += copied.pinned;
  work_.pieces().join(shadow.answer, copied);
  shadow.moved = now_;
  wake(shadow.slot);
}

// The original needs its shadow no more: all of the body was given to it, or will never be.
void HttpEngine::let_shadow_go(Exchange& x, bool whole) {
  if (x.other == kNoSlot) return;
  Exchange& shadow = exchanges[x.other];
  if (whole && x.request != nullptr && !x.request->trailers.empty()) {
    const http::Fields& trailers = x.request->trailers;
    for (uint16_t i = 0; whole && i < trailers.size(); ++i)
      whole =
          shadow.own_request.trailers.add(trailers.name(trailers[i]), trailers.value(trailers[i]));
  }
  shadow.source_ended = whole;
  if (!whole) fail(shadow, HttpFault::kClientGone);
  shadow.deadline = std::min(shadow.deadline, now_ + kMostResponse);
  arm(shadow);
  shadow.other = x.other = kNoSlot;
  wake(shadow.slot);
}

void HttpEngine::settle_shadow(Exchange& x) {
  --shadows_;
  const Half& server = x[kServer];
  if (x.fault != HttpFault::kNone || !server.read_ended) counters.add(HttpStat::kMirrorsFailed);
  if (x.other != kNoSlot) exchanges[x.other].other = kNoSlot;
  shadow_bytes_ -= x.answer.pinned;
  work_.pieces().free(x.answer);
  release_server(x);
  arenas_.give_back(x.request_block);
  if (x.response_block != kNoSlot) arenas_.give_back(x.response_block);
  wheel_.disarm(timer_of(x));
  exchanges.erase(x.slot);
}

}  // namespace heddle::mesh
