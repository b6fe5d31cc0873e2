// Server: connections of plain TCP that this worker's listeners have accepted.
#pragma once

#include "outcome.h"
#include "payload.h"
#include "plan.h"
#include "tcp/transport.h"

namespace heddle::load {

class Server {
 public:
  Server(tcp::Transport& transport, Payload& payload, Tally& tally)
      : transport_(transport), payload_(payload), tally_(tally) {}

  // False: no listener is left for it.
  bool listen(const ServePlan& plan);
  // Of a connection whose user word is a listener's of no HTTP.
  void on_note(const tcp::EventNote& note, Instant now);

 private:
  uint32_t echo(tcp::ConnectionId id, Instant now);
  void swallow(tcp::ConnectionId id, Instant now);
  void fill(tcp::ConnectionId id, Instant now);

  tcp::Transport& transport_;
  Payload& payload_;
  Tally& tally_;
};

}  // namespace heddle::load
