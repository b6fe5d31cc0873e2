// dns_input: answers workloads' queries for names of services, passes others on to resolvers, and
// their answers back. All of it in the place of the packet that came.
// In: data() is a validated IP header, UDP right behind it; a workload's query, or what may be a
// resolver's answer (dns_packets.h).
// Out: a datagram of ours; on the edge to ip6_output meta.next_hop is set.
#include "nodes/dns_packets.h"
#include "nodes/nodes.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t {
  kIp4Lookup,
  kIp6Lookup,
  kOnLink,
  kTruncated,
  kScattered,
  kBadChecksum,
  kNoRoom,
  kShort,
  kResponse,
  kDuplicate,
  kTooLong,
  kFull,
  kWorkloadFull,
  kNoWay,
  kNoPort,
  kMalformedAnswer,
  kUnasked,
  kOtherServer,
  kOtherQuestion,
};
constexpr EdgeSpec kEdges[] = {
    to("ip4_lookup"),
    to("ip6_lookup"),
    to("ip6_output"),
    drop("truncated", "a UDP length below 8 bytes, or that the packet does not have"),
    drop("scattered", "a message in several buffers: a port's are too small for it"),
    drop("bad_checksum", "UDP checksum wrong: damaged, or offloads left on at a veth peer"),
    drop("no_room", "no room for the answer in the packet's buffer"),
    drop("short", "fewer bytes than a DNS header"),
    drop("response", "a response where queries are taken: a broken or hostile workload"),
    drop("duplicate", "asked again while its answer is waited for"),
    drop("too_long", "a query above 512 bytes for another name than a service's"),
    drop("full", "too many queries wait for resolvers: they are slow, or many ask at once"),
    drop("workload_full", "too many queries of this workload wait for resolvers"),
    drop("no_way", "no route to any resolver, or no own address towards it"),
    drop("no_port", "no own port for a query whose answer would come back to this worker"),
    drop("malformed_answer", "a resolver's message that is no answer to a query"),
    drop("unasked", "a resolver's answer to nothing that waits: late, or forged"),
    drop("other_server", "an answer to a query that was sent to another address: forged"),
    drop("other_question", "an answer to another question than was asked: forged"),
};
static_assert(std::size(kEdges) == static_cast<size_t>(Edge::kOtherQuestion) + 1);

struct Datagram {
  UdpEnds ends;
  std::span<uint8_t> payload;
};

template <class Address>
Edge read(Packet packet, size_t header, Datagram& datagram) {
  const std::span<uint8_t> l4 = packet.head().subspan(header);
  if (packet.is_chain()) return Edge::kScattered;
  if (wire::check_udp(l4) != wire::UdpFault::kNone) return Edge::kTruncated;
  const bool right = [&] {
    if constexpr (sizeof(Address) == 4) {
      const wire::Ipv4View ip(packet.data());
      return wire::udp_checksum_ok(ip.source(), ip.destination(), l4);
    } else {
      const wire::Ipv6View ip(packet.data());
      return wire::udp_checksum_ok(ip.source(), ip.destination(), l4);
    }
  }();
  if (!right) return Edge::kBadChecksum;
  datagram.ends = *udp_ends<Address>(packet);
  datagram.payload = wire::UdpMutView(l4.data()).payload();
  return Edge::kIp4Lookup;
}

// Where a finished datagram goes on. To a workload's link-local address, by its link.
Edge way_of(Packet packet, const OurDatagram& datagram, InterfaceId link, const Worker& worker) {
  if (datagram.destination.is_v4_mapped()) return Edge::kIp4Lookup;
  if (!datagram.destination.is_link_local() && !datagram.source.is_link_local())
    return Edge::kIp6Lookup;
  packet.meta().next_hop = worker.topology->connected_hop(link);
  return Edge::kOnLink;
}

Edge send(Packet packet, const OurDatagram& datagram, InterfaceId link, Worker& worker) {
  if (!write_datagram(packet, datagram, worker)) return Edge::kNoRoom;
  return way_of(packet, datagram, link, worker);
}

Edge edge_of(dns::Sending outcome) {
  switch (outcome) {
    case dns::Sending::kTooLong:
      return Edge::kTooLong;
    case dns::Sending::kFull:
      return Edge::kFull;
    case dns::Sending::kWorkloadFull:
      return Edge::kWorkloadFull;
    case dns::Sending::kNoWay:
      return Edge::kNoWay;
    case dns::Sending::kNoPort:
      return Edge::kNoPort;
    case dns::Sending::kSent:
    case dns::Sending::kAgain:
    case dns::Sending::kDuplicate:
      break;
  }
  return Edge::kDuplicate;
}

Edge edge_of(dns::Receiving outcome) {
  switch (outcome) {
    case dns::Receiving::kMalformed:
      return Edge::kMalformedAnswer;
    case dns::Receiving::kOtherServer:
      return Edge::kOtherServer;
    case dns::Receiving::kOtherQuestion:
      return Edge::kOtherQuestion;
    case dns::Receiving::kDelivered:
    case dns::Receiving::kUnasked:
      break;
  }
  return Edge::kUnasked;
}

// `room`: for what is sent; the message still lies in the packet.
Edge forward(Packet packet, const Datagram& datagram, const dns::Query& query,
             std::span<uint8_t> room, Worker& worker) {
  const dns::Client client{.address = datagram.ends.source,
                           .asked = datagram.ends.destination,
                           .port = datagram.ends.source_port,
                           .workload = packet.meta().rx_interface.value()};
  const dns::ToResolver out = worker.dns->forwarder.on_query(query, client, worker.now, room);
  if (out.size == 0) return edge_of(out.outcome);
  const OurDatagram sent{.source = out.source,
                         .destination = out.resolver,
                         .source_port = out.source_port,
                         .destination_port = dns::kPort,
                         .payload = room.first(out.size)};
  return send(packet, sent, packet.meta().rx_interface, worker);
}

std::string_view namespace_of(InterfaceId workload, const policy::Snapshot& policy) {
  const auto& all = policy.workload_namespaces;
  if (all == nullptr || workload.index() >= all->size()) return {};
  return (*all)[workload.index()];
}

Edge take_query(Packet packet, const Datagram& datagram, Worker& worker) {
  Dns& dns = *worker.dns;
  const InterfaceId in = packet.meta().rx_interface;
  const policy::Snapshot& policy = *worker.policy;
  const dns::Names& names = policy.names != nullptr ? *policy.names : dns.no_names;
  std::array<uint8_t, dns::kEdnsLimit> room;
  dns::Query query;
  const auto random = static_cast<uint32_t>(worker.flows->random.next() >> 32);
  dns::Answer answer =
      dns::answer(datagram.payload, names, namespace_of(in, policy), random, room, query);
  if (answer.outcome == dns::Outcome::kForward && !dns.forwards)
    answer = dns::refuse(query, dns::Refusal::kNowhere, room);
  dns.counters.outcomes[static_cast<size_t>(answer.outcome)].add();
  if (answer.refusal != dns::Refusal::kNone)
    dns.counters.refusals[static_cast<size_t>(answer.refusal)].add();
  if (answer.outcome == dns::Outcome::kForward)
    return forward(packet, datagram, query, room, worker);
  if (answer.size == 0)
    return answer.refusal == dns::Refusal::kResponse ? Edge::kResponse : Edge::kShort;
  const OurDatagram sent{.source = datagram.ends.destination,
                         .destination = datagram.ends.source,
                         .source_port = dns::kPort,
                         .destination_port = datagram.ends.source_port,
                         .payload = std::span(room).first(answer.size)};
  return send(packet, sent, in, worker);
}

Edge take_answer(Packet packet, const Datagram& datagram, Worker& worker) {
  const UdpEnds& ends = datagram.ends;
  dns::Client client;
  const dns::Receiving received =
      worker.dns->forwarder.on_response({.source = ends.source,
                                         .destination = ends.destination,
                                         .source_port = ends.source_port,
                                         .destination_port = ends.destination_port},
                                        datagram.payload, client);
  if (received != dns::Receiving::kDelivered) return edge_of(received);
  const OurDatagram sent{.source = client.asked,
                         .destination = client.address,
                         .source_port = dns::kPort,
                         .destination_port = client.port,
                         .payload = datagram.payload};
  return send(packet, sent, InterfaceId(client.workload), worker);
}

Edge input(Packet packet, Worker& worker) {
  Datagram datagram;
  const bool four = packet.data()[0] >> 4 == 4;
  const Edge fault = four ? read<wire::Ipv4Address>(
                                packet, wire::Ipv4View(packet.data()).header_length(), datagram)
                          : read<wire::Ipv6Address>(packet, wire::kIpv6HeaderSize, datagram);
  if (fault != Edge::kIp4Lookup) return fault;
  return datagram.ends.destination_port == dns::kPort ? take_query(packet, datagram, worker)
                                                      : take_answer(packet, datagram, worker);
}

}  // namespace

const NodeSpec dns_input{"dns_input", each_packet<input>, kEdges};

}  // namespace heddle::app
