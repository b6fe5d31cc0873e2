// What is told of HTTP requests: sums over workers, and records of single ones.
#include <time.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "mesh/http_stats.h"
#include "node/node.h"
#include "worker/requests.h"

namespace heddle::app {

namespace {

Requests* requests_of(const Worker& worker) {
  return worker.tcp == nullptr ? nullptr : worker.tcp->requests.get();
}

int64_t wall_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

server::RequestTotals Node::request_totals() {
  server::RequestTotals totals;
  std::map<telemetry::RequestKey, uint64_t> requests;
  std::map<telemetry::RouteKey, std::unique_ptr<telemetry::RouteSum>> routes;
  for (const auto& worker : workers_) {
    const Requests* of = requests_of(*worker);
    if (of == nullptr) continue;
    of->series.requests().for_each([&](const auto& key, const telemetry::RequestCounts& counts) {
      requests[telemetry::request_key(key)] += counts.requests.value();
    });
    of->series.routes().for_each([&](const auto& key, const telemetry::RouteCounts& counts) {
      auto& sum = routes[telemetry::route_key(key)];
      if (sum == nullptr) sum = std::make_unique<telemetry::RouteSum>();
      sum->add(counts);
    });
    totals.requests_overflow += of->series.requests().overflow().requests.value();
    totals.routes_overflow.add(of->series.routes().overflow());
  }
  for (const auto& [key, count] : requests) totals.requests.push_back({key, count});
  for (auto& [key, sum] : routes) totals.routes.push_back({key, std::move(sum)});
  return totals;
}

void Node::want_records(double log_share, bool watched) {
  const double share = std::clamp(log_share, 0.0, 1.0) * static_cast<double>(Requests::kAll);
  for (const auto& worker : workers_) {
    Requests* of = requests_of(*worker);
    if (of == nullptr) continue;
    of->log_share.store(static_cast<uint64_t>(std::llround(share)), std::memory_order_relaxed);
    of->watched.store(watched, std::memory_order_relaxed);
  }
}

size_t Node::take_records(size_t most, const server::TakeRecord& take) {
  const int64_t wall_at_start = wall_ns() - clock_.now().ns();
  size_t taken = 0;
  // Another one is the first each time: a busy one must not keep the others' waiting.
  const size_t first = workers_.empty() ? 0 : records_from_++ % workers_.size();
  for (size_t i = 0; i < workers_.size(); ++i) {
    Requests* of = requests_of(*workers_[(first + i) % workers_.size()]);
    if (of == nullptr) continue;
    for (; taken < most; ++taken) {
      const telemetry::AccessRecord* record = of->ring.front();
      if (record == nullptr) break;
      take(*record, wall_at_start + record->at.ns());
      of->ring.pop();
    }
  }
  return taken;
}

double Node::records_fill() {
  double fill = 0;
  for (const auto& worker : workers_)
    if (const Requests* of = requests_of(*worker)) fill = std::max(fill, of->ring.share_taken());
  return fill;
}

server::RecordDrops Node::records_dropped() {
  server::RecordDrops drops;
  for (const auto& worker : workers_) {
    const Requests* of = requests_of(*worker);
    if (of == nullptr) continue;
    drops.logged += of->ring.dropped();
    drops.watched += of->ring.unwatched();
  }
  return drops;
}

std::string_view Node::fault_name(uint8_t fault) {
  return fault < mesh::kHttpFaults.size() ? mesh::kHttpFaults[fault].name : "";
}

// Nobody counts for these slots meanwhile: under the policy before they are nobody's, and a request
// that is older counts for none (request_note.cc).
void Node::forget_requests(std::span<const uint32_t> frontends, std::span<const uint32_t> rules) {
  if (!launched_ || (frontends.empty() && rules.empty())) return;
  for (size_t i = 0; i < loops_.size(); ++i) {
    const Requests* of = requests_of(*workers_[i]);
    if (of == nullptr) continue;
    telemetry::RequestSeries::Places places = of->series.places_of(frontends, rules);
    // Piece by piece, as each is within a turn of the worker.
    bool more = !places.requests.empty() || !places.routes.empty();
    while (more && ask_worker(i, [&](Worker& worker) {
             more = worker.tcp->requests->series.forget(places);
           })) {
    }
  }
}

}  // namespace heddle::app
