// Gateways and ExternalServices after many changes against a fresh model with the same content: the
// same is refused, and connections and requests go the same ways, by the same terms.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/random.h"
#include "external_support.h"
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
    const uint32_t kind = below(12);
    if (one_in(6)) return deletion(kind, number);
    if (kind < 3) return put("shop/s" + number, service_at(static_cast<uint8_t>(number[0] - '0')));
    if (kind < 4) return put("shop/e" + number, some_endpoints(number));
    if (kind < 6) return put("shop/g" + std::to_string(below(2)), some_gateway());
    if (kind < 9) return put("shop/r" + std::to_string(below(5)), route());
    if (kind < 11)
      return put("shop/s" + number, some_external(static_cast<uint8_t>(number[0] - '0')));
    return put("shop/t" + number, traffic(number));
  }

 private:
  static Edit deletion(uint32_t kind, const std::string& number) {
    if (kind < 3) return remove(Kind::kService, "shop/s" + number);
    if (kind < 4) return remove(Kind::kEndpointSet, "shop/e" + number);
    if (kind < 6) return remove(Kind::kGateway, "shop/g" + number);
    if (kind < 9) return remove(Kind::kRoute, "shop/r" + number);
    if (kind < 11) return remove(Kind::kExternalService, "shop/s" + number);
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

  // Under the name of a Service, at the address of one, or of its own.
  ExternalService some_external(uint8_t number) {
    ServicePort first = outside(http_port("first", 80, static_cast<HttpUpstream>(below(2))));
    if (one_in(2)) first.upstream_tls = by_name(one_in(2) ? "a.example" : "c.example");
    if (one_in(2)) first.target_port = static_cast<uint16_t>(8443 + below(2));
    std::vector<ServicePort> ports = {first};
    if (one_in(3)) ports.push_back(outside({"third", 82}));
    if (one_in(3)) ports.push_back(outside(passing_listener("tls", 443)));
    std::vector<std::string> hosts;
    if (one_in(2)) hosts.push_back("a.org");
    if (one_in(4)) hosts.push_back("x.b.org");
    ExternalService made = external({}, std::move(ports), std::move(hosts));
    if (one_in(2)) {
      made.service.addresses = {ip(one_in(2) ? "203.0.113.1" : "203.0.113.2")};
      return made;
    }
    made.service.addresses = {
        IpAddress(wire::Ipv4Address(10, 96, 0, static_cast<uint8_t>(1 + number)))};
    made = leads_to(std::move(made), {one_in(2) ? "203.0.113.1" : "10.1.0.1", "203.0.113.9"});
    for (Endpoint& each : made.endpoints) each.labels = subset();
    return made;
  }

  EndpointSet some_endpoints(const std::string& number) {
    EndpointSet made = endpoints("s" + number, {"10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4"});
    for (Endpoint& each : made.endpoints) each.labels = subset();
    return made;
  }
  Labels subset() { return one_in(2) ? Labels{} : Labels{{"v", one_in(2) ? "1" : "2"}}; }

  Gateway some_gateway() {
    std::vector<ServicePort> listeners = {listener("http", 80, hostnames())};
    if (one_in(2)) listeners.push_back(tcp_listener("tcp", 1000));
    if (one_in(3)) listeners.push_back(listener("more", 8000, hostnames()));
    if (one_in(2)) listeners.push_back(passing_listener("tls", 443, hostnames()));
    if (one_in(4)) listeners.push_back(passing_listener("tls2", 444, hostnames()));
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

  Backend some_backend() {
    Backend to = at_port("s" + std::to_string(below(3)),
                         static_cast<uint16_t>(one_in(4) ? 0 : 80 + below(3)));
    to.weight = below(4);
    to.subset = subset();
    return to;
  }
  std::vector<Backend> backends() {
    std::vector<Backend> all;
    for (uint32_t left = 1 + below(3); left > 0; --left) all.push_back(some_backend());
    return all;
  }

  Route route() {
    Route made;
    if (one_in(3)) {
      made.rules = {{one_in(3) ? "" : one_in(2) ? "tcp" : "third", backends()}};
    } else if (one_in(3)) {
      made.tls = {{{one_in(2) ? "a.org" : "*.b.org"}, backends()}};
    } else {
      made.hostnames = hostnames();
      for (uint32_t left = 1 + below(2); left > 0; --left) {
        HttpRule& rule = made.http.emplace_back();
        rule.backends = backends();
        if (left > 1) rule.matches = {asks(under("/more"))};
        if (!one_in(3)) continue;
        rule.mirror = HttpMirror{.backend = some_backend()};
        rule.mirror->backend.weight = 1;
      }
    }
    // A Service's Route may lead to itself.
    const bool of_gateway = !one_in(3);
    (of_gateway ? made.gateway : made.service) = (of_gateway ? "g" : "s") + number_below(3);
    return made;
  }
  std::string number_below(uint32_t bound) { return std::to_string(below(bound)); }

  TrafficPolicy traffic(const std::string& number) {
    TrafficPolicy made{.service = "s" + number};
    if (one_in(2)) made.connect_timeout = milliseconds(1 + below(3));
    if (one_in(4)) made.proxy_protocol = ProxyProtocol::kV1;
    if (one_in(4)) made.upstream_tls = by_name(one_in(2) ? "a.example" : "b.example");
    made.hash_on = static_cast<HashOn>(below(4));
    if (is_of_requests(made.hash_on)) made.hash_name = one_in(2) ? "x-user" : "x-other";
    if (made.hash_on == HashOn::kCookie && one_in(2)) made.hash_cookie_ttl = seconds(1 + below(2));
    return made;
  }

  Random random_;
};

std::vector<Edit> all_of(const Content& content) {
  std::vector<Edit> edits;
  for (const auto& [key, resource] : content) edits.push_back({key, resource});
  return edits;
}

std::string told(const HttpAffinity& affinity) {
  return " by " + affinity.name + affinity.cookie_attributes;
}

std::string told(const World& world, const Decision& decision) {
  std::string text = outcome(decision);
  if (decision.verdict != Verdict::kForward) return text;
  const BackendTerms& terms = *decision.terms;
  return text + ":" + std::to_string(decision.port) + " in " +
         world.model.cluster_name(decision.cluster) + (terms.hash_on == HashOn::kFlow ? "" : " s") +
         (terms.affinity == nullptr ? "" : told(*terms.affinity)) +
         (terms.tls_out == nullptr ? "" : " tls " + terms.tls_out->server_name) +
         (terms.upstream_http == HttpUpstream::kHttp2 ? " h2 " : " h1 ") +
         std::to_string(terms.connect_timeout.ns()) +
         (terms.proxy_protocol_out == ProxyProtocol::kOff ? "" : " pp");
}

// What becomes of requests that a rule is for, or none.
std::string told(const World& world, const Flow& client, uint32_t slot, const Request& request) {
  const Frontend& frontend = *world.snapshot->frontends[slot];
  std::string text = frontend.takes_host(request.message.authority()) ? "; takes " : "; refuses ";
  const HttpTarget* target = nullptr;
  if (frontend.http != nullptr) target = frontend.http->find(request.message, kNoInterface).target;
  if (frontend.http != nullptr && target == nullptr) return text;
  if (target != nullptr) {
    const Model::HttpRuleName name = world.model.http_rule_name(target->slot);
    text += name.route + "[" + std::to_string(name.rule) + "] of " + name.service + " ";
    EXPECT_EQ(name.route, world.model.route_name(target->route));
    EXPECT_EQ(name.rule, target->rule);
    EXPECT_EQ(name.kind == Kind::kGateway, frontend.edge);
  }
  const BackendTerms& leading = leading_terms(frontend, target);
  text += wants_cookie(leading, request.message) ? "cookie " : "";
  for (uint64_t drawn = 1; drawn < 4; ++drawn) {
    const uint64_t hash =
        hash_of_request(leading, client, request.message, drawn * 0x9e3779b97f4a7c15);
    if (target == nullptr || !target->choices.empty())
      text += told(world, decide_request(*world.snapshot, slot, client, target, hash)) + ", ";
    if (target != nullptr && target->mirror)
      text += "copy " + told(world, decide_mirror(*world.snapshot, slot, client, *target, hash));
  }
  return text;
}

// What becomes of all that may be asked at a listener.
std::string told(const World& world, const FrontendKey& key) {
  const uint32_t slot = world.snapshot->frontend_table->find(key);
  const Frontend& frontend = *world.snapshot->frontends[slot];
  Flow client{.source = ip("10.9.0.1"), .destination = key.address, .destination_port = key.port};
  std::string text;
  for (const char* name : {"", "a.org", "x.b.org", "c.org"})
    for (client.source_port = 1; client.source_port < 4; ++client.source_port)
      text += told(world, decide(*world.snapshot, client, nullptr, name)) + ", ";
  if (!frontend.is_http) return text;
  for (const char* host : {"a.org", "x.b.org", "c.org"})
    for (const char* path : {"/", "/more"})
      for (const FieldList& fields :
           {FieldList{}, FieldList{{"x-user", "1"}, {"cookie", "x-user=2"}}})
        text += told(world, client, slot, Request("GET", host, path, fields));
  return text;
}

// All clusters with their endpoints, and all rules that have a slot.
std::multiset<std::string> in_use(const World& world) {
  std::multiset<std::string> all;
  for (uint32_t slot = 0; slot < world.snapshot->clusters.size(); ++slot) {
    const auto& cluster = world.snapshot->clusters[slot];
    if (cluster == nullptr) continue;
    std::string text = "cluster " + world.model.cluster_name(slot);
    for (const EndpointEntry& each : cluster->endpoints) text += " " + each.address.text();
    all.insert(text);
  }
  std::set<uint32_t> slots;
  for (const Model::HttpRuleName& name : world.model.http_rules()) {
    EXPECT_TRUE(slots.insert(name.slot).second) << name.slot;
    EXPECT_LT(name.slot, Limits().http_rule_slots());
    all.insert("rule " + name.route + std::to_string(name.rule) + " of " + name.service +
               name.text);
  }
  return all;
}

void expect_same(const World& world, const Content& content) {
  TlsWorld other;
  World& fresh = other.world;
  fresh.apply(all_of(content));
  ASSERT_EQ(world.model.frontends().size(), fresh.model.frontends().size());
  EXPECT_EQ(world.model.stats().gateways, fresh.model.stats().gateways);
  for (const auto& [slot, name] : world.model.frontends())
    ASSERT_EQ(told(world, name.key), told(fresh, name.key)) << name.service;
  ASSERT_EQ(in_use(world), in_use(fresh));
}

// Slots are never taken back.
size_t bytes_but_slots(const World& world) {
  const size_t slots = world.snapshot->frontends.size() + world.snapshot->clusters.size();
  return world.model.stats().snapshot_bytes - slots * sizeof(std::shared_ptr<void>) -
         world.snapshot->rules_since.size() * sizeof(uint64_t);
}

// Nothing is left of it.
void expect_gone(World& world, const Content& content) {
  std::vector<Edit> edits;
  for (const auto& [key, resource] : content) edits.push_back({key, nullptr});
  world.apply(std::move(edits));
  world.settle();
  World empty;
  empty.commit();
  EXPECT_EQ(in_use(world), in_use(empty));
  EXPECT_EQ(world.model.frontends().size(), 0u);
  EXPECT_EQ(bytes_but_slots(world), bytes_but_slots(empty));
}

TEST(RandomGateways, AreWhatFreshOnesAre) {
  GatewayEdits random(test_seed());
  TlsWorld tls;
  World& world = tls.world;
  const Edit roots = bundle("shop/roots", "example.org");
  world.apply({roots});
  Content committed = {{roots.key, roots.resource}}, staged = committed;
  int accepted = 0, compared = 0;
  for (int step = 0; step < 3'000 && !testing::Test::HasFailure(); ++step) {
    const Edit edit = random.next();
    Content wanted = staged;
    bool valid = true;
    if (edit.resource == nullptr)
      valid = wanted.erase(edit.key) == 1;
    else
      wanted[edit.key] = edit.resource;
    TlsWorld twin;
    valid = valid && twin.world.refuse(all_of(wanted)).empty();
    const std::string problems = world.refuse({edit});
    ASSERT_EQ(problems.empty(), valid) << "step " << step << "\n" << problems;
    if (valid) staged = wanted;
    accepted += valid ? 1 : 0;
    if (random.one_in(10)) {
      world.model.rollback();
      staged = committed;
    }
    if (!random.one_in(4)) continue;
    world.commit();
    world.settle();
    committed = staged;
    expect_same(world, committed);
    ++compared;
  }
  EXPECT_GT(accepted, 500);
  EXPECT_GT(compared, 300);
  world.model.rollback();
  expect_gone(world, committed);
}

}  // namespace
}  // namespace heddle::policy
