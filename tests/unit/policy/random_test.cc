// A model that has gone through many changes against a fresh one with the same content, and both
// against the oracle.
#include <gtest/gtest.h>

#include "http_support.h"
#include "oracle.h"
#include "random_edits.h"
#include "seed.h"

namespace heddle::policy {
namespace {

using namespace test;

// What can be said of single edits; otherwise the content would have to be valid as a whole.
bool apply(Content& content, const std::vector<Edit>& edits) {
  std::set<Key> seen;
  bool good = true;
  for (const auto& [key, resource] : edits) {
    good &= seen.insert(key).second;
    if (resource == nullptr) {
      good &= content.erase(key) == 1;
    } else {
      content[key] = resource;
    }
  }
  return good;
}

std::vector<Edit> all_of(const Content& content) {
  std::vector<Edit> edits;
  for (const auto& [key, resource] : content) edits.push_back({key, resource});
  return edits;
}

std::string text_of(const World& world, const Flow& flow) {
  const Decision d = decide(*world.snapshot, flow);
  std::string text = outcome(d);
  if (d.frontend != kNoSlot) {
    const Frontend& frontend = *world.snapshot->frontends[d.frontend];
    if (frontend.route != kNoSlot)
      text += " by " + world.model.route_name(frontend.route) + " " + std::to_string(frontend.rule);
  }
  if (d.access != nullptr)
    text +=
        " as " + world.model.policy_name(d.access->policy) + " " + std::to_string(d.access->rule);
  if (d.cluster != kNoSlot) text += " in " + world.model.cluster_name(d.cluster);
  return text;
}

std::vector<FrontendKey> frontend_keys(const World& world) {
  std::vector<FrontendKey> keys;
  for (const auto& [slot, name] : world.model.frontends()) keys.push_back(name.key);
  std::ranges::sort(keys);
  return keys;
}

void expect_same_attachments(const Attachments& a, const Attachments& b) {
  EXPECT_EQ(a.ports, b.ports);
  EXPECT_EQ(a.service_addresses, b.service_addresses);
}

// Steering knows every address that a translated flow may have.
void expect_roles(const World& world, const Flow& flow) {
  const AddressRoles& roles = world.snapshot->roles;
  const Decision decision = decide(*world.snapshot, flow);
  const bool proxied =
      decision.frontend != kNoSlot &&
      world.snapshot->frontends[decision.frontend]->forwarding == Forwarding::kProxy;
  EXPECT_TRUE(proxied || decision.frontend == kNoSlot || roles.is_service(flow.destination));
  if (decision.verdict != Verdict::kForward) return;
  const Frontend& frontend = *world.snapshot->frontends[decision.frontend];
  EXPECT_EQ(decision.port, decision.endpoint->port != 0 ? decision.endpoint->port
                           : frontend.target_port != 0  ? frontend.target_port
                                                        : flow.destination_port);
  Flow there = flow;
  there.destination = decision.endpoint->address;
  there.destination_port = decision.port;
  const InterfaceId out = world.snapshot->guarded(there.destination);
  EXPECT_EQ(recheck(*world.snapshot, flow, decision.endpoint->address, decision.port).recheck,
            guard(*world.snapshot, there, out).allowed ? Recheck::kStays : Recheck::kDenied);
  if (frontend.forwarding != Forwarding::kDnat) return;
  EXPECT_TRUE(roles.is_endpoint(decision.endpoint->address));
  EXPECT_TRUE(roles.is_endpoint(decision.endpoint->address, flow.protocol, decision.port));
}

void expect_guarded(const World& world, const World& fresh, const Oracle& oracle,
                    const Flow& flow) {
  const auto told = [&](const World& of, InterfaceId out) {
    const Guarded guarded = guard(*of.snapshot, flow, out);
    std::string text = guarded.allowed ? "in" : "out";
    if (guarded.audited) text += " audited";
    if (guarded.access != nullptr) text += " by " + of.model.policy_name(guarded.access->policy);
    return text + " " + std::to_string(static_cast<int>(guarded.how));
  };
  for (uint16_t out = 0; out < 10; ++out) {
    const InterfaceId interface(out);
    ASSERT_EQ(told(world, interface), told(fresh, interface));
    ASSERT_EQ(guard(*world.snapshot, flow, interface).allowed, oracle.let_in(flow, interface));
  }
}

// Requests of those whose connection is let in, and what guards say of them.
void expect_judged(const World& world, const Oracle& oracle, const Flow& flow,
                   RandomEdits& random) {
  const char* paths[] = {"/a", "/a/b", "/a/b/c?x=/a", "/b", "/a/x.b", "/ab"};
  const char* hosts[] = {"a.example", "A.example.:80", "x.a.example", "b.example", "10.0.0.1"};
  FieldList fields;
  if (random.one_in(2)) fields.emplace_back("x-a", random.one_in(2) ? "1" : "2");
  const Request request(random.one_in(2)   ? "GET"
                        : random.one_in(2) ? "PURGE"
                                           : "POST",
                        hosts[random.below(5)], paths[random.below(6)], fields);
  const RequestHead head = RequestHead::of(request.message);
  const Decision decision = decide(*world.snapshot, flow);
  if (decision.frontend != kNoSlot && world.snapshot->frontends[decision.frontend]->is_http &&
      decision.verdict != Verdict::kDenied) {
    ASSERT_EQ(judge_request(*world.snapshot, decision.frontend, flow, head).allowed,
              oracle.admits(flow, request.message));
  }
  for (uint16_t out = 0; out < 10; ++out) {
    const InterfaceId interface(out);
    ASSERT_EQ(guard(*world.snapshot, flow, interface, &head).allowed,
              oracle.let_in(flow, interface, &request.message));
  }
}

// Nothing is left in the filter of what has gone.
void expect_same_roles(World& world, const Content& content, RandomEdits& random) {
  world.settle();
  World fresh;
  fresh.apply(all_of(content));
  EXPECT_EQ(world.model.next_drain_end(), kNever);
  EXPECT_EQ(world.snapshot->stateful, fresh.snapshot->stateful);
  const AddressRoles &a = world.snapshot->roles, &b = fresh.snapshot->roles;
  for (int i = 0; i < 300; ++i) {
    const IpAddress address = random.address(random.one_in(2) ? 1 + random.below(3) : 96, 12);
    EXPECT_EQ(a.is_service(address), b.is_service(address));
    EXPECT_EQ(a.is_endpoint(address), b.is_endpoint(address));
    for (const uint16_t port : std::initializer_list<uint16_t>{80, 53, 8080, 8000, 9999})
      EXPECT_EQ(a.is_endpoint(address, Protocol::kTcp, port),
                b.is_endpoint(address, Protocol::kTcp, port));
  }
}

// As text, so that slots do not matter.
std::set<std::string> listeners_of(const World& world) {
  std::set<std::string> all;
  if (world.snapshot->listeners == nullptr) return all;
  EXPECT_FALSE(world.snapshot->listeners->empty());
  uint32_t last = 0;
  for (const auto& [address, port, slot] : *world.snapshot->listeners) {
    EXPECT_TRUE(all.empty() || slot > last);
    last = slot;
    EXPECT_EQ(world.snapshot->frontend_table->find({address, Protocol::kTcp, port}), slot);
    all.insert(address.text() + " " + std::to_string(port));
  }
  return all;
}

void expect_listeners(const World& world) {
  std::set<std::string> proxied;
  for (const auto& [slot, name] : world.model.frontends())
    if (name.forwarding == Forwarding::kProxy)
      proxied.insert(name.key.address.text() + " " + std::to_string(name.key.port));
  EXPECT_EQ(listeners_of(world), proxied);
}

// What becomes of a request: the rule, and the endpoint where it has one.
std::string told(const World& world, const FrontendKey& key, const Request& request,
                 InterfaceId source, uint64_t hash) {
  const uint32_t slot = world.snapshot->frontend_table->find(key);
  const Frontend& frontend = *world.snapshot->frontends[slot];
  EXPECT_EQ(frontend.forwarding, Forwarding::kProxy);
  EXPECT_EQ(frontend.route, kNoSlot);
  const HttpTarget* target = nullptr;
  std::string text = "no rules";
  if (frontend.http != nullptr) {
    target = frontend.http->find(request.message, source).target;
    if (target == nullptr) return "none";
    const Model::HttpRuleName name = world.model.http_rule_name(target->slot);
    text = name.route + " " + std::to_string(name.rule) + " " + name.text;
    EXPECT_EQ(name.route, world.model.route_name(target->route));
    EXPECT_EQ(name.rule, target->rule);
  }
  const Flow client{.destination = key.address, .destination_port = key.port};
  const Decision decision = decide_request(*world.snapshot, slot, client, target, hash);
  text += " to " + outcome(decision);
  return decision.cluster == kNoSlot ? text
                                     : text + " in " + world.model.cluster_name(decision.cluster);
}

void expect_same_requests(const World& world, const World& fresh, const FrontendKey& key,
                          RandomEdits& random) {
  const Frontend* frontend =
      world.snapshot->frontends[world.snapshot->frontend_table->find(key)].get();
  if (!frontend->is_http) return;
  for (int i = 0; i < 12; ++i) {
    FieldList fields;
    if (random.one_in(2)) fields.emplace_back("x-a", random.one_in(2) ? "v0" : "v1");
    const Request request(random.one_in(2) ? "GET" : "POST", random.one_in(2) ? "a.org" : "b.org",
                          "/p" + std::to_string(random.below(3)) + (random.one_in(2) ? "/x" : ""),
                          fields);
    const InterfaceId source(static_cast<uint16_t>(random.below(10)));
    const uint64_t hash = random.below(1'000'000);
    ASSERT_EQ(told(world, key, request, source, hash), told(fresh, key, request, source, hash));
  }
}

void expect_same(const World& world, const Content& content, RandomEdits& random) {
  World fresh;
  fresh.apply(all_of(content));
  const std::vector<FrontendKey> keys = frontend_keys(world);
  ASSERT_EQ(keys, frontend_keys(fresh));
  expect_same_attachments(*world.attachments, *fresh.attachments);
  expect_listeners(world);
  EXPECT_EQ(world.model.stats().endpoints, fresh.model.stats().endpoints);
  EXPECT_EQ(world.model.stats().frontends, fresh.model.stats().frontends);
  EXPECT_EQ(world.model.stats().resources, content.size());
  const Oracle oracle(content, world.model);
  for (const FrontendKey& key : keys) {
    expect_same_requests(world, fresh, key, random);
    for (int i = 0; i < 12; ++i) {
      Flow flow{.source = random.address(8, 6),
                .destination = key.address,
                .protocol = key.protocol,
                .source_port = static_cast<uint16_t>(random.below(65'536)),
                .destination_port = static_cast<uint16_t>(key.port + (random.one_in(20) ? 1 : 0))};
      flow.in = InterfaceId(static_cast<uint16_t>(random.below(10)));
      flow.identified = !random.one_in(4);
      ASSERT_EQ(text_of(world, flow), text_of(fresh, flow));
      expect_roles(world, flow);
      expect_guarded(world, fresh, oracle, flow);
      expect_judged(world, oracle, flow, random);
      const auto allowed = oracle.outcomes(flow);
      ASSERT_TRUE(allowed.contains(outcome(decide(*world.snapshot, flow))))
          << text_of(world, flow) << ", expected one like " << *allowed.begin();
    }
  }
}

// What a slot stands for, by kind of slot.
struct Meanings {
  std::map<uint32_t, std::string> frontends, endpoints, clusters, rules, access;
};

Meanings meanings(const World& world) {
  Meanings all;
  for (const auto& [slot, name] : world.model.frontends())
    all.frontends[slot] = name.ns + "/" + name.service + " " + name.key.address.text() + " " +
                          std::to_string(name.key.port) +
                          (name.key.protocol == Protocol::kTcp ? "t" : "u");
  for (const Model::HttpRuleName& rule : world.model.http_rules())
    all.rules[rule.slot] = rule.route + " " + std::to_string(rule.rule) + " of " + rule.service;
  for (const Model::AccessRuleName& rule : world.model.access_rules())
    all.access[rule.slot] =
        rule.key.ns + "/" + rule.key.name + " " + std::to_string(rule.rule) + " of " + rule.target;
  for (uint32_t slot = 0; slot < world.snapshot->clusters.size(); ++slot) {
    const Cluster* cluster = world.snapshot->clusters[slot].get();
    if (cluster == nullptr) continue;
    const std::string name = world.model.cluster_name(slot);
    all.clusters[slot] = name;
    for (const EndpointEntry& entry : cluster->endpoints)
      all.endpoints[entry.slot] = name.substr(0, name.find(' ')) + " " + entry.address.text() +
                                  " " + std::to_string(entry.port);
  }
  return all;
}

void expect_stable(const std::map<uint32_t, std::string>& before,
                   const std::map<uint32_t, std::string>& after) {
  std::map<std::string, uint32_t> was;
  for (const auto& [slot, meaning] : before) was[meaning] = slot;
  for (const auto& [slot, meaning] : after) {
    const auto old = before.find(slot);
    EXPECT_TRUE(old == before.end() || old->second == meaning)
        << "slot " << slot << " was " << old->second << " and is " << meaning;
  }
}

// The same meaning in the same slot: of frontends and rules, which names tell apart.
void expect_kept(const std::map<uint32_t, std::string>& before,
                 const std::map<uint32_t, std::string>& after) {
  std::map<std::string, uint32_t> was;
  for (const auto& [slot, meaning] : before) was[meaning] = slot;
  for (const auto& [slot, meaning] : after) {
    const auto old = was.find(meaning);
    EXPECT_TRUE(old == was.end() || old->second == slot) << meaning << " has moved to " << slot;
  }
}

void expect_shared(const Snapshot& before, const Snapshot& after) {
  if (before.listeners != nullptr && after.listeners != nullptr &&
      *before.listeners == *after.listeners) {
    EXPECT_EQ(before.listeners, after.listeners);
  }
  for (uint32_t slot = 0; slot < std::min(before.frontends.size(), after.frontends.size());
       ++slot) {
    const auto &was = before.frontends[slot], &is = after.frontends[slot];
    if (was != nullptr && is != nullptr && *was == *is) {
      EXPECT_EQ(was.get(), is.get());
    }
    if (was != nullptr && is != nullptr && was->http != nullptr && is->http != nullptr &&
        was->http->is_of(is->http->rules())) {
      EXPECT_EQ(was->http, is->http);
    }
  }
  for (uint32_t slot = 0; slot < std::min(before.clusters.size(), after.clusters.size()); ++slot) {
    const auto &was = before.clusters[slot], &is = after.clusters[slot];
    if (was != nullptr && is != nullptr && was->endpoints == is->endpoints &&
        was->fallback == is->fallback && was->algorithm == is->algorithm &&
        std::ranges::none_of(was->endpoints, &EndpointEntry::draining)) {
      EXPECT_EQ(was.get(), is.get());
    }
  }
}

TEST(RandomModel, IsWhatAFreshOneIs) {
  const uint64_t seed = test_seed();
  RandomEdits random(seed);
  World world;
  world.commit();
  Content committed, staged;
  int accepted = 0, refused = 0, rolled_back = 0;
  for (int step = 0; step < 6'000 && !testing::Test::HasFailure(); ++step) {
    const std::vector<Edit> edits = random.next();
    Content wanted = staged;
    World twin;
    const bool valid = apply(wanted, edits) && twin.refuse(all_of(wanted)).empty();
    const std::string problems = world.refuse(edits);
    ASSERT_EQ(problems.empty(), valid) << "step " << step << "\n"
                                       << problems << twin.refuse(all_of(wanted));
    ++(valid ? accepted : refused);
    if (valid) staged = wanted;
    if (random.one_in(10)) {
      world.model.rollback();
      staged = committed;
      ++rolled_back;
    }
    if (!random.one_in(4)) continue;
    const auto before = world.snapshot;
    const auto attachments = world.attachments;
    const Meanings were = meanings(world);
    world.now = world.now + seconds(random.below(30));
    world.commit();
    committed = staged;
    const Meanings are = meanings(world);
    expect_stable(were.frontends, are.frontends);
    expect_stable(were.endpoints, are.endpoints);
    expect_stable(were.clusters, are.clusters);
    expect_stable(were.rules, are.rules);
    expect_stable(were.access, are.access);
    expect_kept(were.access, are.access);
    expect_kept(were.frontends, are.frontends);
    expect_kept(were.rules, are.rules);
    expect_shared(*before, *world.snapshot);
    if (attachments->ports == world.attachments->ports &&
        attachments->service_addresses == world.attachments->service_addresses) {
      EXPECT_EQ(attachments, world.attachments);
    }
    expect_same(world, committed, random);
    if (random.one_in(10)) expect_same_roles(world, committed, random);
  }
  std::printf("%d accepted, %d refused, %d rolled back\n", accepted, refused, rolled_back);
  EXPECT_GT(accepted, 500);
  EXPECT_GT(refused, 500);
}

// A rollback leaves nothing behind: the next commit shares all with the one before.
TEST(RandomModel, RollbackRestores) {
  RandomEdits random(test_seed());
  World world;
  world.commit();
  for (int step = 0; step < 3'000; ++step) {
    world.refuse(random.next());
    if (random.one_in(3)) world.commit();
    world.commit();
    const auto committed = world.snapshot;
    const auto attachments = world.attachments;
    for (uint32_t stages = random.below(5); stages > 0; --stages) world.refuse(random.next());
    world.model.rollback();
    world.commit();
    EXPECT_EQ(world.attachments, attachments);
    EXPECT_EQ(world.snapshot->frontend_table, committed->frontend_table);
    EXPECT_EQ(world.snapshot->listeners, committed->listeners);
    for (uint32_t slot = 0; slot < committed->frontends.size(); ++slot)
      ASSERT_EQ(world.snapshot->frontends[slot], committed->frontends[slot]) << "step " << step;
    for (uint32_t slot = 0; slot < committed->clusters.size(); ++slot)
      ASSERT_EQ(world.snapshot->clusters[slot], committed->clusters[slot]) << "step " << step;
  }
}

}  // namespace
}  // namespace heddle::policy
