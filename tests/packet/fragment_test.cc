// ip4_fragment: pieces that fit the next link and make the packet again.
#include <algorithm>

#include "core/random.h"
#include "expect.h"
#include "seed.h"

namespace heddle::rig {
namespace {

constexpr uint8_t kUdp = 17;
constexpr size_t kEthernet = 14;

Bytes slice(const Bytes& bytes, size_t at, size_t size) {
  const auto begin = bytes.begin() + static_cast<ptrdiff_t>(at);
  return {begin, begin + static_cast<ptrdiff_t>(std::min(size, bytes.size() - at))};
}

TEST(Fragment, CutsAtMultiplesOfEight) {
  SettledRig rig;
  rig.set_mtu("wan", 600);
  const Bytes payload = data(1000).layer().wrap({}, {}).bytes;
  const auto piece = [&](uint16_t at) { return raw(slice(payload, at, 576)); };
  rig.in("lan", to_us(1) / ip4(kLanPeer4, kFar4).id(0x4242).protocol(kUdp).dscp(10) / raw(payload))
      .expect_out("wan", from_us(0) /
                             ip4(kLanPeer4, kFar4).id(0x4242).protocol(kUdp).dscp(10).ttl(63).mf() /
                             piece(0))
      .expect_out("wan",
                  from_us(0) /
                      ip4(kLanPeer4, kFar4).id(0x4242).protocol(kUdp).dscp(10).ttl(63).offset(576) /
                      piece(576));
}

TEST(Fragment, LeavesAloneWhatFits) {
  SettledRig rig;
  rig.set_mtu("wan", 600);
  rig.in("lan", to_us(1) / ip4(kLanPeer4, kFar4).protocol(kUdp) / data(580))
      .expect_out("wan", from_us(0) / ip4(kLanPeer4, kFar4).protocol(kUdp).ttl(63) / data(580));
}

// RFC 791 3.1: options with the copied flag go into every piece, others into the first.
TEST(Fragment, CopiesTheOptionsThatWantIt) {
  SettledRig rig;
  rig.set_mtu("wan", 100);
  const Bytes options{7,   7, 4, 0, 0,   0, 0, 1,
                      148, 4, 0, 0, 130, 3, 9};  // record route, nop, two copied
  const Bytes copied{148, 4, 0, 0, 130, 3, 9};
  const Bytes payload = data(150).layer().wrap({}, {}).bytes;
  const auto header = [&](const Bytes& with) {
    return ip4(kLanPeer4, kFar4).protocol(kUdp).ttl(63).options(with);
  };
  rig.in("lan", to_us(1) / ip4(kLanPeer4, kFar4).protocol(kUdp).options(options) / raw(payload))
      .expect_out("wan", from_us(0) / header(options).mf() / raw(slice(payload, 0, 64)))
      .expect_out("wan", from_us(0) / header(copied).mf().offset(64) / raw(slice(payload, 64, 72)))
      .expect_out("wan", from_us(0) / header(copied).offset(136) / raw(slice(payload, 136, 72)));
}

TEST(Fragment, CutsAFragmentAgain) {
  SettledRig rig;
  rig.set_mtu("wan", 100);
  const Bytes payload = data(160).layer().wrap({}, {}).bytes;
  const auto base = [] { return ip4(kLanPeer4, kFar4).protocol(kUdp).id(5); };
  rig.in("lan", to_us(1) / base().offset(800).mf() / raw(payload))
      .expect_out("wan", from_us(0) / base().ttl(63).offset(800).mf() / raw(slice(payload, 0, 80)))
      .expect_out("wan",
                  from_us(0) / base().ttl(63).offset(880).mf() / raw(slice(payload, 80, 80)));
}

struct Whole {
  Bytes header, payload;
};

// Puts pieces together again, by RFC 791 3.2, checking each on the way.
Whole reassemble(const std::vector<Sent>& pieces, size_t mtu) {
  Whole whole;
  bool last_seen = false;
  for (const Sent& sent : pieces) {
    const Bytes ip = slice(sent.frame, kEthernet, SIZE_MAX);
    const size_t header = (ip[0] & 0x0fu) * 4;
    const size_t offset = (load_be<uint16_t>(ip.data() + 6) & 0x1fffu) * 8;
    const bool more = (ip[6] & 0x20) != 0;
    EXPECT_LE(ip.size(), mtu);
    EXPECT_EQ(load_be<uint16_t>(ip.data() + 2), ip.size());
    EXPECT_EQ(slow_checksum(slice(ip, 0, header)), 0);
    EXPECT_EQ(offset, whole.payload.size()) << "in order, without gaps";
    EXPECT_FALSE(last_seen);
    if (more) {
      EXPECT_EQ((ip.size() - header) % 8, 0u);
    }
    last_seen = !more;
    if (offset == 0) whole.header = slice(ip, 0, header);
    const Bytes body = slice(ip, header, SIZE_MAX);
    whole.payload.insert(whole.payload.end(), body.begin(), body.end());
  }
  EXPECT_TRUE(last_seen);
  return whole;
}

TEST(Fragment, RandomPacketsComeTogetherAgain) {
  Random random(test_seed());
  SettledRig rig;
  rig.set_mtu("lan", 9000);
  for (int round = 0; round < 300; ++round) {
    const auto mtu = static_cast<uint16_t>(68 + random.below(1500));
    rig.set_mtu("wan", mtu);
    const Bytes options(random.below(11) * 4, 1);
    const size_t size = mtu - 20 + random.below(static_cast<uint32_t>(8000 - mtu));
    const Bytes payload = data(size).layer().wrap({}, {}).bytes;
    const Stack packet = ip4(kLanPeer4, kFar4).id(9).protocol(kUdp).options(options) / raw(payload);
    const auto segment = static_cast<uint16_t>(74 + random.below(1900));
    Row row = rig.in("lan", to_us(1) / packet, {.segments = {segment, segment, segment}});
    const Whole whole = reassemble(row.take_all(), mtu);
    ASSERT_EQ(whole.payload, payload) << "mtu " << mtu << " size " << size;
    EXPECT_EQ(whole.header.size(), 20 + options.size());
  }
}

// A buffer holds 2,048 bytes: pieces for a jumbo link are no longer than that.
TEST(Fragment, CutsForALinkWithAJumboMtu) {
  SettledRig rig;
  rig.set_mtu("lan", 9000);
  rig.set_mtu("wan", 4000);
  const Bytes payload = data(8000).layer().wrap({}, {}).bytes;
  Row row = rig.in("lan", to_us(1) / ip4(kLanPeer4, kFar4).protocol(kUdp) / raw(payload));
  EXPECT_EQ(reassemble(row.take_all(), 4000).payload, payload);
}

TEST(Fragment, SaysWhenThereIsNoRoomOrNoBuffer) {
  SettledRig rig;
  rig.set_mtu("wan", 67);
  rig.in("lan", to_us(1) / ip4(kLanPeer4, kFar4).protocol(kUdp).options(Bytes(40, 1)) / data(100))
      .expect_drop("ip4_fragment.no_room");
  rig.set_mtu("wan", 100);
  std::vector<packet::Packet> taken;
  rig.put("lan", (to_us(1) / ip4(kLanPeer4, kFar4).protocol(kUdp) / data(1000)).bytes());
  while (const packet::Packet packet = Rig::pool().allocate()) taken.push_back(packet);
  taken.back().free();  // one piece can be made, the second can not
  taken.pop_back();
  rig.walk();
  for (const packet::Packet packet : taken) packet.free();
  Row row = rig.now_expect();
  row.expect_drop("ip4_fragment.no_buffer");
  EXPECT_EQ(row.take("wan").size(), kEthernet + 100u);
}

// IPv6 routers do not cut (RFC 8200 5): fragments pass whole or not at all.
TEST(Fragment, PassesIpv6FragmentsAsTheyAre) {
  SettledRig rig;
  const Stack body = fragment(1232, true, 99) / data(1232);
  rig.in("lan", to_us(1) / ip6(kLanPeer6, kFar6) / body)
      .expect_out("wan", from_us(0) / ip6(kLanPeer6, kFar6).hops(63) / body);
}

}  // namespace
}  // namespace heddle::rig
