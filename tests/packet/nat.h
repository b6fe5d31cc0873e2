// What rows about translated services share: one node, the services' policy in few words, and both
// IP versions by the same names, so that a row is written once.
#pragma once

#include "expect.h"

namespace heddle::rig {

using policy::Forwarding;
using policy::IpAddress;
using policy::Kind;
using policy::Refusal;
using policy::Resource;

using wire::Icmp4Type;
using wire::Icmp6Type;

// By the names of the standard() node: a client far behind wan, two endpoints on lan.
struct V4 {
  using Address = Ipv4Address;
  static constexpr size_t kHeader = 20;
  static inline const Address kVip{10, 96, 0, 20}, kOtherVip{10, 96, 0, 21}, kNat{192, 0, 2, 77},
      kClient = kFar4, kFirst{198, 51, 100, 21}, kSecond{198, 51, 100, 22}, kWorkload = kCart4,
      kRouter = kWanPeer4, kLanRouter = kLanPeer4, kWan = kWan4, kLan = kLan4;

  static std::string node(std::string_view name) { return "ip4_" + std::string(name); }
  static Ip4 ip(Address from, Address to) { return ip4(from, to); }
  // One hop further.
  static Ip4 routed(Address from, Address to) { return ip4(from, to).ttl(63); }
  static Ip4 with_hops(Address from, Address to, uint8_t hops) { return ip4(from, to).ttl(hops); }
  // The node's n-th packet of its own.
  static Ip4 own(Address from, Address to, uint16_t n = 0) { return ip4(from, to).id(n); }
  static Icmp expired() { return icmp4(Icmp4Type::kTimeExceeded); }
  static Icmp too_big(uint32_t mtu) { return icmp4(Icmp4Type::kUnreachable, 4, mtu); }
  static Icmp no_port() { return icmp4(Icmp4Type::kUnreachable, 3); }
  static Icmp no_host() { return icmp4(Icmp4Type::kUnreachable, 1); }
  static Icmp prohibited() { return icmp4(Icmp4Type::kUnreachable, 13); }
  static Icmp ping() { return ping4(); }
  static Icmp pong() { return pong4(); }
  // A piece of a datagram; `all` is what is behind its IP header.
  static Stack piece(Address from, Address to, uint16_t id, const Bytes& all, size_t at,
                     size_t size, IpProtocol protocol = IpProtocol::kUdp, uint8_t hops = 64) {
    Ip4 ip = ip4(from, to).id(id).ttl(hops).offset(static_cast<uint16_t>(at));
    if (at + size < all.size()) ip = ip.mf();
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(at);
    return ip / raw(Bytes(begin, begin + static_cast<std::ptrdiff_t>(size))).as(protocol);
  }
};

struct V6 {
  using Address = Ipv6Address;
  static constexpr size_t kHeader = 40;
  static inline const Address kVip = "2001:db8:96::20"_v6, kOtherVip = "2001:db8:96::21"_v6,
                              kNat = "2001:db8::77"_v6, kClient = kFar6,
                              kFirst = "2001:db8:1::21"_v6, kSecond = "2001:db8:1::22"_v6,
                              kWorkload = kCart6, kRouter = kWanPeer6, kLanRouter = kLanPeer6,
                              kWan = kWan6, kLan = kLan6;

  static std::string node(std::string_view name) { return "ip6_" + std::string(name); }
  static Ip6 ip(Address from, Address to) { return ip6(from, to); }
  static Ip6 routed(Address from, Address to) { return ip6(from, to).hops(63); }
  static Ip6 with_hops(Address from, Address to, uint8_t hops) { return ip6(from, to).hops(hops); }
  static Ip6 own(Address from, Address to, uint16_t = 0) { return ip6(from, to); }
  static Icmp expired() { return icmp6(Icmp6Type::kTimeExceeded); }
  static Icmp too_big(uint32_t mtu) { return icmp6(Icmp6Type::kPacketTooBig, 0, mtu); }
  static Icmp no_port() { return icmp6(Icmp6Type::kUnreachable, 4); }
  static Icmp no_host() { return icmp6(Icmp6Type::kUnreachable, 3); }
  static Icmp prohibited() { return icmp6(Icmp6Type::kUnreachable, 1); }
  static Icmp ping() { return ping6(); }
  static Icmp pong() { return pong6(); }
  static Stack piece(Address from, Address to, uint16_t id, const Bytes& all, size_t at,
                     size_t size, IpProtocol protocol = IpProtocol::kUdp, uint8_t hops = 64) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(at);
    return ip6(from, to).hops(hops) /
           fragment(static_cast<uint16_t>(at), at + size < all.size(), id) /
           raw(Bytes(begin, begin + static_cast<std::ptrdiff_t>(size))).as(protocol);
  }
};

using BothVersions = testing::Types<V4, V6>;

inline Tcp syn(uint16_t from, uint16_t to, uint32_t sequence) {
  return tcp(from, to).sequence(sequence);
}
inline Tcp syn_ack(uint16_t from, uint16_t to, uint32_t sequence, uint32_t acknowledges) {
  return tcp(from, to).sequence(sequence).acknowledges(acknowledges).flags(Tcp::kSyn | Tcp::kAck);
}
inline Tcp ack(uint16_t from, uint16_t to, uint32_t sequence, uint32_t acknowledges) {
  return tcp(from, to).sequence(sequence).acknowledges(acknowledges).flags(Tcp::kAck);
}
inline Tcp fin(uint16_t from, uint16_t to, uint32_t sequence, uint32_t acknowledges) {
  return tcp(from, to).sequence(sequence).acknowledges(acknowledges).flags(Tcp::kFin | Tcp::kAck);
}
inline Tcp rst(uint16_t from, uint16_t to, uint32_t sequence) {
  return tcp(from, to).sequence(sequence).flags(Tcp::kRst);
}
// As the node makes them.
inline Tcp own_rst(uint16_t from, uint16_t to, uint32_t sequence) {
  return rst(from, to, sequence).window(0);
}
inline Tcp own_rst(uint16_t from, uint16_t to, uint32_t sequence, uint32_t acknowledges) {
  return own_rst(from, to, sequence).acknowledges(acknowledges).flags(Tcp::kRst | Tcp::kAck);
}

// What is behind the IP header of a packet.
template <class V>
Bytes l4_of(const Stack& packet) {
  Bytes bytes = packet.bytes();
  return {bytes.begin() + V::kHeader, bytes.end()};
}
// Of a frame that has left.
template <class V>
uint16_t source_port_of(const Bytes& frame) {
  const size_t at = 14 + V::kHeader;
  return frame.size() < at + 2 ? uint16_t{0} : load_be<uint16_t>(frame.data() + at);
}

// The service's ports: 80 leads to 8080 (TCP), 53 to 5353 (UDP), 7000 to 7000 (both).
inline Resource web(Forwarding forwarding = Forwarding::kDnat,
                    policy::SourceMapping mapping = policy::SourceMapping::kPerFlow) {
  const bool ports = policy::translates(forwarding);
  const auto target = [&](uint16_t port) { return ports ? port : uint16_t{0}; };
  return {{Kind::kService, "shop", "web"},
          {},
          policy::Service{.addresses = {IpAddress(V4::kVip), IpAddress(V6::kVip)},
                          .ports = {{"http", 80, policy::Protocol::kTcp, target(8080)},
                                    {"dns", 53, policy::Protocol::kUdp, target(5353)},
                                    {"raw", 7000, policy::Protocol::kTcp, 0},
                                    {"raw-udp", 7000, policy::Protocol::kUdp, 0}},
                          .selector = {},
                          .fallback = {},
                          .forwarding = forwarding,
                          .source_mapping = mapping}};
}

inline Resource endpoints_of_web(std::vector<policy::Endpoint> endpoints) {
  return {{Kind::kEndpointSet, "shop", "web"},
          {},
          policy::EndpointSet{.service = "web", .endpoints = std::move(endpoints)}};
}
inline policy::Endpoint endpoint(const IpAddress& address, uint16_t weight = 1, uint16_t port = 0) {
  return {.address = address, .weight = weight, .labels = {}, .port = port};
}
inline std::vector<policy::Endpoint> first() {
  return {endpoint(IpAddress(V4::kFirst)), endpoint(IpAddress(V6::kFirst))};
}
inline std::vector<policy::Endpoint> second() {
  return {endpoint(IpAddress(V4::kSecond)), endpoint(IpAddress(V6::kSecond))};
}
inline std::vector<policy::Endpoint> cart() {
  return {endpoint(IpAddress(kCart4)), endpoint(IpAddress(kCart6))};
}

inline Resource traffic_of_web(Duration drain_time, Refusal no_endpoint = Refusal::kUnreachable) {
  return {{Kind::kTrafficPolicy, "shop", "web"},
          {},
          policy::TrafficPolicy{
              .service = "web", .drain_time = drain_time, .no_endpoint = no_endpoint}};
}

// Nobody may reach web any more.
inline Resource deny_web(Refusal how) {
  return {{Kind::kAccessPolicy, "shop", "nobody"},
          {},
          policy::AccessPolicy{.service = "web",
                               .workload_labels = {},
                               .action = policy::Action::kDeny,
                               .on_deny = how,
                               .rules = {{}}}};
}

inline Net nat_net() { return standard().nat("192.0.2.77").nat("2001:db8::77"); }

// A settled rig with web and its first endpoint; both endpoints' MAC addresses are known.
struct NatRig : SettledRig {
  explicit NatRig(Forwarding forwarding = Forwarding::kDnat, Net net = nat_net(),
                  RigOptions options = {})
      : SettledRig(std::move(net), options) {
    know("lan", V4::kFirst, peer_mac(1, 21));
    know("lan", V6::kFirst, peer_mac(1, 21));
    know("lan", V4::kSecond, peer_mac(1, 22));
    know("lan", V6::kSecond, peer_mac(1, 22));
    apply({web(forwarding), endpoints_of_web(first())});
  }
  uint32_t flows(uint16_t worker_id = 0) { return worker(worker_id).flows->tracker.table().size(); }
};

// Flows of many ports of the client to port 7000 of the service (UDP): more than a sweep looks at
// in one turn, so that a packet of a later flow comes before it.
template <class V>
void open_many(NatRig& rig, uint16_t count = 200) {
  for (uint16_t i = 0; i < count; ++i)
    rig.put("wan",
            (to_us(0) / V::ip(V::kClient, V::kVip) / udp(static_cast<uint16_t>(20000 + i), 7000))
                .bytes());
  rig.now_expect().ignore_output();
}

// Frames between us and the endpoints.
inline Eth to_first() { return eth(peer_mac(1, 21), own_mac(1)); }
inline Eth from_first() { return eth(own_mac(1), peer_mac(1, 21)); }
inline Eth to_second() { return eth(peer_mac(1, 22), own_mac(1)); }
inline Eth from_second() { return eth(own_mac(1), peer_mac(1, 22)); }

// A connection from the client to port 80 of web, at first(), row by row. Sequence numbers: the
// client begins at 1000, the endpoint at 5000; `rig` has DNAT.
template <class V>
struct Connection {
  NatRig& rig;
  uint16_t port = 40000;

  Stack from_client(const Stack& segment) const {
    return to_us(0) / V::ip(V::kClient, V::kVip) / segment;
  }
  Stack at_endpoint(const Stack& segment) const {
    return to_first() / V::routed(V::kClient, V::kFirst) / segment;
  }
  Stack from_endpoint(const Stack& segment) const {
    return from_first() / V::ip(V::kFirst, V::kClient) / segment;
  }
  Stack at_client(const Stack& segment) const {
    return from_us(0) / V::routed(V::kVip, V::kClient) / segment;
  }
  void send_syn(uint32_t sequence = 1000) {
    rig.in("wan", from_client(syn(port, 80, sequence)))
        .expect_out("lan", at_endpoint(syn(port, 8080, sequence)));
  }
  void establish() {
    send_syn();
    rig.in("lan", from_endpoint(syn_ack(8080, port, 5000, 1001)))
        .expect_out("wan", at_client(syn_ack(80, port, 5000, 1001)));
    rig.in("wan", from_client(ack(port, 80, 1001, 5001)))
        .expect_out("lan", at_endpoint(ack(port, 8080, 1001, 5001)));
  }
  // Both close; all is acknowledged at the end.
  void close() {
    rig.in("wan", from_client(fin(port, 80, 1001, 5001)))
        .expect_out("lan", at_endpoint(fin(port, 8080, 1001, 5001)));
    rig.in("lan", from_endpoint(fin(8080, port, 5001, 1002)))
        .expect_out("wan", at_client(fin(80, port, 5001, 1002)));
    rig.in("wan", from_client(ack(port, 80, 1002, 5002)))
        .expect_out("lan", at_endpoint(ack(port, 8080, 1002, 5002)));
  }
};

}  // namespace heddle::rig
