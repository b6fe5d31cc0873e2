// ip4_service, ip6_service: packets to a service's address, under policy that changes.
#include "expect.h"
#include "node/policy_facts.h"

namespace heddle::rig {
namespace {

using policy::IpAddress;
using policy::Key;
using policy::Kind;
using policy::Resource;

const Ipv4Address kVip4(10, 96, 0, 20), kShared4(198, 51, 100, 20), kFirst4(198, 51, 100, 21),
    kSecond4(198, 51, 100, 22), kBehindRouter4(172, 16, 0, 5);
const Ipv6Address kVip6 = "2001:db8:96::20"_v6, kShared6 = "2001:db8:1::20"_v6,
                  kFirst6 = "2001:db8:1::21"_v6;

Resource service(std::vector<IpAddress> addresses, std::string name = "web",
                 policy::Forwarding forwarding = policy::Forwarding::kDirect) {
  return {{Kind::kService, "shop", std::move(name)},
          {},
          policy::Service{
              .addresses = std::move(addresses),
              .ports = {{"http", 80, policy::Protocol::kTcp}, {"dns", 53, policy::Protocol::kUdp}},
              .selector = {},
              .fallback = {},
              .forwarding = forwarding}};
}

Resource endpoints(const std::vector<IpAddress>& addresses, std::string of = "web") {
  policy::EndpointSet set{.service = of, .endpoints = {}};
  for (const IpAddress& address : addresses)
    set.endpoints.push_back({.address = address, .weight = 1, .labels = {}});
  return {{Kind::kEndpointSet, "shop", std::move(of)}, {}, std::move(set)};
}

Resource access(policy::Action action, std::vector<policy::AccessRule> rules) {
  return {{Kind::kAccessPolicy, "shop", "callers"},
          {},
          policy::AccessPolicy{.service = "web", .action = action, .rules = std::move(rules)}};
}

Resource workload(std::vector<IpAddress> addresses) {
  return {{Kind::kWorkload, "shop", "cart-1"},
          {},
          policy::Workload{.port = "cart",
                           .addresses = std::move(addresses),
                           .service_account = "cart",
                           .labels = {{"app", "cart"}}}};
}

// A settled rig that knows two endpoints on lan, and the service web with the first of them.
struct ServiceRig : SettledRig {
  ServiceRig() {
    know("lan", kFirst4, "02:00:00:00:21:01"_mac);
    know("lan", kSecond4, "02:00:00:00:21:02"_mac);
    know("lan", kFirst6, "02:00:00:00:21:01"_mac);
    apply({service({IpAddress(kVip4), IpAddress(kVip6)}),
           endpoints({IpAddress(kFirst4), IpAddress(kFirst6)})});
  }
};

Stack to_first(const Stack& packet) { return eth("02:00:00:00:21:01"_mac, own_mac(1)) / packet; }
Stack to_second(const Stack& packet) { return eth("02:00:00:00:21:02"_mac, own_mac(1)) / packet; }
Ip4 to_vip4() { return ip4(kFar4, kVip4); }
Ip6 to_vip6() { return ip6(kFar6, kVip6); }

TEST(Service, SendsToTheEndpointsMacAndChangesNothingElse) {
  ServiceRig rig;
  rig.in("wan", to_us(0) / to_vip4() / tcp(4000, 80) / data(9))
      .expect_out("lan", to_first(to_vip4().ttl(63) / tcp(4000, 80) / data(9)));
  rig.in("wan", to_us(0) / to_vip4() / udp(4000, 53) / data(9))
      .expect_out("lan", to_first(to_vip4().ttl(63) / udp(4000, 53) / data(9)));
  rig.in("wan", to_us(0) / to_vip6() / tcp(4000, 80) / data(9))
      .expect_out("lan", to_first(to_vip6().hops(63) / tcp(4000, 80) / data(9)));
  rig.in("wan", to_us(0) / to_vip6() / udp(4000, 53) / data(9))
      .expect_out("lan", to_first(to_vip6().hops(63) / udp(4000, 53) / data(9)));
}

TEST(Service, CountsWhatItSendsByPort) {
  ServiceRig rig;
  rig.in("wan", to_us(0) / to_vip4() / tcp(4000, 80) / data(60)).ignore_output();
  rig.in("wan", to_us(0) / to_vip4() / tcp(4001, 80) / data(60)).ignore_output();
  uint64_t http = 0, http_bytes = 0, others = 0;
  for (const auto& [slot, name] : rig.model().frontends()) {
    const auto& counters = rig.worker().services[slot];
    if (name.port == "http" && name.key.address == IpAddress(kVip4)) {
      http = counters.packets.value();
      http_bytes = counters.bytes.value();
    } else {
      others += counters.packets.value();
    }
  }
  EXPECT_EQ(http, 2u);
  EXPECT_EQ(http_bytes, 2 * (20 + 20 + 60u));
  EXPECT_EQ(others, 0u);
}

// Slots rest for a commit when they are given back, so there are more than live at a time.
TEST(Service, HasCountersForEverySlot) {
  ServiceRig rig;
  const policy::Limits limits;
  EXPECT_GE(rig.worker().services.size(), limits.frontend_slots());
  EXPECT_GE(rig.worker().endpoints.size(), limits.endpoint_slots());
}

// heddled would answer for such an address on the network.
TEST(Service, CannotHaveAnAddressThatHasAMeaningAlready) {
  ServiceRig rig;
  policy::Model model(app::policy_facts(standard().config()), {});
  for (const Ipv4Address& taken :
       {kWan4, kWanPeer4, Ipv4Address(192, 0, 2, 255), Ipv4Address(192, 0, 2, 0)}) {
    const auto edit = [](Resource resource) {
      return policy::Edit{resource.key, std::make_shared<const Resource>(resource)};
    };
    const policy::Edit edits[] = {edit(service({IpAddress(taken)}))};
    EXPECT_EQ(model.stage(edits).size(), 1u) << to_string(taken);
    const policy::Edit workloads[] = {edit(workload({IpAddress(taken)}))};
    EXPECT_EQ(model.stage(workloads).size(), 1u) << to_string(taken);
  }
}

TEST(Service, AnswersEchoForItsAddress) {
  ServiceRig rig;
  rig.in("wan", to_us(0) / to_vip4() / ping4())
      .expect_out("wan", from_us(0) / ip4(kVip4, kFar4).id(0) / pong4());
  rig.in("wan", to_us(0) / to_vip6() / ping6())
      .expect_out("wan", from_us(0) / ip6(kVip6, kFar6) / pong6());
}

TEST(Service, AnswersForItsAddressOnASharedNetwork) {
  ServiceRig rig;
  rig.apply({service({IpAddress(kShared4), IpAddress(kShared6)})});
  rig.in("lan", eth(MacAddress::broadcast(), peer_mac(1)) /
                    arp(arp_request(peer_mac(1), kLanPeer4, kShared4)))
      .expect_out("lan", from_us(1) / arp(arp_reply(own_mac(1), kShared4, peer_mac(1), kLanPeer4)));
}

TEST(Service, RefusesPortsThatItDoesNotHave) {
  ServiceRig rig;
  const Stack four = to_vip4() / tcp(4000, 81);
  rig.in("wan", to_us(0) / four)
      .expect_drop("ip4_service.no_port")
      .expect_out("wan", from_us(0) / ip4(kWan4, kFar4).id(0) /
                             icmp4(wire::Icmp4Type::kUnreachable, 3) / quote(four));
  const Stack six = to_vip6() / udp(4000, 80);
  rig.in("wan", to_us(0) / six)
      .expect_drop("ip6_service.no_port")
      .expect_out("wan", from_us(0) / ip6(kWan6, kFar6) / icmp6(wire::Icmp6Type::kUnreachable, 4) /
                             quote(six));
}

TEST(Service, RefusesWhatIsNeitherTcpUdpNorEcho) {
  ServiceRig rig;
  rig.in("wan", to_us(0) / to_vip4().protocol(47) / data(40))
      .expect_drop("ip4_service.unknown_protocol")
      .ignore_output();
  rig.in("wan", to_us(0) / to_vip4() / icmp4(wire::Icmp4Type::kEchoReply))
      .expect_drop("ip4_service.unknown_protocol")
      .ignore_output();
  rig.in("wan", to_us(0) / to_vip6().next(47) / data(40))
      .expect_drop("ip6_service.unknown_protocol");
  // The other family's number says nothing.
  rig.in("wan", to_us(0) / to_vip4().protocol(58) / data(40))
      .expect_drop("flow_refused.icmp_family");
  rig.in("wan", to_us(0) / to_vip6().next(1) / data(40)).expect_drop("flow_refused.icmp_family");
}

TEST(Service, DropsPacketsWithoutPorts) {
  ServiceRig rig;
  rig.in("wan", to_us(0) / to_vip4().protocol(1) / data(7)).expect_drop("flow_refused.icmp_header");
  rig.in("wan", to_us(0) / to_vip4().protocol(6) / data(7)).expect_drop("flow_refused.tcp_header");
  rig.in("wan", to_us(0) / to_vip6().next(17) / data(7)).expect_drop("flow_refused.udp_header");
}

TEST(Service, RefusesWithoutAnEndpoint) {
  ServiceRig rig;
  rig.apply({endpoints({})});
  const Stack four = to_vip4() / tcp(4000, 80);
  rig.in("wan", to_us(0) / four)
      .expect_drop("ip4_service.no_endpoint")
      .expect_out("wan", from_us(0) / ip4(kWan4, kFar4).id(0) /
                             icmp4(wire::Icmp4Type::kUnreachable, 1) / quote(four));
  rig.in("wan", to_us(0) / to_vip6() / tcp(4000, 80))
      .expect_drop("ip6_service.no_endpoint")
      .ignore_output();
}

TEST(Service, DropsForEndpointsBehindARouter) {
  ServiceRig rig;
  rig.apply({endpoints({IpAddress(kBehindRouter4), IpAddress("2001:4860::1"_v6)})});
  rig.in("wan", to_us(0) / to_vip4() / tcp(4000, 80))
      .expect_drop("ip4_service.endpoint_not_on_link");
  rig.in("wan", to_us(0) / to_vip6() / tcp(4000, 80))
      .expect_drop("ip6_service.endpoint_not_on_link");
}

TEST(Service, TellsTheClientOfASilentEndpoint) {
  ServiceRig rig;
  const Ipv4Address silent(198, 51, 100, 99);
  rig.apply({endpoints({IpAddress(silent)})});
  const Stack packet = to_vip4() / tcp(4000, 80);
  rig.in("wan", to_us(0) / packet)
      .expect_out("lan", eth(MacAddress::broadcast(), own_mac(1)) /
                             arp(arp_request(own_mac(1), kLan4, silent)));
  // The error goes to the client, not to the endpoint that the packet was meant for.
  auto row = rig.after(seconds(4));
  row.expect_drop("originate.neighbour_timeout");
  row.expect_out("wan", from_us(0) / ip4(kWan4, kFar4).id(0) /
                            icmp4(wire::Icmp4Type::kUnreachable, 1) /
                            quote(to_vip4().ttl(63) / tcp(4000, 80)));
  row.ignore_output();  // what was asked on lan
}

TEST(Service, SendsErrorsAboutItsAnswersToTheEndpoint) {
  ServiceRig rig;
  rig.apply({endpoints({IpAddress(kFirst4), IpAddress(kSecond4), IpAddress(kFirst6)})});
  // Whoever gets the client's packets gets the errors about the answers to it.
  for (uint16_t port = 4000; port < 4016; ++port) {
    auto request = rig.in("wan", to_us(0) / to_vip4() / tcp(port, 80));
    const Bytes sent = request.take("lan");
    const Stack answer = ip4(kVip4, kFar4).df() / tcp(80, port) / data(40);
    const Stack too_big = icmp4(wire::Icmp4Type::kUnreachable, 4, 1200) / quote(answer);
    auto error = rig.in("wan", to_us(0) / ip4(kWanPeer4, kVip4) / too_big);
    const Bytes got = error.take("lan");
    EXPECT_EQ(Bytes(sent.begin(), sent.begin() + 6), Bytes(got.begin(), got.begin() + 6));
  }
  const Stack answer6 = ip6(kVip6, kFar6) / udp(53, 4000) / data(40);
  const Stack too_big6 =
      ip6(kWanPeer6, kVip6) / icmp6(wire::Icmp6Type::kPacketTooBig, 0, 1280) / quote(answer6);
  const Stack out6 = ip6(kWanPeer6, kVip6).hops(63) /
                     icmp6(wire::Icmp6Type::kPacketTooBig, 0, 1280) / quote(answer6);
  rig.in("wan", to_us(0) / too_big6).expect_out("lan", to_first(out6));
}

TEST(Service, DropsErrorsAboutWhatItHasNotSent) {
  ServiceRig rig;
  const auto error4 = [](const Stack& quoted) {
    return to_us(0) / ip4(kWanPeer4, kVip4) / icmp4(wire::Icmp4Type::kUnreachable, 4, 1200) /
           quote(quoted);
  };
  const auto error6 = [](const Stack& quoted) {
    return to_us(0) / ip6(kWanPeer6, kVip6) / icmp6(wire::Icmp6Type::kPacketTooBig, 0, 1280) /
           quote(quoted);
  };
  for (const Stack& quoted : {ip4(kFar4, kFar4) / tcp(80, 4000), ip4(kVip4, kFar4) / tcp(81, 4000),
                              ip4(kVip4, kFar4).protocol(47) / data(20),
                              ip4(kVip4, kFar4).offset(8).protocol(6) / data(20),
                              ip4(kVip4, kFar4).version(6) / tcp(80, 4000),
                              ip4(kVip4, kFar4).header_words(4) / tcp(80, 1),
                              ip4(kVip4, kFar4).header_words(15) / tcp(80, 4000),
                              ip4(kVip4, kFar4).protocol(6) / data(3), Stack(raw({0x45}))})
    rig.in("wan", error4(quoted)).expect_drop("ip4_service.unrelated_error");
  for (const Stack& quoted :
       {ip6(kFar6, kFar6) / tcp(80, 4000), ip6(kVip6, kFar6) / tcp(81, 4000),
        ip6(kVip6, kFar6).next(47) / data(20), ip6(kVip6, kFar6).version(4) / tcp(80, 4000),
        ip6(kVip6, kFar6) / fragment(8, false) / tcp(80, 4000), Stack(raw({0x60}))})
    rig.in("wan", error6(quoted)).expect_drop("ip6_service.unrelated_error");
}

TEST(Service, AsksAccessPolicyForTheSender) {
  ServiceRig rig;
  policy::Source far{.ns = {},
                     .service_account = {},
                     .foreign = false,
                     .cidrs = {*policy::IpPrefix::parse("8.8.0.0/16")},
                     .not_cidrs = {},
                     .not_namespaces = {}};
  rig.apply({access(policy::Action::kDeny, {{.from = {far}}})});
  rig.in("wan", to_us(0) / to_vip4() / tcp(4000, 80)).expect_drop("ip4_service.denied");
  rig.in("wan", to_us(0) / ip4(kWanPeer4, kVip4) / tcp(4000, 80))
      .expect_out("lan", to_first(ip4(kWanPeer4, kVip4).ttl(63) / tcp(4000, 80)));
  rig.apply({access(policy::Action::kAllow, {{.from = {far}, .to = {{.ports = {"http"}}}}})});
  rig.in("wan", to_us(0) / to_vip4() / tcp(4000, 80))
      .expect_out("lan", to_first(to_vip4().ttl(63) / tcp(4000, 80)));
  rig.in("wan", to_us(0) / to_vip4() / udp(4000, 53)).expect_drop("ip4_service.denied");
  rig.in("wan", to_us(0) / to_vip6() / tcp(4000, 80)).expect_drop("ip6_service.denied");
}

TEST(Service, ChangesWithPolicyFromOnePacketToTheNext) {
  ServiceRig rig;
  const Stack in = to_us(0) / to_vip4() / tcp(4000, 80);
  const Stack out = to_vip4().ttl(63) / tcp(4000, 80);
  rig.in("wan", in).expect_out("lan", to_first(out));
  rig.apply({endpoints({IpAddress(kSecond4)})});
  rig.in("wan", in).expect_out("lan", to_second(out));
}

TEST(Service, LetsAWorkloadAnswerWithTheServicesAddress) {
  ServiceRig rig;
  const Stack answer = to_us(2) / ip4(kVip4, kLanPeer4) / tcp(80, 4000);
  rig.in("cart", answer).expect_drop("ip4_input.spoofed_source");
  rig.apply({workload({IpAddress(kCart4)}), endpoints({IpAddress(kCart4)})});
  rig.in("lan", to_us(1) / ip4(kLanPeer4, kVip4) / tcp(4000, 80))
      .expect_out("cart", from_us(2) / ip4(kLanPeer4, kVip4).ttl(63) / tcp(4000, 80));
  rig.in("cart", answer)
      .expect_out("lan", from_us(1) / ip4(kVip4, kLanPeer4).ttl(63) / tcp(80, 4000));
}

TEST(Workload, HasTheAddressesThatPolicyGivesIt) {
  SettledRig rig;
  const Ipv4Address second(10, 8, 0, 77);
  rig.know("cart", second, peer_mac(2));
  rig.in("cart", to_us(2) / ip4(second, kLanPeer4) / udp(1, 2))
      .expect_drop("ip4_input.spoofed_source");
  rig.apply({workload({IpAddress(second)})});
  rig.in("cart", to_us(2) / ip4(second, kLanPeer4) / udp(1, 2))
      .expect_out("lan", from_us(1) / ip4(second, kLanPeer4).ttl(63) / udp(1, 2));
  rig.in("lan", to_us(1) / ip4(kLanPeer4, second) / udp(2, 1))
      .expect_out("cart", from_us(2) / ip4(kLanPeer4, second).ttl(63) / udp(2, 1));
}

}  // namespace
}  // namespace heddle::rig
