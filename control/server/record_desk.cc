#include "record_desk.h"

#include <pthread.h>

#include <array>
#include <chrono>
#include <csignal>
#include <system_error>
#include <utility>

#include "telemetry/json_line.h"

namespace heddle::server {
namespace {

constexpr auto kPeriod = std::chrono::milliseconds(50);
// Periods between two looks at the log's path.
constexpr int kFollowEvery = 20;
// A batch: records taken while the watchers are kept out, and bytes for one write.
constexpr size_t kRecords = 256;
constexpr size_t kMaxBatch = 1u << 20;
// Of one period, so that the path is looked at and a stop is noticed under any load.
constexpr int kBatches = 256;

}  // namespace

RecordDesk::RecordDesk(NodeView& view, NameBook& book, std::optional<AccessLog> log, double sample)
    : view_(view), book_(book), log_(std::move(log)), has_log_(log_.has_value()), sample_(sample) {}

RecordDesk::~RecordDesk() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_one();
  if (thread_.joinable()) thread_.join();
  view_.want_records(0, false);
}

Result<> RecordDesk::start() {
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    return fail("cannot start a thread for the access log: {}", error.what());
  }
  const std::lock_guard lock(watching_);
  tell_workers();
  return {};
}

void RecordDesk::tell_workers() { view_.want_records(has_log_ ? sample_ : 0, !watchers_.empty()); }

std::optional<uint64_t> RecordDesk::watch(Offer offer) {
  const std::lock_guard lock(watching_);
  if (watchers_.size() >= kMaxWatchers) return {};
  const uint64_t id = next_watcher_++;
  watchers_.emplace(id, std::move(offer));
  tell_workers();
  return id;
}

void RecordDesk::forget(uint64_t watcher) {
  const std::lock_guard lock(watching_);
  if (watchers_.erase(watcher) != 0 && watchers_.empty()) tell_workers();
}

void RecordDesk::run() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  ::pthread_setname_np(::pthread_self(), "access_log");
  std::unique_lock lock(mutex_);
  for (int period = 0; !stopping_; ++period) {
    stop_.wait_for(lock, kPeriod, [this] { return stopping_; });
    lock.unlock();
    if (log_ && period % kFollowEvery == 0) log_->follow_path();
    drain();
    lock.lock();
  }
}

void RecordDesk::tell_watchers(const telemetry::AccessRecord& record,
                               const telemetry::RecordNames& names, int64_t time_ns) {
  std::array<uint64_t, kMaxWatchers> ids{};
  size_t count = 0;
  for (const auto& [id, offer] : watchers_) ids[count++] = id;
  for (size_t i = 0; i < count; ++i) {
    const auto at = watchers_.find(ids[i]);
    if (at == watchers_.end()) continue;
    const Offer offer = at->second;
    offer(record, names, time_ns);
  }
}

void RecordDesk::drain() {
  std::string lines;
  uint64_t count = 0;
  NameBook::Names names;
  for (int batch = 0; batch < kBatches; ++batch) {
    const std::lock_guard lock(watching_);
    const size_t taken =
        view_.take_records(kRecords, [&](const telemetry::AccessRecord& record, int64_t time_ns) {
          if (names == nullptr) names = book_.names();
          const auto of = names->of(record.key, view_.fault_name(record.key.fault));
          if (!watchers_.empty()) tell_watchers(record, of, time_ns);
          if (!record.logged || !log_) return;
          telemetry::append_json_line(record, of, time_ns, lines);
          ++count;
        });
    if (lines.size() >= kMaxBatch) write(lines, count);
    if (taken < kRecords) break;
  }
  write(lines, count);
}

void RecordDesk::write(std::string& lines, uint64_t& count) {
  if (lines.empty()) return;
  (log_->append(lines) ? written_ : lost_).add(count);
  lines.clear();
  count = 0;
}

}  // namespace heddle::server
