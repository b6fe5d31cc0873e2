#include "wire/ipv6_chain.h"

#include "helpers.h"
#include "wire/ipv6.h"

namespace heddle::wire {
namespace {

// A packet of the given chain: the first next-header value, then all that follows.
Bytes packet(uint8_t next, const Bytes& rest) {
  std::array<uint8_t, kIpv6HeaderSize> header{};
  Ipv6{.payload_length = static_cast<uint16_t>(rest.size()),
       .next_header = static_cast<IpProtocol>(next),
       .source = Ipv6Address::from_host(0x2001'0db8'0000'0000, 1),
       .destination = Ipv6Address::from_host(0x2001'0db8'0000'0000, 2)}
      .emit(header.data());
  return joined(header, rest);
}

constexpr uint8_t kTcp = 6, kUdp = 17, kRouting = 43, kFragment = 44, kEsp = 50, kAh = 51,
                  kNone = 59, kOptions = 60, kMobility = 135;

Bytes repeated(const Bytes& header, size_t times, uint8_t last) {
  Bytes bytes;
  for (size_t i = 0; i < times; ++i) bytes = joined(bytes, header);
  bytes[bytes.size() - header.size()] = last;
  return bytes;
}

struct Row {
  const char* what;
  Bytes bytes;
  Ipv6ChainFault fault;
  uint8_t protocol;
  uint16_t offset;        // of the payload
  uint16_t fault_offset;  // only with a fault
};

const Row kRows[] = {
    {"plain TCP", packet(kTcp, {1, 2, 3, 4}), Ipv6ChainFault::kNone, kTcp, 40, 0},
    {"no bytes at all", {}, Ipv6ChainFault::kPacket, kNone, 0, 0},
    {"no next header", packet(kNone, {}), Ipv6ChainFault::kNone, kNone, 40, 0},
    {"ESP ends the chain", packet(kEsp, {0, 0}), Ipv6ChainFault::kNone, kEsp, 40, 0},
    {"hop-by-hop, then UDP", packet(0, {kUdp, 0, 1, 4, 0, 0, 0, 0}), Ipv6ChainFault::kNone, kUdp,
     48, 0},
    {"hop-by-hop of 16 bytes", packet(0, {kUdp, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
     Ipv6ChainFault::kNone, kUdp, 56, 0},
    {"Pad1 only", packet(kOptions, {kUdp, 0, 0, 0, 0, 0, 0, 0}), Ipv6ChainFault::kNone, kUdp, 48,
     0},
    {"AH counts in fours",
     packet(kAh, {kTcp, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9}),
     Ipv6ChainFault::kNone, kTcp, 64, 0},
    {"mobility", packet(kMobility, {kNone, 0, 0, 0, 0, 0, 0, 0}), Ipv6ChainFault::kNone, kNone, 48,
     0},
    {"all in the order of RFC 8200 4.1",
     packet(0, {kOptions, 0, 1,         4, 0,    0, 0, 0, kRouting, 0, 1,        4, 0, 0,
                0,        0, kFragment, 0, 0,    0, 0, 0, 0,        0, kOptions, 0, 0, 0,
                0,        0, 0,         7, kTcp, 0, 1, 4, 0,        0, 0,        0}),
     Ipv6ChainFault::kNone, kTcp, 80, 0},
    {"eight headers", packet(kOptions, repeated({kOptions, 0, 1, 4, 0, 0, 0, 0}, 8, kUdp)),
     Ipv6ChainFault::kNone, kUdp, 104, 0},
    {"nine headers", packet(kOptions, repeated({kOptions, 0, 1, 4, 0, 0, 0, 0}, 9, kUdp)),
     Ipv6ChainFault::kTooLong, kOptions, 104, 96},
    {"hop-by-hop behind another",
     packet(kOptions, {0, 0, 1, 4, 0, 0, 0, 0, kUdp, 0, 1, 4, 0, 0, 0, 0}),
     Ipv6ChainFault::kBadOrder, 0, 48, 40},
    {"hop-by-hop twice", packet(0, {0, 0, 1, 4, 0, 0, 0, 0, kUdp, 0, 1, 4, 0, 0, 0, 0}),
     Ipv6ChainFault::kBadOrder, 0, 48, 40},
    {"two Fragment headers",
     packet(kFragment, {kFragment, 0, 0, 0, 0, 0, 0, 7, kUdp, 0, 0, 0, 0, 0, 0, 8}),
     Ipv6ChainFault::kBadOrder, kFragment, 48, 40},
    {"no room for the header", packet(kOptions, {kUdp, 0, 1, 4, 0, 0, 0}),
     Ipv6ChainFault::kTruncated, kOptions, 40, 40},
    {"nothing behind the fixed header", packet(0, {}), Ipv6ChainFault::kTruncated, 0, 40, 40},
    {"a length past the end", packet(kOptions, {kUdp, 1, 1, 4, 0, 0, 0, 0}),
     Ipv6ChainFault::kTruncated, kOptions, 40, 41},
    {"a length of 255", packet(kRouting, {kUdp, 255, 0, 0, 0, 0, 0, 0}), Ipv6ChainFault::kTruncated,
     kRouting, 40, 41},
    {"AH past the end", packet(kAh, {kUdp, 1, 0, 0, 0, 0, 0, 0}), Ipv6ChainFault::kTruncated, kAh,
     40, 41},
    {"an option past its header", packet(0, {kUdp, 0, 1, 5, 0, 0, 0, 0}),
     Ipv6ChainFault::kBadOption, 0, 40, 42},
    {"an option without its length", packet(kOptions, {kUdp, 0, 1, 3, 0, 0, 0, 1}),
     Ipv6ChainFault::kBadOption, kOptions, 40, 47},
};

TEST(Ipv6Chain, Table) {
  for (const Row& row : kRows) {
    Ipv6Payload payload;
    EXPECT_EQ(walk_ipv6_chain(row.bytes, payload), row.fault) << row.what;
    if (row.fault == Ipv6ChainFault::kPacket) continue;
    EXPECT_EQ(static_cast<uint8_t>(payload.protocol), row.protocol) << row.what;
    EXPECT_EQ(payload.offset, row.offset) << row.what;
    EXPECT_EQ(payload.fault_offset, row.fault_offset) << row.what;
  }
}

TEST(Ipv6Chain, StopsAtThePayloadLengthNotAtThePadding) {
  Bytes bytes = packet(kOptions, {kUdp, 0, 1, 4, 0, 0, 0});  // one byte short
  bytes.resize(60);
  Ipv6Payload payload;
  EXPECT_EQ(walk_ipv6_chain(bytes, payload), Ipv6ChainFault::kTruncated);
}

TEST(Ipv6Chain, FragmentFields) {
  struct Fragment {
    const char* what;
    uint16_t word;
    bool is_fragment, first, more;
    uint16_t offset;
  };
  for (const Fragment& row : {Fragment{"atomic", 0x0000, false, false, false, 0},
                              Fragment{"reserved bits", 0x0006, false, false, false, 0},
                              Fragment{"first", 0x0001, true, true, true, 0},
                              Fragment{"middle", 0x05a9, true, false, true, 1448},
                              Fragment{"last", 0xfff8, true, false, false, 65528}}) {
    const auto high = static_cast<uint8_t>(row.word >> 8), low = static_cast<uint8_t>(row.word);
    // What the Fragment header names is not there: only a later piece may lack it.
    const Bytes cut = packet(kFragment, {kOptions, 0, high, low, 1, 2, 3, 4, 9});
    Ipv6Payload payload;
    const bool later = row.offset > 0;
    EXPECT_EQ(walk_ipv6_chain(cut, payload),
              later ? Ipv6ChainFault::kNone : Ipv6ChainFault::kTruncated)
        << row.what;
    EXPECT_TRUE(payload.has_fragment_header) << row.what;
    EXPECT_EQ(payload.is_fragment, row.is_fragment) << row.what;
    EXPECT_EQ(payload.first_fragment, row.first) << row.what;
    EXPECT_EQ(payload.more_fragments, row.more) << row.what;
    EXPECT_EQ(payload.fragment_offset, row.offset) << row.what;
    EXPECT_EQ(payload.fragment_id, 0x01020304u) << row.what;
    EXPECT_EQ(payload.offset, 48) << row.what;
    EXPECT_EQ(payload.protocol, IpProtocol::kDestinationOptions) << row.what;
  }
}

TEST(Ipv6Chain, RoutingWithSegmentsLeftWinsOverOneWithout) {
  const Bytes bytes = packet(kRouting, {kRouting, 0, 3, 0, 0, 0, 0, 0, kUdp, 0, 4, 2, 0, 0, 0, 0});
  Ipv6Payload payload;
  ASSERT_EQ(walk_ipv6_chain(bytes, payload), Ipv6ChainFault::kNone);
  EXPECT_TRUE(payload.has_routing);
  EXPECT_EQ(payload.routing_type, 4);
  EXPECT_EQ(payload.routing_segments_left, 2);
  EXPECT_EQ(payload.routing_offset, 48);
}

TEST(Ipv6Chain, UnknownOptionsSayWhatTheyAskFor) {
  struct Unknown {
    uint8_t type;
    Ipv6OptionAction action;
  };
  for (const Unknown& row :
       {Unknown{0x05, Ipv6OptionAction::kSkip}, Unknown{0x3e, Ipv6OptionAction::kSkip},
        Unknown{0x7e, Ipv6OptionAction::kDiscard},
        Unknown{0xbe, Ipv6OptionAction::kDiscardAndReport},
        Unknown{0xc2, Ipv6OptionAction::kDiscardAndReportUnlessMulticast}}) {
    const uint16_t offset = row.action == Ipv6OptionAction::kSkip ? 0 : 45;
    Ipv6Payload payload;
    const Bytes header{kUdp, 0, 1, 1, 0, row.type, 1, 0};
    ASSERT_EQ(walk_ipv6_chain(packet(0, header), payload), Ipv6ChainFault::kNone);
    EXPECT_EQ(payload.hop_by_hop.action, row.action);
    EXPECT_EQ(payload.hop_by_hop.offset, offset);
    EXPECT_EQ(payload.destination.action, Ipv6OptionAction::kSkip);
    ASSERT_EQ(walk_ipv6_chain(packet(kOptions, header), payload), Ipv6ChainFault::kNone);
    EXPECT_EQ(payload.destination.action, row.action);
    EXPECT_EQ(payload.destination.offset, offset);
    EXPECT_EQ(payload.hop_by_hop.action, Ipv6OptionAction::kSkip);
  }
}

TEST(Ipv6Chain, TheFirstUnknownOptionCounts) {
  Ipv6Payload payload;
  ASSERT_EQ(walk_ipv6_chain(packet(0, {kUdp, 0, 0x7e, 0, 0xbe, 0, 1, 0}), payload),
            Ipv6ChainFault::kNone);
  EXPECT_EQ(payload.hop_by_hop.action, Ipv6OptionAction::kDiscard);
  EXPECT_EQ(payload.hop_by_hop.offset, 42);
}

TEST(Ipv6Chain, AQuoteMayLackItsPayload) {
  Bytes bytes = packet(kOptions, {kTcp, 0, 1, 4, 0, 0, 0, 0, 1, 2, 3, 4});
  Ipv6MutView(bytes.data()).set_payload_length(1000);
  Ipv6Payload payload;
  EXPECT_EQ(walk_ipv6_chain(bytes, payload), Ipv6ChainFault::kPacket);
  EXPECT_EQ(walk_quoted_ipv6_chain(bytes, payload), Ipv6ChainFault::kNone);
  EXPECT_EQ(payload.offset, 48);
  EXPECT_EQ(walk_quoted_ipv6_chain(std::span(bytes).first(47), payload),
            Ipv6ChainFault::kTruncated);
  EXPECT_EQ(walk_quoted_ipv6_chain(std::span(bytes).first(39), payload), Ipv6ChainFault::kPacket);
}

}  // namespace
}  // namespace heddle::wire
