// What the IPv4 neighbour table wants done, done in the graph. Nodes that drive the table
// (arp_input, arp_resolve, originate) have the same three edges for it.
#pragma once

#include "graph/node.h"
#include "l3/neighbour_table.h"
#include "wire/arp.h"
#include "worker/worker.h"

namespace heddle::app {

class ArpSink final : public l3::NeighbourSink<wire::Ipv4Address> {
 public:
  struct Edges {
    rte_edge_t port_tx;  // requests, and packets that may leave now
    // What waited in vain: its neighbour did not answer, or too many packets wait for it. A
    // node in which that cannot happen leaves them out.
    rte_edge_t timeout = kNoEdge;
    rte_edge_t queue_full = kNoEdge;
  };
  ArpSink(Worker& worker, Emitter& out, const Edges& edges)
      : worker_(worker), out_(out), edges_(edges) {}

  void solicit(const l3::Neighbour<wire::Ipv4Address>& neighbour, bool unicast) override;
  void release(const l3::Neighbour<wire::Ipv4Address>& neighbour, Packet packet) override;
  void give_up(const l3::Neighbour<wire::Ipv4Address>& neighbour, Packet packet) override;

 private:
  Worker& worker_;
  Emitter& out_;
  Edges edges_;
};

// An ARP message of ours on `out`; none when no packet buffer is left.
Packet make_arp(const Worker& worker, const l3::Interface& out, const wire::Arp& arp,
                const wire::MacAddress& to);

}  // namespace heddle::app
