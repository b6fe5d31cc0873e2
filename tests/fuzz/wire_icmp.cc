// ICMP and ICMPv6 messages; the checksum is made right before they are parsed.
#include "support.h"
#include "wire/icmp.h"

using namespace heddle::wire;
using heddle::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> input(data, size);
  const Ipv6Address source = kAllNodes;
  const Ipv6Address destination = kAllRouters;
  heddle::fuzz::use(Icmp4::parse(input));
  heddle::fuzz::use(Icmp6::parse(source, destination, input));
  if (check_icmp(input) != IcmpFault::kNone) return 0;
  const IcmpView view(data);
  auto message = heddle::fuzz::copy(input);
  const Icmp4 value4{view.type4(), view.code(), view.rest()};
  value4.emit(message);
  require(Icmp4::parse(message) == value4);
  IcmpMutView(message.data()).set_identifier(0x1234);
  IcmpMutView(message.data()).set_type(Icmp4Type::kEchoReply);
  require(icmp4_checksum_ok(message));
  const Icmp6 value6{view.type6(), view.code(), view.rest()};
  value6.emit(source, destination, message);
  require(Icmp6::parse(source, destination, message) == value6);
  return 0;
}
