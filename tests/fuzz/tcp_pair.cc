// Two transports and a link that does what the input says: what arrives must be a prefix of what
// was sent, whatever is lost, repeated, changed or delayed.
#include <deque>

#include "flows.h"
#include "support.h"

using namespace heddle;
using heddle::fuzz::require;

namespace {

// Holds packets until the input says what becomes of them.
class Held final : public sim::Element {
 public:
  void forward(sim::Packet packet, Instant) override {
    if (packets.size() < 256) packets.push_back(std::move(packet));
  }
  Instant next_event() const override { return kNever; }
  void run(Instant) override {}
  std::deque<sim::Packet> packets;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  tcp::Profile profile;
  profile.timestamps = (data[0] & 1) != 0;
  profile.sack = (data[0] & 2) != 0;
  profile.ecn = (data[0] & 4) != 0;
  profile.nagle = (data[0] & 8) != 0;
  profile.receive_initial = (data[0] & 16) != 0 ? 4000 : 100'000;
  sim::Host hosts[2] = {{profile, 1, sim::Host::tiny_limits()},
                        {profile, 2, sim::Host::tiny_limits()}};
  sim::StreamApp apps[2];
  Held links[2];  // towards host 1, towards host 0
  for (int i = 0; i < 2; ++i) {
    hosts[i].connect_to(links[i]);
    hosts[i].set_app(apps[i]);
    apps[i].attach(hosts[i]);
  }
  Instant now{1'000'000'000};
  apps[1].listen(hosts[1], {sim::address(2), Be16(80)}, 20'000);
  apps[0].open(hosts[0], {{sim::address(1), Be16(0)}, {sim::address(2), Be16(80)}}, 20'000, now);
  const auto turn = [&] {
    for (sim::Host& host : hosts) {
      host.wake(now);
      host.run(now);
    }
  };
  turn();
  for (size_t at = 1; at < size; ++at) {
    Held& link = links[data[at] & 1];
    sim::Host& to = hosts[1 - (data[at] & 1)];
    const uint8_t what = data[at] >> 1 & 7;
    const uint8_t more = data[at] >> 4;
    const size_t which = link.packets.empty() ? 0 : more % link.packets.size();
    if (what < 6 && link.packets.empty()) {
      now = now + milliseconds(1 << more % 10);
    } else if (what < 4) {  // deliver, perhaps out of order
      sim::Packet packet = link.packets[which];
      link.packets.erase(link.packets.begin() + static_cast<std::ptrdiff_t>(which));
      if (what == 3 && at + 2 < size) {  // changed on the way
        packet[(data[at + 1] * 7u) % packet.size()] ^= data[at + 2];
        at += 2;
      }
      to.forward(std::move(packet), now);
    } else if (what == 4) {
      to.forward(link.packets[which], now);  // and again later
    } else if (what == 5) {
      link.packets.erase(link.packets.begin() + static_cast<std::ptrdiff_t>(which));
    } else {
      now = now + milliseconds(1 << more % 12);
    }
    turn();
  }
  for (const sim::StreamApp& app : apps) require(app.all_right());
  return 0;
}
