// The course of an exchange.
#include <algorithm>

#include "engine.h"
#include "http/grpc.h"
#include "http/target.h"
#include "text.h"

namespace heddle::mesh {

Flow HttpEngine::run(Exchange& x) {
  while (!read_request(x)) co_await Change{};
  if (x.fault == HttpFault::kNone) plan(x);
  while (is_paused(x)) co_await Change{};
  abort_by_fault(x);
  if (x.fault == HttpFault::kNone && !x.local) start_mirror(x);
  while (x.fault == HttpFault::kNone && !x.local) {
    find_endpoint(x);
    while (x.waits) {
      co_await Change{};
      seek_again(x);
    }
    while (waits_for_endpoint(x)) co_await Change{};
    if (begin_try(x)) {
      while (!has_response(x)) {
        pump(x, kClient);
        if (x.fault == HttpFault::kNone) co_await Change{};
      }
    }
    if (!may_try_again(x)) break;
    while (is_paused(x)) co_await Change{};
  }
  give_response(x);
  while (!is_done(x)) {
    go_on(x);
    if (!is_done(x)) co_await Change{};
  }
}

// What is to become of the request: a rule's own answer, or a time and changes on its way.
void HttpEngine::plan(Exchange& x) {
  x.deadline = kNever;
  http::Message& request = *x.request;
  if (request.method == http::Method::kConnect) return fail(x, HttpFault::kMethod);
  if (const http::Refusal refusal = http::normalize_path(request);
      refusal != http::Refusal::kNone) {
    store.counters.add(refusal);
    x.refused_status = http::status_of(refusal);
    return fail(x, HttpFault::kBadRequest);
  }
  x.path = request.path();
  x.authority = request.authority();
  // Where a token is asked for, the rule says which, and policy judges what it says.
  const bool asks_tokens = take_claim_names(x);
  if (!asks_tokens && !admit(x)) return;
  std::optional<HttpRoute> found = policy_.route(x.frontend, client_of(x), request);
  if (found) take_route(x, std::move(*found));
  HttpToken token;
  if (asks_tokens && !authenticate(x, found ? &x.route : nullptr, token)) return;
  if (!found) return fail(x, HttpFault::kNoRoute);
  if (answer_preflight(x) || !keeps_limits(x)) return;
  if (x.route.target != nullptr && (x.route.target->redirect || x.route.target->direct))
    return answer_by_rule(x);
  Duration timeout;
  if (http::is_grpc(request) &&
      http::parse_grpc_timeout(request.fields.value(http::FieldId::kGrpcTimeout), timeout))
    x.deadline = std::min(x.deadline, x.begun + timeout);
  draw_faults(x);
  if ((!asks_tokens || tell_token(x, token)) && prepare_request(x)) return;
  x.refused_status = http::status_of(http::Refusal::kHeadTooLarge);
  fail(x, HttpFault::kBadRequest);
}

void HttpEngine::take_route(Exchange& x, HttpRoute route) {
  x.route = std::move(route);
  if (x.route.target == nullptr) return;
  x.rule = x.route.target->slot;
  if (x.route.target->request_timeout != Duration())
    x.deadline = x.begun + x.route.target->request_timeout;
  judge_origin(x);
}

// Who may not come in learns nothing of rules. The head is kept as it is, to be judged by policies
// to come.
bool HttpEngine::admit(Exchange& x) {
  const http::Message& request = *x.request;
  if (!policy_.admits(x.frontend, client_of(x), policy::RequestHead::of(request))) {
    fail(x, HttpFault::kDenied);
    return false;
  }
  if (!request.fields.save(x.asked_fields)) {
    x.refused_status = http::status_of(http::Refusal::kHeadTooLarge);
    fail(x, HttpFault::kBadRequest);
    return false;
  }
  x.asked = policy::RequestHead::of(request);
  x.asked.fields = &x.asked_fields;
  return true;
}

bool HttpEngine::waits_for_endpoint(Exchange& x) {
  if (x.fault != HttpFault::kNone) return false;
  if (x[kClient].lost) {
    fail(x, HttpFault::kClientGone);
    return false;
  }
  if (x[kServer].lost) return false;
  const PeerStage stage = peer_of(x, kServer).stage;
  return stage == PeerStage::kConnecting || stage == PeerStage::kOpening;
}

// Sends the request's head. False: there is no connection to send it over.
bool HttpEngine::begin_try(Exchange& x) {
  if (x.fault != HttpFault::kNone) return false;
  if (x[kServer].lost) {
    const HttpFault why = peer_of(x, kServer).fault;
    fail(x, why == HttpFault::kNone ? HttpFault::kUpstreamReset : why);
    return false;
  }
  if (write_request(x)) {
    if (x.per_try != Duration()) x.try_until = now_ + x.per_try;
    return x.fault == HttpFault::kNone;
  }
  // Others were faster with the last of its streams.
  fail(x, HttpFault::kNoConnection);
  return false;
}

bool HttpEngine::has_response(Exchange& x) {
  if (x.fault != HttpFault::kNone) return true;
  if (x[kClient].lost) {
    fail(x, HttpFault::kClientGone);
    return true;
  }
  return read_response(x);
}

void HttpEngine::give_response(Exchange& x) {
  forget_body(x);
  x.retry.reset();
  x.retrying.give();
  if (x[kClient].lost || x.fault == HttpFault::kFaultReset) return;
  if (x.fault == HttpFault::kNone && !x.local && !prepare_response(x))
    fail(x, HttpFault::kBadResponse);
  if (x.fault != HttpFault::kNone) {
    x.deadline = kNever;
    x.idle = limits_.linger;
    x.moved = now_;
    x.timed_out = false;
    answer_fault(x);
    if (x.fault != HttpFault::kFaultAbort) tell_origin(x);
  }
  if (x.local && x.fault != HttpFault::kFaultAbort &&
      x.response->fields.find(http::FieldId::kServer) == nullptr)
    x.response->fields.add(http::FieldId::kServer, "heddle");
  if (x.response->fields.find(http::FieldId::kDate) == nullptr && limits_.wall != nullptr &&
      x.response->status != 101)
    x.response->fields.add(http::FieldId::kDate, date());
  if (!write_response(x)) {
    x[kClient].lost = true;
    return fail(x, HttpFault::kNoMemory);
  }
  if (!x.local && x.response->status == 101) open_tunnel(x);
}

void HttpEngine::go_on(Exchange& x) {
  if (x.local) {
    pump_answer(x);
  } else {
    pump(x, kServer);
    // Of a request whose response is whole nothing more is passed on, or it would look whole
    // itself.
    if (x[kClient].stream == http2::kNoStream || !x[kClient].write_ended) pump(x, kClient);
  }
  if (x[kClient].stream == http2::kNoStream || !x[kClient].write_ended) return;
  if (!x.ending) {
    x.ending = true;
    x.deadline = std::min(x.deadline, now_ + limits_.head);
  }
  discard_request(x);
}

bool HttpEngine::is_done(const Exchange& x) const {
  const Half& client = x.halves[kClient];
  if (client.lost) return true;
  // After its head the response can only be cut off.
  if (!x.local && x.fault != HttpFault::kNone) return true;
  if ((x.local || x.ending) && x.timed_out) return true;
  if (!client.write_ended) return false;
  if (client.tunnel) return x.halves[kServer].write_ended;
  return client.stream == http2::kNoStream || client.closed;
}

void HttpEngine::settle(Exchange& x) {
  if (x.is_shadow) return settle_shadow(x);
  const Half& client = x[kClient];
  if (client.lost) fail(x, HttpFault::kClientGone);
  const uint16_t status = client.write_begun && x.response != nullptr ? x.response->status : 0;
  const bool delayed = x.fault == HttpFault::kNone && x.injected.delay != Duration();
  const HttpFault fault = delayed ? HttpFault::kFaultDelay : x.fault;
  if (fault != HttpFault::kNone) counters.add(fault);
  if (status != 0) counters.add_status(status);
  policy_.ended({.frontend = x.frontend,
                 .endpoint = x.endpoint,
                 .rule = x.rule,
                 .frontend_version = peer_of(x, kClient).version,
                 .rule_version = x.route.version,
                 .status = status,
                 .fault = fault,
                 .tries = x.tries,
                 .version = x.request->version,
                 .bytes_in = x.bytes[kClient],
                 .bytes_out = x.bytes[kServer],
                 .time = now_ - x.begun,
                 .to_head = x.head_at == Instant() ? Duration() : x.head_at - x.begun,
                 .request = x.request,
                 .response = status != 0 ? x.response : nullptr,
                 // Of one that was not understood the query may be anything, also a token.
                 .path = x.path.empty() ? without_query(x.request->path()) : x.path,
                 .authority = x.path.empty() ? x.request->authority() : x.authority,
                 .client = x.client,
                 .server = x.server,
                 .tls = x.https});
  note_outcome(x, true);
  work_.pieces().free(x.resend);
  let_shadow_go(x, false);
  work_.pieces().free(x.answer);
  forget_body(x);
  // The client's first: what it was sent may lie in the server's stream.
  release_client(x);
  release_server(x);
  if (x.request_block != kNoSlot) arenas_.give_back(x.request_block);
  if (x.response_block != kNoSlot) arenas_.give_back(x.response_block);
  wheel_.disarm(timer_of(x));
  exchanges.erase(x.slot);
}

}  // namespace heddle::mesh
