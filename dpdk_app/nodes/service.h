// What ip4_service and ip6_service share: from a packet to a service's address to the endpoint
// that gets it.
#pragma once

#include <algorithm>

#include "packet/packet.h"
#include "policy/decide.h"
#include "wire/icmp.h"
#include "wire/ip_protocol.h"
#include "worker/worker.h"

namespace heddle::app {

// In the order of both nodes' edges.
enum class ServiceEdge : uint8_t {
  kForward,
  kIcmp,
  kTruncated,
  kFragment,
  kDenied,
  kNotOnLink,
  kNoPort,
  kNoEndpoint,
  kUnknownProtocol,
};

inline constexpr const char* kServiceTruncated = "fewer bytes than the ports of TCP or UDP";
inline constexpr const char* kServiceFragment =
    "a fragment to a service: the later ones do not say for which port, so none is taken";
inline constexpr const char* kServiceDenied =
    "refused by an AccessPolicy: heddlectl explain says why";
inline constexpr const char* kServiceNotOnLink =
    "the chosen endpoint is on no link of this node, as forwarding: direct needs it to be";
inline constexpr const char* kServiceNoPort = "a port that the service does not have";
inline constexpr const char* kServiceNoEndpoint =
    "a service without an endpoint that takes traffic, nor a fallback with one";
inline constexpr const char* kServiceUnknownProtocol =
    "neither TCP, UDP nor an echo request: services have nothing else";

// Where the payload begins, and what it is.
struct ServicePayload {
  wire::IpProtocol protocol;
  uint32_t offset;
};

template <class Address>
bool is_echo_request(packet::Packet packet, const ServicePayload& payload) {
  constexpr bool kFour = sizeof(Address) == 4;
  const bool icmp =
      payload.protocol == (kFour ? wire::IpProtocol::kIcmp : wire::IpProtocol::kIcmpv6);
  if (!icmp || packet.contiguous() < payload.offset + wire::kIcmpHeaderSize) return false;
  const wire::IcmpView view(packet.data() + payload.offset);
  return kFour ? view.type4() == wire::Icmp4Type::kEchoRequest
               : view.type6() == wire::Icmp6Type::kEchoRequest;
}

// The endpoint has to be a neighbour: a router on the way would bring the packet back.
template <class Address>
ServiceEdge send_direct(packet::Packet packet, const Address& endpoint, const l3::Lpm<Address>& fib,
                        const Worker& worker) {
  const l3::Topology& topology = *worker.topology;
  const uint32_t slot = fib.lookup(endpoint);
  if (slot == l3::Lpm<Address>::kNoRoute || topology.hops[slot].kind != l3::HopKind::kConnected)
    return ServiceEdge::kNotOnLink;
  packet.meta().next_hop = slot;
  packet.meta().set(packet::Flag::kDirect);
  return ServiceEdge::kForward;
}

// `flow` has the addresses; the rest is read here.
template <class Address>
ServiceEdge serve(packet::Packet packet, Worker& worker, policy::Flow& flow,
                  const ServicePayload& payload) {
  const bool tcp = payload.protocol == wire::IpProtocol::kTcp;
  if (!tcp && payload.protocol != wire::IpProtocol::kUdp)
    return is_echo_request<Address>(packet, payload) ? ServiceEdge::kIcmp
                                                     : ServiceEdge::kUnknownProtocol;
  if (packet.contiguous() < payload.offset + 8u) return ServiceEdge::kTruncated;
  const l3::Topology& topology = *worker.topology;
  flow.protocol = tcp ? policy::Protocol::kTcp : policy::Protocol::kUdp;
  flow.source_port = load_be<uint16_t>(packet.data() + payload.offset);
  flow.destination_port = load_be<uint16_t>(packet.data() + payload.offset + 2);
  flow.in = packet.meta().rx_interface;
  flow.identified = topology.interface(flow.in).role == l3::InterfaceRole::kWorkload;
  const policy::Decision decision = policy::decide(*worker.policy, flow);
  if (decision.verdict == policy::Verdict::kNoPort) return ServiceEdge::kNoPort;
  ServiceCounters& counters = worker.services[decision.frontend];
  switch (decision.verdict) {
    case policy::Verdict::kDenied:
      counters.denied.add();
      return ServiceEdge::kDenied;
    case policy::Verdict::kNoEndpoint:
      counters.no_endpoint.add();
      return ServiceEdge::kNoEndpoint;
    case policy::Verdict::kNoPort:
    case policy::Verdict::kForward:
      break;
  }
  counters.packets.add();
  counters.bytes.add(packet.size());
  EndpointCounters& endpoint = worker.endpoints[decision.endpoint->slot];
  endpoint.packets.add();
  endpoint.bytes.add(packet.size());
  const policy::Cluster& cluster = *worker.policy->clusters[decision.cluster];
  packet.meta().direct_cluster = decision.cluster;
  packet.meta().direct_endpoint =
      static_cast<uint16_t>(decision.endpoint - cluster.endpoints.data());
  if constexpr (sizeof(Address) == 4)
    return send_direct(packet, decision.endpoint->address.v4(), topology.fib4, worker);
  else
    return send_direct(packet, decision.endpoint->address.v6(), topology.fib6, worker);
}

}  // namespace heddle::app
