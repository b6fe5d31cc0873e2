// All nodes of the packet graph, one file each in this folder.
#pragma once

#include "graph/node.h"

namespace heddle::app {

extern const NodeSpec rx, handoff, originate;
extern const NodeSpec steer, ethernet_input, arp_input;
extern const NodeSpec ip4_input, ip4_lookup, ip4_forward, ip4_fragment, ip4_local, ip4_service;
extern const NodeSpec ip4_conntrack, ip6_conntrack, flow_refused, ip4_guard, ip6_guard, ip4_tunnel,
    ip6_tunnel;
extern const NodeSpec icmp4_input, icmp4_error, ip4_output, arp_resolve;
extern const NodeSpec ip6_input, ip6_lookup, ip6_forward, ip6_local, ip6_service;
extern const NodeSpec icmp6_input, nd_input, icmp6_error, ip6_output, nd_resolve;
extern const NodeSpec ip4_tcp_input, ip6_tcp_input, ip4_tcp_listen, ip6_tcp_listen, tcp_output;
extern const NodeSpec dns_input;
extern const NodeSpec port_tx;

}  // namespace heddle::app
