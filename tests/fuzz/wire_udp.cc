// UDP datagrams over both versions of IP.
#include "support.h"
#include "wire/udp.h"

using namespace heddle::wire;
using heddle::fuzz::require;

namespace {

template <class Address>
void check_value(const Udp& value, const Address& address, std::span<const uint8_t> datagram) {
  heddle::fuzz::use(udp_checksum_ok(address, address, datagram));
  auto out = heddle::fuzz::copy(datagram);
  value.emit(address, address, out);
  require(Udp::parse(out) == value);
  require(UdpView(out.data()).checksum() != 0);
  require(udp_checksum_ok(address, address, out));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> input(data, size);
  const auto value = Udp::parse(input);
  require(value.has_value() == (check_udp(input) == UdpFault::kNone));
  if (!value) return 0;
  const UdpView view(data);
  heddle::fuzz::read_all(view.payload());
  check_value(*value, Ipv4Address(192, 0, 2, 1), input.first(view.length()));
  check_value(*value, kAllNodes, input.first(view.length()));
  return 0;
}
