// Server: connections that this worker's listeners have accepted.
#pragma once

#include <vector>

#include "http_text.h"
#include "mesh/slot_queue.h"
#include "outcome.h"
#include "payload.h"
#include "plan.h"
#include "tcp/transport.h"

namespace heddle::load {

class Server {
 public:
  // `heads` has the text of a response's head, `response_bytes` go behind it. `connections`: the
  // transport's limit.
  Server(tcp::Transport& transport, Payload& payload, Payload& heads, uint64_t response_bytes,
         uint32_t connections, Tally& tally)
      : transport_(transport),
        payload_(payload),
        heads_(heads),
        response_bytes_(response_bytes),
        connections_(connections),
        tally_(tally),
        starved_(connections) {}

  // False: no listener is left for it.
  bool listen(const ServePlan& plan);
  // Goes on with some that got no piece, and hear of nothing as they have nothing on the way. True:
  // there are more.
  bool go_on(Instant now);
  // Of a connection whose user word is a listener's.
  void on_note(const tcp::EventNote& note, Instant now);

 private:
  uint32_t echo(tcp::ConnectionId id, Instant now);
  void swallow(tcp::ConnectionId id, Instant now);
  void fill(tcp::ConnectionId id, Instant now);
  void answer(tcp::ConnectionId id, Instant now);

  tcp::Transport& transport_;
  // Of a connection of HTTP.
  struct Asked {
    tcp::ConnectionId id;
    HeadEnds ends;
    uint32_t owed = 0;       // responses that are not begun
    uint64_t body_left = 0;  // of the one that is
  };

  Payload& payload_;
  Payload& heads_;
  uint64_t response_bytes_;
  uint32_t connections_;
  Tally& tally_;
  std::vector<Asked> asked_;  // by the connection's slot, where a port speaks HTTP
  mesh::SlotQueue starved_;   // of these
};

}  // namespace heddle::load
