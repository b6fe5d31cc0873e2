#include "report.h"

#include <fmt/format.h>

#include <algorithm>

namespace heddle::load {

namespace {

using Workers = std::vector<std::unique_ptr<Outcome>>;

struct Sum {
  Tally tally;
  double bits_sent = 0, bits_received = 0, requests = 0, opened = 0;  // a second
};

// Each worker has its own measured time.
Sum sum(const Workers& workers, Tally Outcome::* which) {
  Sum all;
  for (const auto& worker : workers) {
    const Tally& it = (*worker).*which;
    all.tally.bytes_sent += it.bytes_sent;
    all.tally.bytes_received += it.bytes_received;
    all.tally.requests += it.requests;
    all.tally.opened += it.opened;
    for (size_t i = 0; i < it.failures.size(); ++i) all.tally.failures[i] += it.failures[i];
    if (worker->measured <= Duration()) continue;
    const double seconds = static_cast<double>(worker->measured.ns()) / 1e9;
    all.bits_sent += 8 * static_cast<double>(it.bytes_sent) / seconds;
    all.bits_received += 8 * static_cast<double>(it.bytes_received) / seconds;
    all.requests += static_cast<double>(it.requests) / seconds;
    all.opened += static_cast<double>(it.opened) / seconds;
  }
  return all;
}

std::string failures_object(const Tally& tally) {
  std::string text;
  for (size_t i = 0; i < kFailureNames.size(); ++i)
    text += fmt::format("{}\"{}\": {}", i == 0 ? "" : ", ", kFailureNames[i], tally.failures[i]);
  return "{" + text + "}";
}

std::string common(const Sum& sum) {
  return fmt::format(
      "\"connections\": {}, \"connections_per_second\": {:.1f}, \"sent_bytes\": {}, "
      "\"sent_gbps\": {:.4f}, \"received_bytes\": {}, \"received_gbps\": {:.4f}, \"failures\": {}",
      sum.tally.opened, sum.opened, sum.tally.bytes_sent, sum.bits_sent / 1e9,
      sum.tally.bytes_received, sum.bits_received / 1e9, failures_object(sum.tally));
}

std::string latency_object(const Histogram& latency, bool open_loop) {
  const auto us = [](Duration duration) { return static_cast<double>(duration.ns()) / 1e3; };
  return fmt::format(
      "{{\"loop\": \"{}\", \"count\": {}, \"p50\": {:.1f}, \"p90\": {:.1f}, \"p99\": {:.1f}, "
      "\"p99_9\": {:.1f}, \"max\": {:.1f}}}",
      open_loop ? "open" : "closed", latency.total(), us(latency.percentile(0.5)),
      us(latency.percentile(0.9)), us(latency.percentile(0.99)), us(latency.percentile(0.999)),
      us(latency.longest()));
}

std::string client_object(const CallPlan& plan, const Workers& workers) {
  const Sum all = sum(workers, &Outcome::client);
  const auto latency = std::make_unique<Histogram>();
  uint64_t open = 0;
  for (const auto& worker : workers) {
    latency->merge(worker->latency);
    open += worker->open_at_end;
  }
  return fmt::format(
      "{{\"do\": \"{}\", \"open_at_end\": {}, \"requests\": {}, \"requests_per_second\": {:.1f}, "
      "{}, \"latency_us\": {}}}",
      name_of(plan.what), open, all.tally.requests, all.requests, common(all),
      latency_object(*latency, plan.rate > 0));
}

}  // namespace

std::string report(const Plan& plan, const Workers& workers) {
  Duration measured;
  uint64_t busy = 0, all = 0;
  for (const auto& worker : workers) {
    measured = std::max(measured, worker->measured);
    busy += worker->busy_cycles;
    all += worker->all_cycles;
  }
  const double share = all == 0 ? 0 : static_cast<double>(busy) / static_cast<double>(all);
  std::string text = fmt::format(
      "{{\"seconds\": {:.3f}, \"workers\": {}, \"cpu_busy_share\": {:.4f}, \"busy_cycles\": {}",
      static_cast<double>(measured.ns()) / 1e9, workers.size(), share, busy);
  if (plan.call) text += ", \"client\": " + client_object(*plan.call, workers);
  if (!plan.serve.empty()) {
    const Sum server = sum(workers, &Outcome::server);
    text += fmt::format(", \"server\": {{\"requests\": {}, {}}}", server.tally.requests,
                        common(server));
  }
  return text + "}";
}

std::string failures_text(const Workers& workers) {
  const auto text_of = [](const Tally& tally) {
    std::string text;
    for (size_t i = 0; i < kFailureNames.size(); ++i)
      if (tally.failures[i] > 0)
        text +=
            fmt::format("{}{} {}", text.empty() ? "" : ", ", tally.failures[i], kFailureNames[i]);
    return text;
  };
  const std::string client = text_of(sum(workers, &Outcome::client).tally);
  const std::string server = text_of(sum(workers, &Outcome::server).tally);
  if (server.empty()) return client;
  return client + (client.empty() ? "" : "; ") + "server: " + server;
}

}  // namespace heddle::load
