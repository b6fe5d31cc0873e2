// Which packets are DNS for us: workloads' queries, and resolvers' answers to what we asked.
#pragma once

#include <algorithm>
#include <optional>
#include <span>

#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/udp.h"
#include "worker/dns.h"
#include "worker/worker.h"

namespace heddle::app {

// After the checks of *_input: a whole UDP header, right behind that of IP.
struct UdpEnds {
  dns::IpAddress source, destination;
  uint16_t source_port = 0, destination_port = 0;
};

template <class Address>
std::optional<UdpEnds> udp_ends(Packet packet) {
  constexpr auto kUdp = wire::IpProtocol::kUdp;
  UdpEnds ends;
  size_t header = wire::kIpv6HeaderSize;
  if constexpr (sizeof(Address) == 4) {
    const wire::Ipv4View ip(packet.data());
    if (ip.protocol() != kUdp || ip.is_fragment()) return std::nullopt;
    header = ip.header_length();
    ends.source = dns::from_ipv4(ip.source());
    ends.destination = dns::from_ipv4(ip.destination());
  } else {
    const wire::Ipv6View ip(packet.data());
    if (ip.next_header() != kUdp) return std::nullopt;
    ends.source = ip.source();
    ends.destination = ip.destination();
  }
  if (packet.contiguous() < header + wire::kUdpHeaderSize) return std::nullopt;
  const wire::UdpView udp(packet.data() + header);
  ends.source_port = udp.source_port().host();
  ends.destination_port = udp.destination_port().host();
  return ends;
}

// A workload's query to the node; with `intercept`, to anybody. What a resolver behind a workload
// port asks itself is none, or it would be asked its own question. Nor is what comes from a
// service's address, which is as well that of other endpoints.
template <class Address>
bool is_dns_query(Packet packet, const l3::Interface& in, const Worker& worker) {
  if (in.role != l3::InterfaceRole::kWorkload) return false;
  const auto ends = udp_ends<Address>(packet);
  if (!ends || ends->destination_port != dns::kPort) return false;
  if (worker.dns->forwarder.is_resolver(ends->source)) return false;
  if constexpr (sizeof(Address) == 4) {
    if (std::ranges::find(in.also_from4, dns::to_ipv4(ends->source)) != in.also_from4.end())
      return false;
    const wire::Ipv4Address to = dns::to_ipv4(ends->destination);
    if (to == l3::kGateway4 || worker.topology->is_own(to)) return true;
  } else {
    if (std::ranges::find(in.also_from6, ends->source) != in.also_from6.end()) return false;
    const wire::Ipv6Address& to = ends->destination;
    if (to == l3::kGateway6 || to == in.link_local || worker.topology->is_own(to)) return true;
    if (to.is_link_local()) return false;
  }
  return worker.dns->intercept;
}

// From a resolver to a port that we may have asked from. Whether we have is not said by what
// happens to the packet: it is taken, or silently dropped.
template <class Address>
bool is_dns_answer(Packet packet, const Worker& worker) {
  if (worker.dns == nullptr) return false;
  const auto ends = udp_ends<Address>(packet);
  return ends && ends->source_port == dns::kPort &&
         worker.dns->forwarder.is_own_port(ends->destination_port) &&
         worker.dns->forwarder.is_resolver(ends->source);
}

// A datagram of ours, in the place of what `packet` was: data() is its IP header. False: there is
// no room for it.
struct OurDatagram {
  dns::IpAddress source, destination;  // of one family
  uint16_t source_port = 0, destination_port = 0;
  std::span<const uint8_t> payload;  // may lie in the packet
};
bool write_datagram(Packet packet, const OurDatagram& datagram, Worker& worker);

}  // namespace heddle::app
