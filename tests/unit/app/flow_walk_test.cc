// Walks over a worker's flows: which fit, what is told of them, and that pieces are small.
#include "flows/walk.h"

#include <gtest/gtest.h>

#include <set>

#include "flows/far_end.h"

namespace heddle::app {
namespace {

using flow::Key;
using flow::State;
using server::FlowFilter;
using server::FlowInfo;
using server::FlowProtocol;
using wire::Ipv4Address;
using wire::Ipv6Address;

policy::IpAddress ip(const char* text) { return *policy::IpAddress::parse(text); }
policy::IpPrefix net(const char* text) { return *policy::IpPrefix::parse(text); }

struct Walks : testing::Test {
  static constexpr uint32_t kFlows = 5'000;

  Walks() {
    FlowOptions options;
    options.tracker.limits.flows = kFlows;
    options.tracker.limits.flows_v6 = kFlows / 2;
    worker.flows = std::make_unique<Flows>(options, policy::Limits(), 1, worker.now);
  }

  template <class Address>
  uint32_t add(flow::NewFlow<Address> flow) {
    flow.flags |= flow::RecordFlags::kWatched;
    uint32_t slot = 0;
    EXPECT_EQ(worker.flows->tracker.table().create(flow, flow::Stamp(worker.now), slot),
              flow::Created::kOk);
    return slot;
  }
  // From 10.9.0.2 to the service of frontend 7, translated on both sides.
  uint32_t add_translated(uint16_t port) {
    const Ipv4Address client(10, 9, 0, 2), vip(10, 96, 0, 20);
    const Ipv4Address own(192, 0, 2, 10), endpoint(10, 8, 0, 11);
    return add<Ipv4Address>(
        {.inside = {client, vip, Be16(port), Be16(80), wire::IpProtocol::kTcp},
         .outside = {own, endpoint, Be16(port), Be16(8080), wire::IpProtocol::kTcp},
         .state = State::kEstablished,
         .user = FlowNote(7, 3).word()});
  }
  // To a service that passes on, and to none.
  void add_others() {
    const Ipv4Address client(10, 9, 0, 3), vip(10, 96, 0, 21);
    const Key<Ipv4Address> udp{client, vip, Be16(5353), Be16(53), wire::IpProtocol::kUdp};
    const uint32_t slot = add<Ipv4Address>({.inside = udp,
                                            .outside = udp,
                                            .state = State::kUdpOneWay,
                                            .flags = flow::RecordFlags::kOneSided,
                                            .user = FlowNote(8, 4).word()});
    set_far_end(worker.flows->tracker.table().record(slot), Ipv4Address(10, 8, 0, 12));
    const auto a = *Ipv6Address::parse("2001:db8::2"), b = *Ipv6Address::parse("2001:db8:8::11");
    const Key<Ipv6Address> ping{a, b, Be16(99), Be16(99), wire::IpProtocol::kIcmpv6};
    add<Ipv6Address>(
        {.inside = ping, .outside = ping, .state = State::kQueryTwoWay, .user = FlowNote().word()});
  }

  std::vector<FlowInfo> found(const FlowFilter& filter) {
    std::vector<FlowInfo> all;
    auto piece = std::make_unique<FlowPiece>();
    while (piece->next != flow::kNoFlow) {
      copy_flows(worker, filter, *piece);
      all.insert(all.end(), piece->flows.begin(), piece->flows.begin() + piece->count);
    }
    return all;
  }

  Worker worker{WorkerId(2), 1, Instant(seconds(100).ns())};
};

TEST_F(Walks, TellWhatFlowsAre) {
  add_translated(40'000);
  add_others();
  worker.now = worker.now + seconds(3);
  const std::vector<FlowInfo> all = found({});
  ASSERT_EQ(all.size(), 3u);
  const FlowInfo* translated = nullptr;
  const FlowInfo* direct = nullptr;
  const FlowInfo* ping = nullptr;
  for (const FlowInfo& each : all)
    (each.frontend == 7 ? translated : each.frontend == 8 ? direct : ping) = &each;
  ASSERT_TRUE(translated != nullptr && direct != nullptr && ping != nullptr);
  EXPECT_EQ(translated->client, (server::FlowEnd{ip("10.9.0.2"), 40'000}));
  EXPECT_EQ(translated->destination, (server::FlowEnd{ip("10.96.0.20"), 80}));
  EXPECT_EQ(translated->endpoint, (server::FlowEnd{ip("10.8.0.11"), 8'080}));
  EXPECT_EQ(translated->source, (server::FlowEnd{ip("192.0.2.10"), 40'000}));
  EXPECT_TRUE(translated->source_translated);
  EXPECT_EQ(translated->idle_ms, 3'000u);
  EXPECT_EQ(translated->age_ms, 3'000u);
  EXPECT_EQ(translated->expires_ms, 7'437'000u);
  EXPECT_EQ(translated->worker, 2u);
  EXPECT_EQ(direct->endpoint, (server::FlowEnd{ip("10.8.0.12"), 53}));
  EXPECT_FALSE(direct->source_translated);
  EXPECT_EQ(ping->endpoint.address, ip("2001:db8:8::11"));
  EXPECT_EQ(ping->frontend, policy::kNoSlot);
  worker.now = worker.now + seconds(10'000);  // overdue, as nobody has looked
  EXPECT_EQ(found({}).front().expires_ms, 0u);
}

std::vector<bool> slot(uint32_t number) {
  std::vector<bool> slots(number + 1u);
  slots[number] = true;
  return slots;
}

TEST_F(Walks, FilterByEachField) {
  add_translated(40'000);
  add_others();
  const struct {
    const char* what;
    FlowFilter filter;
    size_t fit;
  } kRows[] = {
      {"nothing", {}, 3},
      {"source net", {.source = net("10.9.0.0/24")}, 2},
      {"source host", {.source = net("10.9.0.3/32")}, 1},
      {"the endpoint is no source", {.source = net("10.8.0.0/24")}, 0},
      {"all of IPv6", {.source = net("::/0")}, 1},
      {"all of IPv4", {.source = net("0.0.0.0/0")}, 2},
      {"destination", {.destination = net("10.96.0.20/32")}, 1},
      {"the endpoint is no destination", {.destination = net("10.8.0.11/32")}, 0},
      {"port", {.port = 80}, 1},
      {"the endpoint's port", {.port = 8080}, 0},
      {"an identifier is no port", {.port = 99}, 0},
      {"tcp", {.protocol = FlowProtocol::kTcp}, 1},
      {"udp", {.protocol = FlowProtocol::kUdp}, 1},
      {"icmp is ICMPv6 too", {.protocol = FlowProtocol::kIcmp}, 1},
      {"state", {.state = State::kUdpOneWay}, 1},
      {"frontend", {.frontends = slot(7)}, 1},
      {"another's frontend", {.frontends = slot(6)}, 0},
      {"endpoint", {.endpoint = ip("10.8.0.11")}, 1},
      {"endpoint behind direct return", {.endpoint = ip("10.8.0.12")}, 1},
      {"two fields", {.source = net("10.9.0.0/24"), .state = State::kEstablished}, 1},
      {"two that exclude each other", {.port = 80, .protocol = FlowProtocol::kUdp}, 0},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.what);
    EXPECT_EQ(found(row.filter).size(), row.fit);
    FlushPiece piece;
    uint32_t flushed = 0;
    // A filter of the flush takes the same ones; they are put back for the next row.
    for (; piece.next != flow::kNoFlow; flushed += piece.flushed)
      flush_flows(worker, row.filter, policy::Refusal::kDrop, piece);
    EXPECT_EQ(flushed, row.fit);
    for (FlushPiece all; all.next != flow::kNoFlow;)
      flush_flows(worker, {}, policy::Refusal::kDrop, all);
    EXPECT_EQ(worker.flows->tracker.table().size(), 0u);
    add_translated(40'000);
    add_others();
  }
}

TEST_F(Walks, SmallPiecesFindEachFlowOnce) {
  constexpr uint16_t kMany = 2'000;
  for (uint16_t i = 0; i < kMany; ++i) {
    add_translated(static_cast<uint16_t>(1'024 + i));
    worker.flows->set_active_flows(3, worker.flows->active_flows(3) + 1);
  }
  std::set<uint16_t> ports;
  for (const FlowInfo& each : found({})) EXPECT_TRUE(ports.insert(each.client.port).second);
  EXPECT_EQ(ports.size(), kMany);
  FlushPiece piece;
  uint32_t flushed = 0, pieces = 0;
  for (; piece.next != flow::kNoFlow; ++pieces) {
    flush_flows(worker, {.endpoint = ip("10.8.0.11")}, policy::Refusal::kDrop, piece);
    EXPECT_LE(piece.flushed, 32u);
    flushed += piece.flushed;
  }
  EXPECT_EQ(flushed, kMany);
  EXPECT_GE(pieces, kMany / 32u);
  EXPECT_EQ(worker.flows->counters.flushed.value(), kMany);
  EXPECT_EQ(worker.flows->counters.cut.value(), 0u);  // that is policy's
  EXPECT_EQ(worker.flows->active_flows(3), 0u);
}

TEST_F(Walks, AnEmptyTableIsOnePiece) {
  FlowPiece piece;
  copy_flows(worker, {}, piece);
  EXPECT_EQ(piece.next, flow::kNoFlow);
  EXPECT_EQ(piece.count, 0u);
}

}  // namespace
}  // namespace heddle::app
