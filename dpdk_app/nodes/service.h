// What ip4_service and ip6_service share: from a packet to a service's address to the endpoint
// that gets it.
#pragma once

#include <algorithm>
#include <span>

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
  kUnrelatedError,
  kDenied,
  kNotOnLink,
  kNoPort,
  kNoEndpoint,
  kUnknownProtocol,
};

inline constexpr const char* kServiceTruncated = "fewer bytes than the ports of TCP or UDP";
inline constexpr const char* kServiceFragment =
    "a fragment to a service: the later ones do not say for which port, so none is taken";
inline constexpr const char* kServiceUnrelatedError =
    "an ICMP error about no packet that the service can have sent: a forgery, or a stray";
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

// Follows what policy says of a flow, with its counters.
template <class Address>
ServiceEdge send_to_endpoint(packet::Packet packet, Worker& worker,
                             const policy::Decision& decision) {
  if (decision.verdict == policy::Verdict::kNoPort) return ServiceEdge::kNoPort;
  ServiceCounters& counters = worker.services[decision.frontend];
  if (decision.verdict == policy::Verdict::kDenied) {
    counters.denied.add();
    return ServiceEdge::kDenied;
  }
  if (decision.verdict == policy::Verdict::kNoEndpoint) {
    counters.no_endpoint.add();
    return ServiceEdge::kNoEndpoint;
  }
  const policy::Cluster& cluster = *worker.policy->clusters[decision.cluster];
  packet.meta().direct_cluster = decision.cluster;
  packet.meta().direct_endpoint =
      static_cast<uint16_t>(decision.endpoint - cluster.endpoints.data());
  ServiceEdge edge = ServiceEdge::kNotOnLink;
  if constexpr (sizeof(Address) == 4)
    edge = send_direct(packet, decision.endpoint->address.v4(), worker.topology->fib4, worker);
  else
    edge = send_direct(packet, decision.endpoint->address.v6(), worker.topology->fib6, worker);
  if (edge != ServiceEdge::kForward) return edge;
  counters.packets.add();
  counters.bytes.add(packet.size());
  EndpointCounters& endpoint = worker.endpoints[decision.endpoint->slot];
  endpoint.packets.add();
  endpoint.bytes.add(packet.size());
  return edge;
}

// A segment of TCP or UDP. `flow` has the addresses; the rest is read here.
template <class Address>
ServiceEdge serve(packet::Packet packet, Worker& worker, policy::Flow& flow,
                  const ServicePayload& payload) {
  const bool tcp = payload.protocol == wire::IpProtocol::kTcp;
  if (!tcp && payload.protocol != wire::IpProtocol::kUdp)
    return is_echo_request<Address>(packet, payload) ? ServiceEdge::kIcmp
                                                     : ServiceEdge::kUnknownProtocol;
  if (packet.contiguous() < payload.offset + 8u) return ServiceEdge::kTruncated;
  flow.protocol = tcp ? policy::Protocol::kTcp : policy::Protocol::kUdp;
  flow.source_port = load_be<uint16_t>(packet.data() + payload.offset);
  flow.destination_port = load_be<uint16_t>(packet.data() + payload.offset + 2);
  flow.in = packet.meta().rx_interface;
  flow.identified = worker.topology->interface(flow.in).role == l3::InterfaceRole::kWorkload;
  return send_to_endpoint<Address>(packet, worker, policy::decide(*worker.policy, flow));
}

// An ICMP error about what an endpoint has answered with the service's address, as "packet too
// big": it goes to the endpoint that the client's packets go to. `flow` is the client's, with the
// addresses of the quote in the other direction; `l4` begins at the quote's ports.
template <class Address>
ServiceEdge serve_error(packet::Packet packet, Worker& worker, policy::Flow& flow,
                        wire::IpProtocol protocol, std::span<const uint8_t> l4) {
  const bool tcp = protocol == wire::IpProtocol::kTcp;
  if ((!tcp && protocol != wire::IpProtocol::kUdp) || l4.size() < 4)
    return ServiceEdge::kUnrelatedError;
  flow.protocol = tcp ? policy::Protocol::kTcp : policy::Protocol::kUdp;
  flow.destination_port = load_be<uint16_t>(l4.data());
  flow.source_port = load_be<uint16_t>(l4.data() + 2);
  // Who sends the error is nobody that access policy speaks of: a router, often ourselves.
  const ServiceEdge edge =
      send_to_endpoint<Address>(packet, worker, policy::decide_endpoint(*worker.policy, flow));
  return edge == ServiceEdge::kNoPort || edge == ServiceEdge::kNoEndpoint
             ? ServiceEdge::kUnrelatedError
             : edge;
}

}  // namespace heddle::app
