// ip4_tcp_listen: TCP for a listener of this node, and of no connection yet.
// In: data() is a validated IPv4 header; who sends may open a connection.
#include "nodes/tcp_input.h"

namespace heddle::app {

namespace {

using Edge = TcpListenEdge;
constexpr EdgeSpec kEdges[] = {
    drop("bad_checksum", kTcpBadChecksum),
    drop("malformed", kTcpMalformed),
    drop("not_ready", kTcpNotReady),
};
static_assert(std::size(kEdges) == static_cast<size_t>(Edge::kNotReady) + 1);

}  // namespace

const NodeSpec ip4_tcp_listen{"ip4_tcp_listen", listen_tcp<wire::Ipv4Address>, kEdges};

}  // namespace heddle::app
