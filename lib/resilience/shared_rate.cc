#include "resilience/shared_rate.h"

#include <algorithm>

namespace heddle::resilience {

SharedRate::SharedRate(const Rate& rate, uint16_t workers, Keys keys, uint32_t groups)
    : limit_(rate, workers),
      keyed_(keys == Keys::kSome ? std::make_unique<KeyedRates>(rate, groups) : nullptr) {
  for (uint16_t i = 0; i < std::max<uint16_t>(1, workers); ++i) ends_.emplace_back(limit_);
}

SharedRate::Verdict SharedRate::take(WorkerId worker, uint64_t key, Instant now) {
  if (keyed_ != nullptr)
    if (const auto verdict = keyed_->take(key, now)) return {*verdict, false};
  return {ends_[worker.index()].lease.take(now), keyed_ != nullptr};
}

void HeldRates::note(const std::shared_ptr<SharedRate>& rate, Instant now) {
  SharedRate::End& end = rate->ends_[worker_.index()];
  if (!end.lease.holds()) return;
  if (!end.listed && list_.size() == list_.capacity())
    return end.lease.on_tick(std::max(now, end.lease.until()));
  next_ = std::min(next_, end.lease.until());
  if (end.listed) return;
  end.listed = true;
  list_.push_back(rate);
}

void HeldRates::give_back(Instant now) {
  next_ = kNever;
  for (size_t i = 0; i < list_.size();) {
    SharedRate::End& end = list_[i]->ends_[worker_.index()];
    end.lease.on_tick(now);
    if (end.lease.holds()) {
      next_ = std::min(next_, end.lease.until());
      ++i;
      continue;
    }
    end.listed = false;
    list_[i] = std::move(list_.back());
    list_.pop_back();
  }
}

}  // namespace heddle::resilience
