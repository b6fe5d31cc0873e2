// What the IPv6 neighbour table wants done, done in the graph: the twin of arp_sink.h.
#pragma once

#include "graph/node.h"
#include "l3/neighbour_table.h"
#include "wire/nd.h"
#include "worker/worker.h"

namespace heddle::app {

class NdSink final : public l3::NeighbourSink<wire::Ipv6Address> {
 public:
  struct Edges {
    rte_edge_t port_tx;
    rte_edge_t timeout = kNoEdge;
    rte_edge_t queue_full = kNoEdge;
  };
  NdSink(Worker& worker, Emitter& out, const Edges& edges)
      : worker_(worker), out_(out), edges_(edges) {}

  void solicit(const l3::Neighbour<wire::Ipv6Address>& neighbour, bool unicast) override;
  void release(const l3::Neighbour<wire::Ipv6Address>& neighbour, Packet packet) override;
  void give_up(const l3::Neighbour<wire::Ipv6Address>& neighbour, Packet packet) override;

 private:
  Worker& worker_;
  Emitter& out_;
  Edges edges_;
};

// Where a neighbor discovery message of ours goes.
struct NdPath {
  wire::Ipv6Address source;
  wire::Ipv6Address destination;
  wire::MacAddress mac;
};

// A whole frame on `out`; none when no packet buffer is left.
template <class Message>
Packet make_nd(const Worker& worker, const l3::Interface& out, const NdPath& path,
               const Message& message);

extern template Packet make_nd(const Worker&, const l3::Interface&, const NdPath&,
                               const wire::NeighborSolicitation&);
extern template Packet make_nd(const Worker&, const l3::Interface&, const NdPath&,
                               const wire::NeighborAdvertisement&);

}  // namespace heddle::app
