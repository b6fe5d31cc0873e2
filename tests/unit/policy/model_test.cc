// Model: what snapshots share, what slots mean, what names and attachments say.
#include "policy/model.h"

#include <gtest/gtest.h>

#include "resources.h"

namespace heddle::policy {
namespace {

using namespace test;

TEST(Model, StartsEmpty) {
  World world;
  world.commit();
  EXPECT_EQ(world.snapshot->version, 1u);
  EXPECT_EQ(outcome(decide(*world.snapshot, flow("10.9.0.1", "10.96.0.20", 80))), "no port");
  ASSERT_NE(world.attachments, nullptr);
  EXPECT_TRUE(world.attachments->ports.empty());
  EXPECT_EQ(world.model.stats().resources, 0u);
}

// cart and user, each with a route, endpoints and a policy.
std::vector<Edit> two_services() {
  std::vector<Edit> edits;
  for (const std::string name : {"cart", "user"}) {
    const bool cart = name == "cart";
    edits.push_back(put("shop/" + name, service({cart ? "10.96.0.1" : "10.96.0.2"},
                                                {{"http", 80}, {"admin", 81}})));
    edits.push_back(
        put("shop/" + name + "-set",
            endpoints(name, {cart ? "10.1.0.1" : "10.1.0.2", cart ? "10.1.0.3" : "10.1.0.4"})));
    edits.push_back(
        put("shop/" + name + "-route",
            Route{.service = name, .rules = {{.port = "http", .backends = {backend(name)}}}}));
    edits.push_back(put("shop/" + name + "-deny",
                        AccessPolicy{.service = name,
                                     .action = Action::kDeny,
                                     .rules = {{.from = {{.cidrs = {prefix("10.66.0.0/16")}}}}}}));
  }
  return edits;
}

uint32_t slot(const World& world, const char* address, uint16_t port) {
  return world.snapshot->frontend_table->find({ip(address), Protocol::kTcp, port});
}

const Cluster& cluster(const World& world, const char* address, uint16_t port) {
  return *world.snapshot->clusters[world.frontend(address, port)->choices[0].cluster];
}

TEST(Model, SharesWhatAChangeDoesNotTouch) {
  World world;
  world.apply(two_services());
  const auto before = world.snapshot;
  const auto attachments = world.attachments;
  const Cluster* cart = &cluster(world, "10.96.0.1", 80);
  const Cluster* user = &cluster(world, "10.96.0.2", 80);
  const Frontend* frontend = world.frontend("10.96.0.1", 80);
  const AccessList* access = frontend->access.get();

  world.apply({put("shop/cart-set", endpoints("cart", {"10.1.0.1", "10.1.0.9"}))});
  EXPECT_NE(&cluster(world, "10.96.0.1", 80), cart);
  EXPECT_EQ(&cluster(world, "10.96.0.2", 80), user);
  EXPECT_EQ(world.frontend("10.96.0.1", 80), frontend);
  EXPECT_EQ(world.snapshot->frontend_table, before->frontend_table);
  EXPECT_EQ(world.attachments, attachments);
  EXPECT_EQ(&cluster(world, "10.96.0.1", 80), &cluster(world, "10.96.0.1", 81))
      << "with a route and without one";

  cart = &cluster(world, "10.96.0.1", 80);
  world.apply({put(
      "shop/cart-route",
      Route{.service = "cart", .rules = {{.port = "http", .backends = {backend("cart", 7)}}}})});
  EXPECT_NE(world.frontend("10.96.0.1", 80), frontend);
  EXPECT_EQ(world.frontend("10.96.0.1", 80)->access.get(), access);
  EXPECT_EQ(&cluster(world, "10.96.0.1", 80), cart);
  EXPECT_EQ(world.snapshot->frontend_table, before->frontend_table);
}

TEST(Model, TheSameAgainChangesNothing) {
  World world;
  world.apply(two_services());
  const auto before = world.snapshot;
  const auto attachments = world.attachments;
  world.apply(two_services());
  EXPECT_EQ(world.snapshot->frontend_table, before->frontend_table);
  EXPECT_EQ(world.attachments, attachments);
  for (uint32_t i = 0; i < before->frontends.size(); ++i)
    EXPECT_EQ(world.snapshot->frontends[i], before->frontends[i]);
  for (uint32_t i = 0; i < before->clusters.size(); ++i)
    EXPECT_EQ(world.snapshot->clusters[i], before->clusters[i]);
}

TEST(Model, SnapshotsOutliveIt) {
  std::shared_ptr<const Snapshot> snapshot;
  {
    World world;
    world.apply(two_services());
    snapshot = world.snapshot;
    world.apply({remove(Kind::kEndpointSet, "shop/cart-set")});
  }
  EXPECT_NE(outcome(decide(*snapshot, flow("10.9.0.1", "10.96.0.1", 80))), "no endpoint");
}

// A slot is not given to somebody else in the commit that frees it.
TEST(Model, FreedSlotsRestForOneCommit) {
  World world;
  world.apply(two_services());
  const uint32_t old = slot(world, "10.96.0.1", 81);
  Service one_port = service({"10.96.0.1"}, {{"http", 80}});
  world.apply({put("shop/cart", one_port),
               put("shop/user", service({"10.96.0.2"}, {{"http", 80}, {"admin", 81}, {"x", 82}}))});
  EXPECT_NE(slot(world, "10.96.0.2", 82), old);
  EXPECT_EQ(world.snapshot->frontends[old], nullptr);
  one_port.ports.push_back({"y", 83});
  world.apply({put("shop/cart", one_port)});
  EXPECT_EQ(slot(world, "10.96.0.1", 83), old);
}

// Who still holds a slot from before can tell that it is another's.
TEST(Model, KnowsWhetherASlotIsStillTheSameFrontends) {
  World world;
  world.apply(two_services());
  const uint32_t of_user = slot(world, "10.96.0.2", 80), old = slot(world, "10.96.0.1", 81);
  const uint64_t then = world.version;
  EXPECT_TRUE(world.snapshot->is_frontend_of(old, then));
  world.apply({put("shop/cart", service({"10.96.0.1"}, {{"http", 80}}))});
  EXPECT_FALSE(world.snapshot->is_frontend_of(old, then));
  world.apply({put("shop/cart", service({"10.96.0.1"}, {{"http", 80}, {"y", 83}}))});
  ASSERT_EQ(slot(world, "10.96.0.1", 83), old);
  EXPECT_FALSE(world.snapshot->is_frontend_of(old, then));
  EXPECT_TRUE(world.snapshot->is_frontend_of(old, world.version));
  EXPECT_TRUE(world.snapshot->is_frontend_of(of_user, then));
  EXPECT_FALSE(world.snapshot->is_frontend_of(1'000'000, then));
}

TEST(Model, NamesSomeEndpointsAndCountsTheOthers) {
  World world;
  world.apply(two_services());
  const auto all = world.model.endpoints();
  for (size_t most = 0; most <= all.size() + 1; ++most) {
    const auto some = world.model.endpoints_up_to(most);
    EXPECT_EQ(some.endpoints.size(), std::min(most, all.size()));
    EXPECT_EQ(some.endpoints.size() + some.left_out, all.size());
    for (size_t i = 0; i < some.endpoints.size(); ++i)
      EXPECT_EQ(some.endpoints[i].slot, all[i].slot);
  }
}

TEST(Model, SlotsStayThroughOtherChanges) {
  World world;
  world.apply(two_services());
  const auto endpoint = [&] { return cluster(world, "10.96.0.1", 80).endpoints.back(); };
  const EndpointEntry before = endpoint();
  ASSERT_EQ(before.address.text(), "10.1.0.3");
  const uint32_t frontend = slot(world, "10.96.0.1", 80);
  EndpointSet set = endpoints("cart", {"10.1.0.0", "10.1.0.2", "10.1.0.3"});
  set.endpoints[2].weight = 5;
  world.apply({put("shop/cart-set", set),
               put("shop/cart", service({"10.96.0.0", "10.96.0.1"}, {{"web", 80}})),
               put("shop/cart-route",
                   Route{.service = "cart", .rules = {{.backends = {backend("cart")}}}})});
  EXPECT_EQ(endpoint().slot, before.slot);
  EXPECT_EQ(endpoint().weight, 5);
  EXPECT_EQ(slot(world, "10.96.0.1", 80), frontend) << "known by its number, not its name";
}

TEST(Model, SlotsStayBelowTheirBounds) {
  Limits limits{.services = 2, .service_ports = 4, .endpoints = 4, .subsets = 0};
  World world(limits);
  for (int i = 0; i < 20; ++i) {
    const std::string name = "s" + std::to_string(i);
    const std::string other = "t" + std::to_string(i);
    std::vector<Edit> edits = {put("shop/" + name, service({"10.96.0.1"}, {{"a", 80}, {"b", 81}})),
                               put("shop/" + other, service({"10.96.0.2"}, {{"a", 80}, {"b", 81}})),
                               put("shop/" + name, endpoints(name, {"10.1.0.1", "10.1.0.2"})),
                               put("shop/" + other, endpoints(other, {"10.1.0.1", "10.1.0.2"}))};
    for (const std::string& old : {"s" + std::to_string(i - 1), "t" + std::to_string(i - 1)}) {
      if (i == 0) continue;
      edits.push_back(remove(Kind::kService, "shop/" + old));
      edits.push_back(remove(Kind::kEndpointSet, "shop/" + old));
    }
    world.apply(edits);
    for (const auto& [at, frontend] : world.model.frontends())
      EXPECT_LT(at, limits.frontend_slots());
    for (uint32_t at = 0; at < world.snapshot->clusters.size(); ++at) {
      if (world.snapshot->clusters[at] == nullptr) continue;
      EXPECT_LT(at, limits.cluster_slots());
      for (const EndpointEntry& entry : world.snapshot->clusters[at]->endpoints)
        EXPECT_LT(entry.slot, limits.endpoint_slots());
    }
  }
}

TEST(Model, TablesAreOneForEachServiceAndSubset) {
  World world;
  const Route route{.service = "cart",
                    .rules = {{.backends = {backend("cart", 1, {{"version", "v1"}}),
                                            backend("cart", 1, {{"version", "v2"}})}}}};
  EndpointSet set = endpoints("cart", {"10.1.0.1", "10.1.0.2", "10.1.0.3"});
  set.endpoints[0].labels = {{"version", "v1"}, {"zone", "a"}};
  set.endpoints[1].labels = {{"version", "v2"}};
  world.apply({put("shop/cart", service({"10.96.0.1"}, {{"a", 80}, {"b", 81}})),
               put("shop/set", set), put("shop/route", route)});
  const Frontend& frontend = *world.frontend("10.96.0.1", 80);
  EXPECT_EQ(frontend.choices, world.frontend("10.96.0.1", 81)->choices);
  ASSERT_EQ(frontend.choices.size(), 2u);
  EXPECT_EQ(world.model.cluster_name(frontend.choices[0].cluster), "shop/cart (version=v1)");
  for (size_t i = 0; i < 2; ++i) {
    const Cluster& of = *world.snapshot->clusters[frontend.choices[i].cluster];
    ASSERT_EQ(of.endpoints.size(), 1u);
    EXPECT_EQ(of.endpoints[0].address, set.endpoints[i].address);
  }
  size_t clusters = 0;
  for (uint32_t i = 0; i < world.snapshot->clusters.size(); ++i)
    clusters += world.snapshot->clusters[i] != nullptr;
  EXPECT_EQ(clusters, 2u) << "nobody goes to all of cart";
}

TEST(Model, SelectsWorkloadsByLabels) {
  World world;
  Service spec = service({"10.96.0.1"});
  spec.selector = {{"app", "cart"}, {"version", "v1"}};
  world.apply(
      {put("shop/cart", spec),
       put("shop/one", workload("w1", {"10.8.0.1"}, {{"version", "v1"}}), {{"app", "cart"}}),
       put("shop/two", workload("w2", {"10.8.0.2"}, {{"app", "cart"}, {"version", "v1"}}),
           {{"version", "v2"}}),
       put("shop/old", workload("w3", {"10.8.0.3"}, {{"version", "v2"}}),
           {{"app", "cart"}, {"version", "v1"}}),
       put("bank/alien", workload("w4", {"10.8.0.4"}, {{"app", "cart"}, {"version", "v1"}}))});
  const auto addresses = [&] {
    std::string text;
    for (const EndpointEntry& entry : cluster(world, "10.96.0.1", 80).endpoints)
      text += entry.address.text() + " ";
    return text;
  };
  EXPECT_EQ(addresses(), "10.8.0.1 10.8.0.2 ");
  world.apply({put("shop/one", workload("w1", {"10.8.0.1"}))});
  world.settle();
  EXPECT_EQ(addresses(), "10.8.0.2 ");
  world.apply({remove(Kind::kWorkload, "shop/two")});
  world.settle();
  EXPECT_EQ(addresses(), "");
}

// Enough endpoints for a sort that does not keep order to show.
TEST(Model, AnEndpointSetOverridesTheWorkload) {
  World world;
  Service spec = service({"10.96.0.1"});
  spec.selector = {{"app", "cart"}};
  EndpointSet set{.service = "cart"};
  std::vector<IpAddress> addresses;
  for (uint32_t host = 1; host <= 64; ++host)
    set.endpoints.push_back({.address = IpAddress(wire::Ipv4Address::from_host(0x0a08'0000 + host)),
                             .weight = static_cast<uint16_t>(host + 100)});
  std::vector<Edit> edits = {put("shop/cart", spec), put("shop/set", set)};
  for (uint32_t port = 1; port <= 4; ++port) {
    Workload one{.port = "w" + std::to_string(port), .labels = {{"app", "cart"}}};
    for (uint32_t i = 0; i < 16; ++i)
      one.addresses.push_back(set.endpoints[(port - 1) * 16 + i].address);
    edits.push_back(put("shop/" + one.port, one));
  }
  world.apply(edits);
  const auto& entries = cluster(world, "10.96.0.1", 80).endpoints;
  ASSERT_EQ(entries.size(), 64u);
  for (uint32_t i = 0; i < 64; ++i) EXPECT_EQ(entries[i].weight, i + 101);
}

TEST(Model, TellsNames) {
  World world;
  world.apply(two_services());
  const auto names = world.model.frontends();
  ASSERT_EQ(names.size(), 4u);
  for (const auto& [at, name] : names) {
    EXPECT_EQ(world.snapshot->frontend_table->find(name.key), at);
    EXPECT_EQ(name.ns + "/" + name.service,
              name.key.address.text() == "10.96.0.1" ? "shop/cart" : "shop/user");
    EXPECT_EQ(name.port, name.key.port == 80 ? "http" : "admin");
    EXPECT_EQ(name.endpoints, 2u);
  }
  EXPECT_EQ(world.model.cluster_name(9'999), "");
  EXPECT_EQ(world.model.route_name(kNoSlot), "");
  EXPECT_EQ(world.model.policy_name(9'999), "");
  const ModelStats stats = world.model.stats();
  EXPECT_EQ(stats.resources, 8u);
  EXPECT_EQ(stats.services, 2u);
  EXPECT_EQ(stats.frontends, 4u);
  EXPECT_EQ(stats.endpoints, 4u);
  EXPECT_GT(stats.snapshot_bytes, 1'000u);
}

TEST(Model, FreesAllThatIsDeleted) {
  World world;
  world.commit();
  const size_t empty = world.model.stats().snapshot_bytes;
  world.apply(two_services());
  std::vector<Edit> edits = two_services();
  for (Edit& edit : edits) edit.resource = nullptr;
  world.apply(edits);
  const ModelStats stats = world.model.stats();
  EXPECT_EQ(stats.frontends, 0u);
  EXPECT_EQ(stats.endpoints, 0u);
  // The arrays keep their chunks.
  EXPECT_EQ(stats.snapshot_bytes - empty, 2 * 64 * sizeof(std::shared_ptr<void>));
  EXPECT_EQ(world.snapshot->frontend_table->bytes(), FrontendTable().bytes());
  EXPECT_TRUE(world.attachments->service_addresses.empty());
}

TEST(Model, FindsWorkloads) {
  World world;
  world.apply({put("shop/one", workload("w2", {"10.8.0.9", "2001:db8:8::9"}))});
  const Resource* found = world.model.workload_at(ip("2001:db8:8::9"));
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->key.name, "one");
  EXPECT_EQ(world.model.interface_of(std::get<Workload>(found->spec)), InterfaceId(2));
  EXPECT_EQ(world.model.interface_of({.port = "wan"}), kNoInterface);
  EXPECT_EQ(world.model.workload_at(ip("10.8.0.8")), nullptr);
  EXPECT_EQ(world.model.find(found->key), found);
  EXPECT_EQ(world.model.find(key(Kind::kService, "shop/one")), nullptr);
}

std::string text_of(const std::vector<IpAddress>& addresses) {
  std::string text;
  for (const IpAddress& address : addresses) text += address.text() + " ";
  return text;
}

TEST(Attachments, AreWorkloadsAddressesAndThoseOfTheirServices) {
  World world;
  Service cart = direct(service({"10.96.0.1", "2001:db8:96::1"}));
  cart.selector = {{"app", "cart"}};
  Service translated = service({"10.96.0.4"});
  translated.selector = cart.selector;
  world.apply({put("shop/cart", cart), put("shop/user", direct(service({"10.96.0.2"}))),
               put("shop/third", direct(service({"10.96.0.3"}))), put("shop/fourth", translated),
               put("shop/users", endpoints("user", {"10.8.0.9", "10.1.0.1"})),
               put("shop/one", workload("w1", {"10.8.0.1", "10.8.0.9"}, {{"app", "cart"}}))});
  ASSERT_EQ(world.attachments->ports.size(), 1u);
  const Attachments::PortAddresses& port = world.attachments->ports[0];
  EXPECT_EQ(port.port, 1u);
  EXPECT_EQ(text_of(port.addresses), "10.8.0.9 ") << "the file has 10.8.0.1 already";
  EXPECT_EQ(text_of(port.also_from), "10.96.0.1 10.96.0.2 ") << "of the workload's families";
  EXPECT_EQ(text_of(world.attachments->service_addresses),
            text_of(ips({"10.96.0.1", "10.96.0.2", "10.96.0.3", "10.96.0.4", "2001:db8:96::1"})));

  const auto before = world.attachments;
  world.apply({put("shop/users", endpoints("user", {"10.8.0.9", "10.1.0.2"}))});
  EXPECT_EQ(world.attachments, before) << "the other endpoint is no workload";
  world.apply({remove(Kind::kEndpointSet, "shop/users")});
  EXPECT_EQ(text_of(world.attachments->ports[0].also_from), "10.96.0.1 ");
  world.apply({put("shop/one", workload("w2", {"10.8.0.9"}, {{"app", "cart"}}))});
  ASSERT_EQ(world.attachments->ports.size(), 1u);
  EXPECT_EQ(world.attachments->ports[0].port, 2u);
  EXPECT_EQ(text_of(world.attachments->ports[0].also_from), "10.96.0.1 ");
}

}  // namespace
}  // namespace heddle::policy
