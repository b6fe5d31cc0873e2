// IPv4 headers and their options. Few inputs have a right checksum, so the header is looked at
// without it too, and once more after it was made right.
#include "support.h"
#include "wire/ipv4.h"

using namespace heddle::wire;
using heddle::fuzz::require;

namespace {

void check_value(std::span<const uint8_t> packet) {
  const auto value = Ipv4::parse(packet);
  require(value.has_value());
  std::vector<uint8_t> out(kIpv4HeaderSize + value->payload_length);
  value->emit(out.data());
  require(Ipv4::parse(out) == value);
}

void check_ttl(std::span<const uint8_t> packet) {
  auto copy = heddle::fuzz::copy(packet);
  const Ipv4MutView ip(copy.data());
  if (ip.ttl() == 0) return;
  ip.decrement_ttl();
  require(check_ipv4(copy) == Ipv4Fault::kNone);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> input(data, size);
  heddle::fuzz::use(check_ipv4_options(input));
  heddle::fuzz::use(check_ipv4(input));
  if (check_ipv4_without_checksum(input) != Ipv4Fault::kNone) return 0;
  auto packet = heddle::fuzz::copy(input);
  Ipv4MutView(packet.data()).update_checksum();
  require(check_ipv4(packet) == Ipv4Fault::kNone);
  const Ipv4View ip(packet.data());
  require(ip.header_length() >= 20 && ip.header_length() <= 60);
  require(ip.options().size() + kIpv4HeaderSize + ip.payload_length() == ip.total_length());
  require(ip.is_fragment() == (ip.more_fragments() || ip.fragment_offset() != 0));
  heddle::fuzz::read_all(ip.options());
  heddle::fuzz::read_all(ip.payload());
  heddle::fuzz::use(check_ipv4_options(ip.options()));
  check_value(packet);
  check_ttl(packet);
  return 0;
}
