// flow_refused: what ip4_conntrack, ip6_conntrack and the services refuse for a flow's sake,
// counted by why. In: meta.refusal.code is the reason (flow_refusal.h).
#include "core/check.h"
#include "nodes/flow_refusal.h"
#include "nodes/nodes.h"

namespace heddle::app {

namespace {

struct FragmentText {
  const char* name;
  const char* means;
};
// From FragmentAnswer::kHoldFull on.
constexpr FragmentText kFragmentTexts[] = {
    {"fragment_hold_full", "a fragment before its first, when enough wait for theirs already"},
    {"fragment_duplicate", "a fragment that has come before"},
    {"fragment_overlap", "a fragment that overlaps another: an attack (RFC 5722)"},
    {"fragment_bad_length", "a fragment of a length or place that cannot be"},
    {"fragment_tiny", "a second fragment that holds a part of the transport header (RFC 3128)"},
    {"fragment_too_many", "more fragments of one datagram than are counted"},
    {"fragment_poisoned", "a fragment of a datagram of which another was refused"},
};

// What no packet here can be refused for: ip6_input has walked the extension headers; services are
// TCP and UDP alone, whose checksums can be kept right; and the fragments behind a refused first
// one find no flow instead.
constexpr bool cannot_be(size_t code) {
  constexpr size_t kPastNames = kFirstFragmentRefusal + std::size(kFragmentTexts);
  return code == 0 || code == static_cast<size_t>(flow::Drop::kExtensionHeaders) ||
         code == static_cast<size_t>(flow::Drop::kCannotTranslate) || code >= kPastNames;
}
constexpr size_t kEdgeCount = [] {
  size_t count = 0;
  for (size_t code = 0; code < kFlowRefusals; ++code) count += cannot_be(code) ? 0u : 1u;
  return count;
}();

struct Edges {
  std::array<EdgeSpec, kEdgeCount> specs{};
  std::array<uint8_t, kFlowRefusals> by_code{};  // without an edge: kNone
  static constexpr uint8_t kNone = kEdgeCount;
};
constexpr Edges kEdges = [] {
  Edges edges;
  uint8_t at = 0;
  for (size_t code = 0; code < kFlowRefusals; ++code) {
    edges.by_code[code] = cannot_be(code) ? Edges::kNone : at;
    if (cannot_be(code)) continue;
    if (code < kFirstFragmentRefusal) {
      edges.specs[at++] = drop(flow::kDropTexts[code].name, flow::kDropTexts[code].means);
    } else {
      const FragmentText& text = kFragmentTexts[code - kFirstFragmentRefusal];
      edges.specs[at++] = drop(text.name, text.means);
    }
  }
  return edges;
}();
static_assert(std::size(kFragmentTexts) == kFlowRefusals - kFirstFragmentRefusal - 1,
              "all but FragmentAnswer::kRefused");

enum class Edge : uint8_t {};

Edge refuse(Packet packet, Worker&) {
  const uint8_t edge = kEdges.by_code[packet.meta().refusal.code];
  HEDDLE_CHECK(edge != Edges::kNone, "a refusal that has an edge");
  return static_cast<Edge>(edge);
}

}  // namespace

const NodeSpec flow_refused{"flow_refused", each_packet<refuse>, kEdges.specs};

}  // namespace heddle::app
