// One bulk transfer under given conditions, and what came of it.
#pragma once

#include "flows.h"

namespace heddle::sim {

struct Conditions {
  const char* name;
  uint64_t megabits;
  Duration rtt;
  uint32_t loss = 0;  // millionths
  double queue = 1;   // of the bandwidth-delay product, at least 32 packets
  Duration lasts = seconds(10);
  tcp::CongestionKind congestion = tcp::CongestionKind::kCubic;
  bool ecn = false;
  bool sack = true;
  LinkSpec more;  // reordering, duplication, corruption, bursts
};

struct Outcome {
  uint32_t percent = 0;  // of what the link can carry as payload
  double megabits = 0;   // a second, payload
  uint64_t retransmits = 0;
  uint64_t timeouts = 0;
  uint64_t spurious = 0;  // segments that the receiver had already
  uint64_t undos = 0;
  uint64_t cuts = 0;
  bool right = false;
};

// The link that the data takes, and the one of its acknowledgments.
LinkSpec forward_link(const Conditions& conditions);
LinkSpec return_link(const Conditions& conditions);

Outcome measure(const Conditions& conditions, uint64_t seed);

}  // namespace heddle::sim
