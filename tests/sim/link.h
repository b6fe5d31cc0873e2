// A link in one direction: a drop-tail queue, a rate, a delay, and what can go wrong on the way.
#pragma once

#include <deque>
#include <queue>

#include "core/random.h"
#include "element.h"

namespace heddle::sim {

struct LinkSpec {
  uint64_t bits_per_second = 0;  // of IP packets; 0: no limit
  Duration delay;
  uint32_t queue_bytes = UINT32_MAX;
  // All in millionths.
  uint32_t loss = 0;
  uint32_t burst_begin = 0;  // a burst of losses begins (Gilbert)
  uint32_t burst_end = 0;  // and ends with this probability at each packet; after 2 s at the latest
  uint32_t reorder = 0;    // a packet takes `reorder_by` longer
  Duration reorder_by;
  uint32_t duplicate = 0;
  uint32_t corrupt = 0;
  uint32_t mark_above = UINT32_MAX;  // bytes queued: ECN-capable packets are marked
  uint32_t mtu = UINT32_MAX;         // larger packets vanish, as in a black hole
};

class Link final : public Element {
 public:
  Link(const LinkSpec& spec, Element& to, uint64_t seed) : spec_(spec), to_(&to), random_(seed) {}

  void forward(Packet packet, Instant now) override;
  Instant next_event() const override { return wire_.empty() ? kNever : wire_.top().arrives; }
  void run(Instant now) override;

  LinkSpec& spec() { return spec_; }
  void lead_to(Element& to) { to_ = &to; }
  uint64_t lost() const { return lost_; }
  uint64_t overflowed() const { return overflowed_; }
  uint64_t passed() const { return passed_; }
  uint64_t marked() const { return marked_; }

 private:
  struct OnWire {
    Instant arrives;
    uint64_t order;
    mutable Packet packet;
    bool operator<(const OnWire& other) const {
      return arrives != other.arrives ? arrives > other.arrives : order > other.order;
    }
  };
  bool chance(uint32_t millionths) {
    return millionths > 0 && random_.below(1'000'000) < millionths;
  }
  bool loses(Instant now);
  uint32_t queued(Instant now) const;

  LinkSpec spec_;
  Element* to_;
  Random random_;
  Instant busy_until_;
  Instant burst_until_;
  bool in_burst_ = false;
  uint64_t order_ = 0;
  uint64_t lost_ = 0;
  uint64_t overflowed_ = 0;
  uint64_t passed_ = 0;
  uint64_t marked_ = 0;
  std::priority_queue<OnWire> wire_;
};

}  // namespace heddle::sim
