// RACK (RFC 8985 6): a segment is lost when one sent later has arrived and more than a reordering
// window has passed. The window widens when the peer reports spurious retransmissions by D-SACK.
#pragma once

#include <cstdint>

#include "core/time.h"
#include "tcp/rtt.h"
#include "tcp/scoreboard.h"

namespace heddle::tcp {

class Rack {
 public:
  // A record has newly arrived at the peer (6.2 steps 1 to 3). `suspicious` when it was sent more
  // than once and this answer may be to an earlier transmission.
  void delivered(const Sent& sent, Instant now, Duration min_rtt, bool suspicious);

  // The peer saw something twice: the window was too narrow (step 4), once a round trip.
  void on_dsack(Seq snd_nxt);
  void on_ack(Seq snd_una) {
    if (has_dsack_round_ && snd_una >= dsack_round_) has_dsack_round_ = false;
  }
  void on_recovery_end();
  // A repair turned out to be needless: what looked lost was late. The repair itself hides that
  // from step 3, as it looks at records which were sent once.
  void saw_reordering() { reordering_ = true; }

  // Step 5: marks what is lost by now. Returns how many records, and in `*wait` how long until
  // more will be (0: nothing to wait for).
  uint32_t detect(Scoreboard& board, SentPool& pool, Instant now, Duration reorder_window,
                  Duration* wait) const;
  Duration reorder_window(const Rtt& rtt, bool recovering, uint32_t sacked_count) const;

  bool reordering_seen() const { return reordering_; }
  Duration rtt() const { return rtt_; }
  bool has_sample() const { return xmit_.ns() != 0; }

 private:
  Instant xmit_;  // of the most recently sent segment that has arrived
  Duration rtt_;
  Seq end_;
  Seq fack_;  // the highest that has arrived
  Seq dsack_round_;
  bool has_fack_ = false;
  bool has_dsack_round_ = false;
  bool reordering_ = false;
  uint8_t multiplier_ = 1;
  uint8_t persist_ = 16;
};

}  // namespace heddle::tcp
