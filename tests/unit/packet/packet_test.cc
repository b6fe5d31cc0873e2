// Packet and PacketPool over real buffers.
#include "packet/packet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "core/random.h"
#include "eal.h"
#include "packet/pool.h"
#include "seed.h"

namespace heddle::packet {
namespace {

using Bytes = std::vector<uint8_t>;
constexpr uint32_t kBuffers = 255;

class PacketTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_TRUE(start_eal());
    ASSERT_TRUE(reserve_meta());
    auto made = PacketPool::create("packets", kBuffers);
    ASSERT_TRUE(made.has_value());
    pool_ = new PacketPool(std::move(*made));
  }
  static void TearDownTestSuite() { delete pool_; }
  void TearDown() override { EXPECT_EQ(pool().available(), kBuffers) << "a packet is lost"; }

  static PacketPool& pool() { return *pool_; }

  // A packet of the bytes, in segments of the given sizes.
  static Packet make(const Bytes& bytes, const std::vector<size_t>& segments = {}) {
    const Packet head = pool().allocate();
    size_t at = 0;
    for (size_t i = 0; i == 0 || at < bytes.size(); ++i) {
      const size_t size = std::min(i < segments.size() ? segments[i] : 2048, bytes.size() - at);
      const Packet piece = i == 0 ? head : pool().allocate();
      std::copy_n(bytes.data() + at, size, piece.append(static_cast<uint16_t>(size)));
      if (i != 0) rte_pktmbuf_chain(head.mbuf(), piece.mbuf());
      at += size;
    }
    return head;
  }
  static Bytes all(Packet packet) {
    Bytes bytes(packet.size());
    packet.copy_out(0, bytes);
    return bytes;
  }
  static Bytes counted(size_t size) {
    Bytes bytes(size);
    std::iota(bytes.begin(), bytes.end(), uint8_t{1});
    return bytes;
  }

 private:
  static PacketPool* pool_;
};
PacketPool* PacketTest::pool_ = nullptr;

TEST_F(PacketTest, StartsEmptyWithClearedMeta) {
  const Packet packet = pool().allocate();
  ASSERT_TRUE(bool(packet));
  EXPECT_EQ(packet.size(), 0u);
  EXPECT_EQ(packet.contiguous(), 0);
  EXPECT_FALSE(packet.is_chain());
  EXPECT_EQ(packet.meta().flags, 0);
  EXPECT_EQ(packet.meta().next_hop, 0u);
  EXPECT_FALSE(packet.ip_checksum_verified());
  packet.free();
  EXPECT_FALSE(bool(Packet()));
}

TEST_F(PacketTest, StripsAndPrepends) {
  const Packet packet = make(counted(100));
  packet.strip(14);
  EXPECT_EQ(packet.size(), 86u);
  EXPECT_EQ(packet.data()[0], 15);
  uint8_t* at = packet.prepend(18);
  EXPECT_EQ(at, packet.data());
  EXPECT_EQ(packet.size(), 104u);
  EXPECT_EQ(packet.head().size(), 104u);
  EXPECT_EQ(at[18], 15);
  packet.free();
}

TEST_F(PacketTest, ChecksItsHeadroom) {
  const Packet packet = make(counted(10));
  packet.prepend(RTE_PKTMBUF_HEADROOM);
  EXPECT_DEATH(packet.prepend(1), "headroom");
  packet.free();
}

TEST_F(PacketTest, AppendsWhileThereIsRoom) {
  const Packet packet = pool().allocate();
  EXPECT_NE(packet.append(2000), nullptr);
  EXPECT_EQ(packet.append(49), nullptr);
  EXPECT_EQ(packet.size(), 2000u);
  uint8_t* at = packet.append(48);
  EXPECT_EQ(at, packet.data() + 2000);
  EXPECT_EQ(packet.size(), 2048u);
  packet.free();
  const Packet chain = make(counted(100), {50});
  EXPECT_EQ(chain.append(1), nullptr) << "a chain's first segment is not its end";
  chain.free();
}

TEST_F(PacketTest, TruncatesOneSegment) {
  const Packet packet = make(counted(100));
  packet.truncate(100);
  packet.truncate(5000);
  EXPECT_EQ(packet.size(), 100u);
  packet.truncate(60);
  EXPECT_EQ(all(packet), Bytes(counted(60)));
  packet.truncate(0);
  EXPECT_EQ(packet.size(), 0u);
  packet.free();
}

TEST_F(PacketTest, TruncatesChainsAndFreesWhatIsCutOff) {
  const Bytes bytes = counted(100);
  for (uint32_t size = 1; size <= 100; ++size) {
    const Packet packet = make(bytes, {30, 1, 40});
    ASSERT_EQ(packet.mbuf()->nb_segs, 4);
    packet.truncate(size);
    EXPECT_EQ(all(packet), Bytes(bytes.begin(), bytes.begin() + size));
    const int segments = size <= 30 ? 1 : size <= 31 ? 2 : size <= 71 ? 3 : 4;
    EXPECT_EQ(packet.mbuf()->nb_segs, segments) << size;
    EXPECT_EQ(pool().available(), kBuffers - static_cast<uint32_t>(segments)) << size;
    rte_mbuf_sanity_check(packet.mbuf(), 1);
    packet.free();
  }
}

TEST_F(PacketTest, CopiesOutAcrossSegments) {
  Random random(test_seed());
  for (int round = 0; round < 200; ++round) {
    const Bytes bytes = counted(1 + random.below(3000));
    const Packet packet =
        make(bytes, {1 + random.below(2000), 1 + random.below(900), 1 + random.below(500)});
    const uint32_t offset = random.below(static_cast<uint32_t>(bytes.size()));
    Bytes out(random.below(static_cast<uint32_t>(bytes.size()) - offset + 1));
    packet.copy_out(offset, out);
    EXPECT_TRUE(std::equal(out.begin(), out.end(), bytes.begin() + offset));
    packet.free();
  }
}

TEST_F(PacketTest, RefusesToCopyPastTheEnd) {
  const Packet packet = make(counted(100), {60});
  Bytes out(41);
  EXPECT_DEATH(packet.copy_out(60, out), "copy_out past the packet's end");
  packet.free();
}

TEST_F(PacketTest, CopiesWithItsMeta) {
  const Packet packet = make(counted(300), {100, 100});
  packet.meta().rx_interface = InterfaceId(3);
  packet.meta().next_hop = 77;
  packet.meta().set(Flag::kLinkBroadcast);
  const Packet copy = pool().copy(packet);
  EXPECT_EQ(all(copy), all(packet));
  EXPECT_NE(copy, packet);
  EXPECT_EQ(copy.meta().rx_interface, InterfaceId(3));
  EXPECT_EQ(copy.meta().next_hop, 77u);
  EXPECT_TRUE(copy.meta().has(Flag::kLinkBroadcast));
  EXPECT_FALSE(copy.meta().has(Flag::kOriginated));
  const Packet part = pool().copy(packet, 120);
  EXPECT_EQ(all(part), counted(120));
  for (const Packet each : {packet, copy, part}) each.free();
}

TEST_F(PacketTest, GivesNoneWhenThePoolIsEmpty) {
  std::vector<Packet> taken;
  while (const Packet packet = pool().allocate()) taken.push_back(packet);
  EXPECT_EQ(taken.size(), kBuffers);
  EXPECT_FALSE(bool(pool().copy(taken.front())));
  for (const Packet packet : taken) packet.free();
}

TEST_F(PacketTest, SaysWhatThePortHasChecked) {
  const Packet packet = make(counted(20));
  packet.mbuf()->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD;
  EXPECT_TRUE(packet.ip_checksum_verified());
  packet.mbuf()->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_BAD;
  EXPECT_FALSE(packet.ip_checksum_verified());
  packet.mbuf()->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_NONE;
  EXPECT_FALSE(packet.ip_checksum_verified());
  packet.mbuf()->port = 5;
  EXPECT_EQ(packet.port(), PortId(5));
  packet.free();
}

TEST_F(PacketTest, MetaSharesNoMemoryWithWhatDpdkUses) {
  const Packet packet = make(counted(20));
  const rte_mbuf before = *packet.mbuf();
  std::fill_n(reinterpret_cast<uint8_t*>(&packet.meta()), sizeof(Meta), uint8_t{0xff});
  EXPECT_EQ(packet.mbuf()->pkt_len, before.pkt_len);
  EXPECT_EQ(packet.mbuf()->next, before.next);
  EXPECT_EQ(packet.mbuf()->pool, before.pool);
  EXPECT_EQ(packet.mbuf()->tx_offload, before.tx_offload);
  EXPECT_EQ(packet.mbuf()->shinfo, before.shinfo);
  EXPECT_EQ(packet.mbuf()->priv_size, before.priv_size);
  packet.free();
}

TEST(PacketPool, SaysHowMuchMemoryIsMissing) {
  ASSERT_TRUE(start_eal());
  const auto pool = PacketPool::create("too-many", 4'000'000);
  ASSERT_FALSE(pool.has_value());
  EXPECT_NE(pool.error().text.find("4000000 packet buffers"), std::string::npos)
      << pool.error().text;
  EXPECT_NE(pool.error().text.find("memory"), std::string::npos);
}

}  // namespace
}  // namespace heddle::packet
