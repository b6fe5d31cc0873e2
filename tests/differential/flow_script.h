// What the two ends of one flow send, and what somebody else sends in their name: a step at a
// time, from a seed. A script does not know what the routers let through; it goes on as if what it
// meant well had arrived.
#pragma once

#include <memory>

#include "core/random.h"
#include "packets.h"

namespace heddle::differential {

struct Step {
  bool original = true;  // sent by the initiator's side
  Content content;
  const char* what = "";
  bool proper = true;  // what a peer that works may send
};

class FlowScript {
 public:
  virtual ~FlowScript() = default;
  virtual Step next(Random& random) = 0;
};

std::unique_ptr<FlowScript> make_tcp_script(Random& random);
std::unique_ptr<FlowScript> make_udp_script();
std::unique_ptr<FlowScript> make_echo_script();

}  // namespace heddle::differential
