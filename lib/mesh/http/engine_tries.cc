// A request's tries: to whom each goes, within which bounds, how it went, and whether there is
// another.
#include <algorithm>
#include <charconv>

#include "engine.h"
#include "http/grpc.h"

namespace heddle::mesh {

namespace {

using policy::RetryOn;
using resilience::Outcome;

// Tries of one request, the first included and those that policy asks for not, where nothing of it
// can have been done before.
constexpr uint8_t kMostSafe = 3;
// Bounds are of the whole node: what other workers give back is seen this soon.
constexpr Duration kLookAgain = milliseconds(5);
constexpr uint32_t kMostLookedAt = 16;
// Of bodies that are kept, of TCP's memory.
constexpr uint32_t kShareOfMemory = 8;
// Of a response that is not passed on, so that its connection can be used again.
constexpr uint32_t kMostDropped = 64 * 1024;
// What an endpoint may ask for as the time until the next try.
constexpr Duration kMostAsked = seconds(60);

// May be done twice without more effect than once (RFC 9110 9.2.2).
constexpr bool is_idempotent(http::Method method) {
  switch (method) {
    case http::Method::kGet:
    case http::Method::kHead:
    case http::Method::kOptions:
    case http::Method::kPut:
    case http::Method::kDelete:
    case http::Method::kTrace:
      return true;
    default:
      return false;
  }
}

Outcome outcome_of(uint16_t status) {
  if (status >= 502 && status <= 504) return Outcome::kGatewayError;
  return status >= 500 ? Outcome::kServerError : Outcome::kSuccess;
}

bool asks_grpc(const policy::Retry& retry, http::GrpcStatus status) {
  switch (status) {
    case http::GrpcStatus::kCancelled:
      return retry.has(RetryOn::kCancelled);
    case http::GrpcStatus::kDeadlineExceeded:
      return retry.has(RetryOn::kDeadlineExceeded);
    case http::GrpcStatus::kResourceExhausted:
      return retry.has(RetryOn::kResourceExhausted);
    case http::GrpcStatus::kUnavailable:
      return retry.has(RetryOn::kUnavailable);
    case http::GrpcStatus::kInternal:
      return retry.has(RetryOn::kInternal);
    default:
      return false;
  }
}

bool asks_status(const policy::Retry& retry, uint16_t status) {
  return (status >= 500 && retry.has(RetryOn::k5xx)) ||
         (status >= 502 && status <= 504 && retry.has(RetryOn::kGatewayError)) ||
         (retry.has(RetryOn::kStatusCodes) &&
          std::ranges::find(retry.status_codes, status) != retry.status_codes.end());
}

// A number of `unit`s, up to kMostAsked; none: it is no number, or more.
std::optional<Duration> asked_time(std::string_view text, Duration unit) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (number > kMostAsked.ns() / unit.ns()) return std::nullopt;
  return unit * number;
}

// When the response says that it may be asked for again. False: it says not to, or so late that
// nobody waits for it. A date in Retry-After is not looked at.
bool read_wait(const http::Fields& fields, Duration& wait) {
  if (const http::Field* pushback = fields.find("grpc-retry-pushback-ms")) {
    const auto asked = asked_time(fields.value(*pushback), milliseconds(1));
    if (asked) wait = std::max(wait, *asked);
    return asked.has_value();
  }
  const std::string_view after = fields.value(http::FieldId::kRetryAfter);
  if (after.empty() || after[0] < '0' || after[0] > '9') return true;
  const auto asked = asked_time(after, seconds(1));
  if (asked) wait = std::max(wait, *asked);
  return asked.has_value();
}

}  // namespace

// Chooses an endpoint for one try, and takes a connection to it.
void HttpEngine::find_endpoint(Exchange& x) {
  ++x.tries;
  seek(x);
}

void HttpEngine::seek(Exchange& x) {
  // Where a kept connection was dead the others are likely to be so too.
  const bool was_dead = std::exchange(x.reused, false);
  const Client client = client_of(x);
  const std::expected<HttpDestination, HttpFault> chosen =
      policy_.choose({x.frontend, x.route, *x.request, {x.tried.data(), x.tried_count}}, client);
  if (!chosen) return fail(x, chosen.error());
  const policy::HttpTarget* target = x.route.target;
  if (x.tries == 1)
    x.retry = target != nullptr && target->retry != nullptr ? target->retry : chosen->retry;
  x.per_try =
      target != nullptr && target->per_try != Duration() ? target->per_try : chosen->per_try;
  if (!x.hold.take(chosen->to.bounds)) {
    if (chosen->to.bounds.endpoint != nullptr) chosen->to.bounds.endpoint->give_try_back();
    return fail(x, HttpFault::kBreaker);
  }
  switch (take_upstream(x, *chosen, client, was_dead)) {
    case Took::kTaken:
      return;
    case Took::kNone:
      return fail(x, HttpFault::kNoConnection);
    case Took::kFull:
      break;
  }
  if (!x.pending.take(x.hold.service())) return fail(x, HttpFault::kBreaker);
  x.waits = true;
  x.paused_until = now_ + kLookAgain;
  pending_.push(x.slot);
}

// It was woken while it waited for a connection to be free.
void HttpEngine::seek_again(Exchange& x) {
  x.waits = false;
  x.paused_until = kNever;
  if (x[kClient].lost) fail(x, HttpFault::kClientGone);
  if (x.fault == HttpFault::kNone) seek(x);
  if (!x.waits) x.pending.give();
}

// One that waits for a connection of the service may look again.
void HttpEngine::wake_pending(const resilience::Breaker::End* service) {
  if (service == nullptr) return;
  for (uint32_t i = std::min(pending_.size(), kMostLookedAt); i > 0; --i) {
    const uint32_t slot = pending_.pop();
    if (!exchanges.live(slot) || !exchanges[slot].waits) continue;
    if (exchanges[slot].hold.service().get() == service) return wake(slot);
    pending_.push(slot);
  }
}

// What the endpoint made of the try, if that is known. `ended`: nothing more will be.
void HttpEngine::note_outcome(Exchange& x, bool ended) {
  switch (x.fault) {
    case HttpFault::kNone: {
      if (x.local || x.response == nullptr || x[kServer].peer == kNoSlot) return;
      if (!http::is_grpc(*x.request) || x.response->status != 200)
        return x.hold.note(outcome_of(x.response->status));
      const bool in_head = x.response->fields.find(http::FieldId::kGrpcStatus) != nullptr;
      if (!in_head && (!ended || !x[kServer].read_ended)) return;
      const http::GrpcStatus status =
          http::grpc_status_in(in_head ? x.response->fields : x.response->trailers);
      // Of these a plain status says more than what they are to plain clients.
      const bool is_answer = status == http::GrpcStatus::kUnimplemented;
      return x.hold.note(is_answer ? Outcome::kSuccess : outcome_of(http::http_status_of(status)));
    }
    case HttpFault::kUpstreamReset: {
      // Of what it has not looked at, or could not, nothing is said of it.
      const bool not_seen = x[kServer].error == http2::ErrorCode::kRefusedStream || was_stale(x);
      if (!not_seen) x.hold.note(Outcome::kLocalError);
      return;
    }
    case HttpFault::kConnectRefused:
    case HttpFault::kConnectTimeout:
    case HttpFault::kUpstreamTls:
    case HttpFault::kUpstreamProtocol:
    case HttpFault::kBadResponse:
    case HttpFault::kTryTimeout:
    case HttpFault::kRequestTimeout:
    case HttpFault::kIdleTimeout:
      return x.hold.note(Outcome::kLocalError);
    default:
      return;
  }
}

// Whether policy's conditions for another try are met.
bool HttpEngine::asks_retry(const Exchange& x) const {
  const policy::Retry& retry = *x.retry;
  switch (x.fault) {
    case HttpFault::kNone:
      break;
    case HttpFault::kConnectRefused:
    case HttpFault::kConnectTimeout:
    case HttpFault::kUpstreamTls:
      return retry.has(RetryOn::k5xx) || retry.has(RetryOn::kConnectFailure);
    case HttpFault::kUpstreamReset:
      if (x.halves[kServer].error == http2::ErrorCode::kRefusedStream)
        return retry.has(RetryOn::k5xx) || retry.has(RetryOn::kRefusedStream);
      return retry.has(RetryOn::k5xx) || retry.has(RetryOn::kReset);
    case HttpFault::kTryTimeout:
      return retry.has(RetryOn::k5xx) || retry.has(RetryOn::kReset) ||
             retry.has(RetryOn::kGatewayError);
    default:
      return false;
  }
  if (x.local || x.response == nullptr) return false;
  const http::Fields& fields = x.response->fields;
  const auto has = [&](const std::string& name) { return fields.find(name) != nullptr; };
  if (asks_status(retry, x.response->status)) return true;
  if (retry.has(RetryOn::kHeaders) && std::ranges::any_of(retry.headers, has)) return true;
  return fields.find(http::FieldId::kGrpcStatus) != nullptr &&
         asks_grpc(retry, http::grpc_status_in(fields));
}

// `wait`: until then.
bool HttpEngine::policy_tries_again(Exchange& x, Duration& wait) {
  if (x.retry == nullptr || x.retries >= x.retry->attempts || !asks_retry(x)) return false;
  if (!x.replayable) {
    counters.add(HttpStat::kRetriesTooLarge);
    return false;
  }
  wait = x.retry->backoff.before(x.retries, random_);
  if (x.fault == HttpFault::kNone && !read_wait(x.response->fields, wait)) return false;
  if (x.deadline != kNever && now_ + wait >= x.deadline) return false;
  x.retrying.give();
  x.budget = x.hold.service();
  x.out_of_budget = 0;
  if (x.budget != nullptr && !x.budget->may_retry()) {
    counters.add(HttpStat::kRetriesLeftOut);
    return false;
  }
  x.retry_due = true;
  ++x.retries;
  return true;
}

// Without being asked, where the endpoint cannot have done anything yet: it was never reached, it
// has said so, or it closed a connection that was waiting for requests just when this one came.
bool HttpEngine::is_safe_again(const Exchange& x) const {
  if (x.fault == HttpFault::kNone || x.tries - x.retries >= kMostSafe || !x.replayable)
    return false;
  const Half& server = x.halves[kServer];
  const bool never_reached = x.fault == HttpFault::kConnectRefused ||
                             x.fault == HttpFault::kConnectTimeout ||
                             (x.fault == HttpFault::kNoConnection && server.peer != kNoSlot);
  const bool refused =
      x.fault == HttpFault::kUpstreamReset && server.error == http2::ErrorCode::kRefusedStream;
  return never_reached || refused || was_closed(x);
}

// It ended a connection that was there before, without a word.
bool HttpEngine::was_stale(const Exchange& x) {
  const Half& server = x.halves[kServer];
  const bool silent =
      server.stream != http2::kNoStream ? !server.head_read : !x.parser.begun() && x.interims == 0;
  return x.fault == HttpFault::kUpstreamReset && x.reused && silent;
}

bool HttpEngine::was_closed(const Exchange& x) {
  return was_stale(x) && is_idempotent(x.request->method);
}

bool HttpEngine::may_try_again(Exchange& x) {
  note_outcome(x, false);
  x.try_until = kNever;
  if (x[kClient].lost || (x.fault == HttpFault::kNone && x.retry == nullptr)) return false;
  Duration wait;
  if (!policy_tries_again(x, wait)) {
    if (!is_safe_again(x)) return false;
    if (was_closed(x)) counters.add(HttpStat::kRetriedReused);
    wait = Duration();
  }
  x.reused = was_stale(x);
  if (!x.reused && x.endpoint != kNoSlot && x.tried_count < x.tried.size())
    x.tried[x.tried_count++] = x.endpoint;
  drop_response(x);
  release_server(x);
  x.fault = HttpFault::kNone;
  x.timed_out = false;
  x.response = nullptr;
  work_.pieces().free(x.resend);
  if (!x.kept.empty() && !copy(x.kept, x.resend)) {
    fail(x, HttpFault::kNoMemory);
    return false;
  }
  if (wait != Duration()) x.paused_until = now_ + wait;
  return true;
}

// A retry counts when it begins: while it waits it is nobody's load. Where others have taken what
// was left meanwhile it waits once more, and in the end is refused as a request would be.
bool HttpEngine::begin_retry(Exchange& x) {
  if (x.budget == nullptr || x.retrying.take(x.budget)) {
    x.budget.reset();
    x.retry_due = false;
    counters.add(HttpStat::kRetried);
    return true;
  }
  constexpr uint8_t kMostWaits = 3;
  if (++x.out_of_budget > kMostWaits) {
    counters.add(HttpStat::kRetriesLeftOut);
    fail(x, HttpFault::kBreaker);
    return true;
  }
  x.paused_until = now_ + std::max(x.retry->backoff.before(x.retries, random_), milliseconds(1));
  return false;
}

// Between two tries, or as a Fault says.
bool HttpEngine::is_paused(Exchange& x) {
  if (x[kClient].lost) fail(x, HttpFault::kClientGone);
  x.moved = now_;
  if (x.fault != HttpFault::kNone) return false;
  if (x.paused_until != kNever && now_ < x.paused_until) return true;
  x.paused_until = kNever;
  return x.retry_due && !begin_retry(x);
}

// Its connection may be used again if little is left of it.
void HttpEngine::drop_response(Exchange& x) {
  if (x.fault != HttpFault::kNone || x[kServer].peer == kNoSlot) return;
  for (uint32_t dropped = 0; dropped < kMostDropped && !x[kServer].read_ended;) {
    tcp::Chain data = take(x, kServer, kMostDropped);
    if (data.empty()) return;
    dropped += data.bytes;
    work_.pieces().free(data);
  }
}

// What goes to the endpoint now may have to go to another one later.
void HttpEngine::keep_body(Exchange& x, const tcp::Chain& data) {
  if (!x.replayable) return;
  const bool fits = x.retry != nullptr && x.kept.bytes + data.bytes <= x.retry->body_bytes &&
                    kept_bytes_ <= work_.transport.memory_limit() / kShareOfMemory;
  const uint32_t pinned = x.kept.pinned;
  tcp::Chain copied;
  x.replayable = fits && copy(data, copied);
  if (!x.replayable) return forget_body(x);
  work_.pieces().join(x.kept, copied);
  kept_bytes_ += x.kept.pinned - pinned;
}

void HttpEngine::forget_body(Exchange& x) {
  kept_bytes_ -= x.kept.pinned;
  work_.pieces().free(x.kept);
}

tcp::Chain HttpEngine::take_again(Exchange& x, uint32_t most) {
  return work_.pieces().split(x.resend, std::min(most, x.resend.bytes));
}

// By a copy: TLS seals what is sent where it lies. False: there is no memory, and no copy.
bool HttpEngine::copy(const tcp::Chain& from, tcp::Chain& to) {
  tcp::Pieces& pieces = work_.pieces();
  for (uint32_t at = from.head; at != kNoSlot; at = pieces[at].next) {
    const tcp::Piece piece = pieces[at];
    if (pieces.append_copy(to, {piece.data, piece.size}) == piece.size) continue;
    pieces.free(to);
    return false;
  }
  return true;
}

}  // namespace heddle::mesh
