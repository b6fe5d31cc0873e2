// Ethernet, VLAN tags and ARP.
#include "helpers.h"
#include "wire/arp.h"
#include "wire/ethernet.h"

namespace heddle::wire {
namespace {

constexpr MacAddress kMac1({2, 0, 0, 0, 0, 1});
constexpr MacAddress kMac2({2, 0, 0, 0, 0, 2});

constexpr auto kTagged = "020000000001 020000000002 8100 b064 86dd"_bytes;
constexpr Ethernet kTaggedValue{kMac1, kMac2, EtherType::kVlan};
constexpr VlanTag kTagValue{VlanId(100), 5, true, EtherType::kIpv6};

static_assert(Ethernet::parse(kTagged) == kTaggedValue);
static_assert(VlanTag::parse(std::span(kTagged).subspan(14)) == kTagValue);
static_assert([] {
  std::array<uint8_t, 18> out{};
  kTaggedValue.emit(out.data());
  kTagValue.emit(out.data() + kEthernetHeaderSize);
  return out == kTagged;
}());
static_assert([] {
  auto bytes = kTagged;
  const VlanTagMutView tag(bytes.data() + kEthernetHeaderSize);
  tag.set_vlan_id(VlanId(4094));
  const VlanTagView read = tag;  // a view for writing serves where one for reading is wanted
  return read.vlan_id() == VlanId(4094) && read.priority() == 5 && read.drop_eligible();
}());
static_assert(!std::is_convertible_v<EthernetMutView, ArpView>);
static_assert(!std::is_convertible_v<EthernetView, EthernetMutView>);

TEST(Ethernet, Faults) {
  const Bytes tagged(kTagged.begin(), kTagged.end());
  for (size_t size = 0; size <= tagged.size(); ++size) {
    const EthernetFault expected = size < 14   ? EthernetFault::kTruncated
                                   : size < 18 ? EthernetFault::kTruncatedTag
                                               : EthernetFault::kNone;
    EXPECT_EQ(check_ethernet(std::span(tagged).first(size)), expected) << size;
  }
  auto double_tagged = kTagged;
  EthernetMutView(double_tagged.data()).set_ether_type(EtherType::kQinQ);
  EXPECT_EQ(check_ethernet(std::span(double_tagged).first(17)), EthernetFault::kTruncatedTag);
  EthernetMutView(double_tagged.data()).set_ether_type(EtherType::kIpv4);
  EXPECT_EQ(check_ethernet(std::span(double_tagged).first(14)), EthernetFault::kNone);
}

constexpr auto kRequest = "0001 0800 06 04 0001 020000000002 c0000201 000000000000 c000020a"_bytes;
constexpr Arp kRequestValue{ArpOperation::kRequest, kMac2, Ipv4Address(192, 0, 2, 1), MacAddress(),
                            Ipv4Address(192, 0, 2, 10)};

static_assert(Arp::parse(kRequest) == kRequestValue);
static_assert([] {
  std::array<uint8_t, kArpSize> out{};
  kRequestValue.emit(out.data());
  return out == kRequest;
}());

TEST(Arp, Faults) {
  struct Row {
    const char* what;
    size_t offset;
    uint8_t value;
    ArpFault fault;
  };
  for (const Row& row :
       {Row{"an IEEE 802 hardware type", 1, 6, ArpFault::kHardwareType},
        Row{"a hardware type of 0x0101", 0, 1, ArpFault::kHardwareType},
        Row{"IPv6 as protocol", 3, 0xdd, ArpFault::kProtocolType},
        Row{"a MAC of 8 bytes", 4, 8, ArpFault::kAddressLength},
        Row{"an IP of 16 bytes", 5, 16, ArpFault::kAddressLength},
        Row{"operation 0", 7, 0, ArpFault::kOperation}, Row{"RARP", 7, 3, ArpFault::kOperation},
        Row{"operation 0x0101", 6, 1, ArpFault::kOperation},
        Row{"a reply", 7, 2, ArpFault::kNone}}) {
    auto bytes = kRequest;
    bytes[row.offset] = row.value;
    EXPECT_EQ(check_arp(bytes), row.fault) << row.what;
    EXPECT_EQ(Arp::parse(bytes).has_value(), row.fault == ArpFault::kNone) << row.what;
  }
  EXPECT_EQ(check_arp(std::span(kRequest).first(27)), ArpFault::kTruncated);
  EXPECT_EQ(check_arp({}), ArpFault::kTruncated);
  Bytes padded(kRequest.begin(), kRequest.end());
  padded.resize(46);
  EXPECT_EQ(check_arp(padded), ArpFault::kNone);
}

}  // namespace
}  // namespace heddle::wire
