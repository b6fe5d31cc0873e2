// Why the proxy itself answered a request, or ended it; and what a worker's proxy counts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/counter.h"

namespace heddle::mesh {

// In the order of a request's life. The name is the access log's response flag and the metric's
// label.
enum class HttpFault : uint8_t {
  kNone,
  kBadRequest,
  kHeadTimeout,
  kMethod,
  kOverload,
  kNoToken,
  kBadToken,
  kTokensBusy,
  kNoRoute,
  kDenied,
  kRateLimited,
  kFaultDelay,
  kFaultAbort,
  kFaultReset,
  kNoEndpoint,
  kNoConnection,
  kBreaker,
  kConnectRefused,
  kConnectTimeout,
  kUpstreamTls,
  kUpstreamProtocol,
  kUpstreamReset,
  kBadResponse,
  kTryTimeout,
  kRequestTimeout,
  kIdleTimeout,
  kBadBody,
  kClientGone,
  kNoMemory,
  kCount,
};

struct HttpFaultText {
  HttpFault fault;
  std::string_view name;
  uint16_t status;  // of the answer, where one can still be given; 0: none can
  std::string_view sentence;
};

inline constexpr std::array<HttpFaultText, static_cast<size_t>(HttpFault::kCount)> kHttpFaults{{
    {HttpFault::kNone, "none", 0, "Answered by the endpoint, or by a rule."},
    {HttpFault::kBadRequest, "bad_request", 400,
     "Requests that HTTP does not allow; the counters of refusals say why."},
    {HttpFault::kHeadTimeout, "head_timeout", 408, "Requests whose head did not come in time."},
    {HttpFault::kMethod, "method", 405, "CONNECT, which nothing here allows."},
    {HttpFault::kOverload, "overload", 503, "More requests in work than limits allow."},
    {HttpFault::kNoToken, "no_token", 401, "Requests without the token that policy asks for."},
    {HttpFault::kBadToken, "bad_token", 401,
     "Requests with a token that is not taken; the counters of its provider say why."},
    {HttpFault::kTokensBusy, "tokens_busy", 503,
     "More tokens to be verified than limits allow in a second."},
    {HttpFault::kNoRoute, "no_route", 404, "Requests that no rule is for."},
    {HttpFault::kDenied, "denied", 403, "Requests that policy does not allow."},
    {HttpFault::kRateLimited, "rate_limited", 429,
     "Requests beyond what a RateLimit lets through (Envoy's RL)."},
    {HttpFault::kFaultDelay, "fault_delay", 0,
     "Requests that a Fault delayed, and that were answered then (Envoy's DI)."},
    {HttpFault::kFaultAbort, "fault_abort", 503,
     "Requests that a Fault answered in the endpoint's place (Envoy's FI)."},
    {HttpFault::kFaultReset, "fault_reset", 0, "Requests that a Fault reset (Envoy's FI)."},
    {HttpFault::kNoEndpoint, "no_endpoint", 503, "Requests for services without an endpoint."},
    {HttpFault::kNoConnection, "no_connection", 503,
     "No connection to the endpoint could begin: no port, no room, or no way to it."},
    {HttpFault::kBreaker, "breaker", 503,
     "More connections or requests than the limits of the service allow at once."},
    {HttpFault::kConnectRefused, "connect_refused", 503,
     "Endpoints that refused: nothing listens."},
    {HttpFault::kConnectTimeout, "connect_timeout", 504, "Endpoints that did not answer in time."},
    {HttpFault::kUpstreamTls, "upstream_tls", 503,
     "Endpoints that TLS refused, or that refused it; the TLS counters say why."},
    {HttpFault::kUpstreamProtocol, "upstream_protocol", 502,
     "Endpoints that did not agree on the version of HTTP that policy says they speak."},
    {HttpFault::kUpstreamReset, "upstream_reset", 502,
     "Endpoints that ended the connection, or the stream, before the response was whole."},
    {HttpFault::kBadResponse, "bad_response", 502,
     "Responses that HTTP does not allow; the counters of refusals say why."},
    {HttpFault::kTryTimeout, "try_timeout", 504,
     "No response within the time of one try, and no other try."},
    {HttpFault::kRequestTimeout, "request_timeout", 504, "Not done within the route's time-out."},
    {HttpFault::kIdleTimeout, "idle_timeout", 504, "Nothing moved for the idle time-out."},
    {HttpFault::kBadBody, "bad_body", 400,
     "Request bodies that HTTP does not allow, or that were cut off."},
    {HttpFault::kClientGone, "client_gone", 0, "Clients that left before they had the response."},
    {HttpFault::kNoMemory, "no_memory", 503, "No buffer for what the proxy had to write."},
}};

static_assert([] {
  for (size_t i = 0; i < kHttpFaults.size(); ++i)
    if (kHttpFaults[i].fault != static_cast<HttpFault>(i)) return false;
  return true;
}());

constexpr const HttpFaultText& text_of(HttpFault fault) {
  return kHttpFaults[static_cast<size_t>(fault)];
}

enum class HttpStat : uint8_t {
  kClients,
  kClientsFull,
  kClientsRefused,
  kClientsOther,
  kClientTls,
  kProxyHeader,
  kHttp1Requests,
  kHttp2Requests,
  kUpstreams,
  kReused,
  kRetriedReused,
  kRetried,
  kRetriesLeftOut,
  kRetriesTooLarge,
  kUpstreamsClosed,
  kUpgrades,
  kUnasked,
  kPreflights,
  kMirrored,
  kMirrorsLeftOut,
  kMirrorsFailed,
  kRequestsCut,
  kBytesToServer,
  kBytesToClient,
  kCount,
};

struct HttpStatText {
  HttpStat stat;
  std::string_view name;
  std::string_view sentence;
};

inline constexpr std::array<HttpStatText, static_cast<size_t>(HttpStat::kCount)> kHttpStats{{
    {HttpStat::kClients, "clients", "Connections accepted from clients."},
    {HttpStat::kClientsFull, "clients_full", "Reset as there are as many as limits allow."},
    {HttpStat::kClientsRefused, "clients_refused", "Accepted connections that policy refused."},
    {HttpStat::kClientsOther, "clients_other",
     "Connections to ports of protocol auto that are other than HTTP: the relay has them."},
    {HttpStat::kClientTls, "client_tls",
     "Clients that TLS refused, or that refused it; the TLS counters say why."},
    {HttpStat::kProxyHeader, "proxy_header",
     "Clients whose stream did not begin with a header of the PROXY protocol, as policy says it "
     "must."},
    {HttpStat::kHttp1Requests, "http1_requests", "Requests of HTTP/1."},
    {HttpStat::kHttp2Requests, "http2_requests", "Requests of HTTP/2."},
    {HttpStat::kUpstreams, "upstreams", "Connections opened to endpoints."},
    {HttpStat::kReused, "reused", "Requests that took a connection which was there."},
    {HttpStat::kRetriedReused, "retried_reused",
     "Requests sent again, as a connection that was there had just been closed by the endpoint."},
    {HttpStat::kRetried, "retried", "Tries beside the first that policy asked for."},
    {HttpStat::kRetriesLeftOut, "retries_left_out",
     "Tries that policy asked for, without those in work being few enough (limits.retry_budget)."},
    {HttpStat::kRetriesTooLarge, "retries_too_large",
     "Requests with a body larger than what is kept of it, which have one try."},
    {HttpStat::kUpstreamsClosed, "upstreams_closed",
     "Idle connections that the endpoint closed, or that had been idle for long."},
    {HttpStat::kUpgrades, "upgrades", "Requests that became tunnels, as WebSocket does."},
    {HttpStat::kUnasked, "unasked",
     "Connections closed as an endpoint sent bytes that nobody had asked for."},
    {HttpStat::kPreflights, "preflights", "Preflight requests of CORS that rules answered."},
    {HttpStat::kMirrored, "mirrored", "Requests of which a copy was sent to a mirror."},
    {HttpStat::kMirrorsLeftOut, "mirrors_left_out",
     "Copies that were not sent: refused by policy, no way or endpoint, too many in work."},
    {HttpStat::kMirrorsFailed, "mirrors_failed",
     "Copies cut off: the mirror was too slow or had a fault, or the request itself ended."},
    {HttpStat::kRequestsCut, "requests_cut",
     "Requests in work that a change of policy ended, their connections not."},
    {HttpStat::kBytesToServer, "bytes_to_server", "Bytes of bodies handed on to endpoints."},
    {HttpStat::kBytesToClient, "bytes_to_client", "Bytes of bodies handed on to clients."},
}};

static_assert([] {
  for (size_t i = 0; i < kHttpStats.size(); ++i)
    if (kHttpStats[i].stat != static_cast<HttpStat>(i)) return false;
  return true;
}());

// One writer (the worker), any reader.
class HttpCounters {
 public:
  void add(HttpStat stat, uint64_t n = 1) { stats_[static_cast<size_t>(stat)].add(n); }
  void add(HttpFault fault) { faults_[static_cast<size_t>(fault)].add(); }
  // By class of the response's status, 1xx to 5xx.
  void add_status(uint16_t status) { classes_[status / 100 % 10].add(); }
  uint64_t value(HttpStat stat) const { return stats_[static_cast<size_t>(stat)].value(); }
  uint64_t value(HttpFault fault) const { return faults_[static_cast<size_t>(fault)].value(); }
  uint64_t status_class(uint16_t of) const { return classes_[of % 10].value(); }

 private:
  std::array<Counter, static_cast<size_t>(HttpStat::kCount)> stats_;
  std::array<Counter, static_cast<size_t>(HttpFault::kCount)> faults_;
  std::array<Counter, 10> classes_;
};

}  // namespace heddle::mesh
