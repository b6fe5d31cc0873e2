// Fragments in any order and shape: no byte of a datagram is let through twice, all fragments of
// one get the ports of its first, and whoever waits hears what becomes of the datagram.
#include <map>
#include <set>

#include "flow/fragments.h"
#include "support.h"

using namespace heddle;
using namespace heddle::flow;
using heddle::fuzz::require;

namespace {

using Address = wire::Ipv4Address;

struct Waiting : FragmentListener {
  void gone(uint32_t datagram) override { require(held.erase(datagram) == 1); }
  std::map<uint32_t, uint32_t> held;  // by datagram
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Fragments<Address> table(FragmentLimits{.datagrams = 4, .holds = 3}, 1);
  Waiting waiting;
  Instant now(0);
  for (size_t at = 0; at + 6 <= size; at += 6) {
    const uint8_t* const from = data + at;
    if (from[0] == 0xff) {
      now = now + seconds(from[1]);
      table.advance(now, 1 + from[2], waiting);
      continue;
    }
    Fragment<Address> fragment{
        .source = Address(10, 0, 0, 1),
        .destination = Address(10, 0, 0, 2),
        .protocol = (from[0] & 8) != 0 ? wire::IpProtocol::kTcp : wire::IpProtocol::kUdp,
        .id = from[0] & 7u,
        .offset = from[1] * 8u * ((from[0] & 16) != 0 ? 33 : 1),
        .length = load_be<uint16_t>(from + 2) % 2048u,
        .more = (from[4] & 1) != 0};
    if (fragment.offset == 0) fragment.ports = fragment.id + 100;
    const FragmentVerdict verdict = table.see(fragment, now, waiting);
    require(table.size() <= 4);
    if (verdict.answer == FragmentAnswer::kHold) {
      require(++waiting.held[verdict.datagram] <= 3);
    } else if (!refused(verdict.answer)) {
      require(verdict.ports == fragment.id + 100);
    }
    if (verdict.answer == FragmentAnswer::kFirst) {
      const auto held = waiting.held.find(verdict.datagram);
      require(verdict.held == (held == waiting.held.end() ? 0 : held->second));
      waiting.held.erase(verdict.datagram);
      if ((from[4] & 2) != 0) table.refuse(fragment);
    }
  }
  table.advance(now + seconds(31), 1'000, waiting);
  require(table.size() == 0 && waiting.held.empty());
  return 0;
}
