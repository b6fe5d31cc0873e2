// Reassembly: what has arrived, in order and out of order. It never knows more than a bounded
// number of holes, and what it refuses the peer sends again.
#pragma once

#include <array>
#include <cstdint>

#include "core/pool.h"
#include "tcp/chain.h"
#include "tcp/drops.h"
#include "tcp/seq.h"
#include "wire/tcp_options.h"

namespace heddle::tcp {

// A run of bytes behind a hole.
struct Range {
  Seq start;
  Seq end;
  uint32_t next = kNoSlot;
  uint32_t previous = kNoSlot;
  Chain chain;
};

using RangePool = Pool<Range>;

struct ReassemblyLimits {
  uint32_t ranges = 0;
  uint32_t pinned = 0;  // bytes of memory that out-of-order data may pin
};

class Reassembly {
 public:
  // In-order bytes for the reader.
  Chain& ready() { return ready_; }
  const Chain& ready() const { return ready_; }
  bool has_holes() const { return first_ != kNoSlot; }
  uint32_t out_of_order_bytes() const { return ooo_bytes_; }
  uint32_t pinned() const { return ready_.pinned + ooo_pinned_; }
  uint32_t bytes() const { return ready_.bytes + ooo_bytes_; }

  struct Outcome {
    uint32_t in_order = 0;      // bytes by which rcv_nxt moves
    bool out_of_order = false;  // something was kept behind a hole
    bool filled_hole = false;
    bool duplicate = false;  // [dup_left, dup_right) was here already
    Seq dup_left;
    Seq dup_right;
    Drop drop = Drop::kNone;
  };
  // Takes the payload, whose first byte is `start`; all of it lies in the window, and
  // start >= rcv_nxt.
  Outcome insert(Pieces& pieces, RangePool& pool, Chain& payload, Seq start, Seq rcv_nxt,
                 const ReassemblyLimits& limits);

  // Up to `max` SACK blocks, the run that changed last first (RFC 2018 4).
  // Runs that have not changed for long are left out when they are many.
  uint8_t sack_blocks(const RangePool& pool, wire::TcpSackBlock* to, uint8_t max) const;
  void clear(Pieces& pieces, RangePool& pool);
  // Frees everything behind holes, which RFC 2018 8 allows.
  void renege(Pieces& pieces, RangePool& pool);
  uint32_t first_range() const { return first_; }

 private:
  void take_in_order(Pieces& pieces, RangePool& pool, Chain& payload, Outcome& outcome,
                     Seq rcv_nxt);
  void insert_behind_hole(Pieces& pieces, RangePool& pool, Chain& payload, Seq start,
                          const ReassemblyLimits& limits, Outcome& outcome);
  uint32_t append(Pieces& pieces, Chain& part, Outcome& outcome);
  void touch(uint32_t at);
  void forget(uint32_t at);
  void erase(RangePool& pool, uint32_t at);
  uint32_t find(const RangePool& pool, Seq seq) const;
  bool add(Pieces& pieces, RangePool& pool, Chain& part, Seq start, uint32_t previous,
           const ReassemblyLimits& limits, Outcome& outcome);

  Chain ready_;
  uint32_t first_ = kNoSlot;
  uint32_t last_ = kNoSlot;
  uint32_t ranges_ = 0;
  uint32_t ooo_bytes_ = 0;
  uint32_t ooo_pinned_ = 0;
  // The runs that changed last, the newest first: for SACK blocks, and as places to begin from.
  std::array<uint32_t, 6> recent_{kNoSlot, kNoSlot, kNoSlot, kNoSlot, kNoSlot, kNoSlot};
};

}  // namespace heddle::tcp
