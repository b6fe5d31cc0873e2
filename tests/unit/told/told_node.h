// A NodeView whose workers tell of requests as a test says.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>

#include "../control/fake_node.h"

namespace heddle::server {

class ToldNode final : public FakeNode {
 public:
  void tell(const telemetry::AccessRecord& record) {
    const std::lock_guard lock(mutex_);
    records_.push_back(record);
  }
  size_t waiting() {
    const std::lock_guard lock(mutex_);
    return records_.size();
  }
  RequestTotals request_totals() override { return {}; }
  void want_records(double log_share, bool watched) override {
    share = log_share;
    is_watched = watched;
  }
  size_t take_records(size_t most, const TakeRecord& take) override {
    std::deque<telemetry::AccessRecord> taken;
    {
      const std::lock_guard lock(mutex_);
      while (taken.size() < most && !records_.empty()) {
        taken.push_back(records_.front());
        records_.pop_front();
      }
    }
    for (const auto& record : taken) take(record, 1);
    return taken.size();
  }
  double records_fill() override { return fill; }
  RecordDrops records_dropped() override { return {.logged = lost_to_log, .watched = 0}; }

  std::atomic<double> share{0}, fill{0};
  std::atomic<bool> is_watched{false};
  std::atomic<uint64_t> lost_to_log{0};

 private:
  std::mutex mutex_;
  std::deque<telemetry::AccessRecord> records_;
};

}  // namespace heddle::server
