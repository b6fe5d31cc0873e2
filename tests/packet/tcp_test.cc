// TCP that ends on the node: a service with forwarding: proxy, packet by packet. The client's side
// and the endpoint's are played here; the node's numbers are read from its packets.
#include "worker/tcp.h"
#include "nat.h"

namespace heddle::rig {
namespace {

using wire::TcpFlag;

// The node's segments as they came out.
struct Seen {
  uint16_t source_port = 0, destination_port = 0;
  uint32_t sequence = 0, acknowledgment = 0;
  uint8_t flags = 0;
  std::string payload;
};

template <class V>
Seen seen(const Bytes& frame) {
  if (frame.size() < 14 + V::kHeader + wire::kTcpHeaderSize) return {};  // the row says so
  const uint8_t* l4 = frame.data() + 14 + V::kHeader;
  const wire::TcpView tcp(l4);
  const size_t at = 14 + V::kHeader + tcp.header_length();
  return {.source_port = tcp.source_port().host(),
          .destination_port = tcp.destination_port().host(),
          .sequence = tcp.sequence().host(),
          .acknowledgment = tcp.acknowledgment().host(),
          .flags = tcp.flags().bits(),
          .payload = std::string(frame.begin() + static_cast<std::ptrdiff_t>(at), frame.end())};
}

constexpr uint8_t kSyn = 0x02, kRst = 0x04, kPsh = 0x08, kAck = 0x10, kFin = 0x01;

struct ProxyRig : NatRig {
  explicit ProxyRig(Net net = nat_net(), RigOptions options = {})
      : NatRig(Forwarding::kDnat, std::move(net), options) {
    remove({{Kind::kService, "shop", "web"}, {Kind::kEndpointSet, "shop", "web"}});
    apply({proxy(), endpoints_of_web(first())});
    now_expect();
  }
  // web without its UDP ports.
  static Resource proxy() {
    Resource resource = web(Forwarding::kProxy);
    auto& service = std::get<policy::Service>(resource.spec);
    std::erase_if(service.ports, [](const policy::ServicePort& port) {
      return port.protocol != policy::Protocol::kTcp || port.number == 0;
    });
    for (policy::ServicePort& port : service.ports)
      if (port.number == 80) port.target_port = 8080;
    return resource;
  }
};

// A client's connection through the node to the first endpoint, step by step.
template <class V>
struct Relayed {
  ProxyRig& rig;
  uint16_t port = 40000;
  uint32_t client = 1000;    // the next number of the client
  uint32_t endpoint = 5000;  // and of the endpoint
  Seen near{}, far{};        // the node's last segments

  Stack from_client(uint8_t flags, std::string_view payload = {}) {
    return to_us(0) / V::ip(V::kClient, V::kVip) /
           tcp(port, 80).sequence(client).acknowledges(near.sequence).flags(flags).window(60000) /
           raw(Bytes(payload.begin(), payload.end()));
  }
  Stack from_endpoint(uint8_t flags, std::string_view payload = {}) {
    return from_first() / V::ip(V::kFirst, V::kLan) /
           tcp(8080, far.source_port)
               .sequence(endpoint)
               .acknowledges(far.sequence)
               .flags(flags)
               .window(60000) /
           raw(Bytes(payload.begin(), payload.end()));
  }
  // What the node sent, with its number moved on behind it.
  static Seen advance(Seen it) {
    it.sequence += static_cast<uint32_t>(it.payload.size());
    if ((it.flags & (kSyn | kFin)) != 0) ++it.sequence;
    return it;
  }
  void establish() {
    {
      auto row = rig.in("wan", from_client(kSyn));
      near = advance(seen<V>(row.take("wan")));
      EXPECT_EQ(near.flags & (kSyn | kAck), kSyn | kAck);
      EXPECT_EQ(near.acknowledgment, client + 1);
    }
    ++client;
    {
      auto row = rig.in("wan", from_client(kAck));
      far = advance(seen<V>(row.take("lan")));
      EXPECT_EQ(far.flags & (kSyn | kAck), kSyn);
      EXPECT_EQ(far.destination_port, 8080);
    }
    {
      auto row = rig.in("lan", from_endpoint(kSyn | kAck));
      ++endpoint;
      far = advance(seen<V>(row.take("lan")));
      EXPECT_EQ(far.flags, kAck);
    }
  }
};

template <class V>
struct TcpHere : testing::Test {};
TYPED_TEST_SUITE(TcpHere, BothVersions);

TYPED_TEST(TcpHere, CarriesARequestAndItsAnswer) {
  using V = TypeParam;
  ProxyRig rig;
  Relayed<V> c{rig};
  c.establish();
  {
    auto row = rig.in("wan", c.from_client(kAck | kPsh, "hello"));
    c.client += 5;
    const Seen at_endpoint = seen<V>(row.take("lan"));
    EXPECT_EQ(at_endpoint.payload, "hello");
    c.far = Relayed<V>::advance(at_endpoint);
    const Seen answer = seen<V>(row.take("wan"));
    EXPECT_EQ(answer.acknowledgment, c.client) << "the first segments are acknowledged at once";
  }
  {
    auto row = rig.in("lan", c.from_endpoint(kAck | kPsh, "and good day"));
    EXPECT_EQ(seen<V>(row.take("wan")).payload, "and good day");
    row.take("lan");
  }
  const tcp::Transport& transport = rig.worker().tcp->transport;
  EXPECT_EQ(transport.connection_count(), 2u);
}

TYPED_TEST(TcpHere, PutsSegmentsOfABurstTogether) {
  using V = TypeParam;
  ProxyRig rig;
  Relayed<V> c{rig};
  c.establish();
  std::string all;
  for (int i = 0; i < 4; ++i) {
    const std::string part(100, static_cast<char>('a' + i));
    rig.put("wan", c.from_client(kAck, part).bytes());
    c.client += 100;
    all += part;
  }
  const uint64_t before = rig.worker().tcp->transport.counters().value(tcp::Stat::kSegmentsIn);
  auto row = rig.now_expect();
  EXPECT_EQ(seen<V>(row.take("lan")).payload, all);
  EXPECT_EQ(rig.worker().tcp->transport.counters().value(tcp::Stat::kSegmentsIn), before + 1);
  row.ignore_output();
}

TYPED_TEST(TcpHere, TakesPayloadThatLiesInSeveralBuffers) {
  using V = TypeParam;
  ProxyRig rig;
  Relayed<V> c{rig};
  c.establish();
  std::string text(1000, 'x');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 26);
  auto row = rig.in("wan", c.from_client(kAck, text), {.segments = {100, 300, 50}});
  // The endpoint named no MSS, so IPv4 takes 536 for it (RFC 9293 3.7.1).
  std::string got = seen<V>(row.take("lan")).payload;
  if (got.size() < text.size()) got += seen<V>(row.take("lan")).payload;
  EXPECT_EQ(got, text);
  row.ignore_output();
}

TYPED_TEST(TcpHere, ClosesBothSidesInOrder) {
  using V = TypeParam;
  ProxyRig rig;
  Relayed<V> c{rig};
  c.establish();
  {
    auto row = rig.in("wan", c.from_client(kAck | kFin));
    ++c.client;
    c.far = Relayed<V>::advance(seen<V>(row.take("lan")));
    EXPECT_NE(c.far.flags & kFin, 0);
    row.ignore_output();
  }
  {
    auto row = rig.in("lan", c.from_endpoint(kAck | kFin));
    ++c.endpoint;
    c.near = Relayed<V>::advance(seen<V>(row.take("wan")));
    EXPECT_NE(c.near.flags & kFin, 0);
    row.ignore_output();
  }
  rig.in("wan", c.from_client(kAck)).ignore_output();
  const tcp::Transport& transport = rig.worker().tcp->transport;
  EXPECT_EQ(transport.connection_count(), 0u);
  EXPECT_EQ(transport.pieces().in_use(), 0u);
}

TYPED_TEST(TcpHere, ResetsWhoSpeaksOfAConnectionThatIsNotThere) {
  using V = TypeParam;
  ProxyRig rig;
  Relayed<V> c{rig};
  auto row = rig.in("wan", c.from_client(kAck, "hello"));
  EXPECT_NE(seen<V>(row.take("wan")).flags & kRst, 0);
}

TYPED_TEST(TcpHere, DropsWrongChecksumsByName) {
  using V = TypeParam;
  ProxyRig rig;
  Relayed<V> c{rig};
  const auto damaged = [&](const Stack& frame) {
    Bytes bytes = frame.bytes();
    bytes[14 + V::kHeader + 16] ^= 0x10;  // the checksum itself
    return bytes;
  };
  rig.put("wan", damaged(c.from_client(kSyn)));
  rig.now_expect().expect_drop(V::node("tcp_listen.bad_checksum"));
  c.establish();
  rig.put("wan", damaged(c.from_client(kAck, "hello")));
  rig.now_expect().expect_drop(V::node("tcp_input.bad_checksum"));
}

TYPED_TEST(TcpHere, DropsMalformedHeadersByName) {
  using V = TypeParam;
  ProxyRig rig;
  Relayed<V> c{rig};
  c.establish();
  // A data offset past the segment's end, under a right checksum.
  const auto malformed = [](const Stack& frame) {
    Bytes bytes = frame.bytes();
    uint8_t* l4 = bytes.data() + 14 + V::kHeader;
    const uint16_t before = load_be<uint16_t>(l4 + 12);
    l4[12] = 0xf0;
    const wire::TcpMutView tcp(l4);
    tcp.set_checksum(wire::update_checksum(tcp.checksum(), before, load_be<uint16_t>(l4 + 12)));
    return bytes;
  };
  rig.put("wan", malformed(c.from_client(kAck)));
  rig.now_expect().expect_drop(V::node("tcp_input.malformed"));
  // Services have a name of their own for it; an own address comes by another way.
  rig.worker().tcp->transport.listen({.local = {tcp::IpAddress(), Be16(22)}});
  rig.put("lan", malformed(from_first() / V::ip(V::kFirst, V::kLan) / syn(40000, 22, 1)));
  rig.now_expect().expect_drop(V::node("tcp_listen.malformed"));
}

TYPED_TEST(TcpHere, HearsIcmpErrorsAboutItsConnections) {
  using V = TypeParam;
  ProxyRig rig;
  Relayed<V> c{rig};
  c.establish();
  const auto quoted = [&](uint32_t sequence) {
    return V::ip(V::kVip, V::kClient) /
           tcp(80, c.port).sequence(sequence).acknowledges(c.client).flags(kAck) / data(8);
  };
  rig.in("wan", to_us(0) / V::ip(V::kRouter, V::kVip) / V::too_big(1400) / quoted(c.near.sequence))
      .expect_drop(V::node("tcp_input.icmp"));
  const auto& counters = rig.worker().tcp->transport.counters();
  EXPECT_EQ(counters.value(tcp::Drop::kIcmpSequence), 1u) << "nothing is under way: a forgery";
}

TYPED_TEST(TcpHere, RefusesFragmentsByName) {
  using V = TypeParam;
  ProxyRig rig;
  Relayed<V> c{rig};
  const Bytes whole = c.from_client(kSyn, std::string(64, 'x')).bytes();
  const Bytes l4(whole.begin() + 14 + V::kHeader, whole.end());
  rig.in("wan", to_us(0) / V::piece(V::kClient, V::kVip, 7, l4, 0, 40, IpProtocol::kTcp))
      .expect_drop(V::node("service.fragment"));
}

TYPED_TEST(TcpHere, SaysThatNoTcpEndsHereWhenItIsSwitchedOff) {
  using V = TypeParam;
  Net net = nat_net();
  net.tcp().connections = 0;
  ProxyRig rig(std::move(net));
  Relayed<V> c{rig};
  rig.in("wan", c.from_client(kSyn)).expect_drop(V::node("service.tcp_off"));
}

// A listener comes with the turn after its policy: who is faster tries again.
TYPED_TEST(TcpHere, DropsASynThatIsFasterThanItsListener) {
  using V = TypeParam;
  ProxyRig rig;
  Resource other = ProxyRig::proxy();
  auto& service = std::get<policy::Service>(other.spec);
  service.ports = {{.name = "late", .number = 90, .protocol = policy::Protocol::kTcp}};
  // More than are made in one turn.
  for (uint16_t port = 1000; port < 1060; ++port)
    service.ports.push_back(
        {.name = "p" + std::to_string(port), .number = port, .protocol = policy::Protocol::kTcp});
  rig.apply({other});
  rig.put("wan", (to_us(0) / V::ip(V::kClient, V::kVip) / syn(40000, 1059, 1)).bytes());
  rig.now_expect().expect_drop(V::node("tcp_listen.not_ready"));
}

TYPED_TEST(TcpHere, AnOwnAddressIsNotTakenFromTheHost) {
  using V = TypeParam;
  ProxyRig rig;
  Relayed<V> c{rig};
  c.establish();
  // Another port of ours, of no connection.
  auto row = rig.in("lan", from_first() / V::ip(V::kFirst, V::kLan) / syn(8080, 22, 1));
  row.expect_drop(V::node("local.port_unreachable"));
  row.ignore_output();
}

TYPED_TEST(TcpHere, PolicyEndsConnectionsThatItNoLongerAllows) {
  using V = TypeParam;
  for (const Refusal how : {Refusal::kReset, Refusal::kDrop}) {
    ProxyRig rig;
    Relayed<V> c{rig};
    c.establish();
    rig.apply({deny_web(how)});
    auto row = rig.now_expect();
    EXPECT_NE(seen<V>(row.take("lan")).flags & kRst, 0) << "the endpoint is told";
    if (how == Refusal::kReset) {
      EXPECT_NE(seen<V>(row.take("wan")).flags & kRst, 0);
    }
    EXPECT_EQ(row.out_count(), 0u);
    EXPECT_EQ(rig.worker().tcp->transport.connection_count(), 0u);
  }
}

// Of two endpoints each second connection goes to each, whatever SYNs come to nothing.
TYPED_TEST(TcpHere, SynsDoNotMoveTheBalancerOn) {
  using V = TypeParam;
  ProxyRig rig;
  rig.apply(
      {endpoints_of_web({endpoint(IpAddress(V::kFirst)), endpoint(IpAddress(V::kSecond))}),
       {{Kind::kTrafficPolicy, "shop", "web"},
        {},
        policy::TrafficPolicy{.service = "web", .algorithm = policy::Algorithm::kRoundRobin}}});
  int firsts = 0;
  for (uint16_t i = 0; i < 8; ++i) {
    Relayed<V> c{rig, static_cast<uint16_t>(41000 + i)};
    {
      auto row = rig.in("wan", c.from_client(kSyn));
      c.near = Relayed<V>::advance(seen<V>(row.take("wan")));
    }
    ++c.client;
    auto row = rig.in("wan", c.from_client(kAck));
    const Bytes syn = row.take("lan");
    firsts += std::equal(syn.begin(), syn.begin() + 6, peer_mac(1, 21).bytes().begin()) ? 1 : 0;
    row.ignore_output();
  }
  EXPECT_EQ(firsts, 4);
}

// An address that passes to a service of another slot in one change is listened on by that.
TYPED_TEST(TcpHere, AnAddressMayPassToAnotherService) {
  using V = TypeParam;
  ProxyRig rig;
  // Frees slots below those that web gets when it comes back.
  Resource other = ProxyRig::proxy();
  other.key.name = "other";
  std::get<policy::Service>(other.spec).addresses = {IpAddress(V::kOtherVip)};
  rig.apply({other});
  rig.now_expect();
  rig.remove({{Kind::kService, "shop", "web"}, {Kind::kEndpointSet, "shop", "web"}});
  rig.now_expect();
  rig.end_drains();
  auto& addresses = std::get<policy::Service>(other.spec).addresses;
  addresses = {IpAddress(V::kVip), IpAddress(V::kOtherVip)};
  Resource set = endpoints_of_web(first());
  set.key.name = "other";
  std::get<policy::EndpointSet>(set.spec).service = "other";
  rig.apply({other, set});
  rig.now_expect();
  Relayed<V> c{rig};
  c.establish();
}

// Flows that went on unchanged do not when the service ends TCP itself.
TYPED_TEST(TcpHere, ADirectServiceThatIsProxiedNowForgetsItsFlows) {
  using V = TypeParam;
  NatRig rig(Forwarding::kDirect);
  rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / syn(40000, 80, 1000)).ignore_output();
  EXPECT_EQ(rig.flows(), 1u);
  rig.apply({ProxyRig::proxy()});
  rig.now_expect().ignore_output();
  EXPECT_EQ(rig.flows(), 0u);
}

}  // namespace
}  // namespace heddle::rig
