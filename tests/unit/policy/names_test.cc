// What snapshots have for DNS: services by name, and the namespaces that workloads ask from.
#include <gtest/gtest.h>

#include "resources.h"

namespace heddle::policy {
namespace {

using namespace test;

NodeFacts with_dns() {
  NodeFacts facts = node();
  facts.dns_suffix = *dns::Suffix::parse("mesh.local");
  return facts;
}

struct Named : World {
  Named() : World({}, with_dns()) {}

  // "10.96.0.1 fd96::1"; "-": no such service.
  std::string addresses(const char* service, const char* ns = "shop") const {
    const auto found = snapshot->names->find_service(service, ns);
    if (!found) return "-";
    std::string text;
    for (const auto& address : found->addresses4) text += to_string(address) + " ";
    for (const auto& address : found->addresses6) text += to_string(address) + " ";
    if (!text.empty()) text.pop_back();
    return text;
  }
};

TEST(DnsNames, AreThoseOfServices) {
  Named world;
  world.commit();
  ASSERT_NE(world.snapshot->names, nullptr) << "also without services";
  EXPECT_EQ(world.addresses("cart"), "-");
  world.apply({put("shop/cart", service({"10.96.0.1", "fd96::1", "10.96.0.2"})),
               put("test/cart", service({"10.96.0.3"}))});
  EXPECT_EQ(world.addresses("cart"), "10.96.0.1 10.96.0.2 fd96::1");
  EXPECT_EQ(world.addresses("cart", "test"), "10.96.0.3");
  EXPECT_EQ(world.snapshot->names->serial(), world.version);
  world.apply({remove(Kind::kService, "shop/cart")});
  EXPECT_EQ(world.addresses("cart"), "-");
  EXPECT_EQ(world.addresses("cart", "test"), "10.96.0.3");
}

TEST(DnsNames, AreTheSameObjectUntilTheyChange) {
  Named world;
  world.apply({put("shop/cart", service({"10.96.0.1", "fd96::1"}))});
  const auto names = world.snapshot->names;
  world.commit();
  EXPECT_EQ(world.snapshot->names, names);
  world.apply({put("shop/cart", service({"10.96.0.1", "fd96::1"}, {{"web", 8080}})),
               put("shop/set", endpoints("cart", {"10.1.0.1"})),
               put("shop/w", workload("w2", {"10.8.0.2"}))});
  EXPECT_EQ(world.snapshot->names, names) << "ports, endpoints and workloads are no names";
  for (const auto& changed :
       {service({"10.96.0.1"}), service({"10.96.0.1", "fd96::2"}),
        service({"10.96.0.9", "fd96::2"}), service({"10.96.0.9", "10.96.0.8", "fd96::2"})}) {
    const auto before = world.snapshot->names;
    world.apply({put("shop/cart", changed)});
    EXPECT_NE(world.snapshot->names, before);
  }
  EXPECT_EQ(world.addresses("cart"), "10.96.0.9 10.96.0.8 fd96::2");
}

TEST(DnsNames, KnowWhereWorkloadsAskFrom) {
  Named world;
  world.apply(
      {put("shop/a", workload("w1", {"10.8.0.1"})), put("test/b", workload("w2", {"10.8.0.2"}))});
  const auto spaces = [&] { return *world.snapshot->workload_namespaces; };
  EXPECT_EQ(spaces().at(1), "shop");
  EXPECT_EQ(spaces().at(2), "test");
  EXPECT_EQ(spaces().at(3), "");
  const auto before = world.snapshot->workload_namespaces;
  world.apply({put("shop/cart", service({"10.96.0.1"}))});
  EXPECT_EQ(world.snapshot->workload_namespaces, before);
  world.apply({remove(Kind::kWorkload, "test/b"), put("shop/c", workload("w3", {"10.8.0.3"}))});
  EXPECT_EQ(spaces().at(2), "");
  EXPECT_EQ(spaces().at(3), "shop");
}

TEST(DnsNames, AreNotMadeWithoutDns) {
  World world;
  world.apply({put("shop/cart", service({"10.96.0.1"}))});
  EXPECT_EQ(world.snapshot->names, nullptr);
  EXPECT_NE(world.snapshot->workload_namespaces, nullptr) << "ExternalServices ask for them";
}

TEST(DnsNames, CountAsMemory) {
  Named world;
  world.commit();
  const size_t before = world.model.stats().snapshot_bytes;
  World plain;
  plain.commit();
  EXPECT_EQ(before - plain.model.stats().snapshot_bytes, world.snapshot->names->bytes());
}

}  // namespace
}  // namespace heddle::policy
