// ip6_tcp_input: packets of TCP connections that end on this worker, and ICMP errors about them.
// In: data() is a validated IPv6 header.  Out: unchanged what is of no such connection.
#include "nodes/tcp_input.h"

namespace heddle::app {

namespace {

using Edge = TcpInputEdge;
constexpr EdgeSpec kEdges[] = {
    to("ip6_conntrack"),
    to("ip6_lookup"),
    drop("bad_checksum", kTcpBadChecksum),
    drop("malformed", kTcpMalformed),
    drop("icmp", kTcpIcmp),
};
static_assert(std::size(kEdges) == static_cast<size_t>(Edge::kIcmp) + 1);

}  // namespace

const NodeSpec ip6_tcp_input{"ip6_tcp_input", take_tcp<wire::Ipv6Address>, kEdges};

}  // namespace heddle::app
