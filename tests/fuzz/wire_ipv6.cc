// IPv6 headers and chains of extension headers.
#include "support.h"
#include "wire/ipv6.h"

using namespace heddle::wire;
using heddle::fuzz::require;

namespace {

void check_chain(const Ipv6Payload& payload, Ipv6ChainFault fault, size_t end) {
  require(payload.offset >= kIpv6HeaderSize && payload.offset <= end);
  require(payload.hop_by_hop.offset < end && payload.destination.offset < end);
  require(payload.routing_offset < end);
  // A header that is missing altogether is pointed at where it should begin.
  require(payload.fault_offset <= end);
  require((payload.fault_offset != 0) == (fault != Ipv6ChainFault::kNone));
  require(!payload.first_fragment || payload.is_fragment);
  require(!payload.is_fragment || payload.has_fragment_header);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> packet(data, size);
  const auto value = Ipv6::parse(packet);
  Ipv6Payload quoted;
  const Ipv6ChainFault quoted_fault = walk_quoted_ipv6_chain(packet, quoted);
  if (quoted_fault != Ipv6ChainFault::kPacket) check_chain(quoted, quoted_fault, size);
  Ipv6Payload payload;
  const Ipv6ChainFault fault = walk_ipv6_chain(packet, payload);
  require(value.has_value() == (fault != Ipv6ChainFault::kPacket));
  if (!value) return 0;
  require(fault == quoted_fault && payload.offset == quoted.offset);
  check_chain(payload, fault, kIpv6HeaderSize + value->payload_length);
  heddle::fuzz::read_all(Ipv6View(data).payload());
  std::vector<uint8_t> out(kIpv6HeaderSize + value->payload_length);
  value->emit(out.data());
  require(std::ranges::equal(std::span(out).first(kIpv6HeaderSize), packet.first(kIpv6HeaderSize)));
  return 0;
}
