// Gateways after many changes against a fresh model with the same content: the same is refused, and
// connections and requests go the same ways, by the same terms.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/random.h"
#include "gateway_support.h"
#include "seed.h"

namespace heddle::policy {
namespace {

using namespace test;

using Content = std::map<Key, ResourcePtr>;

class GatewayEdits {
 public:
  explicit GatewayEdits(uint64_t seed) : random_(seed) {}

  bool one_in(uint32_t times) { return random_.below(times) == 0; }
  uint32_t below(uint32_t bound) { return random_.below(bound); }

  Edit next() {
    const std::string number = std::to_string(below(3));
    const uint32_t kind = below(10);
    if (one_in(6)) return deletion(kind, number);
    if (kind < 3) return put("shop/s" + number, service_at(static_cast<uint8_t>(number[0] - '0')));
    if (kind < 4) return put("shop/e" + number, endpoints("s" + number, {"10.1.0.1", "10.1.0.2"}));
    if (kind < 6) return put("shop/g" + std::to_string(below(2)), some_gateway());
    if (kind < 9) return put("shop/r" + std::to_string(below(5)), route());
    return put("shop/t" + number, traffic(number));
  }

 private:
  static Edit deletion(uint32_t kind, const std::string& number) {
    if (kind < 3) return remove(Kind::kService, "shop/s" + number);
    if (kind < 4) return remove(Kind::kEndpointSet, "shop/e" + number);
    if (kind < 6) return remove(Kind::kGateway, "shop/g" + number);
    if (kind < 9) return remove(Kind::kRoute, "shop/r" + number);
    return remove(Kind::kTrafficPolicy, "shop/t" + number);
  }

  Service service_at(uint8_t number) {
    ServicePort first = http_port("first", 80, static_cast<HttpUpstream>(below(2)));
    if (one_in(3)) first.http.reset();
    if (one_in(2)) first.target_port = static_cast<uint16_t>(8080 + below(2));
    Service made = service({}, {first});
    made.addresses = {IpAddress(wire::Ipv4Address(10, 96, 0, static_cast<uint8_t>(1 + number)))};
    if (one_in(3)) made.ports.push_back(http_port("second", 81));
    if (one_in(4)) made.ports.push_back({"third", 82});
    if (one_in(4)) made.forwarding = Forwarding::kProxy;
    return made;
  }

  Gateway some_gateway() {
    std::vector<ServicePort> listeners = {listener("http", 80, hostnames())};
    if (one_in(2)) listeners.push_back(tcp_listener("tcp", 1000));
    if (one_in(3)) listeners.push_back(listener("more", 8000, hostnames()));
    Gateway made = gateway(listeners, {});
    made.service.addresses = {
        IpAddress(wire::Ipv4Address(10, 96, 0, static_cast<uint8_t>(100 + below(2))))};
    return made;
  }

  std::vector<std::string> hostnames() {
    std::vector<std::string> names;
    if (one_in(4)) names.push_back("a.org");
    if (one_in(4)) names.push_back("*.b.org");
    return names;
  }

  Route route() {
    Backend to = at_port("s" + std::to_string(below(3)),
                         static_cast<uint16_t>(one_in(2) ? 0 : 80 + below(3)));
    Route made = one_in(3) ? leads_tcp(one_in(2) ? "tcp" : "", to) : leads(hostnames(), to);
    made.gateway = "g" + std::to_string(below(2));
    if (one_in(4)) {
      made.gateway.clear();
      made.service = "s" + std::to_string(below(3));
    }
    return made;
  }

  TrafficPolicy traffic(const std::string& number) {
    TrafficPolicy made{.service = "s" + number};
    if (one_in(2)) made.connect_timeout = milliseconds(1 + below(3));
    if (one_in(3)) made.proxy_protocol = ProxyProtocol::kV1;
    if (one_in(3)) made.hash_on = HashOn::kSourceAddress;
    return made;
  }

  Random random_;
};

std::vector<Edit> all_of(const Content& content) {
  std::vector<Edit> edits;
  for (const auto& [key, resource] : content) edits.push_back({key, resource});
  return edits;
}

std::string told(const World& world, const Decision& decision) {
  std::string text = outcome(decision);
  if (decision.verdict != Verdict::kForward) return text;
  const BackendTerms& terms = *decision.terms;
  return text + ":" + std::to_string(decision.port) + " in " +
         world.model.cluster_name(decision.cluster) + (terms.hash_on == HashOn::kFlow ? "" : " s") +
         (terms.upstream_http == HttpUpstream::kHttp2 ? " h2 " : " h1 ") +
         std::to_string(terms.connect_timeout.ns()) +
         (terms.proxy_protocol_out == ProxyProtocol::kOff ? "" : " pp");
}

// What becomes of all that may be asked at a listener.
std::string told(const World& world, const FrontendKey& key) {
  const uint32_t slot = world.snapshot->frontend_table->find(key);
  const Frontend& frontend = *world.snapshot->frontends[slot];
  const Flow client{
      .source = ip("10.9.0.1"), .destination = key.address, .destination_port = key.port};
  std::string text = told(world, decide(*world.snapshot, client));
  if (!frontend.is_http) return text;
  for (const char* host : {"a.org", "x.b.org", "c.org"}) {
    const Request request("GET", host, "/");
    const HttpTarget* target = nullptr;
    text += frontend.takes_host(host) ? "; takes " : "; refuses ";
    if (frontend.http != nullptr)
      target = frontend.http->find(request.message, kNoInterface).target;
    if (frontend.http != nullptr && target == nullptr) continue;
    text += told(world, decide_request(*world.snapshot, slot, client, target, 7));
  }
  return text;
}

void expect_same(const World& world, const Content& content) {
  World fresh;
  fresh.apply(all_of(content));
  ASSERT_EQ(world.model.frontends().size(), fresh.model.frontends().size());
  EXPECT_EQ(world.model.stats().gateways, fresh.model.stats().gateways);
  for (const auto& [slot, name] : world.model.frontends())
    ASSERT_EQ(told(world, name.key), told(fresh, name.key)) << name.service;
}

TEST(RandomGateways, AreWhatFreshOnesAre) {
  GatewayEdits random(test_seed());
  World world;
  world.commit();
  Content committed, staged;
  int accepted = 0, compared = 0;
  for (int step = 0; step < 3'000 && !testing::Test::HasFailure(); ++step) {
    const Edit edit = random.next();
    Content wanted = staged;
    bool valid = true;
    if (edit.resource == nullptr)
      valid = wanted.erase(edit.key) == 1;
    else
      wanted[edit.key] = edit.resource;
    World twin;
    valid = valid && twin.refuse(all_of(wanted)).empty();
    const std::string problems = world.refuse({edit});
    ASSERT_EQ(problems.empty(), valid) << "step " << step << "\n" << problems;
    if (valid) staged = wanted;
    accepted += valid ? 1 : 0;
    if (random.one_in(10)) {
      world.model.rollback();
      staged = committed;
    }
    if (!random.one_in(4)) continue;
    world.settle();
    committed = staged;
    expect_same(world, committed);
    ++compared;
  }
  EXPECT_GT(accepted, 500);
  EXPECT_GT(compared, 300);
}

}  // namespace
}  // namespace heddle::policy
