// The simulator's parts are elements: packets go in by forward(), and run() is called when
// next_event() has come. Time is virtual, so a run is the same for the same seed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/time.h"

namespace heddle::sim {

using Packet = std::vector<uint8_t>;  // from its IP header on

class Element {
 public:
  virtual ~Element() = default;
  virtual void forward(Packet packet, Instant now) = 0;
  virtual Instant next_event() const = 0;
  virtual void run(Instant now) = 0;
};

class Network {
 public:
  void add(Element& element) { elements_.push_back(&element); }
  Instant now() const { return now_; }

  // Runs until `end`, or until `done()` holds. Returns false when nothing will ever happen again.
  template <class Done>
  bool run_until(Instant end, Done&& done) {
    while (!done()) {
      Instant next = kNever;
      for (const Element* element : elements_) next = std::min(next, element->next_event());
      if (next > end) {
        now_ = std::max(now_, end);
        return next != kNever;
      }
      now_ = std::max(now_, next);
      for (Element* element : elements_)
        if (element->next_event() <= now_) element->run(now_);
    }
    return true;
  }
  bool run_until(Instant end) {
    return run_until(end, [] { return false; });
  }

 private:
  std::vector<Element*> elements_;
  Instant now_{1'000'000'000};
};

}  // namespace heddle::sim
