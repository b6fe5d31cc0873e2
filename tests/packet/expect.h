// What a row of a packet test says: what goes in, what must come out, which drops must count.
// Whatever else comes out or counts fails the row, and so does a packet that gets lost.
//
//   rig.in("wan", frame).expect_drop("ip4_forward.ttl_expired").expect_out("wan", answer);
#pragma once

#include <gtest/gtest.h>

#include <set>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include "rig.h"

namespace heddle::rig {

// The nodes and drops that counted in any row of this process: main.cc compares this with the list
// of all nodes.
std::set<std::string>& nodes_seen();

class TestRig;

// The effects of one step. Checks itself when it goes out of scope.
class Row {
 public:
  using Where = std::source_location;
  Row(const Row&) = delete;
  Row& operator=(const Row&) = delete;
  ~Row();

  // The next frame that leaves by `port`, to the byte. Frames of one port come in order.
  Row& expect_out(std::string_view port, const Stack& frame);
  Row& expect_drop(std::string_view name, uint64_t count = 1);
  // Takes the next frame of `port` for a closer look; empty, and a failure, when there is none.
  Bytes take(std::string_view port);
  // Takes all that has left.
  std::vector<Sent> take_all() { return std::exchange(sent_, {}); }
  // What came out does not matter to this row.
  void ignore_output() { sent_.clear(); }
  size_t out_count() const { return sent_.size(); }

 private:
  friend class TestRig;
  Row(TestRig& rig, Where where);

  TestRig& rig_;
  Where where_;
  std::vector<Sent> sent_;
  Rig::Counts drops_;  // still unexplained
};

class TestRig : public Rig {
 public:
  explicit TestRig(Net net = standard(), RigOptions options = {});
  ~TestRig();

  Row in(std::string_view port, const Stack& frame, const Arrival& arrival = {},
         Row::Where where = Row::Where::current());
  Row in(std::string_view port, const std::vector<Stack>& frames, const Arrival& arrival = {},
         Row::Where where = Row::Where::current());
  // Passes time and walks; the row has all that happened on the way.
  Row after(Duration time, Row::Where where = Row::Where::current());
  // A row about what has been put() in or changed by hand.
  Row now_expect(Row::Where where = Row::Where::current());

  // The drops that counted since the last row, by name.
  Counts new_drops();

 private:
  Counts before_;
};

// The addresses and link layers of net.h's standard() node, as its neighbours see it.
inline const Ipv4Address kWan4(192, 0, 2, 10), kWanPeer4(192, 0, 2, 1), kLan4(198, 51, 100, 10),
    kLanPeer4(198, 51, 100, 7), kCart4(10, 8, 0, 11), kFar4(8, 8, 8, 8), kV100(203, 0, 113, 10),
    kV100Peer(203, 0, 113, 7);
inline const Ipv6Address kWan6 = "2001:db8::10"_v6, kWanPeer6 = "2001:db8::1"_v6,
                         kLan6 = "2001:db8:1::10"_v6, kLanPeer6 = "2001:db8:1::7"_v6,
                         kCart6 = "2001:db8:8::11"_v6, kFar6 = "2001:4860::8888"_v6;

// Frames to and from the neighbour of a port.
inline Eth to_us(uint16_t port) { return eth(own_mac(port), peer_mac(port)); }
inline Eth from_us(uint16_t port) { return eth(peer_mac(port), own_mac(port)); }

// A standard rig whose neighbours are all known: wan's gateway, lan's .7, cart, v100's .7.
struct SettledRig : TestRig {
  explicit SettledRig(Net net = standard(), RigOptions options = {});
};

}  // namespace heddle::rig
