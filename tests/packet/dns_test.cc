// dns_input: workloads' queries, what is answered, what is passed on to resolvers and comes back.
#include "worker/dns.h"
#include "dns_messages.h"
#include "expect.h"
#include "node/dns_options.h"

namespace heddle::rig {
namespace {

using dns::test::Ask;
using dns::test::Reply;
using policy::IpAddress;
using policy::Kind;
using policy::Resource;

const Ipv4Address kGateway4(169, 254, 1, 1), kResolver4(198, 51, 100, 53), kVip4(10, 96, 0, 20);
const Ipv6Address kGateway6 = "fe80::1"_v6, kCartLocal = "fe80::c"_v6,
                  kResolver6 = "2001:db8:1::53"_v6, kVip6 = "2001:db8:96::20"_v6;
constexpr uint16_t kClient = 40'000;

Resource service(std::vector<IpAddress> addresses, std::string ns = "shop") {
  return {{Kind::kService, std::move(ns), "web"},
          {},
          policy::Service{.addresses = std::move(addresses),
                          .ports = {{"http", 80, policy::Protocol::kTcp}}}};
}

Resource workload(std::string port = "cart") {
  return {{Kind::kWorkload, "shop", port + "-1"},
          {},
          policy::Workload{.port = port, .addresses = {IpAddress(kCart4), IpAddress(kCart6)}}};
}

// A settled rig with both resolvers on lan, and a service that they do not know.
struct DnsRig : SettledRig {
  explicit DnsRig(Net net = standard().dns({"198.51.100.53", "2001:db8:1::53"}),
                  RigOptions options = {})
      : SettledRig(std::move(net), options) {
    know("lan", kResolver4, peer_mac(1));
    know("lan", kResolver6, peer_mac(1));
    know("cart", kCartLocal, peer_mac(2));
    apply({service({IpAddress(kVip4), IpAddress(kVip6)}), workload()});
  }
  app::Dns& dns(uint16_t of = 0) { return *worker(of).dns; }
  uint64_t sent(dns::Sending outcome) {
    return dns().forwarder.counters().sending[static_cast<size_t>(outcome)].value();
  }
};

Stack query(const Ask& ask = {.name = "web.shop.mesh.local"}, uint16_t port = kClient) {
  return to_us(2) / ip4(kCart4, kGateway4) / udp(port, 53) / raw(ask.bytes());
}
Stack query6(const Ask& ask, Ipv6Address from = kCart6, Ipv6Address to = kGateway6) {
  return to_us(2) / ip6(from, to) / udp(kClient, 53) / raw(ask.bytes());
}

// A frame of ours, taken apart. Checksums are looked at here.
struct Datagram {
  explicit Datagram(const Bytes& frame) {
    if (frame.size() < 14) return;
    four = frame[12] == 8 && frame[13] == 0;
    const size_t header = four ? 20 : 40;
    const std::span<const uint8_t> l3 = std::span(frame).subspan(14);
    if (l3.size() < header + 8) return;
    const std::span<const uint8_t> l4 = l3.subspan(header);
    if (four) {
      const wire::Ipv4View ip(l3.data());
      good = wire::check_ipv4(l3) == wire::Ipv4Fault::kNone && ip.total_length() == l3.size() &&
             wire::udp_checksum_ok(ip.source(), ip.destination(), l4);
      source = dns::from_ipv4(ip.source());
      destination = dns::from_ipv4(ip.destination());
    } else {
      const wire::Ipv6View ip(l3.data());
      good = ip.payload_length() == l4.size() &&
             wire::udp_checksum_ok(ip.source(), ip.destination(), l4);
      source = ip.source();
      destination = ip.destination();
    }
    source_port = wire::UdpView(l4.data()).source_port().host();
    destination_port = wire::UdpView(l4.data()).destination_port().host();
    good = good && wire::UdpView(l4.data()).length() == l4.size();
    payload.assign(l4.begin() + 8, l4.end());
  }
  std::string ends() const {
    return fmt::format("{} {} > {} {}", to_string(source), source_port, to_string(destination),
                       destination_port);
  }
  Reply reply() const { return Reply(payload); }

  bool four = false, good = false;
  Ipv6Address source, destination;
  uint16_t source_port = 0, destination_port = 0;
  Bytes payload;
};

// What a resolver sends back to a query of ours.
Stack response(const Datagram& to, Bytes payload) {
  const Stack message = udp(53, to.source_port) / raw(std::move(payload));
  if (to.four)
    return to_us(1) / ip4(dns::to_ipv4(to.destination), dns::to_ipv4(to.source)) / message;
  return to_us(1) / ip6(to.destination, to.source) / message;
}
Bytes answered(Bytes payload) {
  payload[2] |= 0x80;
  return payload;
}

TEST(Dns, AnswersNamesOfServices) {
  DnsRig rig;
  Row row = rig.in("cart", query({.name = "Web.Shop.mesh.local"}));
  const Datagram four(row.take("cart"));
  EXPECT_TRUE(four.good);
  EXPECT_EQ(four.ends(), "::ffff:169.254.1.1 53 > ::ffff:10.8.0.11 40000");
  EXPECT_EQ(four.reply().answers,
            (std::vector<std::string>{"Web.Shop.mesh.local A 30 10.96.0.20"}));
  Row row6 = rig.in("cart", query6({.name = "web.shop.mesh.local", .type = 28}));
  const Datagram six(row6.take("cart"));
  EXPECT_TRUE(six.good);
  EXPECT_EQ(six.ends(), "fe80::1 53 > 2001:db8:8::11 40000");
  EXPECT_EQ(six.reply().answers,
            (std::vector<std::string>{"web.shop.mesh.local AAAA 30 2001:db8:96::20"}));
}

TEST(Dns, AnswersAtAllAddressesOfTheNode) {
  DnsRig rig;
  const Ask ask{.name = "web.shop.mesh.local"};
  Row own = rig.in("cart", to_us(2) / ip4(kCart4, kWan4).options({1, 1, 1, 0}) /
                               udp(kClient, 53).no_checksum() / raw(ask.bytes()));
  EXPECT_EQ(Datagram(own.take("cart")).ends(), "::ffff:192.0.2.10 53 > ::ffff:10.8.0.11 40000");
  Row own6 = rig.in("cart", query6(ask, kCart6, kLan6));
  EXPECT_EQ(Datagram(own6.take("cart")).ends(), "2001:db8:1::10 53 > 2001:db8:8::11 40000");
  Row link = rig.in("cart", query6(ask, kCartLocal));
  EXPECT_EQ(Datagram(link.take("cart")).ends(), "fe80::1 53 > fe80::c 40000");
}

TEST(Dns, SaysWhatThereIsNot) {
  DnsRig rig;
  Row none = rig.in("cart", query({.name = "x.shop.mesh.local"}));
  EXPECT_EQ(Datagram(none.take("cart")).reply().rcode, 3u);
  Row format = rig.in("cart", query({.name = "web.shop.mesh.local", .flags = 0x7800}));
  EXPECT_EQ(Datagram(format.take("cart")).reply().rcode, 4u);
}

TEST(Dns, KnowsTheNamespaceOfWhoAsks) {
  DnsRig rig;
  rig.apply({service({IpAddress(Ipv4Address(10, 96, 0, 21))}, "test")});
  Row row = rig.in("cart", query({.name = "web"}));
  EXPECT_EQ(Datagram(row.take("cart")).reply().answers,
            (std::vector<std::string>{"web A 30 10.96.0.20"}));
  rig.remove({{Kind::kWorkload, "shop", "cart-1"}});
  Row forwarded = rig.in("cart", query({.name = "web"}));
  EXPECT_EQ(Datagram(forwarded.take("lan")).reply().question, "web 1 1");
}

TEST(Dns, FollowsPolicy) {
  DnsRig rig;
  rig.remove({{Kind::kService, "shop", "web"}});
  Row gone = rig.in("cart", query());
  EXPECT_EQ(Datagram(gone.take("cart")).reply().rcode, 3u);
  rig.apply({service({IpAddress(kVip6)})});
  Row other = rig.in("cart", query());
  const Reply none = Datagram(other.take("cart")).reply();
  EXPECT_EQ(none.rcode, 0u);
  EXPECT_TRUE(none.answers.empty());
}

TEST(Dns, PassesOtherNamesOnAndTheirAnswersBack) {
  DnsRig rig;
  const Ask ask{.name = "Example.com", .id = 77};
  Row out = rig.in("cart", query(ask));
  const Datagram asked(out.take("lan"));
  EXPECT_TRUE(asked.good);
  EXPECT_EQ(asked.ends(),
            fmt::format("::ffff:198.51.100.10 {} > ::ffff:198.51.100.53 53", asked.source_port));
  const Bytes message = ask.bytes();
  EXPECT_TRUE(std::equal(message.begin() + 2, message.end(), asked.payload.begin() + 2));
  Bytes answer = answered(asked.payload);
  answer.resize(1'400, 0x55);
  Row back = rig.in("lan", response(asked, answer));
  const Datagram got(back.take("cart"));
  EXPECT_TRUE(got.good);
  EXPECT_EQ(got.ends(), "::ffff:169.254.1.1 53 > ::ffff:10.8.0.11 40000");
  EXPECT_EQ(got.payload[0] * 256 + got.payload[1], 77);
  EXPECT_TRUE(std::equal(answer.begin() + 2, answer.end(), got.payload.begin() + 2));
}

// The client's family is not always the resolver's.
TEST(Dns, PassesOnFromIpv4ToIpv6) {
  DnsRig rig(standard().dns({"2001:db8:1::53"}));
  Row out = rig.in("cart", query({.name = "example.com"}));
  const Datagram asked(out.take("lan"));
  EXPECT_TRUE(asked.good && !asked.four);
  EXPECT_EQ(asked.source, kLan6);
  Row back = rig.in("lan", response(asked, answered(asked.payload)));
  EXPECT_EQ(Datagram(back.take("cart")).ends(), "::ffff:169.254.1.1 53 > ::ffff:10.8.0.11 40000");
}

TEST(Dns, PassesOnFromIpv6ToIpv4) {
  DnsRig rig(standard().dns({"198.51.100.53"}));
  Row out = rig.in("cart", query6({.name = "example.com"}, kCartLocal));
  const Datagram asked(out.take("lan"));
  EXPECT_TRUE(asked.good && asked.four);
  Row back = rig.in("lan", response(asked, answered(asked.payload)));
  const Datagram got(back.take("cart"));
  EXPECT_TRUE(got.good);
  EXPECT_EQ(got.ends(), "fe80::1 53 > fe80::c 40000");
}

TEST(Dns, AsksTheNextResolver) {
  DnsRig rig;
  Row out = rig.in("cart", query({.name = "example.com"}));
  EXPECT_EQ(Datagram(out.take("lan")).destination, dns::from_ipv4(kResolver4));
  Row later = rig.after(seconds(5));
  const Datagram again(later.take("lan"));
  EXPECT_TRUE(again.good);
  EXPECT_EQ(again.destination, kResolver6);
  EXPECT_EQ(again.source, kLan6);
  Row back = rig.in("lan", response(again, answered(again.payload)));
  EXPECT_EQ(Datagram(back.take("cart")).ends(), "::ffff:169.254.1.1 53 > ::ffff:10.8.0.11 40000");
  rig.after(seconds(6));
  EXPECT_EQ(rig.dns().forwarder.pending(), 0u);
}

TEST(Dns, TakesNoForgedAnswer) {
  DnsRig rig;
  Row out = rig.in("cart", query({.name = "example.com"}));
  const Datagram asked(out.take("lan"));
  const Bytes good = answered(asked.payload);
  // From a host that is no resolver, as all else that nobody here takes.
  const Stack stranger = ip4(kLanPeer4, kLan4) / udp(53, asked.source_port) / raw(good);
  rig.in("lan", to_us(1) / stranger)
      .expect_drop("ip4_local.port_unreachable")
      .expect_out("lan",
                  from_us(1) / ip4(kLan4, kLanPeer4).id(1) / icmp4(3, 3) / quote(stranger, 548));
  Datagram other = asked;
  other.four = false;
  other.destination = kResolver6;
  other.source = kLan6;
  rig.in("lan", response(other, good)).expect_drop("dns_input.other_server");
  Bytes id = good, question = good, request = good;
  id[0] ^= 1;
  question[14] ^= 1;
  request[2] &= 0x7f;
  rig.in("lan", response(asked, id)).expect_drop("dns_input.unasked");
  rig.in("lan", response(asked, question)).expect_drop("dns_input.other_question");
  rig.in("lan", response(asked, request)).expect_drop("dns_input.malformed_answer");
  Row back = rig.in("lan", response(asked, good));
  EXPECT_TRUE(Datagram(back.take("cart")).good);
  rig.in("lan", response(asked, good)).expect_drop("dns_input.unasked");
}

TEST(Dns, RefusesBrokenPackets) {
  DnsRig rig;
  const auto bytes = Ask{.name = "web.shop.mesh.local"}.bytes();
  rig.in("cart", to_us(2) / ip4(kCart4, kGateway4) /
                     raw({0x9c, 0x40, 0, 53, 0, 40, 0, 0, 1, 2, 3}).as(IpProtocol::kUdp))
      .expect_drop("dns_input.truncated");
  Bytes damaged = query().bytes();
  damaged.back() ^= 1;
  rig.put("cart", damaged);
  rig.now_expect().expect_drop("dns_input.bad_checksum");
  rig.in("cart", to_us(2) / ip6(kCart6, kGateway6) / udp(kClient, 53).no_checksum() / raw(bytes))
      .expect_drop("dns_input.bad_checksum");
  rig.in("cart", query(), {.segments = {76}}).expect_drop("dns_input.scattered");
  rig.in("cart", to_us(2) / ip4(kCart4, kGateway4) / udp(kClient, 53) / raw({1, 2, 3}))
      .expect_drop("dns_input.short");
  rig.in("cart", query({.flags = 0x8180})).expect_drop("dns_input.response");
  EXPECT_EQ(rig.dns().counters.refusals[static_cast<size_t>(dns::Refusal::kShort)].value(), 1u);
}

// Later fragments have no ports; a first one is not all of a message.
TEST(Dns, TakesNoFragments) {
  DnsRig rig;
  rig.in("cart", to_us(2) / ip4(kCart4, kGateway4).mf() / udp(kClient, 53) / data(40))
      .expect_drop("ip4_local.fragment");
}

TEST(Dns, BoundsWhatWaits) {
  DnsRig rig;
  auto options = app::dns_options(standard().dns({"198.51.100.53"}).config(), {1, 2});
  options.limits.pending = 3;
  options.limits.per_workload = 2;
  rig.worker().dns = std::make_unique<app::Dns>(rig.worker(), options);
  const auto ask = [&](unsigned id) { return query({.name = "example.com", .id = id}); };
  rig.in("cart", ask(1)).ignore_output();
  rig.in("cart", ask(1)).expect_drop("dns_input.duplicate");
  rig.in("cart", ask(2)).ignore_output();
  rig.in("cart", ask(3)).expect_drop("dns_input.workload_full");
  options.limits.per_workload = 3;
  rig.worker().dns = std::make_unique<app::Dns>(rig.worker(), options);
  for (unsigned id = 1; id <= 3; ++id) rig.in("cart", ask(id)).ignore_output();
  rig.in("cart", ask(4)).expect_drop("dns_input.full");
  rig.in("cart", query({.name = "example.com",
                        .edns_size = 1232,
                        .options =
                            [] {
                              Bytes padding{0, 12, 2, 0};
                              padding.resize(516);
                              return padding;
                            }()}))
      .expect_drop("dns_input.too_long");
}

TEST(Dns, NeedsAWayToAResolver) {
  DnsRig rig;
  rig.set_link("lan", false);
  rig.set_link("wan", false);
  rig.in("cart", query({.name = "example.com"})).expect_drop("dns_input.no_way");
}

TEST(Dns, RefusesOtherNamesWithoutResolvers) {
  DnsRig rig(standard().dns({}));
  Row row = rig.in("cart", query({.name = "example.com"}));
  EXPECT_EQ(Datagram(row.take("cart")).reply().rcode, 5u);
}

TEST(Dns, DropsWhatFitsNoBuffer) {
  Net net = standard().dns({"198.51.100.53"});
  net.set_mtu("lan", 2'034);
  net.set_mtu("cart", 2'034);
  DnsRig rig(std::move(net));
  Row out = rig.in("cart", query6({.name = "example.com"}));
  const Datagram asked(out.take("lan"));
  Bytes answer = answered(asked.payload);
  answer.resize(2'004);
  rig.in("lan", response(asked, answer)).expect_drop("dns_input.no_room");
}

TEST(Dns, LeavesOthersQueriesAlone) {
  DnsRig rig;
  const Bytes bytes = Ask{.name = "web.shop.mesh.local"}.bytes();
  // A neighbour's, to the node.
  const Stack neighbour = ip4(kLanPeer4, kLan4) / udp(kClient, 53) / raw(bytes);
  rig.in("lan", to_us(1) / neighbour)
      .expect_drop("ip4_local.port_unreachable")
      .expect_out("lan", from_us(1) / ip4(kLan4, kLanPeer4) / icmp4(3, 3) / quote(neighbour));
  // A workload's, to somebody else.
  rig.in("cart", to_us(2) / ip4(kCart4, kLanPeer4) / udp(kClient, 53) / raw(bytes))
      .expect_out("lan",
                  from_us(1) / ip4(kCart4, kLanPeer4).ttl(63) / udp(kClient, 53) / raw(bytes));
  // To another port.
  const Stack port = ip4(kCart4, kGateway4) / udp(kClient, 54) / raw(bytes);
  rig.in("cart", to_us(2) / port)
      .expect_drop("ip4_local.port_unreachable")
      .expect_out("cart", from_us(2) / ip4(kGateway4, kCart4).id(1) / icmp4(3, 3) / quote(port));
  // TCP, which nobody speaks here.
  const Stack connection = ip4(kCart4, kGateway4) / tcp(kClient, 53);
  rig.in("cart", to_us(2) / connection)
      .expect_drop("ip4_local.port_unreachable")
      .expect_out("cart",
                  from_us(2) / ip4(kGateway4, kCart4).id(2) / icmp4(3, 3) / quote(connection));
}

TEST(Dns, MayTakeQueriesToAnybody) {
  DnsRig rig(standard().dns({"198.51.100.53"}, true));
  const Bytes bytes = Ask{.name = "web.shop.mesh.local"}.bytes();
  Row row = rig.in("cart", to_us(2) / ip4(kCart4, kFar4) / udp(kClient, 53) / raw(bytes));
  EXPECT_EQ(Datagram(row.take("cart")).ends(), "::ffff:8.8.8.8 53 > ::ffff:10.8.0.11 40000");
  Row six = rig.in("cart", query6({.name = "web.shop.mesh.local"}, kCart6, kFar6));
  EXPECT_EQ(Datagram(six.take("cart")).ends(), "2001:4860::8888 53 > 2001:db8:8::11 40000");
  // Not those that pass by.
  rig.in("lan", to_us(1) / ip4(kLanPeer4, kCart4) / udp(kClient, 53) / raw(bytes))
      .expect_out("cart",
                  from_us(2) / ip4(kLanPeer4, kCart4).ttl(63) / udp(kClient, 53) / raw(bytes));
}

// A resolver that is a workload asks others itself: it is not asked its own question.
TEST(Dns, LeavesAResolversOwnQueriesAlone) {
  DnsRig rig(standard().dns({"10.8.0.11"}, true));
  const Bytes bytes = Ask{.name = "example.com"}.bytes();
  rig.in("cart", to_us(2) / ip4(kCart4, kLanPeer4) / udp(kClient, 53) / raw(bytes))
      .expect_out("lan",
                  from_us(1) / ip4(kCart4, kLanPeer4).ttl(63) / udp(kClient, 53) / raw(bytes));
}

// Direct return lets it send from its service's address; an answer would be any endpoint's.
TEST(Dns, TakesNoQueryFromAServicesAddress) {
  DnsRig rig;
  Resource direct = service({IpAddress(kVip4)});
  std::get<policy::Service>(direct.spec).forwarding = policy::Forwarding::kDirect;
  rig.apply(
      {std::move(direct),
       {{Kind::kEndpointSet, "shop", "web"},
        {},
        policy::EndpointSet{.service = "web", .endpoints = {{.address = IpAddress(kCart4)}}}}});
  const Stack packet =
      ip4(kVip4, kGateway4) / udp(kClient, 53) / raw(Ask{.name = "web.shop.mesh.local"}.bytes());
  Row row = rig.in("cart", to_us(2) / packet);
  row.expect_drop("ip4_local.port_unreachable").expect_drop("ip4_service.unrelated_error");
}

TEST(Dns, OffChangesNothing) {
  SettledRig rig;
  rig.apply({service({IpAddress(kVip4)})});
  const Stack packet =
      ip4(kCart4, kGateway4) / udp(kClient, 53) / raw(Ask{.name = "web.shop.mesh.local"}.bytes());
  rig.in("cart", to_us(2) / packet)
      .expect_drop("ip4_local.port_unreachable")
      .expect_out("cart", from_us(2) / ip4(kGateway4, kCart4) / icmp4(3, 3) / quote(packet));
}

// Each worker's queries come back to it, whichever reads the resolver's port; also when the
// resolver is an endpoint of a service, whose packets are otherwise led by their client.
TEST(Dns, AnswersComeBackToTheWorkerThatAsks) {
  DnsRig rig(standard().dns({"198.51.100.53", "2001:db8:1::53"}), {.workers = 3});
  rig.apply({{{Kind::kService, "shop", "resolver"},
              {},
              policy::Service{.addresses = {IpAddress(Ipv4Address(10, 96, 0, 53))},
                              .ports = {{"dns", 53, policy::Protocol::kUdp}}}},
             {{Kind::kEndpointSet, "shop", "resolver"},
              {},
              policy::EndpointSet{.service = "resolver",
                                  .endpoints = {{.address = IpAddress(kResolver4)}}}}});
  std::set<uint16_t> workers;
  for (uint16_t port = 1'000; port < 1'032; ++port) {
    Row out = rig.in("cart", query({.name = "example.com", .id = port}, port), {.steer = true});
    const std::vector<Sent> sent = out.take_all();
    ASSERT_EQ(sent.size(), 1u);
    workers.insert(sent[0].worker);
    const Datagram asked(sent[0].frame);
    Row back = rig.in("lan", response(asked, answered(asked.payload)),
                      {.worker = static_cast<uint16_t>(port % 3), .steer = true});
    const Datagram got(back.take("cart"));
    ASSERT_EQ(got.destination_port, port);
  }
  EXPECT_EQ(workers.size(), 3u);
}

TEST(Dns, NeedsAPortWhoseAnswersComeBack) {
  Net net = standard().dns({"198.51.100.53"});
  net.tcp().first_port = net.tcp().last_port = 12'000;
  DnsRig rig(std::move(net), {.workers = 2});
  rig.put("cart", query({.name = "example.com"}).bytes(), {.worker = 0});
  rig.put("cart", query({.name = "example.com"}).bytes(), {.worker = 1});
  Row row = rig.now_expect();
  row.expect_drop("dns_input.no_port");
  EXPECT_TRUE(Datagram(row.take("lan")).good);
}

}  // namespace
}  // namespace heddle::rig
