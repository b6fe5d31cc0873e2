// What judging a request by AccessPolicies costs, with 1, 10 and 1,000 rules for its service: ns a
// request, where rules tell apart by path, by sender behind a port, by identity that a peer has
// shown, by host and path, or by header alone.
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "core/random.h"
#include "http/message.h"
#include "policy/decide.h"
#include "policy/model.h"

namespace {

using namespace heddle;
using namespace heddle::policy;

constexpr int kSamples = 21, kRounds = 20'000;
constexpr uint32_t kRequests = 512, kRulesOfOne = 50, kPorts = 100;

double cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

template <class Work>
double median_ns(Work&& work) {
  std::array<double, kSamples> samples;
  for (double& sample : samples) {
    const double start = cpu_ns();
    for (int i = 0; i < kRounds; ++i) work();
    sample = (cpu_ns() - start) / kRounds;
  }
  std::ranges::sort(samples);
  return samples[kSamples / 2];
}

enum class By { kPath, kSender, kPeer, kHostAndPath, kHeader };
constexpr std::pair<By, const char*> kShapes[] = {{By::kPath, "path"},
                                                  {By::kSender, "sender"},
                                                  {By::kPeer, "peer"},
                                                  {By::kHostAndPath, "host and path"},
                                                  {By::kHeader, "header"}};

template <class Spec>
Edit put(const std::string& name, Spec spec) {
  auto made = std::make_shared<Resource>();
  made->spec = std::move(spec);
  made->key = {static_cast<Kind>(made->spec.index()), "shop", name};
  return {made->key, std::move(made)};
}

std::string numbered(const char* text, uint32_t i) { return text + std::to_string(i); }

AccessRule rule(By by, uint32_t i) {
  switch (by) {
    case By::kPath:
      return {.to = {{.methods = {"GET"},
                      .paths = {{AccessPath::Kind::kUnder, numbered("/shop/part", i)}}}}};
    case By::kSender:
      return {.from = {{.ns = "shop", .service_account = numbered("a", i % kPorts)}},
              .to = {{.methods = {"GET"}}}};
    case By::kPeer:
      return {.from = {{.ns = "shop", .service_account = numbered("a", i)}}};
    case By::kHostAndPath:
      return {.to = {{.paths = {{AccessPath::Kind::kExact, numbered("/item/", i)}},
                      .hosts = {numbered("h", i % 7) + ".example"}}}};
    case By::kHeader:
      return {.to = {{.fields = {{"x-part", {TextMatch::Kind::kExact, std::to_string(i)}}}}}};
  }
  return {};
}

NodeFacts node() {
  NodeFacts facts{.ports = {{.name = "wan"}}};
  for (uint32_t i = 0; i < kPorts; ++i)
    facts.ports.push_back({.name = numbered("p", i), .is_workload = true});
  return facts;
}

std::vector<Edit> resources(By by, uint32_t rules) {
  const auto address = [](uint32_t i) {
    return *IpAddress::parse("10.8.0." + std::to_string(i + 1));
  };
  std::vector<Edit> edits;
  edits.push_back(put(
      "cart", Service{.addresses = {*IpAddress::parse("10.96.0.1")},
                      .ports = {{.name = "http", .number = 80, .http = HttpUpstream::kHttp1}}}));
  for (uint32_t i = 0; i < kPorts; ++i)
    edits.push_back(put(numbered("w", i), Workload{.port = numbered("p", i),
                                                   .addresses = {address(i)},
                                                   .service_account = numbered("a", i)}));
  for (uint32_t first = 0; first < rules; first += kRulesOfOne) {
    AccessPolicy policy{.service = "cart"};
    for (uint32_t i = first; i < std::min(rules, first + kRulesOfOne); ++i)
      policy.rules.push_back(rule(by, i));
    edits.push_back(put(numbered("policy", first), std::move(policy)));
  }
  return edits;
}

struct Asked {
  std::vector<uint8_t> memory = std::vector<uint8_t>(4'096);
  http::Message message{memory};
  Flow flow;
  std::string account;
};

void ask(By by, Asked& to, uint32_t i) {
  http::Message& message = to.message;
  message.set_method("GET");
  message.set_authority(numbered("h", i % 7) + ".example:8080");
  message.set_path(i % 2 == 0 ? numbered("/shop/part", i) + "/list?sort=price"
                              : numbered("/item/", i) + "?page=2");
  message.fields.add("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0)");
  message.fields.add("accept", "text/html,application/xhtml+xml");
  message.fields.add("x-part", std::to_string(i));
  to.flow = {.source = *IpAddress::parse("10.8.0.1"),
             .destination = *IpAddress::parse("10.96.0.1"),
             .destination_port = 80,
             .in = InterfaceId(static_cast<uint16_t>(1 + i % kPorts)),
             .identified = true};
  if (by != By::kPeer) return;
  to.account = numbered("a", i);
  to.flow.identified = false;
  to.flow.peer = {.id = "spiffe://example.org/ns/shop/sa/a",
                  .trust_domain = "example.org",
                  .ns = "shop",
                  .service_account = to.account};
}

void run(By by, const char* name, uint32_t rules) {
  Model model(node(), Limits{});
  const double start = cpu_ns();
  const std::vector<Edit> edits = resources(by, rules);
  for (const Problem& problem : model.stage(edits)) {
    std::fprintf(stderr, "%s %s: %s\n", problem.key.name.c_str(), problem.field.c_str(),
                 problem.text.c_str());
    std::abort();
  }
  const auto snapshot = model.commit(1).snapshot;
  const double loaded = cpu_ns() - start;
  Random random(1);
  std::deque<Asked> all(kRequests);
  for (Asked& each : all) ask(by, each, random.below(rules));
  uint32_t at = 0;
  uint64_t allowed = 0;
  const double ns = median_ns([&] {
    const Asked& one = all[at++ % kRequests];
    const RequestHead head = RequestHead::of(one.message);
    allowed += judge_request(*snapshot, 0, one.flow, head).allowed ? 1u : 0u;
  });
  const double share = static_cast<double>(allowed) / (double{kSamples} * kRounds);
  std::printf("%-14s %5u rules %8.1f ns a request %5.1f%% allowed %8.2f ms to load %6zu KB\n", name,
              rules, ns, 100 * share, loaded / 1e6, model.stats().snapshot_bytes / 1'024);
}

}  // namespace

int main() {
  for (const auto& [by, name] : kShapes)
    for (const uint32_t rules : {1u, 10u, 1'000u}) run(by, name, rules);
  return 0;
}
