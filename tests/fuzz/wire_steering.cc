// The steering hash of anything at all: the fast path agrees with the slow one, and a packet
// with its sides exchanged goes to the same worker.
#include "support.h"
#include "wire/steering.h"

using namespace heddle::wire;
using heddle::fuzz::require;

namespace {

template <class View>
void exchange_addresses(View ip) {
  const auto source = ip.source();
  ip.set_source(ip.destination());
  ip.set_destination(source);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> packet(data, size);
  const uint32_t hash4 = steer_ipv4(packet);
  const uint32_t hash6 = steer_ipv6(packet);
  require(hash4 == internal::steer_ipv4_slowly(packet));
  require(hash6 == internal::steer_ipv6_slowly(packet));
  require(hash4 >> 16 == (hash4 & 0xffff) && hash6 >> 16 == (hash6 & 0xffff));
  require(size >= kIpv4HeaderSize || hash4 == 0);
  require(size >= kIpv6HeaderSize || hash6 == 0);
  auto back = heddle::fuzz::copy(packet);
  if (size >= kIpv4HeaderSize) {
    exchange_addresses(Ipv4MutView(back.data()));
    require(steer_ipv4(back) == hash4);
    back = heddle::fuzz::copy(packet);
  }
  if (size >= kIpv6HeaderSize) {
    exchange_addresses(Ipv6MutView(back.data()));
    require(steer_ipv6(back) == hash6);
  }
  return 0;
}
