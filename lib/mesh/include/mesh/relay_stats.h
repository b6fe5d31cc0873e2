// What a worker's relay counts. One writer (the worker), any reader.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/counter.h"

namespace heddle::mesh {

enum class RelayStat : uint8_t {
  kOpened,
  kRefused,
  kPairsFull,
  kBreaker,
  kNoConnection,
  kConnected,
  kConnectRefused,
  kConnectTimedOut,
  kConnectUnreachable,
  kClientGone,
  kFinished,
  kClientReset,
  kServerReset,
  kIdle,
  kCut,
  kTlsClient,
  kTlsServer,
  kTooSlow,
  kProxyHeader,
  kTruncated,
  kBytesToServer,
  kBytesToClient,
  kCount,
};

struct RelayStatText {
  RelayStat stat;
  std::string_view name;
  std::string_view sentence;
};

inline constexpr std::array<RelayStatText, static_cast<size_t>(RelayStat::kCount)> kRelayStats{{
    {RelayStat::kOpened, "opened", "Connections accepted for an endpoint that policy named."},
    {RelayStat::kRefused, "refused", "Accepted connections that policy had no endpoint for."},
    {RelayStat::kPairsFull, "pairs_full", "Reset as there are as many pairs as limits allow."},
    {RelayStat::kBreaker, "breaker",
     "Reset as the limits of the service allow no more connections at once."},
    {RelayStat::kNoConnection, "no_connection",
     "Reset as no connection to the endpoint could begin: no port, no room, or no way to it."},
    {RelayStat::kConnected, "connected", "Endpoints that answered."},
    {RelayStat::kConnectRefused, "connect_refused", "Endpoints that refused: nothing listens."},
    {RelayStat::kConnectTimedOut, "connect_timed_out", "Endpoints that did not answer in time."},
    {RelayStat::kConnectUnreachable, "connect_unreachable", "Endpoints that ICMP says are away."},
    {RelayStat::kClientGone, "client_gone", "Clients that left before the endpoint answered."},
    {RelayStat::kFinished, "finished", "Pairs that both sides closed in order."},
    {RelayStat::kClientReset, "client_reset", "Pairs that ended by an error of the client's side."},
    {RelayStat::kServerReset, "server_reset", "Pairs that ended by an error of the endpoint's."},
    {RelayStat::kIdle, "idle", "Pairs closed after their idle time-out."},
    {RelayStat::kCut, "cut", "Pairs that a change of policy ended."},
    {RelayStat::kTlsClient, "tls_client",
     "Clients that TLS refused, or that refused it; the TLS counters say why."},
    {RelayStat::kTlsServer, "tls_server",
     "Endpoints that TLS refused, or that refused it; the TLS counters say why."},
    {RelayStat::kTooSlow, "too_slow",
     "Clients that did not say in time what the endpoint is chosen by."},
    {RelayStat::kProxyHeader, "proxy_header",
     "Clients whose stream did not begin with a header of the PROXY protocol, as policy says it "
     "must."},
    {RelayStat::kTruncated, "truncated",
     "Streams of TLS that ended without close_notify; passed on as cut off."},
    {RelayStat::kBytesToServer, "bytes_to_server", "Payload handed on to endpoints."},
    {RelayStat::kBytesToClient, "bytes_to_client", "Payload handed on to clients."},
}};

static_assert([] {
  for (size_t i = 0; i < kRelayStats.size(); ++i)
    if (kRelayStats[i].stat != static_cast<RelayStat>(i)) return false;
  return true;
}());

class RelayCounters {
 public:
  void add(RelayStat stat, uint64_t n = 1) { stats_[static_cast<size_t>(stat)].add(n); }
  uint64_t value(RelayStat stat) const { return stats_[static_cast<size_t>(stat)].value(); }

 private:
  std::array<Counter, static_cast<size_t>(RelayStat::kCount)> stats_;
};

}  // namespace heddle::mesh
