// ARP packets.
#include "support.h"
#include "wire/arp.h"

using namespace heddle::wire;
using heddle::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> packet(data, size);
  const auto value = Arp::parse(packet);
  require(value.has_value() == (check_arp(packet) == ArpFault::kNone));
  if (!value) return 0;
  std::array<uint8_t, kArpSize> out{};
  value->emit(out.data());
  require(std::ranges::equal(out, packet.first(kArpSize)));
  return 0;
}
