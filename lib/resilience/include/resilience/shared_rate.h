// SharedRate: a rate that several workers ask, each by its own end in it: without keys one bucket
// for all, with keys one for each of them. HeldRates: the rates of which a worker has tokens that
// have to go back.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "core/ids.h"
#include "core/time.h"
#include "resilience/keyed_rates.h"
#include "resilience/rate_limit.h"

namespace heddle::resilience {

class SharedRate {
 public:
  // Of 15 keys that are in use at one time; those beyond share the common bucket. 256 bytes each.
  static constexpr uint32_t kGroups = 1'024;

  enum class Keys : uint8_t { kNone, kSome };
  SharedRate(const Rate& rate, uint16_t workers, Keys keys, uint32_t groups = kGroups);

  struct Verdict : RateVerdict {
    bool common = false;  // there was no place for the key: it took from the common bucket
  };
  // Each worker by itself. `key`: of Keys::kSome alone, else any number.
  Verdict take(WorkerId worker, uint64_t key, Instant now);

  bool is_keyed() const { return keyed_ != nullptr; }
  uint32_t keys_in_use(Instant now) const { return keyed_ == nullptr ? 0 : keyed_->in_use(now); }
  uint32_t places() const { return keyed_ == nullptr ? 0 : keyed_->places(); }

 private:
  friend class HeldRates;
  struct alignas(64) End {
    explicit End(RateLimit& limit) : lease(limit) {}
    RateLease lease;
    bool listed = false;  // by HeldRates
  };

  RateLimit limit_;                    // of all, or the common bucket
  std::unique_ptr<KeyedRates> keyed_;  // null: without keys
  std::deque<End> ends_;               // by worker
};

// One worker's; its rates live as long as it has tokens of them.
class HeldRates {
 public:
  // Tokens of more rates than `most` go back at once.
  HeldRates(WorkerId worker, uint32_t most) : worker_(worker) { list_.reserve(most); }

  // After a take.
  void note(const std::shared_ptr<SharedRate>& rate, Instant now);
  // Once a turn.
  void on_tick(Instant now) {
    if (now >= next_) give_back(now);
  }
  Instant next_deadline() const { return next_; }

 private:
  void give_back(Instant now);

  WorkerId worker_;
  std::vector<std::shared_ptr<SharedRate>> list_;
  Instant next_ = kNever;
};

}  // namespace heddle::resilience
