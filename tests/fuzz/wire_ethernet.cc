// Ethernet headers and the VLAN tag behind them.
#include "support.h"
#include "wire/ethernet.h"

using namespace heddle;
using namespace heddle::wire;
using heddle::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> frame(data, size);
  const auto value = Ethernet::parse(frame);
  require(value.has_value() == (check_ethernet(frame) == EthernetFault::kNone));
  if (!value) return 0;
  std::array<uint8_t, kEthernetHeaderSize + kVlanTagSize> out{};
  value->emit(out.data());
  if (value->type != EtherType::kVlan && value->type != EtherType::kQinQ) {
    require(Ethernet::parse(std::span(out).first(kEthernetHeaderSize)) == value);
    return 0;
  }
  const VlanTagView tag(data + kEthernetHeaderSize);
  require(tag.vlan_id().value() < 4096 && tag.priority() < 8);
  const auto tag_value = VlanTag::parse(frame.subspan(kEthernetHeaderSize));
  require(tag_value.has_value());
  tag_value->emit(out.data() + kEthernetHeaderSize);
  require(Ethernet::parse(out) == value);
  require(std::ranges::equal(out, frame.first(out.size())));
  return 0;
}
