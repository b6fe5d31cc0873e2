// ip4_conntrack: finds each packet's flow, moves its state, and gives the packet the addresses of
// the flow's other side (RFC 3022). In: data() is a validated IPv4 header. Out: the same; with
// Flag::kTracked the flow has let it pass. What begins a flow goes on as it is.
#include "nodes/conntrack.h"

namespace heddle::app {

namespace {

constexpr EdgeSpec kEdges[] = {
    to("ip4_lookup"),
    to("flow_refused"),
    drop("cut", kFlowCut),
    drop("handoff_full", kFlowHandoffFull),
};

}  // namespace

const NodeSpec ip4_conntrack{"ip4_conntrack", track_flows<wire::Ipv4Address>, kEdges};

}  // namespace heddle::app
