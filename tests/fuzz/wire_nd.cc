// Neighbor discovery: an IPv6 header and a message. The message's checksum is made right, else
// hardly an input would get past it.
#include "support.h"
#include "wire/nd.h"

using namespace heddle::wire;
using heddle::fuzz::require;

namespace {

template <class Message>
void check_value(Ipv6View ip, std::span<const uint8_t> message) {
  const Message value = Message::parse(message);
  std::vector<uint8_t> out(value.size());
  require(value.emit(ip.source(), ip.destination(), out) == out.size());
  require(Message::parse(out) == value);
  require(check_nd(ip, out) == NdFault::kNone);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> input(data, size);
  if (input.size() < kIpv6HeaderSize + kIcmpHeaderSize) return 0;
  const Ipv6View ip(data);
  heddle::fuzz::use(check_nd(ip, input.subspan(kIpv6HeaderSize)));
  auto message = heddle::fuzz::copy(input.subspan(kIpv6HeaderSize));
  const IcmpView icmp(message.data());
  Icmp6{icmp.type6(), icmp.code(), icmp.rest()}.emit(ip.source(), ip.destination(), message);
  if (check_nd(ip, message) != NdFault::kNone) return 0;
  NdOptions options(std::span(message).subspan(kNdHeaderSize));
  while (const auto option = options.next()) heddle::fuzz::read_all(option->data);
  require(!options.faulty());
  if (icmp.type6() == Icmp6Type::kNeighborSolicitation) {
    check_value<NeighborSolicitation>(ip, message);
  } else {
    check_value<NeighborAdvertisement>(ip, message);
  }
  return 0;
}
