#include "resilience/outlier_detector.h"

#include <algorithm>
#include <cmath>

namespace heddle::resilience {

namespace {

double share_of(const OutlierCounts::Window& window) {
  return static_cast<double>(window.successes) /
         static_cast<double>(window.successes + window.failures);
}

}  // namespace

void OutlierDetector::replace(std::vector<Endpoint> endpoints) {
  endpoints_ = std::move(endpoints);
  out_ = static_cast<size_t>(std::ranges::count_if(
      endpoints_, [](const Endpoint& each) { return each.state != State::kIn; }));
}

bool OutlierDetector::may_eject() const {
  const size_t most = std::max<size_t>(1, endpoints_.size() * terms_.most_ejected_percent / 100);
  return out_ < most && out_ + 1 < endpoints_.size();
}

bool OutlierDetector::panics() const {
  return (endpoints_.size() - out_) * 100 < endpoints_.size() * terms_.panic_percent;
}

void OutlierDetector::put_out(size_t endpoint, Ejection why, Instant now) {
  Endpoint& its = endpoints_[endpoint];
  ++its.times;
  const int64_t most = terms_.most_time.ns() / std::max<int64_t>(1, terms_.base_time.ns());
  const Duration out = its.times > most ? terms_.most_time : terms_.base_time * its.times;
  its.state = State::kOut;
  its.why = why;
  its.until = now + std::max(out, terms_.base_time);
}

bool OutlierDetector::eject(size_t endpoint, Ejection why, Instant now) {
  if (endpoints_[endpoint].state != State::kIn || !may_eject()) return false;
  ++out_;
  put_out(endpoint, why, now);
  return true;
}

bool OutlierDetector::on_rows(size_t endpoint, const OutlierRows& rows, Instant now) {
  const auto reached = [](uint32_t row, uint32_t wanted) { return wanted != 0 && row >= wanted; };
  if (reached(rows.gateway, terms_.gateway_errors))
    return eject(endpoint, Ejection::kGatewayErrors, now);
  if (reached(rows.server, terms_.server_errors))
    return eject(endpoint, Ejection::kServerErrors, now);
  return reached(rows.local, terms_.local_errors) && eject(endpoint, Ejection::kLocalErrors, now);
}

std::vector<size_t> OutlierDetector::on_interval(std::span<const OutlierCounts::Window> windows,
                                                 Instant now) {
  std::vector<size_t> ejected, looked_at;
  for (size_t i = 0; i < windows.size(); ++i) {
    Endpoint& its = endpoints_[i];
    if (its.state != State::kIn) continue;
    const uint64_t requests = windows[i].successes + windows[i].failures;
    if (requests >= std::max<uint32_t>(1, terms_.least_requests)) looked_at.push_back(i);
    // Who was good for an interval is forgiven one time.
    if (its.times > 0 && windows[i].failures == 0) --its.times;
  }
  if (looked_at.size() < terms_.least_hosts) return ejected;
  double sum = 0, squares = 0;
  for (const size_t i : looked_at) sum += share_of(windows[i]);
  const double mean = sum / static_cast<double>(looked_at.size());
  for (const size_t i : looked_at) squares += std::pow(share_of(windows[i]) - mean, 2);
  const double deviation = std::sqrt(squares / static_cast<double>(looked_at.size()));
  const double least = mean - deviation * terms_.deviation_thousandths / 1'000;
  const double most_failures = terms_.failure_percent / 100.0;
  // The worst first, as only so many may go.
  std::ranges::sort(looked_at, {}, [&](size_t i) { return share_of(windows[i]); });
  for (const size_t i : looked_at) {
    const double share = share_of(windows[i]);
    if (terms_.deviation_thousandths != 0 && deviation > 0 && share < least) {
      if (eject(i, Ejection::kDeviation, now)) ejected.push_back(i);
    } else if (terms_.failure_percent != 0 && 1 - share >= most_failures) {
      if (eject(i, Ejection::kFailures, now)) ejected.push_back(i);
    }
  }
  return ejected;
}

std::vector<size_t> OutlierDetector::on_time(Instant now) {
  std::vector<size_t> probed;
  for (size_t i = 0; i < endpoints_.size(); ++i) {
    if (endpoints_[i].state != State::kOut || endpoints_[i].until > now) continue;
    endpoints_[i].state = State::kProbing;
    probed.push_back(i);
  }
  return probed;
}

void OutlierDetector::on_probe(size_t endpoint, bool good, Instant now) {
  Endpoint& its = endpoints_[endpoint];
  if (its.state != State::kProbing) return;
  if (!good) {
    put_out(endpoint, its.why, now);
    return;
  }
  its.state = State::kIn;
  --out_;
}

Instant OutlierDetector::next() const {
  Instant first = kNever;
  for (const Endpoint& each : endpoints_)
    if (each.state == State::kOut) first = std::min(first, each.until);
  return first;
}

}  // namespace heddle::resilience
