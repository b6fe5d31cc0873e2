// steer, handoff and port_tx with several workers: each flow on one worker, whatever port or
// worker its packets come in by.
#include <algorithm>

#include "expect.h"

namespace heddle::rig {
namespace {

// Known neighbours everywhere, so that the worker that routes a packet also sends it.
struct SteerRig : SettledRig {
  explicit SteerRig(uint16_t workers = 2, bool one_queue_ports = false)
      : SettledRig(standard(), {.workers = workers, .one_queue_ports = one_queue_ports}) {}

  // The worker that sent the frame which `packet` became.
  int owner(std::string_view port, const Stack& frame, uint16_t arrives_at) {
    Row row = in(port, frame, {.worker = arrives_at, .steer = true});
    const auto sent = row.take_all();
    EXPECT_EQ(sent.size(), 1u);
    return sent.size() == 1 ? sent[0].worker : -1;
  }
};

constexpr uint16_t kFlows = 64;

TEST(Steer, KeepsBothDirectionsOfAFlowOnOneWorker) {
  for (const uint16_t workers : {uint16_t{2}, uint16_t{3}}) {
    SteerRig rig(workers);
    std::vector<int> flows(workers);
    for (uint16_t flow = 0; flow < kFlows; ++flow) {
      const auto port = static_cast<uint16_t>(40000 + flow);
      const int owner = rig.owner("cart", to_us(2) / ip4(kCart4, kFar4) / udp(port, 53), 0);
      ASSERT_GE(owner, 0);
      ++flows[static_cast<size_t>(owner)];
      for (uint16_t at = 0; at < workers; ++at) {
        EXPECT_EQ(rig.owner("wan", to_us(0) / ip4(kFar4, kCart4) / udp(53, port), at), owner);
        EXPECT_EQ(
            rig.owner("cart", to_us(2) / ip4(kCart4, kFar4).id(at) / udp(port, 53) / data(99), at),
            owner);
      }
    }
    for (const int count : flows) EXPECT_GE(count, kFlows / workers / 2) << "all workers get flows";
  }
}

TEST(Steer, KeepsBothDirectionsOfAnIpv6FlowOnOneWorker) {
  SteerRig rig;
  std::vector<int> flows(2);
  for (uint16_t flow = 0; flow < kFlows; ++flow) {
    const auto port = static_cast<uint16_t>(40000 + flow);
    const int owner = rig.owner("cart", to_us(2) / ip6(kCart6, kFar6) / tcp(port, 443), 0);
    ASSERT_GE(owner, 0);
    ++flows[static_cast<size_t>(owner)];
    EXPECT_EQ(rig.owner("wan", to_us(0) / ip6(kFar6, kCart6) / tcp(443, port), 0), owner);
    EXPECT_EQ(
        rig.owner("wan", to_us(0) / ip6(kFar6, kCart6) / destination_options({}) / tcp(443, port),
                  1),
        owner);
  }
  for (const int count : flows) EXPECT_GE(count, kFlows / 4);
}

TEST(Steer, KeepsAllFragmentsOnOneWorker) {
  SteerRig rig;
  for (uint8_t host = 1; host < 32; ++host) {
    const Ipv4Address far(8, 8, 4, host);
    const int owner =
        rig.owner("cart", to_us(2) / ip4(kCart4, far).mf() / udp(host, 53) / data(8), 0);
    EXPECT_EQ(
        rig.owner("cart", to_us(2) / ip4(kCart4, far).offset(16).mf().protocol(17) / data(16), 1),
        owner);
    EXPECT_EQ(rig.owner("wan", to_us(0) / ip4(far, kCart4).offset(32).protocol(17) / data(9), 0),
              owner);
    const Ipv6Address far6 = Ipv6Address::from_host(0x2001486000000000, host);
    const int owner6 = rig.owner(
        "cart", to_us(2) / ip6(kCart6, far6) / fragment(0, true) / udp(host, 53) / data(8), 1);
    EXPECT_EQ(rig.owner("wan", to_us(0) / ip6(far6, kCart6) / fragment(16, false) / data(9), 0),
              owner6);
  }
}

TEST(Steer, SendsErrorsToTheWorkerOfTheQuotedFlow) {
  SteerRig rig;
  for (uint16_t flow = 0; flow < kFlows; ++flow) {
    const auto port = static_cast<uint16_t>(40000 + flow);
    const Stack sent = ip4(kCart4, kFar4) / udp(port, 53);
    const int owner = rig.owner("cart", to_us(2) / sent, 0);
    // A router on the way answers, from an address that the flow knows nothing of.
    const Stack error = to_us(0) / ip4("203.0.114.1"_v4, kCart4) / icmp4(11) / quote(sent, 28);
    EXPECT_EQ(rig.owner("wan", error, 0), owner);
    EXPECT_EQ(rig.owner("wan", error, 1), owner);
    const Stack sent6 = ip6(kCart6, kFar6) / tcp(port, 443);
    const int owner6 = rig.owner("cart", to_us(2) / sent6, 0);
    const Stack error6 = to_us(0) / ip6("2001:9::1"_v6, kCart6) / icmp6(3) / quote(sent6, 48);
    EXPECT_EQ(rig.owner("wan", error6, 1), owner6);
  }
}

TEST(Steer, ReadsBehindAVlanTag) {
  SteerRig rig;
  for (uint16_t flow = 0; flow < kFlows; ++flow) {
    const auto port = static_cast<uint16_t>(40000 + flow);
    const int owner = rig.owner("cart", to_us(2) / ip4(kCart4, kV100Peer) / udp(port, 53), 0);
    EXPECT_EQ(rig.owner("wan", to_us(0) / vlan(100) / ip4(kV100Peer, kCart4) / udp(53, port), 1),
              owner);
  }
}

// Frames without a flow are handled where they come in.
TEST(Steer, LeavesOtherFramesWhereTheyAre) {
  SteerRig rig;
  for (const uint16_t at : {uint16_t{0}, uint16_t{1}}) {
    const auto before = rig.counts(at)["ethernet_input"];
    rig.in("wan", to_us(0).type(0x88cc) / data(46), {.worker = at, .steer = true})
        .expect_drop("ethernet_input.unknown_type");
    rig.in("wan", raw(Bytes(9)), {.worker = at, .steer = true})
        .expect_drop("ethernet_input.truncated");
    rig.in("wan", to_us(0) / service_tag(5) / ip4(kFar4, kCart4), {.worker = at, .steer = true})
        .expect_drop("ethernet_input.double_tagged");
    EXPECT_EQ(rig.counts(at)["ethernet_input"], before + 3);
  }
}

TEST(Steer, NamesADropWhenTheOwnerDoesNotKeepUp) {
  SteerRig rig;
  Stack foreign;
  for (uint16_t port = 1;; ++port) {
    foreign = to_us(2) / ip4(kCart4, kFar4) / udp(port, 53);
    if (rig.owner("cart", foreign, 0) == 1) break;
  }
  constexpr size_t kSent = 600;
  Row row = rig.in("cart", std::vector<Stack>(kSent, foreign), {.worker = 0, .steer = true});
  row.expect_drop("steer.handoff_full", kSent - app::Outlet::kCapacity);
  EXPECT_EQ(row.out_count(), size_t{app::Outlet::kCapacity});
  row.ignore_output();
}

TEST(PortTx, NamesADropWhenThePortDoesNotTakeMore) {
  SettledRig rig;
  constexpr size_t kSent = 600;
  Row row = rig.in("cart", std::vector<Stack>(kSent, to_us(2) / ip4(kCart4, kFar4) / udp(1, 53)));
  row.expect_drop("port_tx.queue_full", kSent - app::Outlet::kCapacity);
  EXPECT_EQ(row.out_count(), size_t{app::Outlet::kCapacity});
  row.ignore_output();
}

TEST(PortTx, NamesADropWhenThePortSendsNoChains) {
  SettledRig rig(standard(), {.chains = false});
  const Stack frame = to_us(2) / ip4(kCart4, kFar4) / udp(1, 53) / data(200);
  rig.in("cart", frame, {.segments = {150}}).expect_drop("port_tx.scattered");
  rig.in("cart", frame)
      .expect_out("wan", from_us(0) / ip4(kCart4, kFar4).ttl(63) / udp(1, 53) / data(200));
}

// A port with one queue: whoever owns the flow, the queue's worker sends.
TEST(PortTx, HandsFramesToTheWorkerThatHasTheQueue) {
  SteerRig rig(2, true);
  for (uint16_t port = 0; port < 16; ++port) {
    EXPECT_EQ(rig.owner("cart", to_us(2) / ip4(kCart4, kFar4) / udp(port, 53), 0), 0);
    EXPECT_EQ(rig.owner("wan", to_us(0) / ip4(kFar4, kLanPeer4) / udp(53, port), 0), 1);
  }
  const Stack packet = ip4(kFar4, kLanPeer4) / udp(1, 2);
  rig.in("wan", to_us(0) / packet, {.worker = 0})
      .expect_out("lan", from_us(1) / ip4(kFar4, kLanPeer4).ttl(63) / udp(1, 2));
}

TEST(PortTx, NamesADropWhenTheOtherWorkerDoesNotKeepUp) {
  SteerRig rig(2, true);
  constexpr size_t kSent = 600;
  const Stack frame = to_us(0) / ip4(kFar4, kLanPeer4) / udp(1, 2);
  Row row = rig.in("wan", std::vector<Stack>(kSent, frame), {.worker = 0});
  row.expect_drop("port_tx.handoff_full", kSent - app::Outlet::kCapacity);
  EXPECT_EQ(row.out_count(), size_t{app::Outlet::kCapacity});
  row.ignore_output();
}

// Each worker has neighbours of its own; what one hears of them all learn.
TEST(Share, AnswersReachEveryWorker) {
  TestRig rig(standard(), {.workers = 3});
  const Stack packet = to_us(2) / ip4(kCart4, kLanPeer4) / udp(1, 2);
  const Stack out = from_us(1) / ip4(kCart4, kLanPeer4).ttl(63) / udp(1, 2);
  const Stack question =
      eth(MacAddress::broadcast(), own_mac(1)) / arp(arp_request(own_mac(1), kLan4, kLanPeer4));
  for (uint16_t at = 0; at < 3; ++at)
    rig.in("cart", packet, {.worker = at}).expect_out("lan", question);
  EXPECT_EQ(rig.waiting(), 3u);
  rig.in("lan", to_us(1) / arp(arp_reply(peer_mac(1), kLanPeer4, own_mac(1), kLan4)), {.worker = 1})
      .expect_out("lan", out)
      .expect_out("lan", out)
      .expect_out("lan", out);
  for (uint16_t at = 0; at < 3; ++at) rig.in("cart", packet, {.worker = at}).expect_out("lan", out);
}

TEST(Share, AdvertisementsReachEveryWorker) {
  TestRig rig(standard(), {.workers = 2});
  const Stack packet = to_us(2) / ip6(kCart6, kLanPeer6) / udp(1, 2);
  const Stack out = from_us(1) / ip6(kCart6, kLanPeer6).hops(63) / udp(1, 2);
  for (uint16_t at = 0; at < 2; ++at) rig.in("cart", packet, {.worker = at}).ignore_output();
  rig.in("lan",
         to_us(1) / ip6(kLanPeer6, kLan6).hops(255) /
             na(kLanPeer6, kSolicited | kOverride, peer_mac(1)),
         {.worker = 1})
      .expect_out("lan", out)
      .expect_out("lan", out);
}

// The copies teach, but one answer is enough.
TEST(Share, QuestionsAreAnsweredOnce) {
  TestRig rig(standard(), {.workers = 3});
  rig.in("lan",
         eth(MacAddress::broadcast(), peer_mac(1)) /
             arp(arp_request(peer_mac(1), kLanPeer4, kLan4)),
         {.worker = 2})
      .expect_out("lan", from_us(1) / arp(arp_reply(own_mac(1), kLan4, peer_mac(1), kLanPeer4)));
  rig.in("lan", to_us(1) / vlan(0) / ip6(kLanPeer6, kLan6).hops(255) / ns(kLan6, peer_mac(1)),
         {.worker = 0})
      .expect_out("lan", from_us(1) / ip6(kLan6, kLanPeer6).hops(255) /
                             na(kLan6, kRouter | kSolicited | kOverride, own_mac(1)));
  for (uint16_t at = 0; at < 3; ++at) {
    EXPECT_NE(rig.worker(at).neighbours4.find(rig.interface_id("lan"), kLanPeer4), nullptr);
    EXPECT_NE(rig.worker(at).neighbours6.find(rig.interface_id("lan"), kLanPeer6), nullptr);
  }
}

// What one worker refuses no other learns from; what is of no use counts once.
TEST(Share, RefusedMessagesTeachNobody) {
  TestRig rig(standard(), {.workers = 2});
  rig.in("lan", to_us(1) / arp(arp_reply(peer_mac(1), kLan4, own_mac(1), kLan4)))
      .expect_drop("arp_input.own_address");
  rig.in("lan", to_us(1) / arp(arp_reply(peer_mac(1), kLanPeer4, own_mac(1), kLan4)))
      .expect_drop("arp_input.unsolicited_reply");
  rig.in("lan", to_us(1) / ip6(kLanPeer6, kLan6).hops(255) / na(kLanPeer6, kOverride, peer_mac(1)))
      .expect_drop("nd_input.unsolicited_advertisement");
  for (uint16_t at = 0; at < 2; ++at) {
    EXPECT_EQ(rig.worker(at).neighbours4.size(), 0u);
    EXPECT_EQ(rig.worker(at).neighbours6.size(), 0u);
  }
}

// Without a buffer for the copy the other worker does not learn, and asks for itself.
TEST(Share, GoesWithoutWhenThereIsNoBuffer) {
  TestRig rig(standard(), {.workers = 2});
  rig.put("lan", (to_us(1) / arp(arp_request(peer_mac(1), kLanPeer4, kLan4))).bytes());
  std::vector<packet::Packet> taken;
  while (const packet::Packet packet = Rig::pool().allocate()) taken.push_back(packet);
  rig.walk();
  for (const packet::Packet packet : taken) packet.free();
  rig.now_expect().expect_out(
      "lan", from_us(1) / arp(arp_reply(own_mac(1), kLan4, peer_mac(1), kLanPeer4)));
  EXPECT_NE(rig.worker(0).neighbours4.find(rig.interface_id("lan"), kLanPeer4), nullptr);
  EXPECT_EQ(rig.worker(1).neighbours4.find(rig.interface_id("lan"), kLanPeer4), nullptr);
}

}  // namespace
}  // namespace heddle::rig
