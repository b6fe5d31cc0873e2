#include "expect.h"

#include <fmt/format.h>

#include <algorithm>

namespace heddle::rig {

std::set<std::string>& nodes_seen() {
  static std::set<std::string> seen;
  return seen;
}

Row::Row(TestRig& rig, Where where)
    : rig_(rig), where_(where), sent_(rig.take_sent()), drops_(rig.new_drops()) {}

#define ROW_FAILURE() ADD_FAILURE_AT(where_.file_name(), static_cast<int>(where_.line()))

Row::~Row() {
  for (const Sent& sent : sent_)
    ROW_FAILURE() << "not expected on " << sent.port << ": " << describe(sent.frame);
  for (const auto& [name, count] : drops_)
    ROW_FAILURE() << "not expected: " << name << " " << count;
  if (rig_.lost() != 0) ROW_FAILURE() << rig_.lost() << " packets are lost";
}

Bytes Row::take(std::string_view port) {
  const auto next = std::ranges::find(sent_, port, &Sent::port);
  if (next == sent_.end()) {
    ROW_FAILURE() << "nothing more leaves by " << port;
    return {};
  }
  Bytes frame = std::move(next->frame);
  sent_.erase(next);
  return frame;
}

Row& Row::expect_out(std::string_view port, const Stack& frame) {
  const bool any = std::ranges::find(sent_, port, &Sent::port) != sent_.end();
  const Bytes wanted = frame.bytes();
  if (!any) {
    ROW_FAILURE() << "nothing leaves by " << port << ", wanted: " << describe(wanted);
    return *this;
  }
  const Bytes got = take(port);
  if (got == wanted) return *this;
  const auto [at, other] = std::ranges::mismatch(got, wanted);
  ROW_FAILURE() << "by " << port << " leaves " << describe(got) << "\n  wanted " << describe(wanted)
                << "\n  first difference at byte " << at - got.begin();
  return *this;
}

Row& Row::expect_drop(std::string_view name, uint64_t count) {
  const auto found = drops_.find(std::string(name));
  const uint64_t got = found == drops_.end() ? 0 : found->second;
  if (got != count) ROW_FAILURE() << name << " counts " << got << ", wanted " << count;
  if (found != drops_.end()) drops_.erase(found);
  return *this;
}

TestRig::TestRig(Net net, RigOptions options) : Rig(std::move(net), options) { new_drops(); }

TestRig::~TestRig() {
  clear();
  EXPECT_EQ(lost(), 0u) << "packets are lost at the end of the test";
}

Rig::Counts TestRig::new_drops() {
  Counts fresh;
  const Counts all = counts();
  for (const auto& [name, count] : all) {
    if (count == before_[name]) continue;
    nodes_seen().insert(name);
    if (name.find('.') != std::string::npos) fresh[name] = count - before_[name];
  }
  before_ = all;
  return fresh;
}

Row TestRig::in(std::string_view port, const Stack& frame, const Arrival& arrival,
                Row::Where where) {
  return in(port, std::vector<Stack>{frame}, arrival, where);
}

Row TestRig::in(std::string_view port, const std::vector<Stack>& frames, const Arrival& arrival,
                Row::Where where) {
  for (const Stack& frame : frames) put(port, frame.bytes(), arrival);
  walk();
  return Row(*this, where);
}

Row TestRig::after(Duration time, Row::Where where) {
  run(time);
  return Row(*this, where);
}

Row TestRig::now_expect(Row::Where where) {
  walk();
  return Row(*this, where);
}

SettledRig::SettledRig(Net net, RigOptions options) : TestRig(std::move(net), options) {
  know("wan", kWanPeer4, peer_mac(0));
  know("wan", kWanPeer6, peer_mac(0));
  know("lan", kLanPeer4, peer_mac(1));
  know("lan", kLanPeer6, peer_mac(1));
  know("cart", kCart4, peer_mac(2));
  know("cart", kCart6, peer_mac(2));
  know("v100", kV100Peer, peer_mac(0));
}

}  // namespace heddle::rig
