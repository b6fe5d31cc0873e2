// A worker takes all its memory at start: bursts through the graph touch neither heap.
#include <rte_malloc.h>

#include <algorithm>
#include <memory>

#include "allocations.h"
#include "expect.h"

namespace heddle::rig {
namespace {

constexpr uint16_t kBurst = 64;
constexpr uint16_t kPort = 0;  // wan
constexpr int kBursts = 10'000;

// Bursts of 64 frames into wan; what the graph sends goes back to the pool.
class Carousel {
 public:
  Carousel(SettledRig& rig, const std::vector<Stack>& frames) : rig_(rig) {
    for (const Stack& frame : frames) frames_.push_back(frame.bytes());
  }

  // One turn of the worker's loop, as far as packets go. Returns how many left.
  uint32_t turn() {
    for (uint16_t i = 0; i < kBurst; ++i) rig_.put(kPort, frames_[i % frames_.size()]);
    rig_.worker().now = rig_.now();
    rig_.graph().walk();
    uint32_t sent = 0;
    for (auto& outlet : rig_.worker().tx) {
      sent += outlet->flush([](rte_mbuf** packets, uint16_t count) {
        rte_pktmbuf_free_bulk(packets, count);
        return count;
      });
    }
    rig_.pass(microseconds(10));
    return sent;
  }

 private:
  SettledRig& rig_;
  std::vector<Bytes> frames_;
};

// Everything that a settled node does all day: forwarding of both families, tagged and not,
// echoes, errors, fragments, neighbour questions and answers, drops.
std::vector<Stack> mixed_traffic() {
  std::vector<Stack> frames;
  for (uint16_t i = 0; i < 8; ++i) {
    frames.push_back(to_us(0) / ip4(kFar4, kLanPeer4) / udp(i, 2) / data(18));
    frames.push_back(to_us(0) / ip6(kFar6, kLanPeer6) / udp(i, 2) / data(18));
    frames.push_back(to_us(0) / vlan(100) / ip4(kV100Peer, kCart4) / tcp(i, 2));
  }
  frames.push_back(to_us(0) / ip4(kWanPeer4, kWan4) / ping4() / data(56));
  frames.push_back(to_us(0) / ip6(kWanPeer6, kWan6) / ping6() / data(56));
  frames.push_back(to_us(0) / ip4(kFar4, kLanPeer4).ttl(1) / udp(1, 2));
  frames.push_back(to_us(0) / ip6(kFar6, kLanPeer6).hops(1) / udp(1, 2));
  frames.push_back(to_us(0) / ip4(kFar4, kLanPeer4).protocol(17) / data(1400));
  frames.push_back(to_us(0) / ip4(kFar4, kLanPeer4).bad_checksum() / udp(1, 2));
  frames.push_back(to_us(0) / arp(arp_request(peer_mac(0), kWanPeer4, kWan4)));
  frames.push_back(to_us(0) / ip6(kWanPeer6, kWan6).hops(255) / ns(kWan6, peer_mac(0)));
  return frames;
}

TEST(Allocations, TheCounterCounts) {
  const AllocationCount count;
  EXPECT_EQ(count.value(), 0u);
  auto block = std::make_unique<char[]>(100);
  asm volatile("" : : "r"(block.get()) : "memory");
  EXPECT_GE(count.value(), 1u);
}

void run_without_allocations(const std::vector<Stack>& frames, uint32_t sent_a_turn) {
  SettledRig rig;
  rig.set_mtu("lan", 600);
  Carousel carousel(rig, frames);
  for (int i = 0; i < 300; ++i) carousel.turn();  // streams grow, the limiter empties
  rte_malloc_socket_stats before{}, after{};
  ASSERT_EQ(rte_malloc_get_socket_stats(0, &before), 0);
  uint64_t allocations = 0, sent = 0;
  {
    const AllocationCount count;
    for (int i = 0; i < kBursts; ++i) sent += carousel.turn();
    allocations = count.value();
  }
  EXPECT_EQ(allocations, 0u);
  EXPECT_GE(sent, uint64_t{kBursts} * sent_a_turn);
  ASSERT_EQ(rte_malloc_get_socket_stats(0, &after), 0);
  EXPECT_EQ(after.alloc_count, before.alloc_count);
  EXPECT_EQ(after.heap_allocsz_bytes, before.heap_allocsz_bytes);
  EXPECT_EQ(after.heap_totalsz_bytes, before.heap_totalsz_bytes);
  rig.new_drops();
}

TEST(Allocations, ForwardingMakesNone) {
  run_without_allocations({to_us(0) / ip4(kFar4, kLanPeer4) / udp(1, 2) / data(18),
                           to_us(0) / ip6(kFar6, kLanPeer6) / udp(1, 2) / data(18)},
                          kBurst);
}

TEST(Allocations, MixedTrafficMakesNone) { run_without_allocations(mixed_traffic(), kBurst / 2); }

// Neighbours come, are asked, fail and go: their table has its memory already.
TEST(Allocations, NeighboursMakeNone) {
  SettledRig rig;
  std::vector<Stack> frames;
  for (uint8_t i = 100; i < 132; ++i)
    frames.push_back(to_us(0) / ip4(kFar4, Ipv4Address(198, 51, 100, i)) / udp(1, 2));
  Carousel carousel(rig, frames);
  for (int i = 0; i < 10; ++i) carousel.turn();
  const AllocationCount count;
  for (int i = 0; i < 1000; ++i) {
    rig.pass(milliseconds(20));
    carousel.turn();
  }
  EXPECT_EQ(count.value(), 0u);
  rig.new_drops();
}

}  // namespace
}  // namespace heddle::rig
