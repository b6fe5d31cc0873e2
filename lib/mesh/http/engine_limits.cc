// Limits of policy, and faults that it puts into requests.
#include <algorithm>

#include "engine.h"
#include "http/grpc.h"
#include "text.h"

namespace heddle::mesh {

namespace {

using http::FieldId;
using Abort = HttpInjected::Abort;

// Rounded up.
uint32_t seconds_of(Duration time) {
  const int64_t whole = (time.ns() + seconds(1).ns() - 1) / seconds(1).ns();
  return static_cast<uint32_t>(std::clamp<int64_t>(whole, 0, UINT32_MAX));
}

}  // namespace

// False: refused.
bool HttpEngine::keeps_limits(Exchange& x) {
  const auto limited = policy_.limit(x.frontend, client_of(x), x.route, *x.request);
  if (!limited) return true;
  x.limited = *limited;
  fail(x, HttpFault::kRateLimited);
  return false;
}

// What it may do next, as draft-ietf-httpapi-ratelimit-headers-10 has it.
void HttpEngine::tell_limit(Exchange& x) {
  const HttpLimited& limit = x.limited;
  http::Fields& fields = x.response->fields;
  const uint32_t wait = std::max<uint32_t>(1, seconds_of(limit.retry_after));
  Text<16> seconds_left;
  seconds_left.put(wait);
  Text<192> policy, now;
  for (Text<192>* text : {&policy, &now}) {
    text->put("\"");
    text->put(limit.name);
    text->put("\"");
  }
  policy.put(";q=");
  policy.put(static_cast<uint32_t>(std::min<uint64_t>(limit.requests, UINT32_MAX)));
  if (limit.per >= seconds(1)) {
    policy.put(";w=");
    policy.put(seconds_of(limit.per));
  }
  now.put(";r=0;t=");
  now.put(wait);
  fields.add(FieldId::kRetryAfter, seconds_left.view());
  if (policy.full() || now.full()) return;
  fields.add("ratelimit-policy", policy.view());
  fields.add("ratelimit", now.view());
}

// As the request came, before a rule changes it. It waits without an endpoint.
void HttpEngine::draw_faults(Exchange& x) {
  x.injected = policy_.inject(x.frontend, client_of(x), x.route, *x.request);
  if (x.injected.delay != Duration()) x.paused_until = now_ + x.injected.delay;
}

// When it has waited.
void HttpEngine::abort_by_fault(Exchange& x) {
  if (x.injected.abort == Abort::kNone) return;
  fail(x, x.injected.abort == Abort::kReset ? HttpFault::kFaultReset : HttpFault::kFaultAbort);
}

// As an endpoint would have answered: what rules do with responses is done with this one.
void HttpEngine::answer_injected(Exchange& x) {
  x.local = true;
  x.close_client |= !x[kClient].read_ended;
  const bool by_grpc = x.injected.abort == Abort::kGrpcStatus;
  if (http::is_grpc(*x.request)) {
    x.response = &blank_response(x, 200);
    Text<16> number;
    number.put(by_grpc ? x.injected.code
                       : static_cast<uint32_t>(http::grpc_status_of(x.injected.code)));
    x.response->fields.add(FieldId::kContentType, "application/grpc");
    x.response->fields.add(FieldId::kGrpcStatus, number.view());
  } else {
    const uint16_t status =
        by_grpc ? http::http_status_of(static_cast<http::GrpcStatus>(x.injected.code))
                : x.injected.code;
    x.response = &blank_response(x, status);
    set_answer(x, {}, {});
  }
  // Of a rule's fields those are there that there was room for.
  static_cast<void>(prepare_response(x));
}

}  // namespace heddle::mesh
