// What finding the rule of a request costs, with 10 and with 5,000 routes: ns a look-up, of paths
// by prefix, exactly and by regex, and of hosts. And what a change of one route costs among them.
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core/random.h"
#include "http/message.h"
#include "policy/model.h"
#include "route_table.h"

namespace {

using namespace heddle;
using namespace heddle::policy;
using namespace heddle::bench;

constexpr int kSamples = 21;
constexpr uint32_t kRequests = 512;

double cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

template <class Work>
double median_ns(int rounds, Work&& work) {
  std::array<double, kSamples> samples;
  for (double& sample : samples) {
    const double start = cpu_ns();
    for (int i = 0; i < rounds; ++i) work();
    sample = (cpu_ns() - start) / rounds;
  }
  std::ranges::sort(samples);
  return samples[kSamples / 2];
}

struct Heads {
  std::vector<uint8_t> memory = std::vector<uint8_t>(4'096);
  http::Message message{memory};
};

void run(const RouteShape& shape, uint32_t routes) {
  Model model(NodeFacts{}, Limits{});
  const double start = cpu_ns();
  stage_routes(model, shape, routes);
  auto snapshot = model.commit(1).snapshot;
  const double loaded = cpu_ns() - start;

  Random random(1);
  std::deque<Heads> heads(kRequests);
  for (Heads& each : heads) {
    const uint32_t i = random.below(routes);
    http::Message& message = each.message;
    message.set_method("GET");
    message.set_authority(shape.by_host ? host_of(i) : "www.shop.example");
    message.set_path(path_of(i) + "?sort=price&page=2");
    message.fields.add("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0)");
    message.fields.add("accept", "text/html,application/xhtml+xml");
  }
  const HttpRoutes& http = *snapshot->frontends[0]->http;
  uint32_t at = 0, missed = 0;
  const double ns = median_ns(20'000, [&] {
    if (http.find(heads[at++ % kRequests].message, kNoInterface).target == nullptr) ++missed;
  });
  const double change = cpu_ns();
  const std::vector<Edit> edit = {route(shape, 0, 2)};
  if (!model.stage(edit).empty() || missed != 0) std::abort();
  snapshot = model.commit(2).snapshot;
  std::printf("%-16s %6u routes %8.1f ns a look-up %9.2f ms to load %8.2f ms a change %7zu KB\n",
              shape.name, routes, ns, loaded / 1e6, (cpu_ns() - change) / 1e6,
              model.stats().snapshot_bytes / 1'024);
}

}  // namespace

int main() {
  for (const RouteShape& shape : {RouteShape{"prefix", PathMatch::Kind::kPrefix, false},
                                  RouteShape{"exact", PathMatch::Kind::kExact, false},
                                  RouteShape{"host and prefix", PathMatch::Kind::kPrefix, true},
                                  RouteShape{"regex", PathMatch::Kind::kRegex, false},
                                  RouteShape{"host and regex", PathMatch::Kind::kRegex, true}})
    for (const uint32_t routes : {10u, shape.kind == PathMatch::Kind::kRegex ? 1'000u : 5'000u})
      run(shape, routes);
  return 0;
}
