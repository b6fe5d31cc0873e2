// HttpUser: what RateLimits and Faults make of requests.
#include "policy/request_limits.h"
#include "tcp_io/http_user.h"

namespace heddle::app {

namespace {

mesh::HttpInjected::Abort kind_of(const resilience::FaultAbort& abort) {
  using Kind = resilience::FaultAbort::Kind;
  switch (abort.kind) {
    case Kind::kStatus:
      return mesh::HttpInjected::Abort::kStatus;
    case Kind::kGrpcStatus:
      return mesh::HttpInjected::Abort::kGrpcStatus;
    case Kind::kReset:
      return mesh::HttpInjected::Abort::kReset;
  }
  return mesh::HttpInjected::Abort::kNone;
}

}  // namespace

std::optional<mesh::HttpLimited> HttpUser::limit(uint32_t frontend, const mesh::Client& client,
                                                 const mesh::HttpRoute& route,
                                                 const http::Message& request) {
  const policy::Frontend* its = view_.frontend(frontend);
  if (its == nullptr || its->limits == nullptr || its->limits->limits.empty()) return std::nullopt;
  const policy::Flow flow = view_.flow_of(client);
  const auto limited =
      its->limits->take({flow, request, route.target}, {worker_.id, worker_.now, held_});
  if (!limited) return std::nullopt;
  const resilience::Rate& rate = limited->by->spec().rate;
  return mesh::HttpLimited{.name = limited->by->resource->key.name,
                           .requests = rate.tokens,
                           .per = rate.per,
                           .retry_after = limited->retry_after};
}

mesh::HttpInjected HttpUser::inject(uint32_t frontend, const mesh::Client& client,
                                    const mesh::HttpRoute& route, const http::Message& request) {
  const policy::Frontend* its = view_.frontend(frontend);
  if (its == nullptr || its->limits == nullptr || its->limits->faults.empty()) return {};
  const policy::Flow flow = view_.flow_of(client);
  const policy::Injected drawn = its->limits->draw({flow, request, route.target}, worker_.id,
                                                   worker_.flows->pick_state().random);
  mesh::HttpInjected injected{.delay = drawn.delay};
  if (drawn.aborted_by == nullptr) return injected;
  injected.abort = kind_of(*drawn.aborted_by->spec().abort);
  injected.code = drawn.aborted_by->spec().abort->code;
  return injected;
}

}  // namespace heddle::app
