#include "wire/nd.h"

#include <algorithm>

#include "core/check.h"

namespace heddle::wire {
namespace {

NdFault check_solicitation(Ipv6View ip, std::span<const uint8_t> icmp) {
  if (!ip.source().is_unspecified()) return NdFault::kNone;
  if (!ip.destination().is_solicited_node()) return NdFault::kUnspecifiedSource;
  NdOptions walk(icmp.subspan(kNdHeaderSize));
  while (const auto option = walk.next()) {
    if (option->kind == NdOptionKind::kSourceLinkLayer) return NdFault::kUnspecifiedSource;
  }
  return NdFault::kNone;
}

NdFault check_advertisement(Ipv6View ip, std::span<const uint8_t> icmp) {
  return ip.destination().is_multicast() && NaView(icmp).solicited() ? NdFault::kSolicitedMulticast
                                                                     : NdFault::kNone;
}

// What both kinds of message have in common: type, target, one link-layer option, checksum.
struct NdMessage {
  Icmp6Type type{};
  uint32_t flags = 0;
  Ipv6Address target;
  NdOptionKind option_kind{};
  const std::optional<MacAddress>& link_layer;
};

size_t emit_message(const NdMessage& message, const Ipv6Address& source,
                    const Ipv6Address& destination, std::span<uint8_t> to) {
  const size_t size = kNdHeaderSize + (message.link_layer ? kNdLinkLayerOptionSize : 0);
  HEDDLE_CHECK(to.size() >= size, "no room for a neighbor discovery message");
  to = to.first(size);
  message.target.store(to.data() + kIcmpHeaderSize);
  if (message.link_layer) {
    uint8_t* option = to.data() + kNdHeaderSize;
    option[0] = static_cast<uint8_t>(message.option_kind);
    option[1] = 1;
    message.link_layer->store(option + 2);
  }
  Icmp6{message.type, 0, message.flags}.emit(source, destination, to);
  return size;
}

}  // namespace

NdFault check_nd(Ipv6View ip, std::span<const uint8_t> icmp) {
  if (icmp.size() < kNdHeaderSize) return NdFault::kTruncated;
  const IcmpView header(icmp.data());
  const bool solicitation = header.type6() == Icmp6Type::kNeighborSolicitation;
  if (!solicitation && header.type6() != Icmp6Type::kNeighborAdvertisement) return NdFault::kType;
  if (ip.hop_limit() != kNdHopLimit) return NdFault::kHopLimit;
  if (header.code() != 0) return NdFault::kCode;
  if (!icmp6_checksum_ok(ip.source(), ip.destination(), icmp)) return NdFault::kChecksum;
  if (NsView(icmp).target().is_multicast()) return NdFault::kTarget;
  NdOptions walk(icmp.subspan(kNdHeaderSize));
  while (walk.next()) continue;
  if (walk.faulty()) return NdFault::kOptions;
  return solicitation ? check_solicitation(ip, icmp) : check_advertisement(ip, icmp);
}

NeighborSolicitation NeighborSolicitation::parse(std::span<const uint8_t> icmp) {
  const NsView view(icmp);
  return {.target = view.target(), .source_link_layer = view.source_link_layer()};
}

size_t NeighborSolicitation::emit(const Ipv6Address& source, const Ipv6Address& destination,
                                  std::span<uint8_t> to) const {
  return emit_message({.type = Icmp6Type::kNeighborSolicitation,
                       .flags = 0,
                       .target = target,
                       .option_kind = NdOptionKind::kSourceLinkLayer,
                       .link_layer = source_link_layer},
                      source, destination, to);
}

NeighborAdvertisement NeighborAdvertisement::parse(std::span<const uint8_t> icmp) {
  const NaView view(icmp);
  return {.target = view.target(),
          .router = view.router(),
          .solicited = view.solicited(),
          .override_flag = view.override_flag(),
          .target_link_layer = view.target_link_layer()};
}

size_t NeighborAdvertisement::emit(const Ipv6Address& source, const Ipv6Address& destination,
                                   std::span<uint8_t> to) const {
  const uint32_t flags = (router ? 0x8000'0000u : 0) | (solicited ? 0x4000'0000u : 0) |
                         (override_flag ? 0x2000'0000u : 0);
  return emit_message({.type = Icmp6Type::kNeighborAdvertisement,
                       .flags = flags,
                       .target = target,
                       .option_kind = NdOptionKind::kTargetLinkLayer,
                       .link_layer = target_link_layer},
                      source, destination, to);
}

}  // namespace heddle::wire
