// Events from a seed: packets of many flows at a time, some of them in fragments or damaged, and
// ICMP errors about them.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "flow_script.h"
#include "services.h"

namespace heddle::differential {

enum class Router : uint8_t { kKernel, kHeddle };
inline constexpr Router kRouters[] = {Router::kKernel, Router::kHeddle};

struct Flow {
  uint32_t number = 0;
  bool v6 = false;
  IpProtocol protocol{};
  Translation translation{};
  Side initiator{};
  End client;
  End called;     // whom the client calls
  End responder;  // and who answers
  // The client's port outside, as each router has chosen it; 0: not known yet.
  std::array<uint16_t, 2> outside_port{};
  bool begun = false;  // a packet of the client has passed both
  bool ended = false;

  bool is_query() const { return protocol != IpProtocol::kTcp && protocol != IpProtocol::kUdp; }
  // A packet of the initiator before and behind a router.
  Ends inside() const { return {v6, protocol, client, called}; }
  Ends outside(Router router) const;
};

enum class FragmentOrder : uint8_t { kNone, kInOrder, kShuffled, kDuplicate, kMissing, kOverlap };

enum class QuoteFault : uint8_t {
  kNone,
  kPort,         // of a flow that is not there
  kAddress,      // the same
  kTurned,       // as it came in, not as it went out
  kShort,        // fewer than eight bytes of the transport header
  kDestination,  // the error goes to somebody else than the quoted packet's source
  kSequence,     // TCP: no such byte was sent
};

struct ErrorAbout {
  uint8_t type = 0;
  uint8_t code = 0;
  uint32_t rest = 0;
  bool from_far_router = false;
  QuoteFault fault = QuoteFault::kNone;
  size_t quoted_bytes = 0;  // of the transport header and data; 0: all
};

struct Event {
  std::shared_ptr<Flow> flow;
  bool original = true;  // comes from the initiator's side
  Content content;       // of an error: what it quotes, which went in the other direction
  std::optional<ErrorAbout> error;
  Around around;
  FragmentOrder order = FragmentOrder::kNone;
  size_t piece = 0;
  uint64_t shuffle = 0;
  const char* what = "";

  Side from() const { return original ? flow->initiator : opposite(flow->initiator); }
  // The bytes, as they come to this router.
  std::vector<Bytes> packets(Router router) const;
};

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}
  Event next();

 private:
  struct Lane {
    std::shared_ptr<Flow> flow;
    std::unique_ptr<FlowScript> script;
    uint32_t remaining = 0;
    std::optional<Content> last[2];  // sent by the responder, by the initiator
  };
  static constexpr size_t kLanes = 48;

  void begin(Lane& lane);
  Event error_event(Lane& lane);
  void add_faults(Event& event);
  void add_fragments(Event& event);

  Random random_;
  uint32_t flows_ = 0;
  uint16_t packets_ = 0;
  Lane lanes_[kLanes];
};

}  // namespace heddle::differential
