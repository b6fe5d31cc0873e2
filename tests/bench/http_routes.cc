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

namespace {

using namespace heddle;
using namespace heddle::policy;

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

template <class Spec>
Edit put(std::string name, Spec spec) {
  auto resource = std::make_shared<Resource>();
  const auto kind = static_cast<Kind>(decltype(Resource::spec)(Spec()).index());
  resource->key = {kind, "shop", std::move(name)};
  resource->spec = std::move(spec);
  return {resource->key, std::move(resource)};
}

// What a set of routes asks for.
struct Shape {
  const char* name;
  PathMatch::Kind kind;
  bool by_host;  // a host for each, else any
};

std::string host_of(uint32_t i) { return "host-" + std::to_string(i) + ".shop.example"; }

PathMatch path_of(const Shape& shape, uint32_t i) {
  const std::string path = "/api/v" + std::to_string(i % 7) + "/team-" + std::to_string(i);
  return {shape.kind, shape.kind == PathMatch::Kind::kRegex   ? path + "/[a-z0-9/]+"
                      : shape.kind == PathMatch::Kind::kExact ? path + "/items/4711"
                                                              : path};
}

Edit route(const Shape& shape, uint32_t i, uint32_t weight = 1) {
  Route spec{.service = "cart"};
  HttpRule& rule = spec.http.emplace_back();
  HttpMatch& match = rule.matches.emplace_back();
  match.path = path_of(shape, i);
  if (shape.by_host) spec.hostnames.push_back(host_of(i));
  rule.backends.push_back({.service = "cart", .ns = "shop", .weight = weight});
  return put("route-" + std::to_string(i), std::move(spec));
}

struct Heads {
  std::vector<uint8_t> memory = std::vector<uint8_t>(4'096);
  http::Message message{memory};
};

void run(const Shape& shape, uint32_t routes) {
  Model model(NodeFacts{}, Limits{});
  std::vector<Edit> edits;
  Service service{.addresses = {IpAddress::parse("10.96.0.1").value()}};
  service.ports.push_back({.name = "http", .number = 80, .http = HttpUpstream::kHttp1});
  edits.push_back(put("cart", std::move(service)));
  for (uint32_t i = 0; i < routes; ++i) edits.push_back(route(shape, i));
  const double start = cpu_ns();
  if (const auto problems = model.stage(edits); !problems.empty()) {
    std::fprintf(stderr, "%s\n", problems[0].text.c_str());
    std::exit(1);
  }
  auto snapshot = model.commit(1).snapshot;
  const double loaded = cpu_ns() - start;

  Random random(1);
  std::deque<Heads> heads(kRequests);
  for (Heads& each : heads) {
    const uint32_t i = random.below(routes);
    http::Message& message = each.message;
    message.set_method("GET");
    message.set_authority(shape.by_host ? host_of(i) : "www.shop.example");
    message.set_path("/api/v" + std::to_string(i % 7) + "/team-" + std::to_string(i) +
                     "/items/4711?sort=price&page=2");
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
  for (const Shape& shape : {Shape{"prefix", PathMatch::Kind::kPrefix, false},
                             Shape{"exact", PathMatch::Kind::kExact, false},
                             Shape{"host and prefix", PathMatch::Kind::kPrefix, true},
                             Shape{"regex", PathMatch::Kind::kRegex, false},
                             Shape{"host and regex", PathMatch::Kind::kRegex, true}})
    for (const uint32_t routes : {10u, shape.kind == PathMatch::Kind::kRegex ? 1'000u : 5'000u})
      run(shape, routes);
  return 0;
}
