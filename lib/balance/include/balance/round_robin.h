// RoundRobin: one after the other, and with weights in such an order that at every moment each
// endpoint has had its share of the turns, give or take a few.
//
// The table is immutable and shared; where a worker stands is one Cursor of its own for each
// service, of the same size for any number of endpoints. A pick costs constant time on average.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "balance/endpoint.h"

namespace heddle::balance {

class RoundRobin {
 public:
  // Any value is valid with any table, so a cursor outlives the table that it ran over.
  struct Cursor {
    uint64_t round = 0;
    uint32_t group = 0;
    uint32_t at = 0;
  };

  RoundRobin() = default;
  // At most kMaxEndpoints. Equal weights take turns in the order of the list; weight 0 gets none.
  explicit RoundRobin(std::span<const Endpoint> endpoints);

  bool empty() const { return members_.empty(); }

  // A place to start, different for each worker, so that they do not all begin with the same.
  Cursor start(uint64_t random) const {
    return {.round = random >> 16, .at = scale(random, static_cast<uint32_t>(members_.size()))};
  }

  // kNoEndpoint when nothing has a weight.
  uint32_t pick(Cursor& cursor) const {
    if (empty()) [[unlikely]]
      return kNoEndpoint;
    while (true) {
      if (cursor.group >= levels_.size() ||
          levels_[cursor.group].interval > std::countr_zero(cursor.round)) {
        cursor = {.round = cursor.round + 1};
        continue;
      }
      const Level& level = levels_[cursor.group];
      // The members of this level whose round this is, and how often they were looked at before.
      const uint64_t part = (cursor.round >> level.interval) & ((1u << level.parts) - 1);
      const auto begin = static_cast<uint32_t>(level.count * part >> level.parts);
      const auto end = static_cast<uint32_t>(level.count * (part + 1) >> level.parts);
      const auto looks = static_cast<uint32_t>(cursor.round >> (level.interval + level.parts));
      while (cursor.at < end - begin) {
        const Member& member = members_[level.first + begin + cursor.at++];
        if (member.has_turn(looks)) return member.position;
      }
      ++cursor.group;
      cursor.at = 0;
    }
  }

  size_t bytes() const {
    return sizeof(*this) + members_.capacity() * sizeof(Member) +
           levels_.capacity() * sizeof(Level);
  }

 private:
  static constexpr uint32_t kFull = 1u << 31;

  struct Member {
    uint32_t share;  // of looks that are turns, in 1 / kFull; more than half
    uint32_t phase;
    uint16_t position;

    // Whether the sum of shares passes a whole number at this look; the products may wrap, as
    // kFull divides 2^32.
    bool has_turn(uint32_t looks) const {
      return (((looks + 1) * share + phase) & (kFull - 1)) < share;
    }
  };

  // Members of one power of two of weight. Each is looked at every 2^(interval + parts) rounds;
  // they are cut into 2^parts groups that are looked at in turn, one every 2^interval rounds.
  struct Level {
    uint64_t count;
    uint32_t first;
    uint8_t parts;
    uint8_t interval;
  };

  std::vector<Member> members_;
  std::vector<Level> levels_;  // by interval
};

}  // namespace heddle::balance
