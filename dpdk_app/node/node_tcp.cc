// What is told of TCP that ends here, for people.
#include <fmt/format.h>

#include "http/http2/offences.h"
#include "http/http2/stats.h"
#include "mesh/http_proxy.h"
#include "mesh/relay_stats.h"
#include "node/node.h"
#include "tcp_io/walk.h"
#include "worker/tcp.h"

namespace heddle::app {

server::FlowWalk Node::walk_connections(const server::ConnectionFilter& filter,
                                        const server::GoOn& go_on, const TakeConnection& take) {
  server::FlowWalk walk;
  const auto piece = std::make_unique<ConnectionPiece>();
  for (uint16_t i = 0; i < loops_.size() && walk.complete; ++i) {
    if (filter.worker && *filter.worker != i) continue;
    piece->next = 0;
    while (piece->next != kNoSlot) {
      if (!go_on()) {
        walk.complete = false;
        break;
      }
      if (!ask_worker(i, [&](Worker& worker) { copy_connections(worker, filter, *piece); })) {
        walk.silent.push_back(i);
        break;
      }
      for (uint32_t k = 0; k < piece->count; ++k) take(piece->connections[k]);
    }
  }
  return walk;
}

server::ConnectionSums Node::connection_sums() {
  SumPiece piece;
  for (uint16_t i = 0; i < loops_.size(); ++i) {
    piece.next = 0;
    while (piece.next != kNoSlot) {
      if (ask_worker(i, [&](Worker& worker) { sum_connections(worker, piece); })) continue;
      piece.sums.silent.push_back(i);
      break;
    }
  }
  return std::move(piece.sums);
}

std::vector<server::ListenerInfo> Node::listeners() {
  std::shared_ptr<const policy::Snapshot> policy;
  {
    const std::lock_guard lock(publishing_);
    policy = installed_now_.policy;
  }
  std::vector<server::ListenerInfo> all;
  if (policy->listeners == nullptr) return all;
  for (const policy::ProxyListener& listener : *policy->listeners) {
    server::ListenerInfo& info = all.emplace_back();
    info.address = listener.address;
    info.port = listener.port;
    info.frontend = listener.frontend;
  }
  constexpr size_t kAtOnce = 64;
  for (uint16_t i = 0; i < loops_.size(); ++i) {
    for (size_t begin = 0; begin < all.size(); begin += kAtOnce) {
      const size_t end = std::min(all.size(), begin + kAtOnce);
      const bool answered = ask_worker(i, [&](Worker& worker) {
        for (size_t k = begin; k < end; ++k) count_listener(worker, all[k].frontend, all[k]);
      });
      if (!answered) break;
    }
  }
  return all;
}

std::vector<server::TcpCounterInfo> Node::tls_counters() {
  std::vector<server::TcpCounterInfo> all;
  const auto add = [&](std::string_view prefix, const auto& text, auto what) {
    server::TcpCounterInfo& info = all.emplace_back();
    info.name = fmt::format("{}{}", prefix, text.name);
    info.help = text.sentence;
    for (const auto& worker : workers_)
      if (worker->tcp != nullptr) info.value += worker->tcp->tls.records->counters().value(what);
  };
  for (const tls::StatText& text : tls::kStats) add("", text, text.stat);
  for (const tls::RefusalText& text : tls::kRefusals)
    if (text.refusal != tls::Refusal::kNone) add("refused_", text, text.refusal);
  return all;
}

std::vector<server::TcpCounterInfo> Node::tcp_counters() {
  std::vector<server::TcpCounterInfo> all;
  const auto add = [&](std::string_view prefix, const auto& text, auto&& value_of) {
    server::TcpCounterInfo& info = all.emplace_back();
    info.name = fmt::format("{}{}", prefix, text.name);
    info.help = text.sentence;
    for (const auto& worker : workers_)
      if (worker->tcp != nullptr) info.value += value_of(*worker->tcp);
  };
  for (const tcp::StatText& text : tcp::kStats)
    add("", text, [&](const Tcp& tcp) { return tcp.transport.counters().value(text.stat); });
  for (const tcp::DropText& text : tcp::kDrops) {
    if (text.drop == tcp::Drop::kNone) continue;
    add("drop_", text, [&](const Tcp& tcp) { return tcp.transport.counters().value(text.drop); });
  }
  for (const mesh::RelayStatText& text : mesh::kRelayStats)
    add("relay_", text, [&](const Tcp& tcp) {
      const mesh::RelayCounters* relay = tcp.user->relay_counters();
      return relay == nullptr ? 0 : relay->value(text.stat);
    });
  const auto add_http = [&](std::string_view prefix, const auto& text, auto&& value_of) {
    add(prefix, text, [&](const Tcp& tcp) {
      return tcp.user->http() == nullptr ? 0 : value_of(*tcp.user->http());
    });
  };
  for (const mesh::HttpStatText& text : mesh::kHttpStats)
    add_http("http_", text, [&](const auto& proxy) { return proxy.counters().value(text.stat); });
  for (const mesh::HttpFaultText& text : mesh::kHttpFaults)
    if (text.fault != mesh::HttpFault::kNone)
      add_http("http_fault_", text,
               [&](const auto& proxy) { return proxy.counters().value(text.fault); });
  for (const http::RefusalText& text : http::kRefusals)
    if (text.refusal != http::Refusal::kNone)
      add_http("http_refused_", text,
               [&](const auto& proxy) { return proxy.http2_counters()[text.refusal]; });
  for (const http2::StatText& text : http2::kStats)
    add_http("http2_", text, [&](const auto& proxy) { return proxy.http2_counters()[text.stat]; });
  for (const http2::OffenceText& text : http2::kOffences)
    if (text.offence != http2::Offence::kNone)
      add_http("http2_offence_", text,
               [&](const auto& proxy) { return proxy.http2_counters()[text.offence]; });
  return all;
}

}  // namespace heddle::app
